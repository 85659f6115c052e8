/* csr16_s8 for the vector units of computers: its weights are unpacked to a byte each, from counts, columns, weights. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_csr16_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint16_t *const counts = from[0];
    const uint16_t *column = from[1];
    const int8_t *weight = from[2];
    uint32_t j;
    (void)inputs;
    for (j = 0; j < matrix->outputs; j++) {
        uint32_t k;
        for (k = 0; k < 2u * counts[j]; k++) {
            fast_set(matrix, j, *column++, *weight++);
        }
    }
}
#endif

FAST_KERNELS(csr16_s8, FAST_AND(const uint16_t *counts, const uint16_t *columns, const int8_t *weights), FAST_AND(counts, columns, weights), 0u,
             fast_unpack_csr16_s8, counts, columns, weights)
