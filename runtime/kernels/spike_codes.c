#include "nearwire.h"

uint32_t nearwire_code_rate(const uint8_t *input, uint32_t inputs, uint32_t *state, nearwire_event *events)
{
    nearwire_event *at = events;
    uint32_t x = *state;
    uint32_t i;
    for (i = 0; i < inputs;) {
        uint32_t random;
        uint32_t left = inputs - i < 4u ? inputs - i : 4u;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        for (random = x; left > 0u; left--) {
            if (input[i] > (random & 255u)) {
                *at++ = (nearwire_event)i;
            }
            random >>= 8;
            i++;
        }
    }
    *state = x;
    return (uint32_t)(at - events);
}

/* Byte u spikes at ((255 - u) * (steps - 1) + 127) / 255, so in this step between two bounds. */
uint32_t nearwire_code_latency(const uint8_t *input, uint32_t inputs, uint32_t step, uint32_t steps, nearwire_event *events)
{
    nearwire_event *at = events;
    const uint32_t low = 255u * step; /* low <= (255 - u) * (steps - 1) + 127 < low + 255 */
    uint32_t i;
    for (i = 0; i < inputs; i++) {
        const uint32_t u = input[i];
        if (u >= 3u && (255u - u) * (steps - 1u) + 127u - low < 255u) {
            *at++ = (nearwire_event)i;
        }
    }
    return (uint32_t)(at - events);
}
