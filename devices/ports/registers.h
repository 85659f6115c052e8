/* Access to a peripheral's 32-bit registers by address. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* Waits until the bits of `mask` in a register have the value `wanted`. */
static inline void wait_for(uint32_t address, uint32_t mask, uint32_t wanted)
{
    while ((REGISTER(address) & mask) != wanted) {
    }
}

#endif /* REGISTERS_H */
