/* Text that grows: what charts and pages are written into. The first failure is remembered, every
 * later call does nothing, and whoever asked for the text looks at `failed` once, at the end.
 */
#ifndef TOOLS_REPORT_TEXT_H
#define TOOLS_REPORT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/export.h"

struct snnreport_text {
    char *data; /* terminated; NULL while empty; malloc's */
    size_t size;
    size_t capacity;
    bool failed; /* no memory */
};

void snnreport_put(struct snnreport_text *text, const char *string);
void snnreport_printf(struct snnreport_text *text, const char *format, ...) SNN_PRINTF(2, 3);
/* Escaped for HTML and SVG, text and attributes; bytes that are not UTF-8 become U+FFFD. */
void snnreport_escaped(struct snnreport_text *text, const char *string);
/* The same of the characters that begin within the first bytes. */
void snnreport_escaped_part(struct snnreport_text *text, const char *string, size_t size_max);

/* The character that a string begins with and its bytes (at least 1); bytes that are no UTF-8 give
 * SNNREPORT_NO_CHARACTER. */
#define SNNREPORT_NO_CHARACTER UINT32_C(0xFFFF)
size_t snnreport_character(const char *string, uint32_t *code_out);

void snnreport_text_fini(struct snnreport_text *text);

#endif
