#include "nearwire.h"

#ifdef NEARWIRE_BOXES_CHANNELS
static void nearwire_boxes_table(NEARWIRE_BOXES_INPUT, uint32_t rows, uint32_t columns, uint32_t cut, nearwire_boxes_cell *table)
{
    for (; channels > 0u; channels--) {
        const uint8_t *line = input;
        uint32_t left;
        for (left = rows; left > 0u; left--) {
            const uint8_t *from = line;
            nearwire_boxes_cell *at = table + columns + 2u;
            nearwire_boxes_cell *const end = at + columns;
            const nearwire_boxes_cell *above = table + 1u;
            uint32_t row = 0;
            do {
                row += (uint32_t)*from >> cut;
                from += step;
                *at++ = (nearwire_boxes_cell)(row + *above++);
            } while (at != end);
            line += stride;
            table += columns + 1u;
        }
        table += columns + 1u;
        input += plane;
    }
}
#else
static void nearwire_boxes_table(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut,
                                 nearwire_boxes_cell *table)
{
    const nearwire_boxes_cell *above = table;
    nearwire_boxes_cell *at = table + columns + 1u;
    for (; rows > 0u; rows--) {
        const uint8_t *const end = input + (columns & ~3u);
        uint32_t row = 0;
        uint32_t rest;
        at++;
        above++;
        while (input != end) {
            row += (uint32_t)input[0] >> cut;
            at[0] = (nearwire_boxes_cell)(row + above[0]);
            row += (uint32_t)input[1] >> cut;
            at[1] = (nearwire_boxes_cell)(row + above[1]);
            row += (uint32_t)input[2] >> cut;
            at[2] = (nearwire_boxes_cell)(row + above[2]);
            row += (uint32_t)input[3] >> cut;
            at[3] = (nearwire_boxes_cell)(row + above[3]);
            input += 4;
            at += 4;
            above += 4;
        }
        for (rest = columns & 3u; rest > 0u; rest--) {
            row += (uint32_t)*input++ >> cut;
            *at++ = (nearwire_boxes_cell)(row + *above++);
        }
        input += stride - columns;
    }
}
#endif

/* sum += charge * (sum over the rectangle). The differences of the cells wrap to exactly that sum, because it fits a cell. */
#define NEARWIRE_BOXES_SYNAPSE()                                                                                              \
    do {                                                                                                                      \
        const uint32_t word = *synapses++;                                                                                    \
        const nearwire_boxes_cell *const top = table + (word >> 22);                                                          \
        const nearwire_boxes_cell *const bottom = table + ((word >> 12) & 1023u);                                             \
        const uint32_t width = (word >> 7) & 31u;                                                                             \
        const int32_t charge = (int32_t)((word & 127u) ^ 64u) - 64;                                                           \
        sum += (int32_t)(nearwire_boxes_cell)((uint32_t)bottom[width] - bottom[0] - top[width] + top[0]) * charge;            \
    } while (0)

#define NEARWIRE_BOXES_NEURON()                                                                                               \
    do {                                                                                                                      \
        uint32_t more;                                                                                                        \
        NEARWIRE_BOXES_SYNAPSE();                                                                                             \
        NEARWIRE_BOXES_SYNAPSE();                                                                                             \
        NEARWIRE_BOXES_SYNAPSE();                                                                                             \
        NEARWIRE_BOXES_SYNAPSE();                                                                                             \
        for (more = extra; more > 0u; more--) {                                                                               \
            NEARWIRE_BOXES_SYNAPSE();                                                                                         \
        }                                                                                                                     \
    } while (0)

void nearwire_boxes_s8(NEARWIRE_BOXES_INPUT, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                       nearwire_boxes_cell *table, const uint32_t *synapses, const NEARWIRE_BOXES_BIAS *bias, uint32_t outputs, uint8_t *output)
{
    const uint8_t *const end = output + outputs;
    nearwire_boxes_table(NEARWIRE_BOXES_GIVEN, rows, columns, cut, table);
    while (output != end) {
        int32_t sum = 0;
        NEARWIRE_BOXES_NEURON();
        *output++ = nearwire_requantise_packed(sum, *bias++, sizeof *bias);
    }
}

void nearwire_boxes_s8_scores(NEARWIRE_BOXES_INPUT, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                              nearwire_boxes_cell *table, const uint32_t *synapses, const int32_t *bias, uint32_t outputs,
                              int32_t *scores)
{
    const int32_t *const end = scores + outputs;
    nearwire_boxes_table(NEARWIRE_BOXES_GIVEN, rows, columns, cut, table);
    while (scores != end) {
        int32_t sum = *bias++;
        NEARWIRE_BOXES_NEURON();
        *scores++ = sum;
    }
}
