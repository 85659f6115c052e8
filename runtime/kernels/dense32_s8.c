#include "nearwire.h"

/* A word masked with 0x00ff00ff is two weights 16 bits apart. Weights are stored as w + 64, 1..127, so the products of two inputs add up
 * to at most 2 * 127 * 255 < 2^16 a field. `both` gathers the words themselves, modulo 2^32, and `high` their upper fields; the sum of the
 * lower fields is both - high * 2^16. What the 64 adds, 64 * (sum of the inputs), is the same for all neurons and is taken off. */
#define NEARWIRE_DENSE32_S8_FIELDS 0x00ff00ffu

#define NEARWIRE_DENSE32_S8_STEP(k)                                                                                             \
    do {                                                                                                                        \
        const uint32_t w = weights[k];                                                                                          \
        const uint32_t products = (w & NEARWIRE_DENSE32_S8_FIELDS) * input[2 * (k)]                                             \
                                  + ((w >> 8) & NEARWIRE_DENSE32_S8_FIELDS) * input[2 * (k) + 1];                               \
        both += products;                                                                                                       \
        high += products >> 16;                                                                                                 \
    } while (0)

/* sums[0..1] += sum over the inputs of (w + 64) * input, for two neurons. */
static NEARWIRE_NOINLINE void nearwire_dense32_s8_rows(const uint8_t *input, uint32_t inputs, const uint32_t *weights, int32_t sums[2])
{
    const uint8_t *const end = input + (inputs & ~3u);
    uint32_t both = 0;
    uint32_t high = 0;
    while (input != end) {
        NEARWIRE_DENSE32_S8_STEP(0);
        NEARWIRE_DENSE32_S8_STEP(1);
        input += 4;
        weights += 2;
    }
    if ((inputs & 2u) != 0u) {
        NEARWIRE_DENSE32_S8_STEP(0);
        input += 2;
        weights++;
    }
    if ((inputs & 1u) != 0u) {
        const uint32_t products = (*weights & NEARWIRE_DENSE32_S8_FIELDS) * *input;
        both += products;
        high += products >> 16;
    }
    sums[0] += (int32_t)(both - (high << 16));
    sums[1] += (int32_t)high;
}

void nearwire_dense32_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                         const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    const int32_t offset = nearwire_offset(input, inputs);
    uint32_t j;
    for (j = 0; j < outputs; j += 2u) {
        int32_t sums[2] = {offset, offset};
        uint32_t k;
        nearwire_dense32_s8_rows(input, inputs, weights, sums);
        weights += (inputs + 1u) / 2u;
        for (k = 0; k < 2u && j + k < outputs; k++) {
            *output++ = nearwire_requantise(sums[k] + *bias++, *shift);
            shift += shift_step;
        }
    }
}

void nearwire_dense32_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                                int32_t *scores)
{
    const int32_t offset = nearwire_offset(input, inputs);
    uint32_t j;
    for (j = 0; j < outputs; j += 2u) {
        int32_t sums[2] = {offset, offset};
        uint32_t k;
        nearwire_dense32_s8_rows(input, inputs, weights, sums);
        weights += (inputs + 1u) / 2u;
        for (k = 0; k < 2u && j + k < outputs; k++) {
            *scores++ = sums[k] + *bias++;
        }
    }
}

