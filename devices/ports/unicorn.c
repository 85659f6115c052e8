/* The core that devices/links/unicorn.py emulates: two registers to the host, and a counter of executed instructions, one a microsecond. */
#include "port.h"
#include "registers.h"

#define HOST_DATA 0x40000000u
#define HOST_RECEIVED 0x40000004u
#define HOST_INSTRUCTIONS 0x40000008u

const uint32_t port_ticks_per_us = 1u;

void port_start(void)
{
}

uint8_t port_read(void)
{
    wait_for(HOST_RECEIVED, 1u, 1u);
    return (uint8_t)REGISTER(HOST_DATA);
}

void port_write(uint8_t byte)
{
    REGISTER(HOST_DATA) = byte;
}

uint32_t port_ticks(void)
{
    return REGISTER(HOST_INSTRUCTIONS);
}
