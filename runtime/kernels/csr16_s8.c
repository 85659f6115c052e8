#include "nearwire.h"

typedef struct {
    const uint16_t *columns;
    const int8_t *weights;
} nearwire_csr16_s8_rest;

/* sum + the products of one neuron's pairs of entries; `rest` moves on to the next neuron. */
static inline int32_t nearwire_csr16_s8_row(const uint8_t *input, uint32_t pairs, nearwire_csr16_s8_rest *rest, int32_t sum)
{
    const uint16_t *columns = rest->columns;
    const int8_t *weights = rest->weights;
    uint32_t quads;
    for (quads = pairs >> 1; quads > 0u; quads--) {
        sum += weights[0] * input[columns[0]];
        sum += weights[1] * input[columns[1]];
        sum += weights[2] * input[columns[2]];
        sum += weights[3] * input[columns[3]];
        columns += 4;
        weights += 4;
    }
    if ((pairs & 1u) != 0u) {
        sum += weights[0] * input[columns[0]];
        sum += weights[1] * input[columns[1]];
        columns += 2;
        weights += 2;
    }
    rest->columns = columns;
    rest->weights = weights;
    return sum;
}

void nearwire_csr16_s8(const uint8_t *input, const uint16_t *counts, const uint16_t *columns, const int8_t *weights, const int32_t *bias,
                       uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    nearwire_csr16_s8_rest rest = {columns, weights};
    while (outputs > 0u) {
        *output++ = nearwire_requantise(nearwire_csr16_s8_row(input, *counts++, &rest, *bias++), *shift);
        shift += shift_step;
        outputs--;
    }
}

void nearwire_csr16_s8_scores(const uint8_t *input, const uint16_t *counts, const uint16_t *columns, const int8_t *weights,
                              const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    nearwire_csr16_s8_rest rest = {columns, weights};
    while (outputs > 0u) {
        *scores++ = nearwire_csr16_s8_row(input, *counts++, &rest, *bias++);
        outputs--;
    }
}

