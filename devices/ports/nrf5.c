/* Nordic nRF51 and nRF52: UART0 and TIMER0, which have the same addresses in both families. The board's file gives the two pins of port 0. */
#include "port.h"
#include "registers.h"

#define CLOCK_HFCLKSTART 0x40000000u
#define CLOCK_HFCLKSTARTED 0x40000100u
#define UART_STARTRX 0x40002000u
#define UART_STARTTX 0x40002008u
#define UART_RXDRDY 0x40002108u
#define UART_TXDRDY 0x4000211Cu
#define UART_ENABLE 0x40002500u
#define UART_PSELTXD 0x4000250Cu
#define UART_PSELRXD 0x40002514u
#define UART_RXD 0x40002518u
#define UART_TXD 0x4000251Cu
#define UART_BAUDRATE 0x40002524u
#define BAUD_115200 0x01D7E000u
#define TIMER_START 0x40008000u
#define TIMER_CAPTURE0 0x40008040u
#define TIMER_BITMODE 0x40008508u
#define TIMER_PRESCALER 0x40008510u
#define TIMER_CC0 0x40008540u
#define GPIO_OUTSET 0x50000508u
#define GPIO_PIN_CNF 0x50000700u

const uint32_t port_ticks_per_us = 16u >> PORT_TIMER_PRESCALER; /* of the 16 MHz clock */

static uint8_t transmitting;

void port_start(void)
{
    REGISTER(CLOCK_HFCLKSTARTED) = 0u;
    REGISTER(CLOCK_HFCLKSTART) = 1u; /* the crystal: the internal oscillator is too coarse for the UART */
    wait_for(CLOCK_HFCLKSTARTED, 1u, 1u);
    REGISTER(GPIO_OUTSET) = 1u << PORT_PIN_TX;
    REGISTER(GPIO_PIN_CNF + 4u * PORT_PIN_TX) = 3u; /* output, its input disconnected */
    REGISTER(GPIO_PIN_CNF + 4u * PORT_PIN_RX) = 0u; /* input */
    REGISTER(UART_PSELTXD) = PORT_PIN_TX;
    REGISTER(UART_PSELRXD) = PORT_PIN_RX;
    REGISTER(UART_BAUDRATE) = BAUD_115200;
    REGISTER(UART_ENABLE) = 4u;
    REGISTER(UART_STARTTX) = 1u;
    REGISTER(UART_STARTRX) = 1u;
    REGISTER(TIMER_BITMODE) = 3u; /* 32 bits */
    REGISTER(TIMER_PRESCALER) = PORT_TIMER_PRESCALER;
    REGISTER(TIMER_START) = 1u;
}

uint8_t port_read(void)
{
    wait_for(UART_RXDRDY, 1u, 1u);
    REGISTER(UART_RXDRDY) = 0u;
    return (uint8_t)REGISTER(UART_RXD);
}

void port_write(uint8_t byte)
{
    if (transmitting) {
        wait_for(UART_TXDRDY, 1u, 1u);
    }
    REGISTER(UART_TXDRDY) = 0u;
    REGISTER(UART_TXD) = byte;
    transmitting = 1u;
}

uint32_t port_ticks(void)
{
    REGISTER(TIMER_CAPTURE0) = 1u;
    return REGISTER(TIMER_CC0);
}
