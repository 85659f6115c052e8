/* For an emulator with semihosting: inferences over the samples of a file, scores and ticks into another.
 *
 * In: samples.bin, NEARWIRE_INPUTS bytes a sample. Out: results.bin, little-endian 32-bit words: the ticks of a call of one instruction, the
 * ticks between two readings of the counter, the bytes of stack that an inference used, then for every sample its scores, the ticks of its inference, and the ticks of each layer in it in a
 * firmware made for that. Exit status 0; 1 if a file cannot be used. */
#include "memory.h"
#include "model_entry.h"
#include "port.h"
#include "semihosting.h"

#ifdef FIRMWARE_LAYERS
#include "layers.h"
uint32_t layer_ticks[NEARWIRE_LAYERS];
#endif

typedef void (*Work)(const uint8_t *, int32_t *);

/* One instruction: the return. */
static __attribute__((noinline)) void nothing(const uint8_t *input, int32_t *scores)
{
    (void)input;
    (void)scores;
    __asm__ volatile("");
}

/* Through a pointer, so that both works are called in the same way. */
static __attribute__((noinline)) uint32_t ticks_of(Work work)
{
    const uint32_t from = port_ticks();
    work(entry_input, entry_scores);
    return port_ticks() - from;
}

static __attribute__((noinline)) uint32_t stack_of_infer(void)
{
    uintptr_t top;
#if defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(top));
#else
    __asm__ volatile("mov %0, sp" : "=r"(top));
#endif
    nearwire_infer(entry_input, entry_scores);
    return port_stack_used() - (uint32_t)((uintptr_t)port_stack_end - top);
}

static void put(int32_t handle, const void *from, uint32_t bytes)
{
    if (semihosting_write(handle, from, bytes) != 0u) {
        semihosting_exit(1u);
    }
}

int main(void);

int main(void)
{
    uint32_t ticks[3];
    int32_t samples;
    int32_t results;
    ticks[2] = stack_of_infer(); /* before anything else has used the stack */
    samples = semihosting_open("samples.bin", SEMIHOSTING_READ);
    results = semihosting_open("results.bin", SEMIHOSTING_WRITE);
    if (samples < 0 || results < 0) {
        semihosting_exit(1u);
    }
    ticks[0] = ticks_of(nothing);
    {
        const uint32_t from = port_ticks();
        ticks[1] = port_ticks() - from;
    }
    put(results, ticks, 12u);
    while (semihosting_read(samples, entry_input, sizeof entry_input) == 0u) {
#ifdef FIRMWARE_LAYERS
        uint32_t k;
        for (k = 0u; k < (uint32_t)NEARWIRE_LAYERS; k++) {
            layer_ticks[k] = 0u;
        }
#endif
        ticks[0] = ticks_of(nearwire_infer);
        put(results, entry_scores, sizeof entry_scores);
        put(results, ticks, 4u);
#ifdef FIRMWARE_LAYERS
        put(results, layer_ticks, 4u * (uint32_t)NEARWIRE_LAYERS);
#endif
    }
    semihosting_exit(0u);
    return 0;
}
