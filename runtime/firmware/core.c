/* What the emulator calls: `count` inferences, the samples and scores one after the other. Not part of a product's size. */
#include "model.h"

__attribute__((section(".host"), used)) void nearwire_batch(const uint8_t *samples, uint32_t count, int32_t *scores)
{
    while (count > 0u) {
        nearwire_infer(samples, scores);
        samples += NEARWIRE_INPUTS;
        scores += NEARWIRE_OUTPUTS;
        count--;
    }
}
