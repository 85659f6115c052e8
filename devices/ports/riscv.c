/* Start-up of a 32-bit RISC-V core in machine mode: stack, memory, main. A trap stops the core, so that the host sees a silent board. */
#include "memory.h"
#include "port.h"

int main(void);
void port_main(void);
void port_reset(void);

/* Called by port_reset, which may have no frame of its own while there is no stack. */
__attribute__((used)) void port_main(void)
{
    uintptr_t top;
    __asm__ volatile("mv %0, sp" : "=r"(top));
    memory_start(top);
    port_start();
    (void)main();
}

__attribute__((naked, section(".vectors"), used)) void port_reset(void)
{
    __asm__ volatile(
#ifdef PORT_HEADER
        ".word " PORT_HEADER "\n" /* what the chip's loader looks for in front of the program */
#endif
        "la sp, port_stack_end\n"
        "la t0, 1f\n"
        "csrw mtvec, t0\n"
        "call port_main\n"
        ".balign 4\n"
        "1: j 1b\n");
}
