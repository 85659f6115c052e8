/* Variants for x86-64; see fast.c. Functions are compiled for their unit by attribute, so the rest of the program runs on every core. */
#include <emmintrin.h> /* SSE2. What is wider is written with vectors of the compiler: immintrin.h takes it longer than all of this program. */

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))

typedef int32_t fast_4 __attribute__((vector_size(16), may_alias));
typedef int32_t fast_8 __attribute__((vector_size(32), may_alias));
typedef int32_t fast_16 __attribute__((vector_size(64), may_alias));
typedef int16_t fast_16_halves __attribute__((vector_size(32), may_alias));
typedef char fast_32_bytes __attribute__((vector_size(32), may_alias));

static int32_t fast_ask(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2")) {
        return 0;
    }
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512vnni")
               ? 2
               : 1;
}

/* Blocks of 8 (AVX2) or 16 outputs; in a block chunk by chunk, a chunk being four inputs, each output's four weights beside each other. */
#define FAST_LONGEST 4u
#define FAST_ZERO 0

static inline uint32_t fast_chunk(int32_t level)
{
    (void)level;
    return 4u;
}

static inline uint32_t fast_width(int32_t level)
{
    return level >= 2 ? 16u : 8u;
}

static inline size_t fast_place(int32_t level, uint32_t chunks, uint32_t output, uint32_t input)
{
    const uint32_t width = fast_width(level);
    return ((size_t)(output / width) * chunks + input / 4u) * 4u * width + 4u * (output % width) + input % 4u;
}

/* Four inputs; the last chunk of a row ends with the row. */
static inline int32_t fast_four(const uint8_t *input)
{
    int32_t values;
    memcpy(&values, input, sizeof values);
    return values;
}

/* sum of a * w over groups of four: pairs of products of a byte and -63..63 fit 16 bits. */
static inline AVX2 fast_8 fast_dot(fast_8 sums, fast_8 values, const int8_t *weights)
{
    const fast_16_halves ones = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const fast_16_halves pairs = __builtin_ia32_pmaddubsw256((fast_32_bytes)values, *(const fast_32_bytes *)(const void *)weights);
    return sums + (fast_8)__builtin_ia32_pmaddwd256(pairs, ones);
}

static inline AVX2 fast_8 fast_all_8(int32_t value)
{
    return (fast_8){value, value, value, value, value, value, value, value};
}

static AVX2 void fast_sums_avx2(const fast_plan *plan, const uint8_t *input)
{
    const uint32_t chunks = (plan->inputs + 3u) / 4u;
    const uint8_t *const last = plan->inputs < 4u ? input : input + plan->inputs - 4u;
    const int8_t *weights = plan->weights;
    uint32_t j;
    for (j = 0; j < plan->outputs; j += 32u) { /* the memory is filled up to whole 64s of outputs */
        const size_t step = 32u * (size_t)chunks;
        fast_8 s[4];
        uint32_t k;
        uint32_t c;
        if (plan->outputs - j > 8u) {
            for (k = 0; k < 4u; k++) {
                s[k] = *(const fast_8 *)(const void *)(plan->start + j + 8u * k);
            }
            for (c = 0; c < chunks; c++, weights += 32) {
                const fast_8 values = fast_all_8(fast_four(c + 1u < chunks ? input + 4u * c : last));
                s[0] = fast_dot(s[0], values, weights);
                s[1] = fast_dot(s[1], values, weights + step);
                s[2] = fast_dot(s[2], values, weights + 2u * step);
                s[3] = fast_dot(s[3], values, weights + 3u * step);
            }
            weights += 3u * step;
            for (k = 0; k < 4u; k++) {
                *(fast_8 *)(void *)(plan->sums + j + 8u * k) = s[k];
            }
        } else {
            s[0] = *(const fast_8 *)(const void *)(plan->start + j);
            s[1] = fast_all_8(0);
            for (c = 0; c + 2u < chunks; c += 2u, weights += 64) {
                s[0] = fast_dot(s[0], fast_all_8(fast_four(input + 4u * c)), weights);
                s[1] = fast_dot(s[1], fast_all_8(fast_four(input + 4u * c + 4u)), weights + 32);
            }
            for (; c < chunks; c++, weights += 32) {
                s[0] = fast_dot(s[0], fast_all_8(fast_four(c + 1u < chunks ? input + 4u * c : last)), weights);
            }
            *(fast_8 *)(void *)(plan->sums + j) = s[0] + s[1];
        }
    }
}

