/* Start-up of every Cortex-M: vector table, memory, main. A fault or an interrupt that nobody asked for stops the core, so that the host
 * sees a silent board. */
#include "memory.h"
#include "port.h"

int main(void);
void port_reset(void);

static void stopped(void)
{
    for (;;) {
    }
}

void port_reset(void)
{
    uintptr_t top;
    __asm__ volatile("mov %0, sp" : "=r"(top));
    memory_start(top);
    port_start();
    (void)main();
    stopped();
}

typedef void (*Handler)(void);

typedef struct {
    uint32_t *stack; /* cppcheck-suppress unusedStructMember */
    Handler reset; /* cppcheck-suppress unusedStructMember */
    Handler system[14]; /* cppcheck-suppress unusedStructMember */
} Vectors; /* the core reads it */

__attribute__((section(".vectors"), used)) static const Vectors vectors = {
    port_stack_end,
    port_reset,
    {stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped, stopped},
};
