/* The kernels of a build with variants for the vector units of computers, chosen when the program runs. Compiled in place of nearwire.c, which
 * it contains: a kernel without a variant, or on a core without the unit, is the portable one. All variants compute the same integers.
 *
 *     level 0   portable C
 *     level 1   AVX2                          NEON
 *     level 2                                 NEON with dot product
 *
 * FAST_COLUMNS_S4, FAST_DENSE_S8 and FAST_BOXES_S8 say which kernels nearwire.c has. */
#include <string.h>

#define nearwire_columns_s4 portable_columns_s4
#define nearwire_columns_s4_scores portable_columns_s4_scores
#define nearwire_dense_s8 portable_dense_s8
#define nearwire_dense_s8_scores portable_dense_s8_scores
#define nearwire_boxes_s8 portable_boxes_s8
#define nearwire_boxes_s8_scores portable_boxes_s8_scores
#define nearwire_boxes_table portable_boxes_table
#include "nearwire.c"
#undef nearwire_columns_s4
#undef nearwire_columns_s4_scores
#undef nearwire_dense_s8
#undef nearwire_dense_s8_scores
#undef nearwire_boxes_s8
#undef nearwire_boxes_s8_scores
#undef nearwire_boxes_table

static int32_t fast_limit = 2; /* the highest level that may be used */
static int32_t fast_found = -1;

#if defined(__x86_64__) && defined(__GNUC__)
#include "fast_x86.h"
#elif defined(__aarch64__) && defined(__GNUC__)
#include "fast_neon.h"
#else
#define FAST_NONE
static int32_t fast_ask(void)
{
    return 0;
}
#endif

/* The level in use. */
int32_t nearwire_fast_level(void);
void nearwire_fast_limit(int32_t level);

int32_t nearwire_fast_level(void)
{
    if (fast_found < 0) {
        fast_found = fast_ask();
    }
    return fast_found < fast_limit ? fast_found : fast_limit;
}

void nearwire_fast_limit(int32_t level)
{
    fast_limit = level;
}

#ifdef FAST_COLUMNS_S4
#ifndef FAST_NONE
/* The sums of the next eight outputs, or of the next one or two; returns how many. */
static uint32_t fast_columns_next(const uint8_t *input, uint32_t inputs, int32_t total, const uint32_t **blocks, const uint8_t **pairs,
                                  uint32_t outputs, int32_t sums[8])
{
    uint32_t k;
    const uint32_t found = outputs >= 8u ? 8u : outputs < 2u ? 1u : 2u;
    if (found == 8u) {
        fast_columns_block(input, inputs, *blocks, sums, nearwire_fast_level());
        *blocks += inputs;
    } else {
        fast_columns_pair(input, inputs, *pairs, sums, nearwire_fast_level());
        *pairs += inputs;
    }
    for (k = 0; k < found; k++) {
        sums[k] -= 8 * total; /* what storing w + 8 adds */
    }
    return found;
}
#endif

void nearwire_columns_s4(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs, const uint16_t *bias,
                         uint32_t outputs, uint8_t *output);
void nearwire_columns_s4(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs, const uint16_t *bias,
                         uint32_t outputs, uint8_t *output)
{
#ifndef FAST_NONE
    if (nearwire_fast_level() > 0) {
        const int32_t total = fast_total(input, inputs);
        while (outputs > 0u) {
            int32_t sums[8];
            const uint32_t found = fast_columns_next(input, inputs, total, &blocks, &pairs, outputs, sums);
            uint32_t k;
            for (k = 0; k < found; k++) {
                *output++ = nearwire_requantise_packed(sums[k], *bias++);
            }
            outputs -= found;
        }
        return;
    }
#endif
    portable_columns_s4(input, inputs, blocks, pairs, bias, outputs, output);
}

void nearwire_columns_s4_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs, const int32_t *bias,
                                uint32_t outputs, int32_t *scores);
