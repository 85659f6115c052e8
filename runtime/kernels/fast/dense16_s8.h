/* dense16_s8 for the vector units of computers: its weights are unpacked to a byte each. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_dense16_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 4u) {
        for (i = 0; i < inputs; i += 2u) {
            const uint32_t quads = inputs & ~3u;
            const uint32_t first = i < quads ? (i & ~3u) + (i & 2u) / 2u : i;
            const uint32_t second = first + (i < quads ? 2u : 1u);
            uint32_t k;
            for (k = 0; k < 4u; k += 2u) {
                const uint32_t w = *word++;
                fast_set(matrix, j + k, first, fast_low(w));
                fast_set(matrix, j + k + 1u, first, fast_high(w));
                fast_set(matrix, j + k, second, fast_low(w >> 16));
                fast_set(matrix, j + k + 1u, second, fast_high(w >> 16));
            }
        }
    }
}
#endif

FAST_KERNELS(dense16_s8, FAST_AND(uint32_t inputs, const uint32_t *weights), FAST_AND(inputs, weights), inputs, fast_unpack_dense16_s8, weights)
