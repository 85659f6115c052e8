/* Variants for AArch64; see fast.c. NEON is in every core; the dot product is asked for when the program runs. */
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#define FAST_HWCAP_ASIMDDP (1u << 20)
#if defined(__ARM_FEATURE_DOTPROD)
#define DOTPROD
#elif defined(__clang__)
#define DOTPROD __attribute__((target("dotprod")))
#else
#define DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

static int32_t fast_ask(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & FAST_HWCAP_ASIMDDP) != 0u ? 2 : 1;
#else
    return 1;
#endif
}

/* sums += values * weights in groups of four, both unsigned. */
static inline uint32x4_t fast_plain(uint32x4_t sums, uint8x16_t values, uint8x16_t weights)
{
    const uint16x8_t low = vmull_u8(vget_low_u8(values), vget_low_u8(weights));
    const uint16x8_t high = vmull_high_u8(values, weights);
    return vaddq_u32(sums, vpaddq_u32(vpaddlq_u16(low), vpaddlq_u16(high)));
}

#ifdef FAST_COLUMNS_S4
static int32_t fast_total(const uint8_t *input, uint32_t inputs)
{
    uint32_t total = 0;
    for (; inputs >= 16u; inputs -= 16u, input += 16) {
        total += vaddlvq_u8(vld1q_u8(input));
    }
    for (; inputs > 0u; inputs--) {
        total += *input++;
    }
    return (int32_t)total;
}

static void fast_columns_out(uint32x4_t even, uint32x4_t odd, int32_t sums[8])
{
    int32_t low[4];
    int32_t high[4];
    vst1q_s32(low, vreinterpretq_s32_u32(even));
    vst1q_s32(high, vreinterpretq_s32_u32(odd));
    sums[0] = low[0]; /* bytes 0..3 of a word are outputs 0 2, 4 6, 1 3, 5 7 */
    sums[4] = low[1];
    sums[1] = low[2];
    sums[5] = low[3];
    sums[2] = high[0];
    sums[6] = high[1];
    sums[3] = high[2];
    sums[7] = high[3];
}

static void fast_columns_rest(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[8])
{
    uint32_t k;
    for (; inputs > 0u; inputs--) {
        const int32_t a = *input++;
        const uint32_t w = *words++;
        for (k = 0; k < 4u; k++) {
            sums[2u * k] += a * (int32_t)((w >> (4u * k)) & 15u);
            sums[2u * k + 1u] += a * (int32_t)((w >> (16u + 4u * k)) & 15u);
        }
    }
}

static DOTPROD void fast_columns_block_dot(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[8])
{
    uint32x4_t even = vdupq_n_u32(0);
    uint32x4_t odd = vdupq_n_u32(0);
    for (; inputs >= 16u; inputs -= 16u, input += 16, words += 16) {
        const uint8x16x4_t bytes = vld4q_u8((const uint8_t *)(const void *)words); /* the same byte of 16 inputs each */
        const uint8x16_t values = vld1q_u8(input);
        uint32x4_t e[4];
        uint32x4_t o[4];
        uint32_t k;
        for (k = 0; k < 4u; k++) {
            e[k] = vdotq_u32(vdupq_n_u32(0), values, vandq_u8(bytes.val[k], vdupq_n_u8(15)));
            o[k] = vdotq_u32(vdupq_n_u32(0), values, vshrq_n_u8(bytes.val[k], 4));
        }
        even = vaddq_u32(even, vpaddq_u32(vpaddq_u32(e[0], e[1]), vpaddq_u32(e[2], e[3])));
        odd = vaddq_u32(odd, vpaddq_u32(vpaddq_u32(o[0], o[1]), vpaddq_u32(o[2], o[3])));
    }
    fast_columns_out(even, odd, sums);
    fast_columns_rest(input, inputs, words, sums);
}

/* Sums of 16 bits hold 16 products of at most 255 * 15; they are emptied behind 128 inputs, which put 16 into each. */
static void fast_columns_block_plain(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[8])
{
    static const uint8_t even[4] = {0, 4, 1, 5}; /* outputs of the lower and upper half of a word's bytes */
    static const uint8_t odd[4] = {2, 6, 3, 7};
    uint32_t k;
    for (k = 0; k < 8u; k++) {
        sums[k] = 0;
    }
    while (inputs >= 16u) {
        uint32_t steps = inputs < 128u ? inputs / 16u : 8u;
        uint16x8_t e[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};
        uint16x8_t o[4] = {vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0), vdupq_n_u16(0)};
        inputs -= 16u * steps;
        for (; steps > 0u; steps--, input += 16, words += 16) {
            const uint8x16x4_t bytes = vld4q_u8((const uint8_t *)(const void *)words); /* the same byte of 16 inputs each */
            const uint8x16_t values = vld1q_u8(input);
            for (k = 0; k < 4u; k++) {
                const uint8x16_t low = vandq_u8(bytes.val[k], vdupq_n_u8(15));
                const uint8x16_t high = vshrq_n_u8(bytes.val[k], 4);
                e[k] = vmlal_high_u8(vmlal_u8(e[k], vget_low_u8(values), vget_low_u8(low)), values, low);
                o[k] = vmlal_high_u8(vmlal_u8(o[k], vget_low_u8(values), vget_low_u8(high)), values, high);
            }
        }
        for (k = 0; k < 4u; k++) {
            sums[even[k]] += (int32_t)vaddlvq_u16(e[k]);
            sums[odd[k]] += (int32_t)vaddlvq_u16(o[k]);
        }
    }
    fast_columns_rest(input, inputs, words, sums);
}

