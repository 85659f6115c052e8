/* Raspberry Pi RP2040 on a Pico: UART0 on GP0 and GP1, the system timer, everything on the 12 MHz crystal without a PLL.
 *
 * The boot ROM loads the first 256 bytes of flash, checks their CRC-32 (devices/tools/images.py writes it) and runs them: they switch on
 * execution in place with the plain read command 03h, which every flash chip knows, and enter the vector table behind them. */
#include "port.h"
#include "registers.h"

#define XIP_CONTROL 0x18000000u
#define PROGRAM 0x10000100u
#define VECTOR_TABLE 0xE000ED08u
#define RESETS_CLEAR 0x4000F000u /* RESET through the alias that clears bits */
#define RESETS_DONE 0x4000C008u
#define NEEDED (1u << 5 | 1u << 8 | 1u << 21 | 1u << 22) /* IO bank 0, pads, timer, UART0 */
#define XOSC_CONTROL 0x40024000u
#define XOSC_STATUS 0x40024004u
#define XOSC_STARTUP 0x4002400Cu
#define CLK_REF_CONTROL 0x40008030u
#define CLK_REF_SELECTED 0x40008038u
#define CLK_SYS_CONTROL 0x4000803Cu
#define CLK_SYS_SELECTED 0x40008044u
#define CLK_PERI_CONTROL 0x40008048u
#define WATCHDOG_TICK 0x4005802Cu
#define GPIO0_CONTROL 0x40014004u
#define GPIO1_CONTROL 0x4001400Cu
#define UART_DATA 0x40034000u
#define UART_FLAGS 0x40034018u
#define UART_BAUD 0x40034024u
#define UART_BAUD_FRACTION 0x40034028u
#define UART_LINE 0x4003402Cu
#define UART_CONTROL 0x40034030u
#define UART_RECEIVE_EMPTY 0x10u
#define UART_TRANSMIT_FULL 0x20u
#define TIMER_LOW 0x40054028u
#define CLOCK_HZ 12000000u

const uint32_t port_ticks_per_us = 1u;

void port_boot(void);

/* Position-independent, since the boot ROM runs it in RAM: literals lie behind the code, in the same section. */
__attribute__((naked, section(".boot"), used)) void port_boot(void)
{
    __asm__ volatile(
        ".syntax unified\n"
        "ldr r0, 1f\n"
        "movs r1, #0\n"
        "str r1, [r0, #0x08]\n" /* SSIENR: off while it is set up */
        "movs r1, #4\n"
        "str r1, [r0, #0x14]\n" /* BAUDR: a quarter of the clock */
        "ldr r1, 2f\n"
        "str r1, [r0, #0x00]\n" /* CTRLR0: 32 bits a frame, command then read */
        "ldr r1, 3f\n"
        "movs r2, #0xf4\n"
        "str r1, [r0, r2]\n" /* SPI_CTRLR0: command 03h of 8 bits, address of 24 bits */
        "movs r1, #0\n"
        "str r1, [r0, #0x04]\n" /* CTRLR1: one frame */
        "movs r1, #1\n"
        "str r1, [r0, #0x08]\n"
        "ldr r0, 4f\n"
        "ldr r1, 5f\n"
        "str r0, [r1]\n"
        "ldr r1, [r0]\n"
        "ldr r2, [r0, #4]\n"
        "msr msp, r1\n"
        "bx r2\n"
        ".balign 4\n"
        "1: .word 0x18000000\n"
        "2: .word 0x001f0300\n"
        "3: .word 0x03000218\n"
        "4: .word 0x10000100\n"
        "5: .word 0xe000ed08\n"
        ".space 256 - (. - port_boot)\n");
}

void port_start(void)
{
    REGISTER(XOSC_STARTUP) = 47u; /* 1 ms */
    REGISTER(XOSC_CONTROL) = 0xFABAA0u;
    wait_for(XOSC_STATUS, 0x80000000u, 0x80000000u);
    REGISTER(CLK_REF_CONTROL) = 2u; /* the crystal */
    wait_for(CLK_REF_SELECTED, 4u, 4u);
    REGISTER(CLK_SYS_CONTROL) = 0u; /* the reference clock */
    wait_for(CLK_SYS_SELECTED, 1u, 1u);
    REGISTER(CLK_PERI_CONTROL) = 1u << 11;
    REGISTER(WATCHDOG_TICK) = CLOCK_HZ / 1000000u | 1u << 9; /* the timer's microsecond */
    REGISTER(RESETS_CLEAR) = NEEDED;
    wait_for(RESETS_DONE, NEEDED, NEEDED);
    REGISTER(GPIO0_CONTROL) = 2u; /* UART0 */
    REGISTER(GPIO1_CONTROL) = 2u;
    REGISTER(UART_BAUD) = CLOCK_HZ / (16u * 115200u);
    REGISTER(UART_BAUD_FRACTION) = CLOCK_HZ * 4u / 115200u % 64u;
    REGISTER(UART_LINE) = 0x70u; /* 8 bits, FIFO */
    REGISTER(UART_CONTROL) = 0x301u;
}

uint8_t port_read(void)
{
    wait_for(UART_FLAGS, UART_RECEIVE_EMPTY, 0u);
    return (uint8_t)REGISTER(UART_DATA);
}

void port_write(uint8_t byte)
{
    wait_for(UART_FLAGS, UART_TRANSMIT_FULL, 0u);
    REGISTER(UART_DATA) = byte;
}

uint32_t port_ticks(void)
{
    return REGISTER(TIMER_LOW);
}
