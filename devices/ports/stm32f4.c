/* ST STM32F4 on a Nucleo-64: USART2 on PA2 and PA3 (the debug probe's serial port) and TIM2 at 1 MHz, all on the 16 MHz clock of reset, at
 * which flash needs no wait states. */
#include "port.h"
#include "registers.h"

#define RCC_AHB1ENR 0x40023830u
#define RCC_APB1ENR 0x40023840u
#define GPIOA_MODER 0x40020000u
#define GPIOA_AFRL 0x40020020u
#define USART2_SR 0x40004400u
#define USART2_DR 0x40004404u
#define USART2_BRR 0x40004408u
#define USART2_CR1 0x4000440Cu
#define SR_RXNE 0x20u
#define SR_TXE 0x80u
#define TIM2_CR1 0x40000000u
#define TIM2_EGR 0x40000014u
#define TIM2_CNT 0x40000024u
#define TIM2_PSC 0x40000028u
#define TIM2_ARR 0x4000002Cu
#define CLOCK_HZ 16000000u

const uint32_t port_ticks_per_us = 1u;

void port_start(void)
{
    REGISTER(RCC_AHB1ENR) |= 1u;                 /* GPIOA */
    REGISTER(RCC_APB1ENR) |= 1u << 17 | 1u;      /* USART2, TIM2 */
    (void)REGISTER(RCC_APB1ENR);                 /* the peripherals need two cycles before they are written to */
    REGISTER(GPIOA_MODER) = (REGISTER(GPIOA_MODER) & ~0xF0u) | 0xA0u; /* PA2 and PA3: alternate function */
    REGISTER(GPIOA_AFRL) = (REGISTER(GPIOA_AFRL) & ~0xFF00u) | 0x7700u;
    REGISTER(USART2_BRR) = (CLOCK_HZ + 57600u) / 115200u;
    REGISTER(USART2_CR1) = 1u << 13 | 1u << 3 | 1u << 2; /* on, transmit, receive */
    REGISTER(TIM2_PSC) = CLOCK_HZ / 1000000u - 1u;
    REGISTER(TIM2_ARR) = 0xFFFFFFFFu;
    REGISTER(TIM2_EGR) = 1u; /* takes the prescaler over */
    REGISTER(TIM2_CR1) = 1u;
}

uint8_t port_read(void)
{
    wait_for(USART2_SR, SR_RXNE, SR_RXNE);
    return (uint8_t)REGISTER(USART2_DR);
}

void port_write(uint8_t byte)
{
    wait_for(USART2_SR, SR_TXE, SR_TXE);
    REGISTER(USART2_DR) = byte;
}

uint32_t port_ticks(void)
{
    return REGISTER(TIM2_CNT);
}
