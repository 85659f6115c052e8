#include "nearwire.h"

typedef struct {
    const uint16_t *columns;
    const int8_t *weights;
} nearwire_csr16_s8_rest;

#define NEARWIRE_CSR16_S8_PAIR(k)                                  \
    do {                                                           \
        sum += weights[2 * (k)] * input[columns[2 * (k)]];         \
        sum += weights[2 * (k) + 1] * input[columns[2 * (k) + 1]]; \
    } while (0)

/* sum + the products of one neuron's entries; `rest` moves on to the next neuron. */
static NEARWIRE_NOINLINE int32_t nearwire_csr16_s8_row(const uint8_t *input, uint32_t pairs, nearwire_csr16_s8_rest *rest, int32_t sum)
{
    const uint16_t *columns = rest->columns;
    const int8_t *weights = rest->weights;
    if ((pairs & 1u) != 0u) {
        NEARWIRE_CSR16_S8_PAIR(0);
        columns += 2;
        weights += 2;
    }
    if ((pairs & 2u) != 0u) {
        NEARWIRE_CSR16_S8_PAIR(0);
        NEARWIRE_CSR16_S8_PAIR(1);
        columns += 4;
        weights += 4;
    }
    for (pairs >>= 2; pairs > 0u; pairs--) {
        NEARWIRE_CSR16_S8_PAIR(0);
        NEARWIRE_CSR16_S8_PAIR(1);
        NEARWIRE_CSR16_S8_PAIR(2);
        NEARWIRE_CSR16_S8_PAIR(3);
        columns += 8;
        weights += 8;
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

