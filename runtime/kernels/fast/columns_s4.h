/* columns_s4 for the vector units of computers: its weights are unpacked to a byte each, from blocks, pairs. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_columns_s4(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    const uint8_t *byte = from[1];
    uint32_t i;
    uint32_t j;
    uint32_t k;
    for (j = 0; j + 8u <= matrix->outputs; j += 8u) {
        for (i = 0; i < inputs; i++) {
            const uint32_t w = *word++;
            for (k = 0; k < 4u; k++) {
                fast_set(matrix, j + 2u * k, i, (int32_t)((w >> (4u * k)) & 15u) - 8);
                fast_set(matrix, j + 2u * k + 1u, i, (int32_t)((w >> (16u + 4u * k)) & 15u) - 8);
            }
        }
    }
    for (; j < matrix->outputs; j += 2u) {
        for (i = 0; i < inputs; i++) {
            const int32_t w = *byte++;
            fast_set(matrix, j, i, (w & 15) - 8);
            fast_set(matrix, j + 1u, i, (w >> 4) - 8);
        }
    }
}
#endif

FAST_PACKED_KERNELS(columns_s4, NEARWIRE_COLUMNS_S4_BIAS, FAST_AND(uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs), FAST_AND(inputs, blocks, pairs), inputs,
                    fast_unpack_columns_s4, blocks, pairs)
