/* A plugin of QEMU's user-mode emulator: counts executed instructions and writes the count whenever the program calls getppid.
 *
 *     qemu-aarch64 -plugin count.so,out=FILE,mark=NUMBER ...       NUMBER: of getppid in the emulated system
 *
 * One line a call: the instructions so far. No header of QEMU is needed; these are the few declarations it has for plugins of version 1.
 * A block of translated code counts as a whole, so a block that an exception leaves early counts a few too many. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define ADD_U64 0

typedef uint64_t id_type;
struct qemu_plugin_tb;
struct qemu_info_t;

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(id_type id, void (*call)(id_type, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *place, uint64_t value);
void qemu_plugin_register_vcpu_syscall_cb(id_type id, void (*call)(id_type, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                                                   uint64_t, uint64_t, uint64_t, uint64_t));

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(id_type id, const struct qemu_info_t *info, int count, char **arguments);

static uint64_t executed;
static long mark;
static FILE *out;

static void translated(id_type id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed, qemu_plugin_tb_n_insns(block));
}

static void called(id_type id, unsigned cpu, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
                   uint64_t g, uint64_t h)
{
    (void)id, (void)cpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number == mark) {
        fprintf(out, "%llu\n", (unsigned long long)executed);
        fflush(out);
    }
}

int qemu_plugin_install(id_type id, const struct qemu_info_t *info, int count, char **arguments)
{
    int k;
    (void)info;
    for (k = 0; k < count; k++) {
        if (strncmp(arguments[k], "out=", 4) == 0) {
            out = fopen(arguments[k] + 4, "w");
        } else if (strncmp(arguments[k], "mark=", 5) == 0) {
            mark = strtol(arguments[k] + 5, NULL, 10);
        }
    }
    if (out == NULL || mark == 0) {
        fprintf(stderr, "count: give out=FILE and mark=NUMBER\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
