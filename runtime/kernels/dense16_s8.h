
/* dense16_s8: all weights, four neurons at a time, for cores that multiply and add two 16-bit pairs at once (Cortex-M4, M7, M33 with DSP).
 * A word holds two neurons' weights of two inputs (nearwire_multiply_halves). For four inputs: the first two neurons with inputs 0 and 2,
 * the next two with 0 and 2, then both with 1 and 3; for the rest of the inputs, two by two: both pairs of neurons with inputs 0 and 1.
 * Then follow those of the next four neurons; neurons and inputs that are not there have weight 0. */
void nearwire_dense16_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                         const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_dense16_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                                int32_t *scores);
