/* Throws commands at the firmware's protocol: right ones, damaged ones, and noise. An input is a command and its '%'.
 *
 * Checked for each: no sanitizer's finding, an answer of printable lines that ends with m-ready and has no other such line, no
 * answer before the end of a command, errors for lines that are too long, no inference in a command that is refused. The last line tells how
 * many of what came. */
#include <ctype.h>

#include "fuzz.h"
#include "model_entry.h"
#include "port.h"
#include "protocol.h"

#define INFERENCES_RUN 2u /* of one command: the others are skipped, since they compute the same */

static char answer[1u << 16];
static uint32_t answered;
static uint32_t ticks;
static uint32_t inferred;

const uint32_t port_ticks_per_us = 3u;

void port_start(void)
{
}

uint8_t port_read(void)
{
    return 0u;
}

void port_write(uint8_t byte)
{
    if (answered + 1u >= sizeof answer) {
        fuzz_fail("an answer without end", 0, answer, 100);
    }
    answer[answered++] = (char)byte;
    answer[answered] = '\0';
}

uint32_t port_ticks(void)
{
    return ticks += 7u;
}

uint32_t port_stack_used(void)
{
    return 1u;
}

uint8_t entry_input[NEARWIRE_INPUTS];
int32_t entry_scores[NEARWIRE_OUTPUTS];

void entry_infer(void)
{
    if (inferred++ < INFERENCES_RUN) {
        nearwire_infer(entry_input, entry_scores);
    }
}

static uint8_t command[6000];
static uint32_t size;

static void add(const char *text)
{
    while (*text != '\0') {
        command[size++] = (uint8_t)*text++;
    }
}

static void add_number(void)
{
    static const char *const odd[] = {"0", "-1", "00003", "+1", "1e3", "0x10", "2147483648", "99999999999999999999", "", "-", "1.5"};
    char text[32];
    if (fuzz_below(4) == 0) {
        add(odd[fuzz_below(sizeof odd / sizeof odd[0])]);
    } else {
        snprintf(text, sizeof text, "%d", (int)fuzz_below(300) - 20);
        add(text);
    }
}

static void add_hex(uint32_t digits)
{
    while (digits-- > 0u) {
        command[size++] = (uint8_t)"0123456789abcdefABCDEF"[fuzz_below(22)];
    }
}

static void make(void)
{
    static const char *const plain[] = {"name", "profile", "timestamp", "results", "help", "db print", "stack", "layers", ""};
    char text[32];
    uint32_t k;
    size = 0;
    switch (fuzz_below(8)) {
    case 0:
        add(plain[fuzz_below(sizeof plain / sizeof plain[0])]);
        break;
    case 1:
        snprintf(text, sizeof text, "db load %d", NEARWIRE_INPUTS);
        add(text);
        break;
    case 2:
        add("db load ");
        add_number();
        break;
    case 3:
    case 4:
        add("db ");
        add_hex(fuzz_below(3) == 0 ? 2u * NEARWIRE_INPUTS : fuzz_below(4) ? 2u * fuzz_below(32) : fuzz_below(90));
        break;
    case 5:
        add("infer");
        for (k = fuzz_below(4); k > 0; k--) {
            add(" ");
            add_number();
        }
        break;
    case 6: /* noise */
        for (k = fuzz_below(fuzz_below(20) ? 100 : 5000); k > 0; k--) {
            command[size++] = (uint8_t)fuzz_below(256);
        }
        break;
    default:
        add("infer 1 0");
        break;
    }
    for (k = fuzz_below(4) == 0 ? 1u + fuzz_below(3) : 0u; k > 0u && size > 0u; k--) { /* damage */
        const uint32_t at = fuzz_below(size);
        switch (fuzz_below(3)) {
        case 0:
            command[at] = (uint8_t)fuzz_below(256);
            break;
        case 1:
            memmove(command + at, command + at + 1, size - at - 1u);
            size--;
            break;
        default:
            memmove(command + at + 1, command + at, size - at);
            command[at] = (uint8_t)fuzz_below(256);
            size++;
        }
    }
    for (k = 0; k < size; k++) { /* '%' would end it early */
        if (command[k] == '%') {
            command[k] = '$';
        }
    }
}

static void check(uint64_t input)
{
    uint32_t k;
    if (answered < 9u || strcmp(answer + answered - 9u, "m-ready\r\n") != 0 || (answered > 9u && answer[answered - 10u] != '\n')) {
        fuzz_fail("no m-ready at the end", input, command, size);
    }
    for (k = 0; k < answered; k++) {
        const int fine = isprint((unsigned char)answer[k]) || (answer[k] == '\r' && answer[k + 1u] == '\n') || (answer[k] == '\n' && answer[k - 1u] == '\r');
        if (!fine) {
            fuzz_fail("an answer that is no text", input, command, size);
        }
        if (answer[k] == '\n' && k + 1u < answered - 9u && strncmp(answer + k + 1u, "m-ready", 7) == 0) {
            fuzz_fail("m-ready in the middle", input, command, size);
        }
    }
}

int main(int argc, char **argv)
{
    const uint64_t inputs = fuzz_start(argc, argv);
    uint64_t errors = 0;
    uint64_t results = 0;
    uint64_t loads = 0;
    int complete = 0; /* what the answers said of the input */
    uint64_t n;
    protocol_start();
    for (n = 0; n < inputs; n++) {
        uint32_t k;
        alarm(FUZZ_LIMIT_S);
        make();
        answered = 0;
        inferred = 0;
        for (k = 0; k < size; k++) {
            protocol_take(command[k]);
        }
        if (answered != 0u) {
            fuzz_fail("an answer before the end of the command", n, command, size);
        }
        protocol_take('%');
        check(n);
        errors += answer[0] == 'e';
        results += strstr(answer, "m-infer-done") != 0;
        loads += strstr(answer, "m-load-done") != 0;
        if (answer[0] == 'e' && inferred > 0u) {
            fuzz_fail("an error after an inference", n, command, size);
        }
        if (inferred > 0u && !complete) {
            fuzz_fail("an inference without an input", n, command, size);
        }
        complete = strstr(answer, "m-[Expecting") != 0 ? 0 : complete || strstr(answer, "m-load-done") != 0;
        if (size >= PROTOCOL_LINE + 10u && answer[0] != 'e') {
            fuzz_fail("a line that is too long was obeyed", n, command, size);
        }
    }
    printf("%llu inputs: %llu errors, %llu inputs loaded, %llu inferences\n", (unsigned long long)inputs, (unsigned long long)errors,
           (unsigned long long)loads, (unsigned long long)results);
    return 0;
}
