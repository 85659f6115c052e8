/* dense_s8: all weights, four neurons at a time, one 32-bit word for the four weights of an input.
 * Word of neurons j..j+3: byte 0 = w_j + 64, byte 3 = w_{j+1} + 64, byte 2 = w_{j+2} + 64, byte 1 = w_{j+3} + 64. Words of input 0, 1, ...
 * follow each other, then those of the next four neurons; neurons beyond `outputs` hold 64. */
void nearwire_dense_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                       const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_dense_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                              int32_t *scores);

