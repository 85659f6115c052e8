/* What a program needs of a board; devices/ports/NAME.c provides it for one family. No interrupts: everything is polled. */
#ifndef PORT_H
#define PORT_H

#include <stdint.h>

/* Clocks, UART (115200 baud, 8N1) and timer. Called once, before everything else here. */
void port_start(void);

/* Waits for the next byte from the host. */
uint8_t port_read(void);

/* Waits until the UART takes the byte. */
void port_write(uint8_t byte);

/* A 32-bit counter that counts up and wraps. A function call on every board, so that the cost of two readings is the same everywhere. */
uint32_t port_ticks(void);

/* Ticks in a microsecond of that counter. */
extern const uint32_t port_ticks_per_us;

/* The bytes of stack that were ever used, of the PORT_STACK_BYTES that the linker script sets aside. */
uint32_t port_stack_used(void);

#endif /* PORT_H */
