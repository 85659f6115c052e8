/* What Python calls in the compiled build: many inferences, the time of single ones, the time of every layer. */
#include "clock.h"

/* Layers do not change their input, so one can be repeated until the clock is fine enough; but a spiking one (NEARWIRE_STEPS) changes its
 * membranes, so of those whole inferences are repeated. */
static int64_t shim_repeats = 1;
static double *shim_layer_ns;
#ifdef SHIM_MARK /* a program that is counted marks both ends of every layer when told to */
static int shim_marks;
#define SHIM_END()        \
    do {                  \
        if (shim_marks) { \
            SHIM_MARK();  \
        }                 \
    } while (0)
#else
#define SHIM_END() ((void)0)
#endif
#define NEARWIRE_LAYER(index, call)                                                      \
    do {                                                                                 \
        int64_t shim_left = shim_repeats;                                                \
        const int64_t shim_start = shim_layer_ns ? shim_now_ns() : 0;                    \
        SHIM_END();                                                                      \
        do {                                                                             \
            call;                                                                        \
        } while (--shim_left > 0);                                                       \
        SHIM_END();                                                                      \
        if (shim_layer_ns) {                                                             \
            shim_layer_ns[index] += (double)(shim_now_ns() - shim_start) / (double)shim_repeats; \
        }                                                                                \
    } while (0)
#ifdef NEARWIRE_RECORD /* bytes of a row */
#include "record.h"
uint8_t *record_at;
#endif
#include "model.c"

#if defined(_WIN32)
#define SHIM_EXPORT __declspec(dllexport)
#else
#define SHIM_EXPORT __attribute__((visibility("default")))
#endif

SHIM_EXPORT int64_t shim_inputs(void)
{
    return NEARWIRE_INPUTS;
}

SHIM_EXPORT int64_t shim_outputs(void)
{
    return NEARWIRE_OUTPUTS;
}

#ifndef SHIM_BATCH /* a build of an earlier version, whose model.h has none */
static void nearwire_infer_batch(const uint8_t *inputs, uint32_t count, int32_t *scores)
{
    for (; count > 0u; count--, inputs += NEARWIRE_INPUTS, scores += NEARWIRE_OUTPUTS) {
        nearwire_infer(inputs, scores);
    }
}
#endif

SHIM_EXPORT void shim_scores(const uint8_t *samples, int64_t count, int32_t *scores)
{
    const int64_t most = 1 << 20; /* what one batch counts with fits 32 bits */
    while (count > 0) {
        const int64_t part = count < most ? count : most;
        nearwire_infer_batch(samples, (uint32_t)part, scores);
        samples += part * NEARWIRE_INPUTS;
        scores += part * NEARWIRE_OUTPUTS;
        count -= part;
    }
}

/* ns[runs]: nanoseconds of single inferences. The clock is read once an inference, so a time holds one reading of it. */
SHIM_EXPORT void shim_time(const uint8_t *sample, int64_t runs, int64_t *ns)
{
    int32_t scores[NEARWIRE_OUTPUTS];
    const double unit = shim_tick_ns();
    uint64_t before = shim_ticks();
    int64_t n;
    for (n = 0; n < runs; n++) {
        uint64_t now;
        nearwire_infer(sample, scores);
        now = shim_ticks();
        ns[n] = (int64_t)(now - before);
        before = now;
    }
    shim_to_ns(ns, runs, unit);
}

/* ns[runs]: what shim_time measures for no inference at all. */
SHIM_EXPORT void shim_timer(int64_t runs, int64_t *ns)
{
    const double unit = shim_tick_ns();
    uint64_t before = shim_ticks();
    int64_t n;
    for (n = 0; n < runs; n++) {
        const uint64_t now = shim_ticks();
        ns[n] = (int64_t)(now - before);
        before = now;
    }
    shim_to_ns(ns, runs, unit);
}

/* layer_ns[NEARWIRE_LAYERS]: nanoseconds of each layer, summed over the samples. */
SHIM_EXPORT void shim_layers(const uint8_t *samples, int64_t count, int64_t repeats, double *layer_ns)
{
    int32_t scores[NEARWIRE_OUTPUTS];
    int64_t n;
    shim_layer_ns = layer_ns;
#ifdef NEARWIRE_STEPS
    {
        int64_t again;
        int k;
        for (again = 0; again < repeats; again++) {
            for (n = 0; n < count; n++) {
                nearwire_infer(samples + n * NEARWIRE_INPUTS, scores);
            }
        }
        for (k = 0; k < NEARWIRE_LAYERS; k++) {
            layer_ns[k] /= (double)repeats;
        }
    }
#else
    shim_repeats = repeats;
    for (n = 0; n < count; n++) {
        nearwire_infer(samples + n * NEARWIRE_INPUTS, scores);
    }
#endif
    shim_repeats = 1;
    shim_layer_ns = 0;
}

#ifdef NEARWIRE_RECORD
/* spikes[count][NEARWIRE_STEPS][NEARWIRE_LAYERS][NEARWIRE_RECORD], 0 before. */
SHIM_EXPORT void shim_record(const uint8_t *samples, int64_t count, uint8_t *spikes)
{
    int32_t scores[NEARWIRE_OUTPUTS];
    int64_t n;
    for (n = 0; n < count; n++) {
        record_at = spikes + n * NEARWIRE_STEPS * NEARWIRE_LAYERS * NEARWIRE_RECORD;
        nearwire_infer(samples + n * NEARWIRE_INPUTS, scores);
    }
}
#endif
