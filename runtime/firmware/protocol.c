#include "protocol.h"

#include "model_entry.h"
#include "port.h"
#include "text.h"
#include "timing.h"

#ifdef FIRMWARE_LAYERS
#include "layers.h"
uint32_t layer_ticks[NEARWIRE_LAYERS];
#endif

#define MOST_INFERENCES 999999 /* nothing can end them early */

static char line[PROTOCOL_LINE]; /* the command so far, and a zero behind it */
static uint32_t line_length;     /* PROTOCOL_LINE: it was too long */
static uint32_t expected;        /* bytes of `db load`, 0 before it */
static uint32_t loaded;          /* of them, those that came */

static void put_line(const char *text)
{
    text_put(text);
    text_put("\r\n");
}

/* PREFIX and a number, as m-lap-us-5. */
static void put_value(const char *prefix, uint32_t value)
{
    text_put(prefix);
    text_put_unsigned(value);
    put_line("");
}

static void put_error(const char *text)
{
    text_put("e-[");
    text_put(text);
    put_line("]");
}

/* Whether the text begins with the word, and where the rest of it is; a word ends at a blank or at the end. */
static const char *behind(const char *text, const char *word)
{
    while (*word != '\0') {
        if (*text++ != *word++) {
            return 0;
        }
    }
    if (*text != ' ' && *text != '\0') {
        return 0;
    }
    while (*text == ' ') {
        text++;
    }
    return text;
}

static void put_results(void)
{
    uint32_t k;
    text_put("m-results-[");
    for (k = 0u; k < (uint32_t)NEARWIRE_OUTPUTS; k++) {
        if (k > 0u) {
            port_write(',');
        }
        text_put_decimal(entry_scores[k]);
    }
    put_line("]");
}

static void load(const char *rest)
{
    int32_t bytes;
    if (!text_number(&rest, &bytes) || *rest != '\0' || bytes != (int32_t)NEARWIRE_INPUTS) {
        text_put("e-[db load takes ");
        text_put_unsigned((uint32_t)NEARWIRE_INPUTS);
        put_line(": the bytes of an input]");
        return;
    }
    expected = (uint32_t)bytes;
    loaded = 0u;
    text_put("m-[Expecting ");
    text_put_unsigned(expected);
    put_line(" bytes]");
}

static void print_buffer(void)
{
    uint32_t k;
    for (k = 0u; k < loaded; k++) {
        if ((k & 7u) == 0u) {
            text_put("m-buffer");
        }
        port_write('-');
        text_put_hex(entry_input[k]);
        if ((k & 7u) == 7u || k + 1u == loaded) {
            put_line("");
        }
    }
}

/* Checks the whole command before a byte is taken, so that the host may send it again. */
static void take_bytes(const char *hex)
{
    uint32_t digits = 0u;
    while (hex[digits] != '\0') {
        if (text_digit(hex[digits]) > 15u) {
            put_error("Not a hexadecimal digit");
            return;
        }
        digits++;
    }
    if ((digits & 1u) != 0u || digits == 0u) {
        put_error("Odd or no hexadecimal digits");
    } else if (expected == 0u) {
        put_error("No db load before the bytes");
    } else if (digits / 2u > expected - loaded) {
        put_error("More bytes than expected");
    } else {
        for (; *hex != '\0'; hex += 2) {
            entry_input[loaded++] = (uint8_t)(text_digit(hex[0]) << 4 | text_digit(hex[1]));
        }
        if (loaded == expected) {
            put_line("m-load-done");
        }
    }
}

static void repeat(uint32_t count)
{
    for (; count > 0u; count--) {
        entry_infer();
        timing_poll();
    }
}

/* The laps are sent after the second one is taken: sending the first would take longer than many inferences. */
static void infer(const char *rest)
{
    int32_t count = 1;
    int32_t warmup = 10;
    uint32_t from;
    uint32_t to;
    if (*rest != '\0' && (!text_number(&rest, &count) || (*rest != '\0' && !text_number(&rest, &warmup)) || *rest != '\0')) {
        put_error("infer takes two numbers");
        return;
    }
    if (count < 1 || warmup < 0 || count > MOST_INFERENCES || warmup > MOST_INFERENCES) {
        put_error("infer takes 1 to 999999 inferences and 0 to 999999 to warm up");
        return;
    }
    if (expected == 0u || loaded != expected) {
        put_error("No input: db load and all its bytes come first");
        return;
    }
    put_value("m-warmup-start-", (uint32_t)warmup);
    repeat((uint32_t)warmup);
    put_line("m-warmup-done");
    put_value("m-infer-start-", (uint32_t)count);
#ifdef FIRMWARE_LAYERS
    for (from = 0u; from < (uint32_t)NEARWIRE_LAYERS; from++) {
        layer_ticks[from] = 0u;
    }
#endif
    from = timing_us();
    repeat((uint32_t)count);
    to = timing_us();
    put_value("m-lap-us-", from);
    put_value("m-lap-us-", to);
    put_line("m-infer-done");
    put_results();
}

static void put_layers(void)
{
#ifdef FIRMWARE_LAYERS
    uint32_t k;
    for (k = 0u; k < (uint32_t)NEARWIRE_LAYERS; k++) {
        text_put("m-layer-");
        text_put_unsigned(k);
        text_put("-ticks-");
        text_put_unsigned(layer_ticks[k]);
        put_value("-per-us-", port_ticks_per_us);
    }
#else
    put_error("This firmware does not time layers");
#endif
}

static void obey(void)
{
    const char *rest;
    if (behind(line, "name")) {
        put_line("m-name-dut-[nearwire]");
    } else if (behind(line, "profile")) {
        put_line("m-profile-[" FIRMWARE_PROFILE "]");
        put_line("m-model-[" FIRMWARE_MODEL "]");
        put_line("m-sha256-[" NEARWIRE_NETWORK_SHA256 "]");
    } else if (behind(line, "timestamp")) {
        put_value("m-lap-us-", timing_us());
    } else if ((rest = behind(line, "db load")) != 0) {
        load(rest);
    } else if (behind(line, "db print")) {
        print_buffer();
    } else if ((rest = behind(line, "db")) != 0) {
        take_bytes(rest);
    } else if ((rest = behind(line, "infer")) != 0) {
        infer(rest);
    } else if (behind(line, "results")) {
        put_results();
    } else if (behind(line, "stack")) {
        put_value("m-stack-bytes-", port_stack_used());
    } else if (behind(line, "layers")) {
        put_layers();
    } else if (behind(line, "help")) {
        put_line("name profile timestamp db infer results stack layers help");
    } else {
        text_put("e-[Unknown command: ");
        text_put(line);
        put_line("]");
    }
}

void protocol_start(void)
{
    put_line("m-timestamp-mode-performance");
    put_line("m-init-done");
    put_line("m-ready");
}

void protocol_take(uint8_t byte)
{
    if (byte == '\r' || byte == '\n') {
        return;
    }
    timing_poll();
    if (byte != '%') {
        if (line_length < PROTOCOL_LINE - 1u) {
            line[line_length++] = (char)(byte >= ' ' && byte <= '~' ? byte : '?');
        } else {
            line_length = PROTOCOL_LINE;
        }
        return;
    }
    if (line_length == PROTOCOL_LINE) {
        put_error("Line too long");
    } else {
        line[line_length] = '\0';
        obey();
    }
    line_length = 0u;
    put_line("m-ready");
}
