/* Time since the start of the board, from its wrapping counter, without a division that a core might not have. */
#ifndef TIMING_H
#define TIMING_H

#include <stdint.h>

/* Takes over the ticks since the last call. Must be called at least once in every wrap of the counter. */
void timing_poll(void);

/* Microseconds since the start; wraps after 71 minutes. */
uint32_t timing_us(void);

#endif /* TIMING_H */
