#include "timing.h"

#include "port.h"

static uint32_t last_ticks;
static uint64_t total_ticks;

void timing_poll(void)
{
    const uint32_t now = port_ticks();
    total_ticks += (uint32_t)(now - last_ticks);
    last_ticks = now;
}

/* The low 32 bits of dividend / divisor, bit by bit; divisor < 2^31. */
static uint32_t quotient(uint64_t dividend, uint32_t divisor)
{
    uint32_t rest = 0u;
    uint32_t result = 0u;
    uint32_t bit;
    for (bit = 0u; bit < 64u; bit++) {
        rest = rest << 1 | (uint32_t)(dividend >> 63);
        dividend <<= 1;
        result <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            result |= 1u;
        }
    }
    return result;
}

uint32_t timing_us(void)
{
    timing_poll();
    return quotient(total_ticks, port_ticks_per_us);
}
