/* Variants for x86-64; see fast.c. Functions are compiled for their unit by attribute, so the rest of the program runs on every core. */
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static int32_t fast_ask(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") ? 1 : 0;
}

#if defined(FAST_COLUMNS_S4) || defined(FAST_DENSE_S8)
/* Four inputs of a 16-byte half, four bytes each, to four groups of the same byte of all four; the inputs' values four times a half. */
static inline AVX2 __m256i fast_transposed(__m256i words)
{
    return _mm256_shuffle_epi8(words, _mm256_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10,
                                                       14, 3, 7, 11, 15));
}

static inline AVX2 __m256i fast_eight(const uint8_t *input)
{
    int64_t values;
    memcpy(&values, input, sizeof values);
    return _mm256_shuffle_epi8(_mm256_set1_epi64x(values), _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7,
                                                                            4, 5, 6, 7, 4, 5, 6, 7));
}

/* sum of a * w over groups of four: pairs of products of a byte and -63..63 fit 16 bits. */
static inline AVX2 __m256i fast_dot(__m256i sums, __m256i values, __m256i weights)
{
    return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(values, weights), _mm256_set1_epi16(1)));
}

static inline AVX2 void fast_halves(__m256i sums, int32_t out[4])
{
    _mm_storeu_si128((__m128i *)(void *)out, _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1)));
}
#endif

#ifdef FAST_COLUMNS_S4
static AVX2 int32_t fast_total(const uint8_t *input, uint32_t inputs)
{
    __m256i sum = _mm256_setzero_si256();
    int64_t parts[4];
    int32_t total = 0;
    for (; inputs >= 32u; inputs -= 32u, input += 32) {
        sum = _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_loadu_si256((const __m256i *)(const void *)input), _mm256_setzero_si256()));
    }
    _mm256_storeu_si256((__m256i *)(void *)parts, sum);
    for (; inputs > 0u; inputs--) {
        total += *input++;
    }
    return total + (int32_t)(parts[0] + parts[1] + parts[2] + parts[3]);
}

static AVX2 void fast_columns_block(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[8], int32_t level)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i even = _mm256_setzero_si256();
    __m256i odd = _mm256_setzero_si256();
    int32_t low[4];
    int32_t high[4];
    uint32_t k;
    (void)level;
    for (; inputs >= 8u; inputs -= 8u, input += 8, words += 8) {
        const __m256i bytes = fast_transposed(_mm256_loadu_si256((const __m256i *)(const void *)words));
        const __m256i values = fast_eight(input);
        even = fast_dot(even, values, _mm256_and_si256(bytes, nibble));
        odd = fast_dot(odd, values, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble));
    }
    fast_halves(even, low); /* bytes 0..3 of a word are outputs 0 2, 4 6, 1 3, 5 7 */
    fast_halves(odd, high);
    sums[0] = low[0];
    sums[4] = low[1];
    sums[1] = low[2];
    sums[5] = low[3];
    sums[2] = high[0];
    sums[6] = high[1];
    sums[3] = high[2];
    sums[7] = high[3];
    for (; inputs > 0u; inputs--) {
        const int32_t a = *input++;
        const uint32_t w = *words++;
        for (k = 0; k < 4u; k++) {
            sums[2u * k] += a * (int32_t)((w >> (4u * k)) & 15u);
            sums[2u * k + 1u] += a * (int32_t)((w >> (16u + 4u * k)) & 15u);
        }
    }
}

static AVX2 void fast_columns_pair(const uint8_t *input, uint32_t inputs, const uint8_t *bytes, int32_t sums[8], int32_t level)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    __m256i first = _mm256_setzero_si256();
    __m256i second = _mm256_setzero_si256();
    int32_t parts[4];
    (void)level;
    for (; inputs >= 32u; inputs -= 32u, input += 32, bytes += 32) {
        const __m256i both = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
        const __m256i values = _mm256_loadu_si256((const __m256i *)(const void *)input);
        first = fast_dot(first, values, _mm256_and_si256(both, nibble));
        second = fast_dot(second, values, _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble));
    }
    fast_halves(first, parts);
    sums[0] = parts[0] + parts[1] + parts[2] + parts[3];
    fast_halves(second, parts);
    sums[1] = parts[0] + parts[1] + parts[2] + parts[3];
    for (; inputs > 0u; inputs--) {
        const int32_t a = *input++;
        const int32_t w = *bytes++;
        sums[0] += a * (w & 15);
        sums[1] += a * (w >> 4);
    }
}
#endif

#ifdef FAST_DENSE_S8
static AVX2 void fast_dense_rows(const uint8_t *input, uint32_t inputs, const uint32_t *weights, int32_t sums[4], int32_t level)
{
    __m256i all = _mm256_setzero_si256();
    int32_t parts[4];
    (void)level;
    for (; inputs >= 8u; inputs -= 8u, input += 8, weights += 8) {
        const __m256i bytes = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)(const void *)weights), _mm256_set1_epi8(64));
        all = fast_dot(all, fast_eight(input), fast_transposed(bytes));
    }
    fast_halves(all, parts); /* bytes 0..3 of a word are outputs 0, 3, 2, 1 */
    sums[0] = parts[0];
    sums[3] = parts[1];
    sums[2] = parts[2];
    sums[1] = parts[3];
    for (; inputs > 0u; inputs--) {
        const int32_t a = *input++;
        const uint32_t w = *weights++;
        sums[0] += a * ((int32_t)(w & 255u) - 64);
        sums[3] += a * ((int32_t)((w >> 8) & 255u) - 64);
        sums[2] += a * ((int32_t)((w >> 16) & 255u) - 64);
        sums[1] += a * ((int32_t)(w >> 24) - 64);
    }
}
#endif

#ifdef FAST_BOXES_S8
/* Eight cells of a row at a time: three steps of shifting and adding make their running sums. Cells of 32 bits stay with the portable code. */
static void fast_boxes_table(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, nearwire_boxes_cell *table)
{
    const nearwire_boxes_cell *above = table;
    nearwire_boxes_cell *at = table + columns + 1u;
    const __m128i drop = _mm_cvtsi32_si128((int)cut);
    if (sizeof *table != 2u) {
        portable_boxes_table(input, stride, rows, columns, cut, table);
        return;
    }
    for (; rows > 0u; rows--) {
        __m128i row = _mm_setzero_si128();
        uint32_t left = columns;
        uint32_t last;
        at++;
        above++;
        for (; left >= 8u; left -= 8u, input += 8, at += 8, above += 8) {
            __m128i sum = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)input), _mm_setzero_si128());
            sum = _mm_srl_epi16(sum, drop);
            sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 2));
            sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 4));
            sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 8));
            sum = _mm_add_epi16(sum, row);
            row = _mm_shufflehi_epi16(sum, 0xff);
            row = _mm_unpackhi_epi64(row, row);
            _mm_storeu_si128((__m128i *)(void *)at, _mm_add_epi16(sum, _mm_loadu_si128((const __m128i *)(const void *)above)));
        }
        last = (uint32_t)_mm_extract_epi16(row, 0);
        for (; left > 0u; left--) {
            last += (uint32_t)*input++ >> cut;
            *at++ = (nearwire_boxes_cell)(last + *above++);
        }
        input += stride - columns;
    }
}
#endif
