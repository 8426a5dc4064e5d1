/* The list of faults as text: "stall-in@4096,short,delay=50,silent=commit". Every word is looked up
 * in one table that says what it takes and where that goes; the list in the hint is that table.
 */
#include "device/vchip/fault.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/wire/message.h"

#define DELAY_MAX 60000u

enum takes {
    TAKES_NOTHING, /* bool */
    TAKES_PLACE,   /* "@N", uint64_t */
    TAKES_NUMBER,  /* "=N", uint32_t up to a limit */
    TAKES_REQUEST  /* "=NAME", uint32_t: its code */
};

struct fault {
    const char *name;
    enum takes takes;
    size_t offset; /* in struct snndev_faults */
    uint64_t limit;
};

#define PLACE(name, member)                                                   \
    {                                                                         \
        name, TAKES_PLACE, offsetof(struct snndev_faults, member), UINT64_MAX \
    }
#define FLAG(name, member)                                             \
    {                                                                  \
        name, TAKES_NOTHING, offsetof(struct snndev_faults, member), 0 \
    }
#define REQUEST(name, member)                                          \
    {                                                                  \
        name, TAKES_REQUEST, offsetof(struct snndev_faults, member), 0 \
    }

static const struct fault faults[] = {
    PLACE("stall-in", stall_in),
    PLACE("stall-out", stall_out),
    PLACE("error-in", error_in),
    PLACE("broken-in", broken_in),
    PLACE("gone", gone),
    PLACE("corrupt-in", corrupt_in),
    PLACE("corrupt-out", corrupt_out),
    FLAG("short", short_packets),
    FLAG("odd", odd_packets),
    {"delay", TAKES_NUMBER, offsetof(struct snndev_faults, delay_ms), DELAY_MAX},
    REQUEST("silent", silent),
    REQUEST("refuse", refuse),
    FLAG("wrong-crc", wrong_crc),
    {"version", TAKES_NUMBER, offsetof(struct snndev_faults, version), UINT16_MAX},
    {"output", TAKES_NUMBER, offsetof(struct snndev_faults, output_words), UINT32_MAX},
    {"seed", TAKES_NUMBER, offsetof(struct snndev_faults, seed), UINT32_MAX},
};

#define FAULT_COUNT (sizeof(faults) / sizeof(faults[0]))

/* By code, from SNNWIRE_CODE_HELLO on. */
static const char *const requests[] = {"hello", "status", "begin", "write",     "read",
                                       "crc",   "commit", "reset", "statistics"};

#define REQUEST_COUNT (sizeof(requests) / sizeof(requests[0]))

/* A piece of the list. */
struct word {
    const char *text;
    size_t length;
};

static bool is_word(struct word word, const char *expected)
{
    return strlen(expected) == word.length && memcmp(word.text, expected, word.length) == 0;
}

static int unknown(struct snn_context *context, struct word word, const char *why)
{
    static const char behind[][9] = {"", "@BYTE", "=N", "=REQUEST"};
    char known[320] = "";
    size_t used = 0;
    for (size_t i = 0; i < FAULT_COUNT && used < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s%s", i > 0 ? ", " : "",
                                 faults[i].name, behind[faults[i].takes]);
    snnbase_fail(context, SNN_ERR_INVALID, "fault '%.*s': %s", (int)word.length, word.text, why);
    return snnbase_hint(context, "faults: %s; several are separated by commas", known);
}

static bool parse_number(struct word text, uint64_t limit, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        const unsigned digit = (unsigned)(text.text[i] - '0');
        if (digit > 9 || value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *out = value;
    return text.length > 0 && value <= limit;
}

static bool parse_request(struct word text, uint32_t *out)
{
    for (uint32_t i = 0; i < REQUEST_COUNT; i++) {
        if (!is_word(text, requests[i])) continue;
        *out = i + SNNWIRE_CODE_HELLO;
        return true;
    }
    return false;
}

static void store_number(void *member, const struct fault *fault, uint64_t value)
{
    if (fault->takes == TAKES_PLACE)
        *(uint64_t *)member = value;
    else if (fault->limit == UINT16_MAX)
        *(uint16_t *)member = (uint16_t)value;
    else
        *(uint32_t *)member = (uint32_t)value;
}

/* What stands behind the name: `value` with its '@' or '=', or empty. */
static int take_value(struct snndev_faults *out, struct snn_context *context,
                      const struct fault *fault, struct word word, struct word value)
{
    void *member = (char *)out + fault->offset;
    if (fault->takes == TAKES_NOTHING) {
        if (value.length > 0) return unknown(context, word, "it takes no value");
        *(bool *)member = true;
        return SNN_OK;
    }
    const char sign = fault->takes == TAKES_PLACE ? '@' : '=';
    if (value.length == 0 || value.text[0] != sign)
        return unknown(context, word,
                       sign == '@' ? "at which byte? '@' and a number expected"
                                   : "'=' and a value expected");
    const struct word text = {value.text + 1, value.length - 1};
    if (fault->takes == TAKES_REQUEST) {
        if (parse_request(text, member)) return SNN_OK;
        return unknown(context, word,
                       "no such request (hello, status, begin, write, read, crc, commit, reset, "
                       "statistics)");
    }
    uint64_t number = 0;
    if (!parse_number(text, fault->limit, &number))
        return unknown(context, word, "a whole number within its range expected");
    store_number(member, fault, number);
    return SNN_OK;
}

static int take(struct snndev_faults *out, struct snn_context *context, struct word word)
{
    size_t length = 0;
    while (length < word.length && word.text[length] != '@' && word.text[length] != '=')
        length++;
    const struct word name = {word.text, length};
    const struct word value = {word.text + length, word.length - length};
    for (size_t i = 0; i < FAULT_COUNT; i++)
        if (is_word(name, faults[i].name)) return take_value(out, context, &faults[i], word, value);
    return unknown(context, word, "unknown");
}

int snndev_faults_parse(struct snndev_faults *out, struct snn_context *context, const char *text)
{
    struct snndev_faults made = {.stall_in = SNNDEV_NEVER,
                                 .stall_out = SNNDEV_NEVER,
                                 .error_in = SNNDEV_NEVER,
                                 .broken_in = SNNDEV_NEVER,
                                 .gone = SNNDEV_NEVER,
                                 .corrupt_in = SNNDEV_NEVER,
                                 .corrupt_out = SNNDEV_NEVER};
    while (text != NULL && *text != '\0') {
        const struct word word = {text, strcspn(text, ",+")};
        int status = take(&made, context, word);
        if (status != SNN_OK) return status;
        text += word.length + (text[word.length] != '\0');
    }
    *out = made;
    return SNN_OK;
}
