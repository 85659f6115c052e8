#include "nearwire.h"

static inline int32_t nearwire_lif_clamp(int32_t value)
{
    return value < -32768 ? -32768 : value > 32767 ? 32767 : value;
}

static inline int32_t nearwire_lif_step(int32_t membrane, int32_t current, int32_t threshold, int32_t decay)
{
#if NEARWIRE_LIF_TO_ZERO
    const int32_t kept = membrane > threshold ? 0 : membrane;
    return nearwire_lif_clamp(((kept * decay + 16384) >> 15) + current);
#else
    const int32_t left = ((membrane * decay + 16384) >> 15) + current;
    return nearwire_lif_clamp(membrane > threshold ? left - threshold : left);
#endif
}

uint32_t nearwire_lif_s16_begin(int32_t *state, uint32_t neurons, const uint8_t *shift, uint32_t shift_step, int32_t limit, nearwire_event *index)
{
    int32_t *to = state;
    nearwire_event *at = index;
    uint32_t j;
    for (j = 0; j < neurons; j++) {
        const int32_t current = nearwire_lif_clamp(state[j] >> *shift);
        shift += shift_step;
        if (current >= limit) {
            *to++ = current & 0xffff;
            *at++ = (nearwire_event)j;
        }
    }
    return (uint32_t)(at - index);
}

uint32_t nearwire_lif_s16_steady(int32_t *state, uint32_t awake, const nearwire_event *index, int32_t threshold, int32_t decay, nearwire_event *events)
{
    const int32_t *const end = state + awake;
    nearwire_event *at = events;
    while (state != end) {
        const int32_t both = *state;
        const int32_t membrane = nearwire_lif_step(both >> 16, (int16_t)both, threshold, decay);
        *state++ = (int32_t)((uint32_t)membrane << 16 | ((uint32_t)both & 0xffffu));
        if (membrane > threshold) {
            *at++ = *index;
        }
        index++;
    }
    return (uint32_t)(at - events);
}

uint32_t nearwire_lif_s16(const int32_t *sums, uint32_t neurons, uint32_t lift, int32_t threshold, int32_t decay, int16_t *membranes,
                          nearwire_event *events)
{
    nearwire_event *at = events;
    uint32_t j;
    for (j = 0; j < neurons; j++) {
        const int32_t membrane = nearwire_lif_step(membranes[j], *sums++ * (int32_t)(1u << lift), threshold, decay);
        membranes[j] = (int16_t)membrane;
        if (membrane > threshold) {
            *at++ = (nearwire_event)j;
        }
    }
    return (uint32_t)(at - events);
}
