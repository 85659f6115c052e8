
/* coordinates_s8: no weights at all, but the positions they come from (see above); each is computed when its input is not zero.
 * `sums` is scratch memory of NEARWIRE_COORDINATES_S8_SUMS words; the last layer needs none.
 * NEARWIRE_COORDINATES_PLANE: every such layer of the network has two axes. */
#define NEARWIRE_COORDINATES_S8_SUMS(outputs) (outputs)

void nearwire_coordinates_s8(const uint8_t *input, uint32_t inputs, uint32_t axes, int32_t *sums, const uint32_t *geometry,
                             const int8_t *senders, const uint8_t *signs, const int8_t *receivers,
                             const int8_t *table, const int32_t *bias, uint32_t outputs, const uint8_t *shift, uint32_t shift_step,
                             uint8_t *output);
void nearwire_coordinates_s8_scores(const uint8_t *input, uint32_t inputs, uint32_t axes, const uint32_t *geometry,
                                    const int8_t *senders, const uint8_t *signs, const int8_t *receivers,
                                    const int8_t *table, const int32_t *bias, uint32_t outputs, int32_t *scores);
