/* What the two fuzzers share: random numbers of a seed, and a limit on the time that one input may take. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUZZ_LIMIT_S 20u

static uint64_t fuzz_state;

static uint32_t fuzz_random(void)
{
    fuzz_state ^= fuzz_state << 13;
    fuzz_state ^= fuzz_state >> 7;
    fuzz_state ^= fuzz_state << 17;
    return (uint32_t)(fuzz_state >> 32);
}

/* 0 .. bound - 1 */
static uint32_t fuzz_below(uint32_t bound)
{
    return fuzz_random() % bound;
}

static uint64_t fuzz_start(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s INPUTS SEED\n", argv[0]);
        exit(2);
    }
    fuzz_state = strtoull(argv[2], 0, 10) * 0x9E3779B97F4A7C15u + 1u;
    return strtoull(argv[1], 0, 10);
}

static void fuzz_fail(const char *what, uint64_t input, const void *bytes, size_t size)
{
    size_t k;
    printf("input %llu: %s:", (unsigned long long)input, what);
    for (k = 0; k < size; k++) {
        printf(" %02x", ((const uint8_t *)bytes)[k]);
    }
    printf("\n");
    exit(1);
}

#endif /* FUZZ_H */
