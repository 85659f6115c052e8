#include "console.h"

#include <stdarg.h>

char stub_output[STUB_CONSOLE_BYTES];
static unsigned stub_length;

static void stub_put(char c)
{
    if (stub_length + 1u < STUB_CONSOLE_BYTES) {
        stub_output[stub_length++] = c;
    }
}

static void stub_number(unsigned long long value)
{
    if (value > 9u) {
        stub_number(value / 10u);
    }
    stub_put((char)('0' + value % 10u));
}

static void stub_signed(long long value)
{
    if (value < 0) {
        stub_put('-');
    }
    stub_number(value < 0 ? 0u - (unsigned long long)value : (unsigned long long)value);
}

void stub_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            stub_put(*format);
            continue;
        }
        format++;
        if (*format == 's') {
            const char *text = va_arg(arguments, const char *);
            while (*text != '\0') {
                stub_put(*text++);
            }
        } else if (*format == 'u') {
            stub_number(va_arg(arguments, unsigned));
        } else if (*format == 'd') {
            stub_signed(va_arg(arguments, int));
        } else { /* l, ll */
            int longs = 0;
            while (*format == 'l') {
                longs++;
                format++;
            }
            stub_signed(longs > 1 ? va_arg(arguments, long long) : va_arg(arguments, long));
        }
    }
    va_end(arguments);
}
