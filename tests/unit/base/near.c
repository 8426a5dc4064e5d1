/* The word that a misspelt one most likely means. */
#include "libsnn/base/near.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *near_of(const char *word, const char *const *known)
{
    static struct snnbase_near near;
    snnbase_near_init(&near, word);
    for (; *known != NULL; known++)
        snnbase_near_offer(&near, *known);
    return near.best;
}

Test(near, the_nearest_word_wins_and_the_first_of_equals)
{
    static const char *const known[] = {"stride",   "strides", "padding",
                                        "poolings", "pooling", NULL};
    cr_expect_str_eq(near_of("stride", known), "stride");
    cr_expect_str_eq(near_of("stridess", known), "strides");
    cr_expect_str_eq(near_of("PADDING", known), "padding");
    cr_expect_str_eq(near_of("pad", known), "padding"); /* the beginning of it */
    cr_expect_str_eq(near_of("poling", known), "pooling");
    cr_expect_str_eq(near_of("pool", known), "poolings"); /* both begin so */
}

/* A third of the letters may differ: 2 of 6 do, 3 of 6 do not. */
Test(near, far_words_are_not_guessed)
{
    static const char *const known[] = {"abcdef", NULL};
    cr_expect_str_eq(near_of("abcdxy", known), "abcdef");
    cr_expect_str_eq(near_of("abcxyz", known), "");
    cr_expect_str_eq(near_of("", known), "");
    cr_expect_str_eq(near_of("a", known), "");
}

Test(near, words_beyond_the_longest_are_left_alone)
{
    char word[SNNBASE_NEAR_MAX + 2];
    memset(word, 'w', sizeof(word));
    word[SNNBASE_NEAR_MAX + 1] = '\0';
    const char *const longer[] = {word, NULL}, *const longest[] = {word + 1, NULL};
    cr_expect_str_eq(near_of(word + 1, longest), word + 1);
    cr_expect_str_eq(near_of(word + 1, longer), "");
    cr_expect_str_eq(near_of(word, longest), "");
}
