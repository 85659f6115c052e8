#include "nearwire.h"

/* Two sums share a word: its halves hold up to 17 * 255 * 15 < 2^16. */
#define NEARWIRE_COLUMNS_S4_CHUNK 17u
#define NEARWIRE_COLUMNS_S4_FIELDS 0x000f000fu

static NEARWIRE_NOINLINE void nearwire_columns_s4_block(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[8])
{
    int32_t total = 0;
    uint32_t k;
    for (k = 0; k < 8u; k++) {
        sums[k] = 0;
    }
    while (inputs > 0u) {
        const uint32_t count = inputs < NEARWIRE_COLUMNS_S4_CHUNK ? inputs : NEARWIRE_COLUMNS_S4_CHUNK;
        const uint8_t *const end = input + count;
        uint32_t s01 = 0;
        uint32_t s23 = 0;
        uint32_t s45 = 0;
        uint32_t s67 = 0;
        inputs -= count;
        do {
            const uint32_t a = *input++;
            const uint32_t w = *words++;
            if (a != 0u) {
                total += (int32_t)a;
                s01 += a * (w & NEARWIRE_COLUMNS_S4_FIELDS);
                s23 += a * ((w >> 4) & NEARWIRE_COLUMNS_S4_FIELDS);
                s45 += a * ((w >> 8) & NEARWIRE_COLUMNS_S4_FIELDS);
                s67 += a * ((w >> 12) & NEARWIRE_COLUMNS_S4_FIELDS);
            }
        } while (input != end);
        sums[0] += (int32_t)(s01 & 0xffffu);
        sums[1] += (int32_t)(s01 >> 16);
        sums[2] += (int32_t)(s23 & 0xffffu);
        sums[3] += (int32_t)(s23 >> 16);
        sums[4] += (int32_t)(s45 & 0xffffu);
        sums[5] += (int32_t)(s45 >> 16);
        sums[6] += (int32_t)(s67 & 0xffffu);
        sums[7] += (int32_t)(s67 >> 16);
    }
    for (k = 0; k < 8u; k++) {
        sums[k] -= 8 * total; /* what storing w + 8 adds */
    }
}

static NEARWIRE_NOINLINE void nearwire_columns_s4_pair(const uint8_t *input, uint32_t inputs, const uint8_t *bytes, int32_t sums[8])
{
    const uint8_t *const end = input + inputs;
    int32_t total = 0;
    sums[0] = 0;
    sums[1] = 0;
    while (input != end) {
        const int32_t a = *input++;
        const int32_t w = *bytes++;
        if (a != 0) {
            total += a;
            sums[0] += a * (w & 15);
            sums[1] += a * (w >> 4);
        }
    }
    sums[0] -= 8 * total;
    sums[1] -= 8 * total;
}

/* The sums of the next eight or two outputs; returns how many. */
static uint32_t nearwire_columns_s4_next(const uint8_t *input, uint32_t inputs, const uint32_t **blocks, const uint8_t **pairs,
                                         uint32_t outputs, int32_t sums[8])
{
    if (outputs >= 8u) {
        nearwire_columns_s4_block(input, inputs, *blocks, sums);
        *blocks += inputs;
        return 8u;
    }
    nearwire_columns_s4_pair(input, inputs, *pairs, sums);
    *pairs += inputs;
    return outputs < 2u ? 1u : 2u;
}

void nearwire_columns_s4(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs, const NEARWIRE_COLUMNS_S4_BIAS *bias,
                         uint32_t outputs, uint8_t *output)
{
    while (outputs > 0u) {
        int32_t sums[8];
        const uint32_t found = nearwire_columns_s4_next(input, inputs, &blocks, &pairs, outputs, sums);
        uint32_t k;
        for (k = 0; k < found; k++) {
            *output++ = nearwire_requantise_packed(sums[k], *bias++, sizeof *bias);
        }
        outputs -= found;
    }
}

void nearwire_columns_s4_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs,
                                const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    while (outputs > 0u) {
        int32_t sums[8];
        const uint32_t found = nearwire_columns_s4_next(input, inputs, &blocks, &pairs, outputs, sums);
        uint32_t k;
        for (k = 0; k < found; k++) {
            *scores++ = sums[k] + *bias++;
        }
        outputs -= found;
    }
}
