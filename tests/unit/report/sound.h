/* Whether a picture is sound: tags that close, numbers that are numbers, words beside each other
 * and within the picture.
 */
#ifndef TESTS_UNIT_REPORT_SOUND_H
#define TESTS_UNIT_REPORT_SOUND_H

#include "tools/report/text.h"

/* Fails the test at hand, with what is wrong; lets go of the text. */
void expect_sound(struct snnreport_text *text, const char *what);

/* How often a piece occurs. */
size_t occurrences(const char *text, const char *piece);

#endif
