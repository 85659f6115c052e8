/* What every start-up does before main: the initial values of .data, zeros in .bss, a pattern in the stack that has not been used yet. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>

/* From the linker script. */
extern uint32_t port_data_start[], port_data_end[], port_bss_start[], port_bss_end[], port_stack_start[], port_stack_end[];
extern const uint32_t port_data_load[];

#define STACK_PATTERN 0xA5A5A5A5u

/* Addresses are compared as integers: the linker's symbols are no parts of one object. `top`: the stack below this address is free. */
static inline void memory_start(uintptr_t top)
{
    const uint32_t *from = port_data_load;
    uint32_t *to;
    for (to = port_data_start; (uintptr_t)to < (uintptr_t)port_data_end; to++) {
        *to = *from++;
    }
    for (to = port_bss_start; (uintptr_t)to < (uintptr_t)port_bss_end; to++) {
        *to = 0u;
    }
    for (to = port_stack_start; (uintptr_t)to < top; to++) {
        *(volatile uint32_t *)to = STACK_PATTERN;
    }
}

#endif /* MEMORY_H */
