/* Edit distance between words, upper and lower case alike.
 *
 * A hint that guesses wildly is worse than none: a word may differ in a third of its letters, or be
 * the beginning of the other.
 */
#include "libsnn/base/near.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, delete or replace that turn a into b. row[j] is the distance from the first i
 * letters of a to the first j of b. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[SNNBASE_NEAR_MAX + 1];
    const size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; *a != '\0'; a++, i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            const size_t replaced = diagonal + (lower(*a) == lower(b[j - 1]) ? 0 : 1);
            diagonal = row[j];
            row[j] = smaller(replaced, smaller(row[j - 1], row[j]) + 1);
        }
    }
    return row[length];
}

static bool begins(const char *word, const char *with)
{
    return with[0] != '\0' && with[1] != '\0' && strncmp(word, with, strlen(with)) == 0;
}

void snnbase_near_init(struct snnbase_near *near, const char *word)
{
    near->word = word;
    near->best[0] = '\0';
    near->distance = SIZE_MAX;
}

void snnbase_near_offer(struct snnbase_near *near, const char *known)
{
    const size_t length = strlen(near->word), known_length = strlen(known);
    if (length == 0 || length > SNNBASE_NEAR_MAX || known_length > SNNBASE_NEAR_MAX) return;
    const size_t third = (length > known_length ? length : known_length) / 3;
    size_t distance = edit_distance(near->word, known);
    if (begins(known, near->word)) distance = smaller(distance, 1);
    if (distance > (third > 1 ? third : 1) || distance >= near->distance) return;
    near->distance = distance;
    memcpy(near->best, known, known_length + 1);
}
