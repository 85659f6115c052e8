/* csr_s8 for the vector units of computers: its weights are unpacked to a byte each, from counts, columns, weights; inputs: start. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_csr_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint16_t *const counts = from[0];
    const int8_t *column = from[1];
    const int8_t *weight = from[2];
    uint32_t j;
    for (j = 0; j < matrix->outputs; j++) {
        const uint32_t stride = (uint8_t)*column++;
        uint32_t k;
        for (k = 0; k < 4u * counts[j]; k++) {
            fast_set(matrix, j, (uint32_t)((int32_t)(inputs + k / 4u * stride) + *column++), *weight++);
        }
    }
}
#endif

FAST_KERNELS(csr_s8, FAST_AND(uint32_t first, const uint16_t *counts, const int8_t *columns, const int8_t *weights),
             FAST_AND(first, counts, columns, weights), first, fast_unpack_csr_s8, counts, columns, weights)
