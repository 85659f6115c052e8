/* coordinates_s8 for the vector units of computers. See runtime/firmware/fast.c. */
#include "positions.h"

FAST_POSITION_KERNELS(coordinates_s8, int32_t *work, FAST_AND(), FAST_AND())
