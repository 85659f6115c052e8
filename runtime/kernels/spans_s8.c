#include "nearwire.h"

#ifdef NEARWIRE_SPANS_CHANNELS
static void nearwire_spans_table(NEARWIRE_SPANS_INPUT, uint32_t length, uint32_t cut, nearwire_spans_cell *table)
{
    for (; channels > 0u; channels--) {
        const uint8_t *from = input;
        uint32_t left;
        uint32_t sum = 0;
        *table++ = 0;
        for (left = length; left > 0u; left--) {
            sum += (uint32_t)*from >> cut;
            from += step;
            *table++ = (nearwire_spans_cell)sum;
        }
        input += plane;
    }
}
#else
static void nearwire_spans_table(const uint8_t *input, uint32_t length, uint32_t cut, nearwire_spans_cell *table)
{
    const uint8_t *const end = input + length;
    uint32_t sum = 0;
    *table++ = 0;
    while (input != end) {
        sum += (uint32_t)*input++ >> cut;
        *table++ = (nearwire_spans_cell)sum;
    }
}
#endif

/* sum + the charges times their stretches. A difference wraps to exactly the stretch's sum, because that fits a cell. */
static inline int32_t nearwire_spans_neuron(const nearwire_spans_cell *table, const uint32_t *words, uint32_t synapses, int32_t sum)
{
    const uint32_t *const end = words + synapses;
    while (words != end) {
        const uint32_t word = *words++;
        const uint32_t stretch = (nearwire_spans_cell)((uint32_t)table[(word >> 8) & 4095u] - table[word >> 20]);
        sum += (int32_t)stretch * ((int32_t)(word << 25) >> 25);
    }
    return sum;
}

void nearwire_spans_s8(NEARWIRE_SPANS_INPUT, uint32_t length, uint32_t cut, uint32_t synapses, nearwire_spans_cell *table,
                       const uint32_t *words, const NEARWIRE_SPANS_BIAS *bias, uint32_t outputs, uint8_t *output)
{
    const uint8_t *const end = output + outputs;
    nearwire_spans_table(NEARWIRE_SPANS_GIVEN, length, cut, table);
    while (output != end) {
        *output++ = nearwire_requantise_packed(nearwire_spans_neuron(table, words, synapses, 0), *bias++, sizeof *bias);
        words += synapses;
    }
}

void nearwire_spans_s8_scores(NEARWIRE_SPANS_INPUT, uint32_t length, uint32_t cut, uint32_t synapses, nearwire_spans_cell *table,
                              const uint32_t *words, const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    const int32_t *const end = scores + outputs;
    nearwire_spans_table(NEARWIRE_SPANS_GIVEN, length, cut, table);
    while (scores != end) {
        *scores++ = nearwire_spans_neuron(table, words, synapses, *bias++);
        words += synapses;
    }
}
