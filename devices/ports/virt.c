/* QEMU's RISC-V machine `virt`: a 16550 UART; the counter of retired instructions is the timer, so that ticks are instructions. */
#include "port.h"

#define UART_DATA (*(volatile uint8_t *)0x10000000u)
#define UART_FIFO (*(volatile uint8_t *)0x10000002u)
#define UART_LINE (*(volatile uint8_t *)0x10000003u)
#define UART_STATUS (*(volatile uint8_t *)0x10000005u)
#define UART_RECEIVED 1u
#define UART_TRANSMIT_EMPTY 0x20u

const uint32_t port_ticks_per_us = PORT_TICKS_PER_US;

void port_start(void)
{
    UART_LINE = 3u; /* 8 bits, no parity, one stop bit */
    UART_FIFO = 7u; /* on, emptied */
}

uint8_t port_read(void)
{
    while ((UART_STATUS & UART_RECEIVED) == 0u) {
    }
    return UART_DATA;
}

void port_write(uint8_t byte)
{
    while ((UART_STATUS & UART_TRANSMIT_EMPTY) == 0u) {
    }
    UART_DATA = byte;
}

uint32_t port_ticks(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, minstret" : "=r"(count));
    return count;
}
