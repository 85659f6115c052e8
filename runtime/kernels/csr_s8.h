/* csr_s8: only the non-zero weights, their input as a byte within a strip of 256 inputs.
 * For each neuron and each strip: counts = number of pairs of entries; then that many pairs of `columns` (input - 256 * strip) and `weights`.
 * An odd number of entries is filled up with weight 0. */
void nearwire_csr_s8(const uint8_t *input, uint32_t strips, const uint8_t *counts, const uint8_t *columns, const int8_t *weights,
                     const int32_t *bias, uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_csr_s8_scores(const uint8_t *input, uint32_t strips, const uint8_t *counts, const uint8_t *columns, const int8_t *weights,
                            const int32_t *bias, uint32_t outputs, int32_t *scores);

