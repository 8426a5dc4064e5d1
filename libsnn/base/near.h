/* The known word that a misspelt one most likely means, for hints.
 *
 * Words are offered one after another; which of them is near enough depends on their lengths alone.
 */
#ifndef SNN_BASE_NEAR_H
#define SNN_BASE_NEAR_H

#include <stddef.h>

/* Longest word that is compared. */
#define SNNBASE_NEAR_MAX 63u

struct snnbase_near {
    const char *word;                /* borrowed: the misspelt one */
    char best[SNNBASE_NEAR_MAX + 1]; /* of those offered so far; "" none is near */
    size_t distance;                 /* of the best */
};

void snnbase_near_init(struct snnbase_near *near, const char *word);
void snnbase_near_offer(struct snnbase_near *near, const char *known);

#endif
