
/* Leaky integrate-and-fire neurons, one time step of runtime/network/spiking/integers.py: with r = `threshold` where m > threshold, else 0,
 *     m = clamp(((m * decay + 2^14) >> 15) + current - r, -2^15, 2^15 - 1)     reset by subtraction
 *     m = clamp((((m > threshold ? 0 : m) * decay + 2^14) >> 15) + current, -2^15, 2^15 - 1)     reset to zero: NEARWIRE_LIF_TO_ZERO is 1
 * and the neuron spikes where then m > threshold. Each function that steps writes the events of those that do and returns how many. */
#ifndef NEARWIRE_LIF_TO_ZERO
#define NEARWIRE_LIF_TO_ZERO 0
#endif

/* Currents that stay the same in all steps: sums (rounding term included) >> shift, clamped to 16 bits. Neurons whose current is below
 * `limit` cannot spike and are dropped. Of the others, `state` gets current and membrane in 16 bits each, in place, and `index` which they
 * are; returns how many. */
uint32_t nearwire_lif_s16_begin(int32_t *state, uint32_t neurons, const uint8_t *shift, uint32_t shift_step, int32_t limit, nearwire_event *index);
uint32_t nearwire_lif_s16_steady(int32_t *state, uint32_t awake, const nearwire_event *index, int32_t threshold, int32_t decay, nearwire_event *events);

/* Currents of this step: sums << lift. */
uint32_t nearwire_lif_s16(const int32_t *sums, uint32_t neurons, uint32_t lift, int32_t threshold, int32_t decay, int16_t *membranes,
                          nearwire_event *events);
