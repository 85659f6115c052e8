#include "semihosting.h"

#define SYS_OPEN 0x01u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT 0x20026u

/* The trap that both instruction sets define for it. */
static __attribute__((noinline)) uint32_t trap(uint32_t operation, const uint32_t *arguments)
{
#if defined(__riscv)
    register uint32_t a0 __asm__("a0") = operation;
    register const uint32_t *a1 __asm__("a1") = arguments;
    __asm__ volatile(".balign 16\n.option push\n.option norvc\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
#else
    register uint32_t r0 __asm__("r0") = operation;
    register const uint32_t *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
#endif
}

static uint32_t address(const volatile void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

int32_t semihosting_open(const char *name, uint32_t mode)
{
    uint32_t length = 0u;
    while (name[length] != '\0') {
        length++;
    }
    const uint32_t arguments[3] = {address(name), mode, length};
    return (int32_t)trap(SYS_OPEN, arguments);
}

uint32_t semihosting_read(int32_t handle, void *to, uint32_t bytes)
{
    const uint32_t arguments[3] = {(uint32_t)handle, address(to), bytes};
    return trap(SYS_READ, arguments);
}

uint32_t semihosting_write(int32_t handle, const void *from, uint32_t bytes)
{
    const uint32_t arguments[3] = {(uint32_t)handle, address(from), bytes};
    return trap(SYS_WRITE, arguments);
}

void semihosting_exit(uint32_t status)
{
    const uint32_t arguments[2] = {APPLICATION_EXIT, status};
    (void)trap(SYS_EXIT_EXTENDED, arguments);
}
