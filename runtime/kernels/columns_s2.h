/* columns_s2: ternary weights, -1, 0 or 1, in 2 bits, input by input, so that an input of zero costs next to nothing. Outputs come in blocks
 * of sixteen, one word an input; the last block is filled up with weights of zero. First all inputs of the first block, then of the next.
 *     bits 2k, 2k+1 are w + 1 of output 2k, bits 16+2k, 17+2k of output 2k + 1, k = 0..7 */
#ifndef NEARWIRE_COLUMNS_S2_BIAS
#define NEARWIRE_COLUMNS_S2_BIAS uint16_t /* uint32_t: some bias of the network needs more than 12 bits */
#endif
void nearwire_columns_s2(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const NEARWIRE_COLUMNS_S2_BIAS *bias, uint32_t outputs,
                         uint8_t *output);

void nearwire_columns_s2_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const int32_t *bias, uint32_t outputs,
                                int32_t *scores);
