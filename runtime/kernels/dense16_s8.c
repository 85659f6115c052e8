#include "nearwire.h"

#define NEARWIRE_DENSE16_S8_STEP(at, x)                                             \
    do {                                                                            \
        const uint32_t w01 = weights[at];                                           \
        const uint32_t w23 = weights[(at) + 1];                                     \
        both01 = nearwire_multiply_halves(w01, x, both01);                          \
        both23 = nearwire_multiply_halves(w23, x, both23);                          \
        low01 = nearwire_multiply_halves(nearwire_low_bytes(w01), x, low01);        \
        low23 = nearwire_multiply_halves(nearwire_low_bytes(w23), x, low23);        \
    } while (0)

/* sums[0..3] = the sums of four neurons, without bias; returns the weights of the next four. */
static NEARWIRE_NOINLINE const uint32_t *nearwire_dense16_s8_rows(const uint8_t *input, uint32_t inputs, const uint32_t *weights,
                                                                  int32_t sums[4])
{
    sums[0] = 0;
    sums[1] = 0;
    sums[2] = 0;
    sums[3] = 0;
    while (inputs > 0u) {
        const uint32_t count = inputs < NEARWIRE_HALVES ? inputs : NEARWIRE_HALVES;
        const uint8_t *const end = input + (count & ~3u);
        uint32_t rest = count & 3u;
        uint32_t low01 = 0;
        uint32_t low23 = 0;
        uint32_t both01 = 0;
        uint32_t both23 = 0;
        while (input != end) {
#ifdef NEARWIRE_DSP
            uint32_t x;
            uint32_t even;
            uint32_t odd;
            __builtin_memcpy(&x, input, 4);
            even = (uint32_t)__uxtb16((int8x4_t)x);
            odd = (uint32_t)__uxtb16((int8x4_t)nearwire_rotate8(x));
#else
            const uint32_t even = input[0] | (uint32_t)input[2] << 16;
            const uint32_t odd = input[1] | (uint32_t)input[3] << 16;
#endif
            NEARWIRE_DENSE16_S8_STEP(0, even);
            NEARWIRE_DENSE16_S8_STEP(2, odd);
            input += 4;
            weights += 4;
        }
        while (rest > 0u) { /* only in the last chunk */
            uint32_t x = *input++;
            if (rest > 1u) {
                x |= (uint32_t)*input++ << 16;
                rest--;
            }
            rest--;
            NEARWIRE_DENSE16_S8_STEP(0, x);
            weights += 2;
        }
        inputs -= count;
        sums[0] += (int32_t)low01;
        sums[1] += nearwire_high_sum(both01, low01);
        sums[2] += (int32_t)low23;
        sums[3] += nearwire_high_sum(both23, low23);
    }
    return weights;
}

void nearwire_dense16_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                         const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    uint32_t j;
    for (j = 0; j < outputs; j += 4u) {
        int32_t sums[4];
        uint32_t k;
        weights = nearwire_dense16_s8_rows(input, inputs, weights, sums);
        for (k = 0; k < 4u && j + k < outputs; k++) {
            *output++ = nearwire_requantise(sums[k] + *bias++, *shift);
            shift += shift_step;
        }
    }
}

void nearwire_dense16_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                                int32_t *scores)
{
    uint32_t j;
    for (j = 0; j < outputs; j += 4u) {
        int32_t sums[4];
        uint32_t k;
        weights = nearwire_dense16_s8_rows(input, inputs, weights, sums);
        for (k = 0; k < 4u && j + k < outputs; k++) {
            *scores++ = sums[k] + *bias++;
        }
    }
}
