/* Included before the model of a spiking build whose spikes are kept: a row of NEARWIRE_RECORD bytes for every layer of every time step, 1 where
 * a neuron spikes. It costs instructions, so nothing is measured with it. */
#ifndef RECORD_H
#define RECORD_H

#include <stdint.h>

extern uint8_t *record_at; /* the row to be written next; rows are 0 before */

#define NEARWIRE_SPIKES(layer, events, count)                          \
    do {                                                               \
        uint32_t record_k;                                             \
        for (record_k = 0; record_k < (count); record_k++) {           \
            record_at[(events)[record_k]] = 1;                         \
        }                                                              \
        record_at += NEARWIRE_RECORD;                                  \
    } while (0)

#endif /* RECORD_H */
