/* nearwire kernels: one layer of an integer network each. C99, no allocation, no floating point, no library.
 *
 * A layer reads `inputs` unsigned bytes and computes, for each of its `outputs` neurons j,
 *     sum_j = bias_j + w_j0 * input_0 + w_j1 * input_1 + ...            weights w in -63..63
 * The caller's bias already holds the zero point of the input and, for hidden layers, the rounding term 2^(shift - 1), so
 *     hidden layer: output_j = clamp(sum_j >> shift_j, 0, 255)           NAME(..., shift, shift_step, output)
 *     last layer:   scores_j = sum_j                                     NAME_scores(..., scores)
 * `shift` holds one byte a neuron (shift_step 1) or one byte for all (shift_step 0). A kernel that works in memory of its own is given it by
 * the caller, as `scratch` or `table`; its size is a macro beside the kernel. Sums must be proven to fit int32, which `nearwire compile` does. */
#ifndef NEARWIRE_H
#define NEARWIRE_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN)
#define NEARWIRE_DSP /* two 16-bit multiply-accumulates an instruction: Armv7E-M, and Armv8-M with the DSP extension */
#include <arm_acle.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NEARWIRE_NOINLINE __attribute__((noinline))
#else
#define NEARWIRE_NOINLINE
#endif

/* Keeps a compiler from trading a pointer that steps along for several indices, which cost registers and instructions. */
#if defined(__GNUC__)
#define NEARWIRE_KEEP(value) __asm__("" : "+r"(value))
#else
#define NEARWIRE_KEEP(value) ((void)0)
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

/* A neuron's bias and shift share one word of `bytes`:
 *     2 bytes   bits 0..3 are shift - 2, bits 4..15 are 2048 + bias / 2^(shift - 2)
 *     4 bytes   bits 0..3 are the shift, bits 4..31 the bias, signed: for biases that hold a zero point */
static inline uint32_t nearwire_packed_shift(uint32_t packed, uint32_t bytes)
{
    return bytes == 2u ? (packed & 15u) + 2u : packed & 15u;
}

static inline int32_t nearwire_packed_bias(uint32_t packed, uint32_t bytes)
{
    return bytes == 2u ? ((int32_t)(packed >> 4) - 2048) * (int32_t)(1u << (packed & 15u)) : (int32_t)packed >> 4;
}

/* nearwire_requantise for such a neuron. */
static inline uint8_t nearwire_requantise_packed(int32_t sum, uint32_t packed, uint32_t bytes)
{
    return nearwire_requantise(sum + nearwire_packed_bias(packed, bytes), nearwire_packed_shift(packed, bytes));
}

/* The word turned to the right by a byte, which compilers know as one instruction; not every arm_acle.h has __ror. */
static inline uint32_t nearwire_rotate8(uint32_t word)
{
    return word >> 8 | word << 24;
}

/* Two weights of one input share a 16-bit half as 256 * v + w, two inputs share a word. A sum of such halves times inputs is 256 * V + W,
 * a sum of the low bytes alone is W, so each multiplication that adds pairs serves two neurons, and V follows at the end. */

/* sum + low(a) * low(b) + high(a) * high(b), of signed halves, modulo 2^32. */
static inline uint32_t nearwire_multiply_halves(uint32_t a, uint32_t b, uint32_t sum)
{
#ifdef NEARWIRE_DSP
    return (uint32_t)__smlad((int16x2_t)a, (int16x2_t)b, (int32_t)sum);
#else
    return sum + (uint32_t)((int32_t)(int16_t)a * (int16_t)b) + (uint32_t)((int32_t)(int16_t)(a >> 16) * (int16_t)(b >> 16));
#endif
}

/* The low byte of each half, sign-extended to the half. */
static inline uint32_t nearwire_low_bytes(uint32_t a)
{
#ifdef NEARWIRE_DSP
    return (uint32_t)__sxtb16((int8x4_t)a);
#else
    return ((uint32_t)(int8_t)a & 0xffffu) | (uint32_t)(int8_t)(a >> 16) << 16;
#endif
}

/* V of both = 256 * V + W; exact for |V| < 2^23, which NEARWIRE_HALVES inputs keep: 512 * 255 * 63. */
#define NEARWIRE_HALVES 512u
static inline int32_t nearwire_high_sum(uint32_t both, uint32_t low)
{
    return (int32_t)(both - low) >> 8;
}
