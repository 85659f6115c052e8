/* Positions as weights a byte each: geometry, senders, signs, receivers, table, axes. See runtime/firmware/fast.c. */
#ifndef FAST_POSITIONS_H
#define FAST_POSITIONS_H
#ifndef FAST_PORTABLE_ONLY
static void fast_unpack_positions(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *const geometry = from[0];
    const uint8_t *const signs = from[2];
    const uint32_t axes = *(const uint32_t *)from[5];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j++) {
        for (i = 0; i < inputs; i++) {
            const uint32_t d2 = nearwire_squared_distance((const int8_t *)from[3] + j * axes, (const int8_t *)from[1] + i * axes, axes,
                                                          geometry[NEARWIRE_DISTANCES_GAP2]);
            if (d2 <= geometry[NEARWIRE_DISTANCES_CUTOFF2]) {
                const int32_t weight = nearwire_distance_weight(d2, geometry[NEARWIRE_DISTANCES_SHIFT], geometry[NEARWIRE_DISTANCES_STEP],
                                                                geometry[NEARWIRE_DISTANCES_FIRST], from[4]);
                fast_set(matrix, j, i, ((signs[i >> 3] >> (i & 7u)) & 1) != 0 ? -weight : weight);
            }
        }
    }
}
#endif

#define FAST_POSITIONS                                                                                                                              \
    const uint32_t *geometry, const int8_t *senders, const uint8_t *signs, const int8_t *receivers, const int8_t *table
#define FAST_POSITIONS_GIVEN geometry, senders, signs, receivers, table
#define FAST_POSITIONS_FROM geometry, senders, signs, receivers, table, &axes
#define FAST_POSITION_KERNELS(name, scratch, last_scratch, last_given)                                                                              \
    void nearwire_##name(const uint8_t *input, uint32_t inputs, uint32_t axes, scratch, FAST_POSITIONS, FAST_HIDDEN_PARAMETERS);                    \
    void nearwire_##name(const uint8_t *input, uint32_t inputs, uint32_t axes, scratch, FAST_POSITIONS, FAST_HIDDEN_PARAMETERS)                     \
    {                                                                                                                                               \
        FAST_TRY(fast_hidden(plan, input, output), 0, shift, shift_step, inputs, fast_unpack_positions, FAST_POSITIONS_FROM);                       \
        portable_##name(input, inputs, axes, work, FAST_POSITIONS_GIVEN, bias, outputs, shift, shift_step, output);                                 \
    }                                                                                                                                               \
    void nearwire_##name##_scores(const uint8_t *input, uint32_t inputs, uint32_t axes, last_scratch FAST_POSITIONS, FAST_LAST_PARAMETERS);         \
    void nearwire_##name##_scores(const uint8_t *input, uint32_t inputs, uint32_t axes, last_scratch FAST_POSITIONS, FAST_LAST_PARAMETERS)          \
    {                                                                                                                                               \
        FAST_TRY(fast_last(plan, input, scores), 0, NULL, 0u, inputs, fast_unpack_positions, FAST_POSITIONS_FROM);                                  \
        portable_##name##_scores(input, inputs, axes, last_given FAST_POSITIONS_GIVEN, bias, outputs, scores);                                      \
    }
#endif
