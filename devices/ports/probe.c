/* A small program that needs every part of a port but the timer: what the doctor runs. It answers every byte with a line: a number that it computes. */
#include "port.h"

static volatile uint32_t factor = 1664525u; /* wrong unless the start-up copies initial values */

int main(void);

int main(void)
{
    for (;;) {
        uint32_t value = 1u;
        uint32_t n;
        (void)port_read();
        for (n = 0u; n < 1000u; n++) {
            value = value * factor + 1013904223u;
        }
        for (n = 0u; n < 32u; n += 4u) {
            port_write((uint8_t)("0123456789abcdef"[value >> (28u - n) & 15u]));
        }
        port_write('\r');
        port_write('\n');
    }
}
