/* Files and the exit of an emulator's host, for programs that run under QEMU with -semihosting-config enable=on. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

enum { SEMIHOSTING_READ = 1, SEMIHOSTING_WRITE = 5 }; /* "rb", "wb" */

/* A handle, or -1. */
int32_t semihosting_open(const char *name, uint32_t mode);

/* 0, or the bytes that were not read or written. */
uint32_t semihosting_read(int32_t handle, void *to, uint32_t bytes);
uint32_t semihosting_write(int32_t handle, const void *from, uint32_t bytes);

/* Ends the emulator with this status. */
void semihosting_exit(uint32_t status);

#endif /* SEMIHOSTING_H */
