#include "nearwire.h"

typedef struct {
    const uint32_t *geometry;
    const int8_t *senders;
    const uint8_t *signs;
    const int8_t *receivers;
    const int8_t *table;
    uint32_t inputs;
    uint32_t outputs;
    uint32_t axes;
} nearwire_expanded_s8_layer;

/* The weight of input i and neuron j; 0 where there is none of them. */
static int32_t nearwire_expanded_s8_weight(const nearwire_expanded_s8_layer *layer, uint32_t i, uint32_t j)
{
    const uint32_t *const geometry = layer->geometry;
    uint32_t d2;
    int32_t weight;
    if (i >= layer->inputs || j >= layer->outputs) {
        return 0;
    }
    d2 = nearwire_squared_distance(layer->receivers + j * layer->axes, layer->senders + i * layer->axes, layer->axes,
                                   geometry[NEARWIRE_DISTANCES_GAP2]);
    if (d2 > geometry[NEARWIRE_DISTANCES_CUTOFF2]) {
        return 0;
    }
    weight = nearwire_distance_weight(d2, geometry[NEARWIRE_DISTANCES_SHIFT], geometry[NEARWIRE_DISTANCES_STEP],
                                      geometry[NEARWIRE_DISTANCES_FIRST], layer->table);
    return ((layer->signs[i >> 3] >> (i & 7u)) & 1) != 0 ? -weight : weight;
}

/* 256 * w of neuron j + 1 + w of neuron j, in 16 bits. */
static uint32_t nearwire_expanded_s8_half(const nearwire_expanded_s8_layer *layer, uint32_t i, uint32_t j)
{
    return (uint32_t)(256 * nearwire_expanded_s8_weight(layer, i, j + 1u) + nearwire_expanded_s8_weight(layer, i, j)) & 0xffffu;
}

/* All weights, unless they are there already; returns them. */
static NEARWIRE_NOINLINE const uint32_t *nearwire_expanded_s8_words(const nearwire_expanded_s8_layer *layer, uint32_t *words)
{
    uint32_t *at = words + 1;
    uint32_t j;
    if (words[0] != 0u) {
        return at;
    }
    for (j = 0; j < layer->outputs; j += 4u) {
        const uint32_t quads = layer->inputs & ~3u;
        uint32_t i;
        for (i = 0; i < layer->inputs; i += 2u) {
            /* in a four of inputs the words are those of 0 and 2, then of 1 and 3; in the rest, of neighbours */
            const uint32_t apart = i < quads ? 2u : 1u;
            const uint32_t first = i < quads ? (i & ~3u) + (i & 2u) / 2u : i;
            uint32_t pair;
            for (pair = j; pair < j + 4u; pair += 2u) {
                *at++ = nearwire_expanded_s8_half(layer, first, pair) | nearwire_expanded_s8_half(layer, first + apart, pair) << 16;
            }
        }
    }
    words[0] = 1u;
    return words + 1;
}

void nearwire_expanded_s8(const uint8_t *input, uint32_t inputs, uint32_t axes, uint32_t *words, const uint32_t *geometry,
                          const int8_t *senders, const uint8_t *signs, const int8_t *receivers, const int8_t *table,
                          const int32_t *bias, uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output)
{
    const nearwire_expanded_s8_layer layer = {geometry, senders, signs, receivers, table, inputs, outputs, axes};
    nearwire_dense16_s8(input, inputs, nearwire_expanded_s8_words(&layer, words), bias, outputs, shift, shift_step, output);
}

void nearwire_expanded_s8_scores(const uint8_t *input, uint32_t inputs, uint32_t axes, uint32_t *words, const uint32_t *geometry,
                                 const int8_t *senders, const uint8_t *signs, const int8_t *receivers,
                                 const int8_t *table, const int32_t *bias, uint32_t outputs, int32_t *scores)
{
    const nearwire_expanded_s8_layer layer = {geometry, senders, signs, receivers, table, inputs, outputs, axes};
    nearwire_dense16_s8_scores(input, inputs, nearwire_expanded_s8_words(&layer, words), bias, outputs, scores);
}
