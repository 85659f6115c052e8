/* columns_s4: all weights in 4 bits, -7..7, input by input, so that an input of zero costs next to nothing. Outputs come in blocks of
 * eight, one word an input, and what is left in pairs, one byte an input; first all inputs of the first block, then of the next.
 *     word: bits 4k..4k+3 are w + 8 of output 2k, bits 16+4k..19+4k of output 2k + 1, k = 0..3
 *     byte: bits 0..3 are w + 8 of the first output, bits 4..7 of the second */
#ifndef NEARWIRE_COLUMNS_S4_BIAS
#define NEARWIRE_COLUMNS_S4_BIAS uint16_t /* uint32_t: some bias of the network needs more than 12 bits */
#endif
void nearwire_columns_s4(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs, const NEARWIRE_COLUMNS_S4_BIAS *bias,
                         uint32_t outputs, uint8_t *output);

void nearwire_columns_s4_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs,
                                const int32_t *bias, uint32_t outputs, int32_t *scores);
