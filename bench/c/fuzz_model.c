/* Throws inputs at nearwire_infer: noise, extremes, sparse and constant ones, at every alignment. Checked: no sanitizer's finding, the input
 * is not changed, nothing beyond the scores is written, the same input gives the same scores and the label is one of the classes. */
#include "fuzz.h"
#include "model.h"

#define GUARD 16u

static void fill(uint8_t *input)
{
    const uint32_t way = fuzz_below(5);
    const uint8_t constant = (uint8_t)fuzz_below(256);
    uint32_t k;
    for (k = 0; k < (uint32_t)NEARWIRE_INPUTS; k++) {
        const uint32_t random = fuzz_random();
        input[k] = (uint8_t)(way == 0 ? random : way == 1 ? (random & 1u) * 255u : way == 2 ? (random & 15u ? 0u : random >> 8) : way == 3 ? 255u : constant);
    }
}

int main(int argc, char **argv)
{
    const uint64_t inputs = fuzz_start(argc, argv);
    uint64_t sum = 0;
    uint64_t n;
    for (n = 0; n < inputs; n++) {
        const uint32_t shift = fuzz_below(4);
        uint8_t *place = malloc(shift + (size_t)NEARWIRE_INPUTS); /* its end is the end of the heap block */
        uint8_t *copy = malloc((size_t)NEARWIRE_INPUTS);
        int32_t scores[NEARWIRE_OUTPUTS + GUARD];
        int32_t again[NEARWIRE_OUTPUTS + GUARD];
        uint32_t k;
        int label;
        if (place == 0 || copy == 0) {
            return 2;
        }
        alarm(FUZZ_LIMIT_S);
        fill(place + shift);
        memcpy(copy, place + shift, (size_t)NEARWIRE_INPUTS);
        memset(scores, 0x5A, sizeof scores);
        memset(again, 0x5A, sizeof again);
        nearwire_infer(place + shift, scores);
        label = nearwire_classify(place + shift);
        nearwire_infer(copy, again);
        if (memcmp(place + shift, copy, (size_t)NEARWIRE_INPUTS) != 0) {
            fuzz_fail("the input was changed", n, copy, (size_t)NEARWIRE_INPUTS);
        }
        if (memcmp(scores, again, sizeof scores) != 0) {
            fuzz_fail("the same input, other scores, or written beyond them", n, copy, (size_t)NEARWIRE_INPUTS);
        }
        for (k = 0; k < GUARD; k++) {
            if (scores[(uint32_t)NEARWIRE_OUTPUTS + k] != 0x5A5A5A5A) {
                fuzz_fail("written beyond the scores", n, copy, (size_t)NEARWIRE_INPUTS);
            }
        }
        if (label < 0 || label >= NEARWIRE_OUTPUTS) {
            fuzz_fail("a label that is none", n, copy, (size_t)NEARWIRE_INPUTS);
        }
        sum = sum * 31u + (uint32_t)scores[0];
        free(place);
        free(copy);
    }
    printf("%llu inputs, checksum %llu\n", (unsigned long long)inputs, (unsigned long long)sum);
    return 0;
}
