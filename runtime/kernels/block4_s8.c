#include "nearwire.h"

typedef struct {
    const int8_t *columns;
    const uint32_t *blocks;
    int32_t sums[4];
} nearwire_block4_s8_group;

/* The sums of four neurons, without bias; columns and blocks move on to the next group. */
static NEARWIRE_NOINLINE void nearwire_block4_s8_next(const uint8_t *input, uint32_t pairs, nearwire_block4_s8_group *group)
{
    const int8_t *columns = group->columns;
    const uint32_t *blocks = group->blocks;
    const uint32_t stride = (uint8_t)*columns++;
    uintptr_t window = (uintptr_t)input; /* a number, because behind the last blocks it may lie behind the inputs */
    group->sums[0] = 0;
    group->sums[1] = 0;
    group->sums[2] = 0;
    group->sums[3] = 0;
    while (pairs > 0u) {
        uint32_t count = pairs < NEARWIRE_HALVES / 2u ? pairs : NEARWIRE_HALVES / 2u;
        uint32_t low01 = 0;
        uint32_t low23 = 0;
        uint32_t both01 = 0;
        uint32_t both23 = 0;
        pairs -= count;
        do {
            const uint8_t *const at = (const uint8_t *)window;
            const uint32_t x = at[columns[0]] | (uint32_t)at[columns[1]] << 16;
            const uint32_t w01 = blocks[0];
            const uint32_t w23 = blocks[1];
            both01 = nearwire_multiply_halves(w01, x, both01);
            both23 = nearwire_multiply_halves(w23, x, both23);
            low01 = nearwire_multiply_halves(nearwire_low_bytes(w01), x, low01);
            low23 = nearwire_multiply_halves(nearwire_low_bytes(w23), x, low23);
            columns += 2;
            blocks += 2;
            window += stride;
            NEARWIRE_KEEP(window);
            NEARWIRE_KEEP(columns);
        } while (--count > 0u);
        group->sums[0] += (int32_t)low01;
        group->sums[1] += nearwire_high_sum(both01, low01);
        group->sums[2] += (int32_t)low23;
        group->sums[3] += nearwire_high_sum(both23, low23);
    }
    group->columns = columns;
    group->blocks = blocks;
}

void nearwire_block4_s8(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const uint32_t *blocks, const int32_t *bias,
                        uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    nearwire_block4_s8_group group = {columns, blocks, {0, 0, 0, 0}};
    uint32_t j;
    for (j = 0; j < outputs; j += 4u) {
        uint32_t k;
        nearwire_block4_s8_next(input + start, *counts++, &group);
        for (k = 0; k < 4u && j + k < outputs; k++) {
            *output++ = nearwire_requantise(group.sums[k] + *bias++, *shift);
            shift += shift_step;
        }
    }
}

void nearwire_block4_s8_scores(const uint8_t *input, uint32_t start, const uint16_t *counts, const int8_t *columns, const uint32_t *blocks,
                               const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    nearwire_block4_s8_group group = {columns, blocks, {0, 0, 0, 0}};
    uint32_t j;
    for (j = 0; j < outputs; j += 4u) {
        uint32_t k;
        nearwire_block4_s8_next(input + start, *counts++, &group);
        for (k = 0; k < 4u && j + k < outputs; k++) {
            *scores++ = group.sums[k] + *bias++;
        }
    }
}
