/* dense32_s8: all weights, two neurons at a time, for cores whose multiplication ends at 32 bits (Cortex-M0+, small RISC-V).
 * Word of neurons j, j+1 and inputs i, i+1: byte 0 = w_ji + 64, byte 2 = w_{j+1,i} + 64, byte 1 = w_{j,i+1} + 64, byte 3 = w_{j+1,i+1} + 64.
 * Words of inputs 0-1, 2-3, ... follow each other, then those of the next two neurons; neurons and inputs that are not there hold 64. */
void nearwire_dense32_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                         const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_dense32_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                                int32_t *scores);

