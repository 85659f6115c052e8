
/* expanded_s8: the positions that weights come from (see above). The first call computes all weights into `words`, in the layout of
 * dense16_s8; from then on a call is one of dense16_s8. `words` is scratch memory of NEARWIRE_EXPANDED_S8_WORDS words that starts as zeros
 * and is kept between calls; call once at start-up where the first inference must not take longer. */
#define NEARWIRE_EXPANDED_S8_WORDS(inputs, outputs) (1 + ((outputs) + 3) / 4 * (((inputs) + 1) / 2) * 2)

void nearwire_expanded_s8(const uint8_t *input, uint32_t inputs, uint32_t axes, uint32_t *words, const uint32_t *geometry,
                          const int8_t *senders, const uint8_t *signs, const int8_t *receivers, const int8_t *table,
                          const int32_t *bias, uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_expanded_s8_scores(const uint8_t *input, uint32_t inputs, uint32_t axes, uint32_t *words, const uint32_t *geometry,
                                 const int8_t *senders, const uint8_t *signs, const int8_t *receivers,
                                 const int8_t *table, const int32_t *bias, uint32_t outputs, int32_t *scores);
