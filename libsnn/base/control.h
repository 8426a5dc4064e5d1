/* Control characters in names from files, on their way to a terminal: those of ASCII, and those
 * that UTF-8 writes as C2 80 to C2 9F, of which U+009B begins an escape sequence like ESC [ does.
 */
#ifndef SNN_BASE_CONTROL_H
#define SNN_BASE_CONTROL_H

#include <stdbool.h>

/* Whether one begins at `at`, in a text that ends with a zero byte. */
static inline bool snnbase_control_at(const char *at)
{
    unsigned char byte = (unsigned char)at[0], next = byte != 0 ? (unsigned char)at[1] : 0;
    return (byte != 0 && byte < 0x20) || byte == 0x7f ||
           (byte == 0xc2 && next >= 0x80 && next <= 0x9f);
}

/* Whether there is one in the text. */
static inline bool snnbase_control_in(const char *text)
{
    while (*text != '\0' && !snnbase_control_at(text))
        text++;
    return *text != '\0';
}

/* Puts '?' in their places. */
static inline void snnbase_control_hide(char *text)
{
    for (; *text != '\0'; text++) {
        if (snnbase_control_at(text)) *text = '?';
    }
}

#endif
