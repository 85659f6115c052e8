#include "nearwire.h"

#define NEARWIRE_EVENTS_S8_FIELDS 0x00ff00ffu
#define NEARWIRE_EVENTS_S8_CHUNK 512u /* events until the sums are unpacked: 512 * 127 < 2^16 */

#ifdef NEARWIRE_DSP
#define NEARWIRE_EVENTS_S8_LOW(sums, word) ((uint32_t)__uxtab16((uint16x2_t)(sums), (uint8x4_t)(word)))
#else
#define NEARWIRE_EVENTS_S8_LOW(sums, word) ((sums) + ((word) & NEARWIRE_EVENTS_S8_FIELDS))
#endif
#define NEARWIRE_EVENTS_S8_HIGH(sums, word) NEARWIRE_EVENTS_S8_LOW(sums, (word) >> 8 | (word) << 24)

/* Adds two fields of 16 bits to two sums. */
static inline void nearwire_events_s8_unpack(uint32_t fields, int32_t offset, uint32_t left, int32_t *scores)
{
    scores[0] += (int32_t)(fields & 0xffffu) - offset;
    if (left > 1u) {
        scores[1] += (int32_t)(fields >> 16) - offset;
    }
}

/* Twelve neurons at once: three words of each event. */
static NEARWIRE_NOINLINE void nearwire_events_s8_twelve(const nearwire_event *events, uint32_t count, const uint32_t *weights, uint32_t stride,
                                                        uint32_t left, int32_t *scores)
{
    const nearwire_event *const end = events + count;
    const int32_t offset = 64 * (int32_t)count;
    uint32_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
    while (events != end) {
        const uint32_t *const at = weights + *events++ * stride;
        const uint32_t u = at[0], v = at[1], w = at[2];
        a = NEARWIRE_EVENTS_S8_LOW(a, u);
        b = NEARWIRE_EVENTS_S8_HIGH(b, u);
        c = NEARWIRE_EVENTS_S8_LOW(c, v);
        d = NEARWIRE_EVENTS_S8_HIGH(d, v);
        e = NEARWIRE_EVENTS_S8_LOW(e, w);
        f = NEARWIRE_EVENTS_S8_HIGH(f, w);
    }
    nearwire_events_s8_unpack(a, offset, 2u, scores);
    nearwire_events_s8_unpack(b, offset, 2u, scores + 2);
    nearwire_events_s8_unpack(c, offset, 2u, scores + 4);
    nearwire_events_s8_unpack(d, offset, 2u, scores + 6);
    nearwire_events_s8_unpack(e, offset, left - 8u, scores + 8);
    if (left > 10u) {
        nearwire_events_s8_unpack(f, offset, left - 10u, scores + 10);
    }
}

static NEARWIRE_NOINLINE void nearwire_events_s8_four(const nearwire_event *events, uint32_t count, const uint32_t *weights, uint32_t stride,
                                                      uint32_t left, int32_t *scores)
{
    const nearwire_event *const end = events + count;
    const int32_t offset = 64 * (int32_t)count;
    uint32_t a = 0, b = 0;
    while (events != end) {
        const uint32_t word = weights[*events++ * stride];
        a = NEARWIRE_EVENTS_S8_LOW(a, word);
        b = NEARWIRE_EVENTS_S8_HIGH(b, word);
    }
    nearwire_events_s8_unpack(a, offset, left, scores);
    if (left > 2u) {
        nearwire_events_s8_unpack(b, offset, left - 2u, scores + 2);
    }
}

void nearwire_events_s8_scores(const nearwire_event *events, uint32_t count, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                               int32_t *scores)
{
    const uint32_t stride = (outputs + 3u) / 4u;
    uint32_t j;
    for (j = 0; j < outputs; j++) {
        scores[j] = bias[j];
    }
    while (count > 0u) {
        const uint32_t part = count < NEARWIRE_EVENTS_S8_CHUNK ? count : NEARWIRE_EVENTS_S8_CHUNK;
        for (j = 0; j < stride;) {
            const uint32_t left = outputs - 4u * j;
            if (left > 8u) {
                nearwire_events_s8_twelve(events, part, weights + j, stride, left, scores + 4u * j);
                j += 3u;
            } else {
                nearwire_events_s8_four(events, part, weights + j, stride, left, scores + 4u * j);
                j++;
            }
        }
        events += part;
        count -= part;
    }
}
