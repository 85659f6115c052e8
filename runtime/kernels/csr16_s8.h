/* csr16_s8: only the non-zero weights, their input as a 16-bit column.
 * For each neuron: counts = number of pairs of entries; then that many pairs of `columns` and `weights`. An odd number of entries is
 * filled up with weight 0. */
void nearwire_csr16_s8(const uint8_t *input, const uint16_t *counts, const uint16_t *columns, const int8_t *weights, const int32_t *bias,
                       uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_csr16_s8_scores(const uint8_t *input, const uint16_t *counts, const uint16_t *columns, const int8_t *weights,
                              const int32_t *bias, uint32_t outputs, int32_t *scores);

