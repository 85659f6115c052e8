/* dense32_s8 for the vector units of computers: its weights are unpacked to a byte each. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_dense32_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 2u) {
        for (i = 0; i < inputs; i += 2u) {
            const uint32_t w = *word++;
            fast_set(matrix, j, i, (int32_t)(w & 255u) - 64);
            fast_set(matrix, j, i + 1u, (int32_t)((w >> 8) & 255u) - 64);
            fast_set(matrix, j + 1u, i, (int32_t)((w >> 16) & 255u) - 64);
            fast_set(matrix, j + 1u, i + 1u, (int32_t)(w >> 24) - 64);
        }
    }
}
#endif

FAST_KERNELS(dense32_s8, FAST_AND(uint32_t inputs, const uint32_t *weights), FAST_AND(inputs, weights), inputs, fast_unpack_dense32_s8, weights)
