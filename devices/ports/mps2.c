/* Arm MPS2 boards (FPGA images AN385, AN386, AN500, AN505; QEMU's mps2-*): CMSDK UART and timer, whose addresses the board's file gives. */
#include "port.h"
#include "registers.h"

#define UART_DATA (PORT_UART + 0x00u)
#define UART_STATE (PORT_UART + 0x04u)
#define UART_CONTROL (PORT_UART + 0x08u)
#define UART_DIVIDER (PORT_UART + 0x10u)
#define UART_TRANSMIT_FULL 1u
#define UART_RECEIVE_FULL 2u
#define TIMER_CONTROL (PORT_TIMER + 0x00u)
#define TIMER_VALUE (PORT_TIMER + 0x04u)
#define TIMER_RELOAD (PORT_TIMER + 0x08u)

const uint32_t port_ticks_per_us = PORT_TICKS_PER_US;

void port_start(void)
{
    REGISTER(UART_DIVIDER) = PORT_TICKS_PER_US * 1000000u / 115200u;
    REGISTER(UART_CONTROL) = 3u; /* transmit and receive */
    REGISTER(TIMER_RELOAD) = 0xFFFFFFFFu;
    REGISTER(TIMER_VALUE) = 0xFFFFFFFFu;
    REGISTER(TIMER_CONTROL) = 1u;
}

uint8_t port_read(void)
{
    wait_for(UART_STATE, UART_RECEIVE_FULL, UART_RECEIVE_FULL);
    return (uint8_t)REGISTER(UART_DATA);
}

void port_write(uint8_t byte)
{
    wait_for(UART_STATE, UART_TRANSMIT_FULL, 0u);
    REGISTER(UART_DATA) = byte;
}

uint32_t port_ticks(void)
{
    return ~REGISTER(TIMER_VALUE); /* the timer counts down */
}
