/* The kernels' entry points: the plan where there is one, else the portable kernel. See fast.c.
 */
#ifdef FAST_PORTABLE_ONLY
#define FAST_TRY(run, packed, shift, shift_step, inputs, unpack, ...) ((void)0)
#else
#define FAST_TRY(run, packed, shift, shift_step, inputs, unpack, ...)                                              \
    do {                                                                                                           \
        if (fast_level() > 0) {                                                                                    \
            fast_plan *plan = fast_found_plan(bias);                                                               \
            if (plan == NULL) {                                                                                    \
                const void *const from[] = {__VA_ARGS__};                                                          \
                plan = fast_matrix_plan(bias, packed, outputs, shift, shift_step, inputs, unpack, from);           \
            }                                                                                                      \
            if (plan != NULL && plan->weights != NULL) {                                                           \
                run;                                                                                               \
                return;                                                                                            \
            }                                                                                                      \
        }                                                                                                          \
    } while (0)
#endif

#define FAST_HIDDEN_PARAMETERS const int32_t *bias, uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint8_t *output
#define FAST_PACKED_PARAMETERS(words) const words *bias, uint32_t outputs, uint8_t *output
#define FAST_LAST_PARAMETERS const int32_t *bias, uint32_t outputs, int32_t *scores

/* Both kernels of a format; `before`: parameters between the input and the biases; `given`: their names; `count`: inputs or start. */
#define FAST_KERNELS(name, before, given, count, unpack, ...)                                                      \
    void nearwire_##name(const uint8_t *input, before, FAST_HIDDEN_PARAMETERS);                                    \
    void nearwire_##name(const uint8_t *input, before, FAST_HIDDEN_PARAMETERS)                                     \
    {                                                                                                              \
        FAST_TRY(fast_hidden(plan, input, output), 0, shift, shift_step, count, unpack, __VA_ARGS__);              \
        portable_##name(input, given, bias, outputs, shift, shift_step, output);                                   \
    }                                                                                                              \
    FAST_SCORES(name, FAST_AND(before), FAST_AND(given), count, unpack, __VA_ARGS__)
#define FAST_PACKED_KERNELS(name, words, before, given, count, unpack, ...)                                        \
    void nearwire_##name(const uint8_t *input, before, FAST_PACKED_PARAMETERS(words));                             \
    void nearwire_##name(const uint8_t *input, before, FAST_PACKED_PARAMETERS(words))                              \
    {                                                                                                              \
        FAST_TRY(fast_hidden(plan, input, output), sizeof *bias, NULL, 0u, count, unpack, __VA_ARGS__);            \
        portable_##name(input, given, bias, outputs, output);                                                      \
    }                                                                                                              \
    FAST_SCORES(name, FAST_AND(before), FAST_AND(given), count, unpack, __VA_ARGS__)
#define FAST_SCORES(name, before, given, count, unpack, ...)                                                       \
    void nearwire_##name##_scores(const uint8_t *input, before, FAST_LAST_PARAMETERS);                             \
    void nearwire_##name##_scores(const uint8_t *input, before, FAST_LAST_PARAMETERS)                              \
    {                                                                                                              \
        FAST_TRY(fast_last(plan, input, scores), 0, NULL, 0u, count, unpack, __VA_ARGS__);                         \
        portable_##name##_scores(input, given, bias, outputs, scores);                                             \
    }
#define FAST_AND(...) __VA_ARGS__ /* several parameters as one argument */

#ifdef FAST_DENSE_S8
FAST_KERNELS(dense_s8, FAST_AND(uint32_t inputs, const uint32_t *weights), FAST_AND(inputs, weights), inputs, fast_unpack_dense_s8, weights)
#endif
#ifdef FAST_DENSE16_S8
FAST_KERNELS(dense16_s8, FAST_AND(uint32_t inputs, const uint32_t *weights), FAST_AND(inputs, weights), inputs, fast_unpack_dense16_s8, weights)
#endif
#ifdef FAST_DENSE32_S8
FAST_KERNELS(dense32_s8, FAST_AND(uint32_t inputs, const uint32_t *weights), FAST_AND(inputs, weights), inputs, fast_unpack_dense32_s8, weights)
#endif
#ifdef FAST_CSR_S8
FAST_KERNELS(csr_s8, FAST_AND(uint32_t first, const uint16_t *counts, const int8_t *columns, const int8_t *weights),
             FAST_AND(first, counts, columns, weights), first, fast_unpack_csr_s8, counts, columns, weights)
