/* What the emulator calls. In a section of its own, which no size of a product includes. */
#include "model.h"

#define NEARWIRE_HOST __attribute__((section(".host"), used))

/* `count` inferences; samples and scores lie one after the other. */
NEARWIRE_HOST void nearwire_batch(const uint8_t *samples, uint32_t count, int32_t *scores)
{
    while (count > 0u) {
        nearwire_infer(samples, scores);
        samples += NEARWIRE_INPUTS;
        scores += NEARWIRE_OUTPUTS;
        count--;
    }
}

/* Keeps nearwire_classify in the program, as a product would. */
NEARWIRE_HOST int nearwire_label(const uint8_t *sample)
{
    return nearwire_classify(sample);
}

#ifdef NEARWIRE_RECORD
uint8_t *record_at;

/* One inference of a build whose spikes are kept, rows of record.h at `spikes`. */
NEARWIRE_HOST void nearwire_record(const uint8_t *sample, uint8_t *spikes, int32_t *scores)
{
    record_at = spikes;
    nearwire_infer(sample, scores);
}
#endif
