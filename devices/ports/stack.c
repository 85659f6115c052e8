/* The high-water mark of the stack: the lowest word that no longer holds the pattern of memory.h. */
#include "memory.h"
#include "port.h"

uint32_t port_stack_used(void)
{
    const uint32_t *lowest = port_stack_start;
    while ((uintptr_t)lowest < (uintptr_t)port_stack_end && *lowest == STACK_PATTERN) {
        lowest++;
    }
    return (uint32_t)((uintptr_t)port_stack_end - (uintptr_t)lowest);
}
