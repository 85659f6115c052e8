
/* block4_s8: blocks of four neurons' weights of one input; blocks that are zero are left out.
 * For each group of four neurons: counts = number of pairs of blocks; in `columns` the group's stride, then a column a block; in `blocks`
 * two words a pair of blocks, the first with both inputs' weights of the first two neurons, the second with those of the next two
 * (nearwire_multiply_halves). The first two columns, -128..127, count from input
 * `start`, the next two from input start + stride, and so on. */
void nearwire_block4_s8(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const uint32_t *blocks, const int32_t *bias,
                        uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_block4_s8_scores(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const uint32_t *blocks,
                               const int32_t *bias, uint32_t outputs, int32_t *scores);
