#include "nearwire.h"

void nearwire_cut_u8(const uint8_t *input, uint32_t inputs, uint32_t cut, uint8_t *output)
{
    for (; inputs > 0u; inputs--) {
        *output++ = (uint8_t)(*input++ >> cut);
    }
}

