/* Numbers as text. The C library reads and writes decimal points by locale, so both directions run
 * with the C locale in force for this thread and put the caller's back.
 */
#include "libsnn/base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where no locale can be had the caller's stays in force: right in all but comma locales. */
static locale_t enter_c(locale_t *plain)
{
    *plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *plain != (locale_t)0 ? uselocale(*plain) : (locale_t)0;
}

static void leave_c(locale_t plain, locale_t before)
{
    if (plain == (locale_t)0) return;
    uselocale(before);
    freelocale(plain);
}

bool snnbase_number_parse(const char *text, double *out)
{
    /* strtod also takes leading blanks, hexadecimal numbers, "inf" and "nan": none of them here. */
    if (text[0] == '\0' || strspn(text, "0123456789+-.eE") != strlen(text)) return false;
    locale_t plain;
    locale_t before = enter_c(&plain);
    char *end = NULL;
    double value = strtod(text, &end);
    leave_c(plain, before);
    if (end == text || *end != '\0' || !isfinite(value)) return false;
    *out = value;
    return true;
}

void snnbase_number_format(double value, char text[SNNBASE_NUMBER_SIZE])
{
    locale_t plain;
    locale_t before = enter_c(&plain);
    snprintf(text, SNNBASE_NUMBER_SIZE, "null");
    /* DBL_DIG digits survive the way through a normal number, so fewer need not be tried: %g drops
     * trailing zeros. Subnormal numbers hold fewer digits. */
    int first = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    for (int digits = first; isfinite(value) && digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(text, SNNBASE_NUMBER_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    leave_c(plain, before);
}

void snnbase_number_format_float(float value, char text[SNNBASE_NUMBER_SIZE])
{
    locale_t plain;
    locale_t before = enter_c(&plain);
    snprintf(text, SNNBASE_NUMBER_SIZE, "null");
    int first = fabsf(value) < FLT_MIN ? 1 : FLT_DIG;
    for (int digits = first; isfinite(value) && digits <= FLT_DECIMAL_DIG; digits++) {
        snprintf(text, SNNBASE_NUMBER_SIZE, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    leave_c(plain, before);
}
