#include "nearwire.h"

typedef struct {
    const int8_t *columns;
    const int8_t *weights;
} nearwire_csr_s8_rest;

/* `window` is where the centre of the window lies, a number because behind the last entries it may lie behind the inputs. */
#ifdef NEARWIRE_DSP /* four weights by one load and two unpackings */
#define NEARWIRE_CSR_S8_QUAD(k)                                                     \
    do {                                                                            \
        const uint8_t *const x = (const uint8_t *)window;                           \
        uint32_t w;                                                                 \
        int32_t even;                                                               \
        int32_t odd;                                                                \
        __builtin_memcpy(&w, weights + 4 * (k), 4);                                 \
        even = (int32_t)__sxtb16((int8x4_t)w);                                      \
        odd = (int32_t)__sxtb16((int8x4_t)nearwire_rotate8(w));                             \
        sum = __smlabb(even, x[columns[4 * (k)]], sum);                             \
        sum = __smlabb(odd, x[columns[4 * (k) + 1]], sum);                          \
        sum = __smlatb(even, x[columns[4 * (k) + 2]], sum);                         \
        sum = __smlatb(odd, x[columns[4 * (k) + 3]], sum);                          \
        window += stride;                                                           \
        NEARWIRE_KEEP(window);                                                      \
    } while (0)
#else
#define NEARWIRE_CSR_S8_QUAD(k)                                                     \
    do {                                                                            \
        const uint8_t *const x = (const uint8_t *)window;                           \
        sum += weights[4 * (k)] * x[columns[4 * (k)]];                              \
        sum += weights[4 * (k) + 1] * x[columns[4 * (k) + 1]];                      \
        sum += weights[4 * (k) + 2] * x[columns[4 * (k) + 2]];                      \
        sum += weights[4 * (k) + 3] * x[columns[4 * (k) + 3]];                      \
        window += stride;                                                           \
        NEARWIRE_KEEP(window);                                                      \
    } while (0)
#endif

/* sum + the products of one neuron's entries; `rest` moves on to the next neuron. */
static NEARWIRE_NOINLINE int32_t nearwire_csr_s8_row(const uint8_t *input, uint32_t quads, nearwire_csr_s8_rest *rest, int32_t sum)
{
    const int8_t *columns = rest->columns;
    const int8_t *weights = rest->weights;
    const uint32_t stride = (uint8_t)*columns++;
    uintptr_t window = (uintptr_t)input;
    if ((quads & 1u) != 0u) {
        NEARWIRE_CSR_S8_QUAD(0);
        columns += 4;
        weights += 4;
    }
    for (quads >>= 1; quads > 0u; quads--) {
        NEARWIRE_CSR_S8_QUAD(0);
        NEARWIRE_CSR_S8_QUAD(1);
        columns += 8;
        weights += 8;
    }
    rest->columns = columns;
    rest->weights = weights;
    return sum;
}

void nearwire_csr_s8(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const int8_t *weights, const int32_t *bias,
                     uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    nearwire_csr_s8_rest rest = {columns, weights};
    input += start;
    while (outputs > 0u) {
        *output++ = nearwire_requantise(nearwire_csr_s8_row(input, *counts++, &rest, *bias++), *shift);
        shift += shift_step;
        outputs--;
    }
}

void nearwire_csr_s8_scores(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const int8_t *weights,
                            const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    nearwire_csr_s8_rest rest = {columns, weights};
    input += start;
    while (outputs > 0u) {
        *scores++ = nearwire_csr_s8_row(input, *counts++, &rest, *bias++);
        outputs--;
    }
}
