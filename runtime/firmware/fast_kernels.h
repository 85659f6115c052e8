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
