/* Numbers and texts to the host, and numbers from it. */
#ifndef TEXT_H
#define TEXT_H

#include <stdint.h>

void text_put(const char *text);
void text_put_decimal(int32_t value);
void text_put_unsigned(uint32_t value);
void text_put_hex(uint8_t byte);

/* The value of a hexadecimal digit; above 15 if it is none. */
uint32_t text_digit(char character);

/* 1 and the decimal number at *at, which moves behind it and the blanks that follow; 0 if there is none in -999999999..999999999. */
uint32_t text_number(const char **at, int32_t *value);

#endif /* TEXT_H */
