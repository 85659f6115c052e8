/* nearwire kernels: one layer of an integer network each. C99, no allocation, no floating point, no library.
 *
 * A layer reads `inputs` unsigned bytes and computes, for each of its `outputs` neurons j,
 *     sum_j = bias_j + w_j0 * input_0 + w_j1 * input_1 + ...            weights w in -63..63
 * The caller's bias already holds the zero point of the input and, for hidden layers, the rounding term 2^(shift - 1), so
 *     hidden layer: output_j = clamp(sum_j >> shift_j, 0, 255)           NAME(..., shift, shift_step, output)
 *     last layer:   scores_j = sum_j                                     NAME_scores(..., scores)
 * `shift` holds one byte a neuron (shift_step 1) or one byte for all (shift_step 0). No kernel needs scratch memory but a few words of
 * stack. Sums must be proven to fit int32, which `nearwire compile` does. */
#ifndef NEARWIRE_H
#define NEARWIRE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NEARWIRE_NOINLINE __attribute__((noinline))
#else
#define NEARWIRE_NOINLINE
#endif

#if (-1 >> 1) != -1
#error "nearwire needs a compiler that shifts negative numbers arithmetically, as all for these cores do"
#endif

/* clamp(sum >> shift, 0, 255): a shift and a saturation where the core has one. */
static inline uint8_t nearwire_requantise(int32_t sum, uint32_t shift)
{
    const int32_t value = sum >> shift;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* The same for a neuron whose bias and shift share 16 bits: bits 0..3 are shift - 2, bits 4..15 are 2048 + bias / 2^(shift - 2). */
static inline uint8_t nearwire_requantise_packed(int32_t sum, uint32_t packed)
{
    const uint32_t shift = packed & 15u;
    return nearwire_requantise(sum + ((int32_t)(packed >> 4) - 2048) * (int32_t)(1u << shift), shift + 2u);
}

