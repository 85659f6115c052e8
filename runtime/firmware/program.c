/* A build as a program for a computer that has nothing else: scores, times and marks for a counting emulator, through standard input and
 * output. Numbers are binary, in the machine's order of bytes. It is linked statically and needs no file.
 *
 *     program                          check the build's test vectors, and time it, for people
 *     program scores < SAMPLES         int32 scores[n][outputs]
 *     program time RUNS WARMUP < ONE   int64 nanoseconds: the very first inference, then RUNS behind WARMUP others
 *     program timer RUNS               int64 nanoseconds that the timing itself takes
 *     program layers REPEATS < ONE     double nanoseconds of each layer
 *     program count RUNS < ONE         calls getppid three times: before, between and behind RUNS and 3 * RUNS inferences
 *     program count-layers < ONE       calls getppid twice in a row, then around every layer of one inference
 */
#define _POSIX_C_SOURCE 200112L
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void shim_mark(void)
{
    static volatile long parent;
    parent = (long)getppid();
}
#define SHIM_MARK shim_mark
#include "host.c"
#include "test_vectors.h"

#define PEOPLE_RUNS 10000

static void *get(size_t bytes)
{
    void *memory = malloc(bytes > 0u ? bytes : 1u);
    if (memory == NULL) {
        fprintf(stderr, "error: no memory for %lu bytes\n", (unsigned long)bytes);
        exit(1);
    }
    return memory;
}

static void put(const void *values, size_t bytes)
{
    if (fwrite(values, 1, bytes, stdout) != bytes || fflush(stdout) != 0) {
        fprintf(stderr, "error: the results cannot be written\n");
        exit(1);
    }
}

/* Exactly one sample from standard input. */
static const uint8_t *one_sample(void)
{
    static uint8_t sample[NEARWIRE_INPUTS];
    if (fread(sample, 1, sizeof sample, stdin) != sizeof sample) {
        fprintf(stderr, "error: standard input holds no sample of %d bytes\n", NEARWIRE_INPUTS);
        exit(2);
    }
    return sample;
}

static int64_t number(const char *text)
{
    char *end;
    const long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 0 || value > 1000000000) {
        fprintf(stderr, "error: '%s' is not a number of runs, 0 to 1000000000\n", text);
        exit(2);
    }
    return (int64_t)value;
}

static int do_scores(void)
{
    static uint8_t sample[NEARWIRE_INPUTS];
    int32_t scores[NEARWIRE_OUTPUTS];
    size_t found;
    while ((found = fread(sample, 1, sizeof sample, stdin)) == sizeof sample) {
        shim_scores(sample, 1, scores);
        put(scores, sizeof scores);
    }
    if (found != 0u) {
        fprintf(stderr, "error: the last sample has %lu of %d bytes\n", (unsigned long)found, NEARWIRE_INPUTS);
        return 2;
    }
    return 0;
}

static int do_time(int64_t runs, int64_t warmup)
{
    const uint8_t *sample = one_sample();
    int64_t *ns = get((size_t)(1 + runs + warmup) * sizeof *ns);
    shim_tick_ns();
    shim_time(sample, 1, ns);
    shim_time(sample, warmup, ns + 1);
    shim_time(sample, runs, ns + 1);
    put(ns, (size_t)(1 + runs) * sizeof *ns);
    return 0;
}

static int do_timer(int64_t runs)
{
    int64_t *ns = get((size_t)runs * sizeof *ns);
    shim_timer(runs, ns);
    put(ns, (size_t)runs * sizeof *ns);
    return 0;
}

static int do_layers(int64_t repeats)
{
    double ns[NEARWIRE_LAYERS] = {0.0};
    shim_layers(one_sample(), 1, repeats > 0 ? repeats : 1, ns);
    put(ns, sizeof ns);
    return 0;
}

static int do_count(int64_t runs)
{
    const uint8_t *sample = one_sample();
    int32_t scores[NEARWIRE_OUTPUTS];
    int64_t n;
    nearwire_infer(sample, scores);
    shim_mark();
    for (n = 0; n < runs; n++) {
        nearwire_infer(sample, scores);
    }
    shim_mark();
    for (n = 0; n < 3 * runs; n++) {
        nearwire_infer(sample, scores);
    }
    shim_mark();
    return 0;
}

static int do_count_layers(void)
{
    const uint8_t *sample = one_sample();
    int32_t scores[NEARWIRE_OUTPUTS];
    nearwire_infer(sample, scores);
    shim_mark();
    shim_mark();
    shim_marks = 1;
    nearwire_infer(sample, scores);
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int for_people(void)
{
    int64_t *ns = get(PEOPLE_RUNS * sizeof *ns);
    double sum = 0.0;
    int wrong = 0;
    int n;
    for (n = 0; n < NEARWIRE_TEST_VECTORS; n++) {
        int32_t scores[NEARWIRE_OUTPUTS];
        nearwire_infer(nearwire_test_inputs[n], scores);
        wrong += memcmp(scores, nearwire_test_scores[n], sizeof scores) != 0;
    }
    printf("%d of %d test vectors right\n", NEARWIRE_TEST_VECTORS - wrong, NEARWIRE_TEST_VECTORS);
    shim_time(nearwire_test_inputs[0], PEOPLE_RUNS, ns);
    shim_time(nearwire_test_inputs[0], PEOPLE_RUNS, ns);
    for (n = 0; n < PEOPLE_RUNS; n++) {
        sum += (double)ns[n];
    }
    qsort(ns, PEOPLE_RUNS, sizeof *ns, by_size);
    printf("%d inferences, us: min %.3f mean %.3f P50 %.3f P90 %.3f P95 %.3f P99 %.3f\n", PEOPLE_RUNS, (double)ns[0] / 1e3, sum / PEOPLE_RUNS / 1e3,
           (double)ns[PEOPLE_RUNS / 2] / 1e3, (double)ns[PEOPLE_RUNS * 9 / 10] / 1e3, (double)ns[PEOPLE_RUNS * 95 / 100] / 1e3,
           (double)ns[PEOPLE_RUNS * 99 / 100] / 1e3);
    return wrong == 0 ? 0 : 3;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (argc == 1) {
        return for_people();
    }
    if (strcmp(what, "scores") == 0 && argc == 2) {
        return do_scores();
    }
    if (strcmp(what, "time") == 0 && argc == 4) {
        return do_time(number(argv[2]), number(argv[3]));
    }
    if (strcmp(what, "timer") == 0 && argc == 3) {
        return do_timer(number(argv[2]));
    }
    if (strcmp(what, "layers") == 0 && argc == 3) {
        return do_layers(number(argv[2]));
    }
    if (strcmp(what, "count") == 0 && argc == 3) {
        return do_count(number(argv[2]));
    }
    if (strcmp(what, "count-layers") == 0 && argc == 2) {
        return do_count_layers();
    }
    fprintf(stderr, "error: '%s' is none of: scores, time RUNS WARMUP, timer RUNS, layers REPEATS, count RUNS, count-layers\n", what);
    return 2;
}
