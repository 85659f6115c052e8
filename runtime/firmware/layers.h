/* Included before the model in a firmware made for `profile`: adds up the ticks of every layer. It costs instructions around each layer, so
 * whole inferences are measured without it. */
#ifndef LAYERS_H
#define LAYERS_H

#include <stdint.h>

#include "port.h"

extern uint32_t layer_ticks[];

#define NEARWIRE_LAYER(index, call)                           \
    do {                                                      \
        const uint32_t layer_start = port_ticks();            \
        call;                                                 \
        layer_ticks[index] += port_ticks() - layer_start;     \
    } while (0)

#endif /* LAYERS_H */
