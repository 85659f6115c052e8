/* expanded_s8 for the vector units of computers. See runtime/firmware/fast.c. */
#include "positions.h"

FAST_POSITION_KERNELS(expanded_s8, uint32_t *work, FAST_AND(uint32_t *work, ), FAST_AND(work, ))
