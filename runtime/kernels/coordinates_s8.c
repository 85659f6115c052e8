#include "nearwire.h"

/* sums += value * |w| of one sender at `sender` for all receivers. */
static NEARWIRE_NOINLINE void nearwire_coordinates_s8_sender(const int8_t *sender, uint32_t axes, int32_t value,
                                                             const uint32_t *geometry, const int8_t *receivers,
                                                             const int8_t *table, int32_t *sums, const int32_t *end)
{
    const uint32_t gap2 = geometry[NEARWIRE_DISTANCES_GAP2];
    const uint32_t cutoff2 = geometry[NEARWIRE_DISTANCES_CUTOFF2];
    const uint32_t shift = geometry[NEARWIRE_DISTANCES_SHIFT];
    const uint32_t step = geometry[NEARWIRE_DISTANCES_STEP];
    const uint32_t first = geometry[NEARWIRE_DISTANCES_FIRST];
#ifdef NEARWIRE_COORDINATES_PLANE
    const int32_t x = sender[0];
    const int32_t y = sender[1];
    (void)axes;
#endif
    do {
#ifdef NEARWIRE_COORDINATES_PLANE
        const int32_t dx = receivers[0] - x;
        const int32_t dy = receivers[1] - y;
        const uint32_t d2 = gap2 + (uint32_t)(dx * dx) + (uint32_t)(dy * dy);
        receivers += 2;
#else
        const uint32_t d2 = nearwire_squared_distance(receivers, sender, axes, gap2);
        receivers += axes;
#endif
        NEARWIRE_KEEP(receivers);
        if (d2 <= cutoff2) {
            *sums += nearwire_distance_weight(d2, shift, step, first, table) * value;
        }
        sums++;
    } while (sums != end);
}

/* sums = bias + the products of all inputs. */
static NEARWIRE_NOINLINE void nearwire_coordinates_s8_sums(const uint8_t *input, uint32_t inputs, uint32_t axes, const uint32_t *geometry,
                                                           const int8_t *senders, const uint8_t *signs,
                                                           const int8_t *receivers, const int8_t *table, const int32_t *bias,
                                                           int32_t *sums, int32_t *end)
{
    int32_t *sum = sums;
    uint32_t i;
    while (sum != end) {
        *sum++ = *bias++;
    }
    for (i = 0; i < inputs; i++) {
        const int32_t x = input[i];
        if (x != 0) {
            const int32_t value = ((signs[i >> 3] >> (i & 7u)) & 1) != 0 ? -x : x;
            nearwire_coordinates_s8_sender(senders, axes, value, geometry, receivers, table, sums, end);
        }
        senders += axes;
    }
}

void nearwire_coordinates_s8(const uint8_t *input, uint32_t inputs, uint32_t axes, int32_t *sums, const uint32_t *geometry,
                             const int8_t *senders, const uint8_t *signs, const int8_t *receivers,
                             const int8_t *table, const int32_t *bias, uint32_t outputs, const uint8_t *shift, uint32_t shift_step,
                             uint8_t *output)
{
    int32_t *const end = sums + outputs;
    nearwire_coordinates_s8_sums(input, inputs, axes, geometry, senders, signs, receivers, table, bias, sums, end);
    while (sums != end) {
        *output++ = nearwire_requantise(*sums++, *shift);
        shift += shift_step;
    }
}

void nearwire_coordinates_s8_scores(const uint8_t *input, uint32_t inputs, uint32_t axes, const uint32_t *geometry,
                                    const int8_t *senders, const uint8_t *signs, const int8_t *receivers,
                                    const int8_t *table, const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    nearwire_coordinates_s8_sums(input, inputs, axes, geometry, senders, signs, receivers, table, bias, scores, scores + outputs);
}
