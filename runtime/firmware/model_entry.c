#include "model_entry.h"

uint8_t entry_input[NEARWIRE_INPUTS];
int32_t entry_scores[NEARWIRE_OUTPUTS];

void entry_infer(void)
{
    nearwire_infer(entry_input, entry_scores);
}
