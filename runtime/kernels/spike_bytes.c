#include "nearwire.h"

void nearwire_spike_bytes(const nearwire_event *events, uint32_t count, uint8_t *bytes, uint32_t inputs)
{
    uint32_t i;
    for (i = 0; i < inputs; i++) {
        bytes[i] = 0u;
    }
    for (i = 0; i < count; i++) {
        bytes[events[i]] = 1u;
    }
}
