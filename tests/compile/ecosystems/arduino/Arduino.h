/* The part of Arduino's API that the example uses, with the overloads of its class Print. */
#ifndef STUB_ARDUINO_H
#define STUB_ARDUINO_H

#include <stdint.h>

#include "console.h"

static inline uint32_t micros(void) { return 7; }
static inline uint32_t millis(void) { return 9; }
static inline void delay(uint32_t) {}

struct StubSerial {
    void begin(unsigned long) {}
    operator bool() const { return true; }
    void print(const char *text) { stub_print("%s", text); }
    void print(int value) { stub_print("%d", value); }
    void print(unsigned int value) { stub_print("%u", value); }
    void print(long value) { print(static_cast<int>(value)); }
    void print(unsigned long value) { print(static_cast<unsigned int>(value)); }
    void println(const char *text) { stub_print("%s\n", text); }
};

static StubSerial Serial;

void setup(void);
void loop(void);

#endif
