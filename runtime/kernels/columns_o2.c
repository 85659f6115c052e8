#include "nearwire.h"

/* Two sums share a word: its halves hold up to 85 * 255 * 3 < 2^16. */
#define NEARWIRE_COLUMNS_O2_CHUNK 85u
#define NEARWIRE_COLUMNS_O2_FIELDS 0x00030003u

/* sums[0..15] = the sums of sixteen outputs, without bias. */
static NEARWIRE_NOINLINE void nearwire_columns_o2_block(const uint8_t *input, uint32_t inputs, const uint32_t *words, int32_t sums[16])
{
    int32_t total = 0;
    uint32_t k;
    for (k = 0; k < 16u; k++) {
        sums[k] = 0;
    }
    while (inputs > 0u) {
        const uint32_t count = inputs < NEARWIRE_COLUMNS_O2_CHUNK ? inputs : NEARWIRE_COLUMNS_O2_CHUNK;
        const uint8_t *const end = input + count;
        uint32_t pair0 = 0;
        uint32_t pair1 = 0;
        uint32_t pair2 = 0;
        uint32_t pair3 = 0;
        uint32_t pair4 = 0;
        uint32_t pair5 = 0;
        uint32_t pair6 = 0;
        uint32_t pair7 = 0;
        inputs -= count;
        do {
            const uint32_t a = *input++;
            const uint32_t w = *words++;
            if (a != 0u) {
                total += (int32_t)a;
                pair0 += a * (w & NEARWIRE_COLUMNS_O2_FIELDS);
                pair1 += a * ((w >> 2) & NEARWIRE_COLUMNS_O2_FIELDS);
                pair2 += a * ((w >> 4) & NEARWIRE_COLUMNS_O2_FIELDS);
                pair3 += a * ((w >> 6) & NEARWIRE_COLUMNS_O2_FIELDS);
                pair4 += a * ((w >> 8) & NEARWIRE_COLUMNS_O2_FIELDS);
                pair5 += a * ((w >> 10) & NEARWIRE_COLUMNS_O2_FIELDS);
                pair6 += a * ((w >> 12) & NEARWIRE_COLUMNS_O2_FIELDS);
                pair7 += a * ((w >> 14) & NEARWIRE_COLUMNS_O2_FIELDS);
            }
        } while (input != end);
        sums[0] += (int32_t)(pair0 & 0xffffu);
        sums[1] += (int32_t)(pair0 >> 16);
        sums[2] += (int32_t)(pair1 & 0xffffu);
        sums[3] += (int32_t)(pair1 >> 16);
        sums[4] += (int32_t)(pair2 & 0xffffu);
        sums[5] += (int32_t)(pair2 >> 16);
        sums[6] += (int32_t)(pair3 & 0xffffu);
        sums[7] += (int32_t)(pair3 >> 16);
        sums[8] += (int32_t)(pair4 & 0xffffu);
        sums[9] += (int32_t)(pair4 >> 16);
        sums[10] += (int32_t)(pair5 & 0xffffu);
        sums[11] += (int32_t)(pair5 >> 16);
        sums[12] += (int32_t)(pair6 & 0xffffu);
        sums[13] += (int32_t)(pair6 >> 16);
        sums[14] += (int32_t)(pair7 & 0xffffu);
        sums[15] += (int32_t)(pair7 >> 16);
    }
    for (k = 0; k < 16u; k++) {
        sums[k] = 2 * sums[k] - 3 * total; /* (w + 3) / 2 is stored */
    }
}

void nearwire_columns_o2(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const NEARWIRE_COLUMNS_O2_BIAS *bias, uint32_t outputs,
                         uint8_t *output)
{
    uint32_t j;
    for (j = 0; j < outputs; j += 16u) {
        int32_t sums[16];
        uint32_t k;
        nearwire_columns_o2_block(input, inputs, blocks, sums);
        blocks += inputs;
        for (k = 0; k < 16u && j + k < outputs; k++) {
            *output++ = nearwire_requantise_packed(sums[k], *bias++, sizeof *bias);
        }
    }
}

void nearwire_columns_o2_scores(const uint8_t *input, uint32_t inputs, const uint32_t *blocks, const int32_t *bias, uint32_t outputs,
                                int32_t *scores)
{
    uint32_t j;
    for (j = 0; j < outputs; j += 16u) {
        int32_t sums[16];
        uint32_t k;
        nearwire_columns_o2_block(input, inputs, blocks, sums);
        blocks += inputs;
        for (k = 0; k < 16u && j + k < outputs; k++) {
            *scores++ = sums[k] + *bias++;
        }
    }
}
