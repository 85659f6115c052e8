
/* csr_s8: only the non-zero weights, their input as a byte within a window of 256 inputs that moves along the row.
 * For each neuron: counts = number of fours of entries; in `columns` the neuron's stride, 0..255, then a column an entry; in `weights` a
 * weight an entry. The first four columns, -128..127, count from input `start`, the next four from input start + stride, and so on. Missing
 * entries have weight 0. */
void nearwire_csr_s8(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const int8_t *weights, const int32_t *bias,
                     uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_csr_s8_scores(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const int8_t *weights,
                            const int32_t *bias, uint32_t outputs, int32_t *scores);