#endif
#ifdef FAST_CSR16_S8
FAST_KERNELS(csr16_s8, FAST_AND(const uint16_t *counts, const uint16_t *columns, const int8_t *weights), FAST_AND(counts, columns, weights), 0u,
             fast_unpack_csr16_s8, counts, columns, weights)
#endif
#ifdef FAST_BLOCK4_S8
FAST_KERNELS(block4_s8, FAST_AND(uint32_t first, const uint16_t *counts, const int8_t *columns, const uint32_t *blocks),
             FAST_AND(first, counts, columns, blocks), first, fast_unpack_block4_s8, counts, columns, blocks)
#endif
#ifdef FAST_COLUMNS_S4
FAST_PACKED_KERNELS(columns_s4, NEARWIRE_COLUMNS_S4_BIAS, FAST_AND(uint32_t inputs, const uint32_t *blocks, const uint8_t *pairs), FAST_AND(inputs, blocks, pairs), inputs,
                    fast_unpack_columns_s4, blocks, pairs)
#endif
#ifdef FAST_COLUMNS_S2
FAST_PACKED_KERNELS(columns_s2, NEARWIRE_COLUMNS_S2_BIAS, FAST_AND(uint32_t inputs, const uint32_t *blocks), FAST_AND(inputs, blocks), inputs, fast_unpack_columns_s2, blocks)
#endif
#ifdef FAST_COLUMNS_O2
FAST_PACKED_KERNELS(columns_o2, NEARWIRE_COLUMNS_O2_BIAS, FAST_AND(uint32_t inputs, const uint32_t *blocks), FAST_AND(inputs, blocks), inputs, fast_unpack_columns_o2, blocks)
#endif

#if defined(FAST_COORDINATES_S8) || defined(FAST_EXPANDED_S8)
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
#ifdef FAST_COORDINATES_S8
FAST_POSITION_KERNELS(coordinates_s8, int32_t *work, FAST_AND(), FAST_AND())
#endif
#ifdef FAST_EXPANDED_S8
FAST_POSITION_KERNELS(expanded_s8, uint32_t *work, FAST_AND(uint32_t *work, ), FAST_AND(work, ))
#endif

#ifdef FAST_BOXES_S8
#define FAST_BOXES_PARAMETERS                                                                                                                       \
    const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra, nearwire_boxes_cell *table,               \
        const uint32_t *synapses
void nearwire_boxes_s8(FAST_BOXES_PARAMETERS, FAST_PACKED_PARAMETERS(NEARWIRE_BOXES_BIAS));
void nearwire_boxes_s8(FAST_BOXES_PARAMETERS, FAST_PACKED_PARAMETERS(NEARWIRE_BOXES_BIAS))
{
#ifndef FAST_PORTABLE_ONLY
    const fast_plan *const plan = fast_boxes_plan(bias, sizeof *bias, outputs, extra, table, synapses);
    if (plan != NULL) {
        fast_boxes_table(input, stride, rows, columns, cut, table);
        fast_boxes_sums(plan, table);
        fast_finish(plan, output);
        return;
    }
#endif
    portable_boxes_s8(input, stride, rows, columns, cut, extra, table, synapses, bias, outputs, output);
}

void nearwire_boxes_s8_scores(FAST_BOXES_PARAMETERS, FAST_LAST_PARAMETERS);
void nearwire_boxes_s8_scores(FAST_BOXES_PARAMETERS, FAST_LAST_PARAMETERS)
{
#ifndef FAST_PORTABLE_ONLY
    const fast_plan *const plan = fast_boxes_plan(bias, 0, outputs, extra, table, synapses);
    if (plan != NULL) {
        fast_boxes_table(input, stride, rows, columns, cut, table);
        fast_boxes_sums(plan, table);
        memcpy(scores, plan->sums, outputs * sizeof *scores);
        return;
    }
#endif
    portable_boxes_s8_scores(input, stride, rows, columns, cut, extra, table, synapses, bias, outputs, scores);
}
#endif
