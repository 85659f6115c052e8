/* A clock for short times: the core's own counter where a program may read it, which costs a fraction of a system clock's reading.
 * x86-64: the time-stamp counter, if it runs at one speed in every power state. AArch64: the generic timer. Else the system's clock. */
#ifndef SHIM_CLOCK_H
#define SHIM_CLOCK_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 199309L
#endif
#include <stdint.h>
#include <time.h>

static int64_t shim_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>

#define SHIM_CALIBRATION_NS 5000000

static double shim_tsc_ns; /* nanoseconds of a tick; 0: not asked yet, negative: the counter cannot be used */

/* Measured once against the system's clock, over five milliseconds: right to about 1e-5. */
static double shim_calibrate(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;
    int64_t start;
    int64_t end;
    uint64_t first;
    if (!__get_cpuid(0x80000007u, &a, &b, &c, &d) || (d & 0x100u) == 0u) {
        return -1.0;
    }
    start = shim_now_ns();
    first = __builtin_ia32_rdtsc();
    do {
        end = shim_now_ns();
    } while (end - start < SHIM_CALIBRATION_NS);
    return (double)(end - start) / (double)(__builtin_ia32_rdtsc() - first);
}

static inline uint64_t shim_ticks(void)
{
    return shim_tsc_ns > 0.0 ? __builtin_ia32_rdtsc() : (uint64_t)shim_now_ns();
}

static double shim_tick_ns(void)
{
    if (shim_tsc_ns == 0.0) {
        shim_tsc_ns = shim_calibrate();
    }
    return shim_tsc_ns > 0.0 ? shim_tsc_ns : 1.0;
}
#elif defined(__aarch64__) && defined(__GNUC__)
static inline uint64_t shim_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

static double shim_tick_ns(void)
{
    uint64_t hertz;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hertz));
    return 1e9 / (double)hertz;
}
#else
static inline uint64_t shim_ticks(void)
{
    return (uint64_t)shim_now_ns();
}

static double shim_tick_ns(void)
{
    return 1.0;
}
#endif

/* Ticks to the nearest nanoseconds, in place. */
static void shim_to_ns(int64_t *ticks, int64_t count, double unit)
{
    int64_t n;
    for (n = 0; n < count; n++) {
        ticks[n] = (int64_t)((double)ticks[n] * unit + 0.5);
    }
}

#endif
