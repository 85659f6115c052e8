/* The text that a stubbed ecosystem would have sent to its console: kept in memory, since an emulated core has no file to print to. */
#ifndef STUB_CONSOLE_H
#define STUB_CONSOLE_H

#ifdef __cplusplus
extern "C" {
#endif

#define STUB_CONSOLE_BYTES 512

extern char stub_output[STUB_CONSOLE_BYTES]; /* ends with 0 */

/* Understands %s, %u, %d and %lld, which is all that the examples use. */
void stub_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif

#endif
