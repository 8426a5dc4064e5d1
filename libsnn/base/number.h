/* Numbers as text, independent of the caller's locale.
 */
#ifndef SNN_BASE_NUMBER_H
#define SNN_BASE_NUMBER_H

#include <stdbool.h>

#define SNNBASE_NUMBER_SIZE                                              \
    40u /* bytes, terminator included, that any formatted number fits in \
         */

/* The whole of `text` as a finite decimal number; false (and nothing written) for anything else. */
bool snnbase_number_parse(const char *text, double *out);

/* The shortest text that reads back to the same value; "null" for what is not finite. */
void snnbase_number_format(double value, char text[SNNBASE_NUMBER_SIZE]);
void snnbase_number_format_float(float value, char text[SNNBASE_NUMBER_SIZE]);

#endif