static void fast_columns_block(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[8], int32_t level)
{
    if (level >= 2) {
        fast_columns_block_dot(input, inputs, words, sums);
    } else {
        fast_columns_block_plain(input, inputs, words, sums);
    }
}

static void fast_columns_pair(const uint8_t *input, uint32_t inputs, const uint8_t *bytes, int32_t sums[8], int32_t level)
{
    uint32x4_t first = vdupq_n_u32(0);
    uint32x4_t second = vdupq_n_u32(0);
    (void)level;
    for (; inputs >= 16u; inputs -= 16u, input += 16, bytes += 16) {
        const uint8x16_t both = vld1q_u8(bytes);
        const uint8x16_t values = vld1q_u8(input);
        first = fast_plain(first, values, vandq_u8(both, vdupq_n_u8(15)));
        second = fast_plain(second, values, vshrq_n_u8(both, 4));
    }
    sums[0] = (int32_t)vaddvq_u32(first);
    sums[1] = (int32_t)vaddvq_u32(second);
    for (; inputs > 0u; inputs--) {
        const int32_t a = *input++;
        const int32_t w = *bytes++;
        sums[0] += a * (w & 15);
        sums[1] += a * (w >> 4);
    }
}
#endif

#ifdef FAST_DENSE_S8
static void fast_dense_rest(const uint8_t *input, uint32_t inputs, const uint32_t *weights, int32_t sums[4])
{
    for (; inputs > 0u; inputs--) {
        const int32_t a = *input++;
        const uint32_t w = *weights++;
        sums[0] += a * ((int32_t)(w & 255u) - 64);
        sums[3] += a * ((int32_t)((w >> 8) & 255u) - 64);
        sums[2] += a * ((int32_t)((w >> 16) & 255u) - 64);
        sums[1] += a * ((int32_t)(w >> 24) - 64);
    }
}

/* Weights are stored as w + 64, so both factors are unsigned; what that adds is taken off by the sum of the inputs. */
#define FAST_DENSE(name, attribute, dot)                                                                                                        \
    static attribute void name(const uint8_t *input, uint32_t inputs, const uint32_t *weights, int32_t sums[4])                                 \
    {                                                                                                                                           \
        uint32x4_t s[4] = {vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0)};                                                     \
        uint32_t total = 0;                                                                                                                     \
        for (; inputs >= 16u; inputs -= 16u, input += 16, weights += 16) {                                                                      \
            const uint8x16x4_t bytes = vld4q_u8((const uint8_t *)(const void *)weights);                                                        \
            const uint8x16_t values = vld1q_u8(input);                                                                                          \
            s[0] = dot(s[0], values, bytes.val[0]);                                                                                             \
            s[3] = dot(s[3], values, bytes.val[1]);                                                                                             \
            s[2] = dot(s[2], values, bytes.val[2]);                                                                                             \
            s[1] = dot(s[1], values, bytes.val[3]);                                                                                             \
            total += vaddlvq_u8(values);                                                                                                        \
        }                                                                                                                                       \
        sums[0] = (int32_t)(vaddvq_u32(s[0]) - 64u * total);                                                                                    \
        sums[1] = (int32_t)(vaddvq_u32(s[1]) - 64u * total);                                                                                    \
        sums[2] = (int32_t)(vaddvq_u32(s[2]) - 64u * total);                                                                                    \
        sums[3] = (int32_t)(vaddvq_u32(s[3]) - 64u * total);                                                                                    \
        fast_dense_rest(input, inputs, weights, sums);                                                                                          \
    }
FAST_DENSE(fast_dense_dot, DOTPROD, vdotq_u32)
FAST_DENSE(fast_dense_plain, , fast_plain)

static void fast_dense_rows(const uint8_t *input, uint32_t inputs, const uint32_t *weights, int32_t sums[4], int32_t level)
{
    if (level >= 2) {
        fast_dense_dot(input, inputs, weights, sums);
    } else {
        fast_dense_plain(input, inputs, weights, sums);
    }
}
#endif

#ifdef FAST_BOXES_S8
static void fast_boxes_table(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, nearwire_boxes_cell *table)
{
    const nearwire_boxes_cell *above = table;
    nearwire_boxes_cell *at = table + columns + 1u;
    const int16x8_t drop = vdupq_n_s16((int16_t)(0 - (int32_t)cut));
    const uint16x8_t zero = vdupq_n_u16(0);
    if (sizeof *table != 2u) {
        portable_boxes_table(input, stride, rows, columns, cut, table);
        return;
    }
    for (; rows > 0u; rows--) {
        uint16x8_t row = zero;
        uint32_t left = columns;
        uint32_t last;
        at++;
        above++;
        for (; left >= 8u; left -= 8u, input += 8, at += 8, above += 8) {
            uint16x8_t sum = vshlq_u16(vmovl_u8(vld1_u8(input)), drop);
            sum = vaddq_u16(sum, vextq_u16(zero, sum, 7));
            sum = vaddq_u16(sum, vextq_u16(zero, sum, 6));
            sum = vaddq_u16(sum, vextq_u16(zero, sum, 4));
            sum = vaddq_u16(sum, row);
            row = vdupq_laneq_u16(sum, 7);
            vst1q_u16((uint16_t *)(void *)at, vaddq_u16(sum, vld1q_u16((const uint16_t *)(const void *)above)));
        }
        last = vgetq_lane_u16(row, 0);
        for (; left > 0u; left--) {
            last += (uint32_t)*input++ >> cut;
            *at++ = (nearwire_boxes_cell)(last + *above++);
        }
        input += stride - columns;
    }
}
#endif
