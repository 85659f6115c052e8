
/* Input codings of spiking networks (runtime/network/spiking/coding.py): the events of time step `step`, counted from 0; both return how many.
 * `state` is that of the pseudo-random sequence, NEARWIRE_RATE_SEED before the first step. */
#define NEARWIRE_RATE_SEED 2463534242u
uint32_t nearwire_code_rate(const uint8_t *input, uint32_t inputs, uint32_t *state, nearwire_event *events);
uint32_t nearwire_code_latency(const uint8_t *input, uint32_t inputs, uint32_t step, uint32_t steps, nearwire_event *events);
