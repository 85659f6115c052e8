/* The part of Zephyr's kernel API that the sample uses. */
#ifndef STUB_ZEPHYR_KERNEL_H
#define STUB_ZEPHYR_KERNEL_H

#include <stdint.h>

static inline uint32_t k_cycle_get_32(void) { return 64u; }
static inline uint32_t k_cyc_to_us_near32(uint32_t cycles) { return cycles / 64u; }

#endif
