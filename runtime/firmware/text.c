#include "text.h"

#include "port.h"

void text_put(const char *text)
{
    while (*text != '\0') {
        port_write((uint8_t)*text++);
    }
}

/* Subtracts powers of ten: a Cortex-M0 has no division. */
void text_put_unsigned(uint32_t value)
{
    static const uint32_t powers[] = {1000000000u, 100000000u, 10000000u, 1000000u, 100000u, 10000u, 1000u, 100u, 10u, 1u};
    uint32_t started = 0u;
    uint32_t k;
    for (k = 0u; k < 10u; k++) {
        uint8_t digit = '0';
        while (value >= powers[k]) {
            value -= powers[k];
            digit++;
        }
        started |= (uint32_t)(digit != '0') | (uint32_t)(k == 9u);
        if (started) {
            port_write(digit);
        }
    }
}

void text_put_decimal(int32_t value)
{
    if (value < 0) {
        port_write('-');
    }
    text_put_unsigned(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static void put_digit(uint32_t value)
{
    port_write((uint8_t)(value < 10u ? '0' + value : 'a' - 10u + value));
}

void text_put_hex(uint8_t byte)
{
    put_digit((uint32_t)byte >> 4);
    put_digit(byte & 15u);
}

uint32_t text_digit(char character)
{
    const uint32_t code = (uint8_t)character;
    const uint32_t letter = (code | 0x20u) - 'a';
    return code - '0' < 10u ? code - '0' : letter < 6u ? letter + 10u : 16u;
}

uint32_t text_number(const char **at, int32_t *value)
{
    const char *next = *at;
    const uint32_t negative = *next == '-';
    int32_t found = 0;
    uint32_t digits = 0u;
    next += negative;
    while (*next >= '0' && *next <= '9') {
        if (++digits > 9u) {
            return 0u;
        }
        found = found * 10 + (*next++ - '0');
    }
    if (digits == 0u || (*next != ' ' && *next != '\0')) {
        return 0u;
    }
    while (*next == ' ') {
        next++;
    }
    *at = next;
    *value = negative ? -found : found;
    return 1u;
}
