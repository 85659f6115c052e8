/* Espressif ESP32-C3, started by the boot ROM straight from flash ("direct boot"): UART0 as the ROM left it (115200 baud on the crystal), the
 * 16 MHz system timer. The ROM's watchdogs are switched off: nobody feeds them here. */
#include "port.h"
#include "registers.h"

#define UART_FIFO 0x60000000u
#define UART_STATUS 0x6000001Cu
#define RECEIVED_MASK 0x3FFu
#define TRANSMIT_SHIFT 16
#define TRANSMIT_LIMIT 126u /* of the 128 bytes of the FIFO */
#define RTC_WDT_CONFIG 0x60008090u
#define RTC_WDT_PROTECT 0x600080A8u
#define RTC_SWD_CONFIG 0x600080ACu
#define RTC_SWD_PROTECT 0x600080B0u
#define TIMER_GROUP0_WDT_CONFIG 0x6001F048u
#define TIMER_GROUP0_WDT_PROTECT 0x6001F064u
#define WDT_KEY 0x50D83AA1u
#define SWD_KEY 0x8F1D312Au
#define SYSTIMER_OP 0x60023004u
#define SYSTIMER_LOW 0x60023044u

const uint32_t port_ticks_per_us = 16u;

void port_start(void)
{
    REGISTER(RTC_WDT_PROTECT) = WDT_KEY;
    REGISTER(RTC_WDT_CONFIG) = 0u;
    REGISTER(RTC_WDT_PROTECT) = 0u;
    REGISTER(RTC_SWD_PROTECT) = SWD_KEY;
    REGISTER(RTC_SWD_CONFIG) |= 1u << 31; /* feeds itself */
    REGISTER(RTC_SWD_PROTECT) = 0u;
    REGISTER(TIMER_GROUP0_WDT_PROTECT) = WDT_KEY;
    REGISTER(TIMER_GROUP0_WDT_CONFIG) = 0u;
    REGISTER(TIMER_GROUP0_WDT_PROTECT) = 0u;
}

uint8_t port_read(void)
{
    while ((REGISTER(UART_STATUS) & RECEIVED_MASK) == 0u) {
    }
    return (uint8_t)REGISTER(UART_FIFO);
}

void port_write(uint8_t byte)
{
    while ((REGISTER(UART_STATUS) >> TRANSMIT_SHIFT & 0x3FFu) >= TRANSMIT_LIMIT) {
    }
    REGISTER(UART_FIFO) = byte;
}

uint32_t port_ticks(void)
{
    REGISTER(SYSTIMER_OP) = 1u << 30;
    wait_for(SYSTIMER_OP, 1u << 29, 1u << 29);
    return REGISTER(SYSTIMER_LOW);
}
