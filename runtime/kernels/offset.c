#include "nearwire.h"

/* What storing w + 64 in place of w adds to every neuron's sum, to be taken off: -64 * (sum of the inputs). */
static int32_t nearwire_offset(const uint8_t *input, uint32_t inputs)
{
    const uint8_t *const end = input + (inputs & ~3u);
    int32_t total = 0;
    while (input != end) {
        total += input[0] + input[1] + input[2] + input[3];
        input += 4;
    }
    for (inputs &= 3u; inputs > 0u; inputs--) {
        total += *input++;
    }
    return -64 * total;
}

