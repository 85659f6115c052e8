/* The device's side of the serial protocol that MLPerf Tiny's host runners speak.
 *
 * The host sends ASCII commands, each ended by '%'. Lines of the answer end with "\r\n"; the last one is always m-ready, after an error too.
 *
 *     name            m-name-dut-[nearwire]
 *     profile         m-profile-[version board], m-model-[name], m-sha256-[of the network]
 *     timestamp       m-lap-us-T
 *     db load N       m-[Expecting N bytes]: N is the size of the network's input
 *     db HEX          the next bytes of the input; m-load-done behind the last one
 *     db print        m-buffer-xx-xx-..., eight bytes a line
 *     infer N W       W inferences to warm up (10 unless said), then N (1 unless said) between two laps, then the results
 *     results         m-results-[s,s,...]: the integer scores of the last inference
 *     help            the commands
 * and, nearwire's own,
 *     stack           m-stack-bytes-S: how much of the stack was ever used
 *     layers          m-layer-K-ticks-T-per-us-U for every layer: ticks in it during the last infer, in a firmware made for it
 *
 * Errors are e-[text]: an unknown command, a line over PROTOCOL_LINE - 1 bytes, odd or bad hex, bytes nobody asked for or beyond N (none of
 * the command's bytes are taken then), infer before the input is complete, N below 1 or either
 * number above 999999. */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_LINE 80u

/* Greets the host. */
void protocol_start(void);

/* Takes the next byte from the host, and answers if it ends a command. */
void protocol_take(uint8_t byte);

#endif /* PROTOCOL_H */
