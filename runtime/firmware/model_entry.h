/* The model as the firmware sees it: one input buffer, one inference, its scores, what it is called. */
#ifndef MODEL_ENTRY_H
#define MODEL_ENTRY_H

#include <stdint.h>

#include "model.h"

extern uint8_t entry_input[NEARWIRE_INPUTS];
extern int32_t entry_scores[NEARWIRE_OUTPUTS];

/* One inference of entry_input into entry_scores. */
void entry_infer(void);

#endif /* MODEL_ENTRY_H */
