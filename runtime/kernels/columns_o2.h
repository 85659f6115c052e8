/* columns_o2: weights of -3, -1, 1 and 3 in 2 bits, input by input, so that an input of zero costs next to nothing. Outputs come in blocks
 * of sixteen, one word an input; the last block is filled up with any weights. First all inputs of the first block, then of the next.
 *     bits 2k, 2k+1 are (w + 3) / 2 of output 2k, bits 16+2k, 17+2k of output 2k + 1, k = 0..7 */
#ifndef NEARWIRE_COLUMNS_O2_BIAS
#define NEARWIRE_COLUMNS_O2_BIAS uint16_t /* uint32_t: some bias of the network needs more than 12 bits */
#endif
void nearwire_columns_o2(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const NEARWIRE_COLUMNS_O2_BIAS *bias, uint32_t outputs,
                         uint8_t *output);

void nearwire_columns_o2_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const int32_t *bias, uint32_t outputs,
                                int32_t *scores);
