#include "nearwire.h"

/* A word masked with 0xff0000ff is two weights 24 bits apart: one multiplication by an activation, added to 64 bits, is two
 * multiply-accumulates (SMLAL on Armv7-M and Armv8-M). Rotated by 16 bits it gives the other two weights. Weights are stored as w + 64,
 * 1..127, so fields never borrow from each other; 512 inputs are at most 512 * 127 * 255 < 2^24, so they never overflow either.
 * What the 64 adds, 64 * (sum of the inputs), is the same for all neurons and is taken off at the end. */
#define NEARWIRE_DENSE_S8_CHUNK 512u
#define NEARWIRE_DENSE_S8_FIELDS 0xff0000ffu

#define NEARWIRE_DENSE_S8_STEP(k)                                                                       \
    do {                                                                                                \
        const int32_t a = input[k];                                                                     \
        const uint32_t w = weights[k];                                                                  \
        s01 += (int64_t)(int32_t)(w & NEARWIRE_DENSE_S8_FIELDS) * a;                                    \
        s23 += (int64_t)(int32_t)(((w >> 16) | (w << 16)) & NEARWIRE_DENSE_S8_FIELDS) * a;              \
    } while (0)

/* sums[0..3] += sum over the inputs of (w + 64) * input, for four neurons. */
static NEARWIRE_NOINLINE void nearwire_dense_s8_rows(const uint8_t *input, uint32_t inputs, const uint32_t *weights, int32_t sums[4])
{
    while (inputs > 0u) {
        const uint32_t count = inputs < NEARWIRE_DENSE_S8_CHUNK ? inputs : NEARWIRE_DENSE_S8_CHUNK;
        const uint8_t *const end = input + (count & ~1u);
        int64_t s01 = 0;
        int64_t s23 = 0;
        while (input != end) {
            NEARWIRE_DENSE_S8_STEP(0);
            NEARWIRE_DENSE_S8_STEP(1);
            input += 2;
            weights += 2;
        }
        if ((count & 1u) != 0u) { /* only the last chunk is odd, so the pointers may stay */
            NEARWIRE_DENSE_S8_STEP(0);
        }
        inputs -= count;
        sums[0] += (int32_t)(s01 & 0xffffff);
        sums[1] += (int32_t)(s01 >> 24);
        sums[2] += (int32_t)(s23 & 0xffffff);
        sums[3] += (int32_t)(s23 >> 24);
    }
}

void nearwire_dense_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                       const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    const int32_t offset = nearwire_offset(input, inputs);
    uint32_t j;
    for (j = 0; j < outputs; j += 4u) {
        int32_t sums[4] = {offset, offset, offset, offset};
        uint32_t k;
        nearwire_dense_s8_rows(input, inputs, weights, sums);
        weights += inputs;
        for (k = 0; k < 4u && j + k < outputs; k++) {
            *output++ = nearwire_requantise(sums[k] + *bias++, *shift);
            shift += shift_step;
        }
    }
}

void nearwire_dense_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                              int32_t *scores)
{
    const int32_t offset = nearwire_offset(input, inputs);
    uint32_t j;
    for (j = 0; j < outputs; j += 4u) {
        int32_t sums[4] = {offset, offset, offset, offset};
        uint32_t k;
        nearwire_dense_s8_rows(input, inputs, weights, sums);
        weights += inputs;
        for (k = 0; k < 4u && j + k < outputs; k++) {
            *scores++ = sums[k] + *bias++;
        }
    }
}

