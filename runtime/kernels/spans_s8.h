/* spans_s8: neurons that sum charges over stretches of a signal. A neuron has `synapses` of them, each one word:
 *     bits 20..31 where the stretch starts in the table     bits 8..19 where it ends     bits 0..6 its charge, signed
 * The table holds length + 1 sums of the signal from the start of the window, the first of them zero, so a stretch costs two look-ups,
 * whatever its length. `input` is the first value of the window; each value is shifted right by `cut` first. */
#ifndef NEARWIRE_SPANS_BIAS
#define NEARWIRE_SPANS_BIAS uint16_t /* uint32_t: some bias of the network needs more than 12 bits */
#endif
#ifndef NEARWIRE_SPANS_CELL
#define NEARWIRE_SPANS_CELL uint32_t /* uint16_t is exact if no stretch of the network can hold more than 65535 */
#endif
typedef NEARWIRE_SPANS_CELL nearwire_spans_cell;

/* How the signal lies in the input. NEARWIRE_SPANS_CHANNELS: some layer of the network reads several channels, each with sums of its own behind
 * those of the one before; `step` bytes lie between two values, `plane` between two channels. */
#ifdef NEARWIRE_SPANS_CHANNELS
#define NEARWIRE_SPANS_INPUT const uint8_t *input, uint32_t step, uint32_t plane, uint32_t channels
#define NEARWIRE_SPANS_GIVEN input, step, plane, channels
#else
#define NEARWIRE_SPANS_INPUT const uint8_t *input
#define NEARWIRE_SPANS_GIVEN input
#endif

void nearwire_spans_s8(NEARWIRE_SPANS_INPUT, uint32_t length, uint32_t cut, uint32_t synapses, nearwire_spans_cell *table,
                       const uint32_t *words, const NEARWIRE_SPANS_BIAS *bias, uint32_t outputs, uint8_t *output);

void nearwire_spans_s8_scores(NEARWIRE_SPANS_INPUT, uint32_t length, uint32_t cut, uint32_t synapses, nearwire_spans_cell *table,
                              const uint32_t *words, const int32_t *bias, uint32_t outputs, int32_t *scores);
