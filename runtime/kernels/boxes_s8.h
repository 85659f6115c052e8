/* boxes_s8: neurons that sum charges over rectangles of a grid. A neuron has 4 + extra synapses, each one word:
 *     bits 22..31 place of the rectangle's top left corner in the table     bits 7..11 its width
 *     bits 12..21 place of its bottom left corner                           bits 0..6  its charge, signed
 * The table holds sums of the input over all rectangles that start at the window's top left corner; it has rows + 1 rows of columns + 1
 * cells, and its first row and column must be zero (they are never written). So a rectangle costs four look-ups, whatever its size.
 * `input` is the top left cell of the window in a grid of `stride` cells a row; each cell is shifted right by `cut` first. */
#ifndef NEARWIRE_BOXES_BIAS
#define NEARWIRE_BOXES_BIAS uint16_t /* uint32_t: some bias of the network needs more than 12 bits */
#endif
#ifndef NEARWIRE_BOXES_CELL
#define NEARWIRE_BOXES_CELL uint32_t /* uint16_t is exact if no rectangle of the network can hold more than 65535 */
#endif
typedef NEARWIRE_BOXES_CELL nearwire_boxes_cell;

/* Cells of the table of a window. */
#define NEARWIRE_BOXES_TABLE(rows, columns) (((rows) + 1) * ((columns) + 1))

/* How the grid lies in the input. NEARWIRE_BOXES_CHANNELS: some layer of the network reads several channels, each with a table of its own behind
 * the one before; `step` bytes lie between two columns, `plane` between two channels. */
#ifdef NEARWIRE_BOXES_CHANNELS
#define NEARWIRE_BOXES_INPUT const uint8_t *input, uint32_t stride, uint32_t step, uint32_t plane, uint32_t channels
#define NEARWIRE_BOXES_GIVEN input, stride, step, plane, channels
#else
#define NEARWIRE_BOXES_INPUT const uint8_t *input, uint32_t stride
#define NEARWIRE_BOXES_GIVEN input, stride
#endif

void nearwire_boxes_s8(NEARWIRE_BOXES_INPUT, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                       nearwire_boxes_cell *table, const uint32_t *synapses, const NEARWIRE_BOXES_BIAS *bias, uint32_t outputs, uint8_t *output);

void nearwire_boxes_s8_scores(NEARWIRE_BOXES_INPUT, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                              nearwire_boxes_cell *table, const uint32_t *synapses, const int32_t *bias, uint32_t outputs,
                              int32_t *scores);
