#if !defined(FAST_TWOS_H) && !defined(FAST_PORTABLE_ONLY)
#define FAST_TWOS_H
/* Sixteen outputs a word, two bits each: value * scale - zero. */
static inline void fast_unpack_twos(fast_matrix *matrix, const uint32_t *word, uint32_t inputs, int32_t scale, int32_t zero)
{
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 16u) {
        for (i = 0; i < inputs; i++) {
            const uint32_t w = *word++;
            uint32_t k;
            for (k = 0; k < 8u; k++) {
                fast_set(matrix, j + 2u * k, i, (int32_t)((w >> (2u * k)) & 3u) * scale - zero);
                fast_set(matrix, j + 2u * k + 1u, i, (int32_t)((w >> (16u + 2u * k)) & 3u) * scale - zero);
            }
        }
    }
}
#endif