void nearwire_columns_s4_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs, const int32_t *bias,
                                uint32_t outputs, int32_t *scores)
{
#ifndef FAST_NONE
    if (nearwire_fast_level() > 0) {
        const int32_t total = fast_total(input, inputs);
        while (outputs > 0u) {
            int32_t sums[8];
            const uint32_t found = fast_columns_next(input, inputs, total, &blocks, &pairs, outputs, sums);
            uint32_t k;
            for (k = 0; k < found; k++) {
                *scores++ = sums[k] + *bias++;
            }
            outputs -= found;
        }
        return;
    }
#endif
    portable_columns_s4_scores(input, inputs, blocks, pairs, bias, outputs, scores);
}
#endif

#ifdef FAST_DENSE_S8
void nearwire_dense_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                       const uint8_t *shift, uint32_t shift_step, uint8_t *output);
void nearwire_dense_s8(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                       const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
#ifndef FAST_NONE
    if (nearwire_fast_level() > 0) {
        uint32_t j;
        for (j = 0; j < outputs; j += 4u) {
            int32_t sums[4];
            uint32_t k;
            fast_dense_rows(input, inputs, weights, sums, nearwire_fast_level());
            weights += inputs;
            for (k = 0; k < 4u && j + k < outputs; k++) {
                *output++ = nearwire_requantise(sums[k] + *bias++, *shift);
                shift += shift_step;
            }
        }
        return;
    }
#endif
    portable_dense_s8(input, inputs, weights, bias, outputs, shift, shift_step, output);
}

void nearwire_dense_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                              int32_t *scores);
void nearwire_dense_s8_scores(const uint8_t *input, uint32_t inputs, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                              int32_t *scores)
{
#ifndef FAST_NONE
    if (nearwire_fast_level() > 0) {
        uint32_t j;
        for (j = 0; j < outputs; j += 4u) {
            int32_t sums[4];
            uint32_t k;
            fast_dense_rows(input, inputs, weights, sums, nearwire_fast_level());
            weights += inputs;
            for (k = 0; k < 4u && j + k < outputs; k++) {
                *scores++ = sums[k] + *bias++;
            }
        }
        return;
    }
#endif
    portable_dense_s8_scores(input, inputs, weights, bias, outputs, scores);
}
#endif

#ifdef FAST_BOXES_S8
#ifdef FAST_NONE
#define fast_boxes_table portable_boxes_table
#endif

/* Only the table of sums has a variant: look-ups at four places a rectangle are faster one by one than by gathering. */
static void fast_boxes_prepare(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, nearwire_boxes_cell *table)
{
    if (nearwire_fast_level() > 0) {
        fast_boxes_table(input, stride, rows, columns, cut, table);
    } else {
        portable_boxes_table(input, stride, rows, columns, cut, table);
    }
}

void nearwire_boxes_s8(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                       nearwire_boxes_cell *table, const uint32_t *synapses, const uint16_t *bias, uint32_t outputs, uint8_t *output);
void nearwire_boxes_s8(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                       nearwire_boxes_cell *table, const uint32_t *synapses, const uint16_t *bias, uint32_t outputs, uint8_t *output)
{
    const uint8_t *const end = output + outputs;
    fast_boxes_prepare(input, stride, rows, columns, cut, table);
    while (output != end) {
        int32_t sum = 0;
        NEARWIRE_BOXES_NEURON();
        *output++ = nearwire_requantise_packed(sum, *bias++);
    }
}

void nearwire_boxes_s8_scores(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                              nearwire_boxes_cell *table, const uint32_t *synapses, const int32_t *bias, uint32_t outputs, int32_t *scores);
void nearwire_boxes_s8_scores(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra,
                              nearwire_boxes_cell *table, const uint32_t *synapses, const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    const int32_t *const end = scores + outputs;
    fast_boxes_prepare(input, stride, rows, columns, cut, table);
    while (scores != end) {
        int32_t sum = *bias++;
        NEARWIRE_BOXES_NEURON();
        *scores++ = sum;
    }
}
#endif