static inline AVX512 fast_16 fast_vnni(fast_16 sums, const uint8_t *input, const int8_t *weights)
{
    const int32_t four = fast_four(input);
    const fast_16 values = {four, four, four, four, four, four, four, four, four, four, four, four, four, four, four, four};
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(values), "m"(*(const fast_16 *)(const void *)weights)); /* compilers name it differently */
    return sums;
}

static AVX512 void fast_sums_avx512(const fast_plan *plan, const uint8_t *input)
{
    const uint32_t chunks = (plan->inputs + 3u) / 4u;
    const uint8_t *const last = plan->inputs < 4u ? input : input + plan->inputs - 4u;
    const size_t step = 64u * (size_t)chunks;
    const int8_t *weights = plan->weights;
    uint32_t j = 0;
    uint32_t c;
    for (; plan->outputs - j > 32u && j < plan->outputs; j += 64u) {
        fast_16 s[4];
        uint32_t k;
        for (k = 0; k < 4u; k++) {
            s[k] = *(const fast_16 *)(const void *)(plan->start + j + 16u * k);
        }
        for (c = 0; c < chunks; c++, weights += 64) {
            const uint8_t *const at = c + 1u < chunks ? input + 4u * c : last;
            s[0] = fast_vnni(s[0], at, weights);
            s[1] = fast_vnni(s[1], at, weights + step);
            s[2] = fast_vnni(s[2], at, weights + 2u * step);
            s[3] = fast_vnni(s[3], at, weights + 3u * step);
        }
        weights += 3u * step;
        for (k = 0; k < 4u; k++) {
            *(fast_16 *)(void *)(plan->sums + j + 16u * k) = s[k];
        }
    }
    for (; j < plan->outputs; j += 16u) {
        fast_16 s[4];
        s[0] = *(const fast_16 *)(const void *)(plan->start + j);
        s[1] = (fast_16){0};
        s[2] = (fast_16){0};
        s[3] = (fast_16){0};
        for (c = 0; c + 4u < chunks; c += 4u, weights += 256) {
            s[0] = fast_vnni(s[0], input + 4u * c, weights);
            s[1] = fast_vnni(s[1], input + 4u * c + 4u, weights + 64);
            s[2] = fast_vnni(s[2], input + 4u * c + 8u, weights + 128);
            s[3] = fast_vnni(s[3], input + 4u * c + 12u, weights + 192);
        }
        for (; c < chunks; c++, weights += 64) {
            s[0] = fast_vnni(s[0], c + 1u < chunks ? input + 4u * c : last, weights);
        }
        *(fast_16 *)(void *)(plan->sums + j) = s[0] + s[1] + (s[2] + s[3]);
    }
}

static inline void fast_sums(const fast_plan *plan, const uint8_t *input)
{
    if (plan->level >= 2) {
        fast_sums_avx512(plan, input);
    } else {
        fast_sums_avx2(plan, input);
    }
}

/* Whole eights of outputs; returns how many. */
static AVX2 uint32_t fast_requantise(const fast_plan *plan, uint8_t *output)
{
    uint32_t j;
    for (j = 0; j + 8u <= plan->outputs; j += 8u) {
        const fast_4 *const sums = (const fast_4 *)(const void *)(plan->sums + j);
        const fast_4 *const shift = (const fast_4 *)(const void *)(plan->shift + j);
        const __m128i narrow = _mm_packs_epi32((__m128i)(sums[0] >> shift[0]), (__m128i)(sums[1] >> shift[1]));
        _mm_storel_epi64((__m128i *)(void *)(output + j), _mm_packus_epi16(narrow, narrow));
    }
    return j;
}
