/* block4_s8 for the vector units of computers: its weights are unpacked to a byte each, from counts, columns, blocks; inputs: start. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_block4_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint16_t *count = from[0];
    const int8_t *column = from[1];
    const uint32_t *word = from[2];
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 4u) {
        const uint32_t stride = (uint8_t)*column++;
        uint32_t pair;
        for (pair = 0; pair < *count; pair++) {
            uint32_t k;
            for (k = 0; k < 4u; k++) {
                const uint32_t half = word[k / 2u] >> (16u * (k & 1u));
                const uint32_t i = (uint32_t)((int32_t)(inputs + pair * stride) + column[k & 1u]);
                fast_set(matrix, j + (k & ~1u), i, fast_low(half));
                fast_set(matrix, j + (k | 1u), i, fast_high(half));
            }
            column += 2;
            word += 2;
        }
        count++;
    }
}
#endif

FAST_KERNELS(block4_s8, FAST_AND(uint32_t first, const uint16_t *counts, const int8_t *columns, const uint32_t *blocks),
             FAST_AND(first, counts, columns, blocks), first, fast_unpack_block4_s8, counts, columns, blocks)
