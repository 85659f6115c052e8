/* columns_o2 for the vector units of computers: its weights are unpacked to a byte each. See runtime/firmware/fast.c. */
#include "twos.h"

#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_columns_o2(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    fast_unpack_twos(matrix, from[0], inputs, 2, 3);
}
#endif

FAST_PACKED_KERNELS(columns_o2, NEARWIRE_COLUMNS_O2_BIAS, FAST_AND(uint32_t inputs, const uint32_t *blocks), FAST_AND(inputs, blocks), inputs, fast_unpack_columns_o2, blocks)
