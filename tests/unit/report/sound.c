/* A small reader of what the charts write; see sound.h. Sizes of words are those of the classes.
 * What holds is not said to Criterion each time: of two words it takes longer than to compare them.
 */
#include "tests/unit/report/sound.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "tools/report/draw.h"

#define WORDS_MAX 4000
#define DEPTH_MAX 16

struct word {
    char string[300];
    struct snnreport_box box;
};

struct reader {
    const char *what;
    char open[DEPTH_MAX][16];
    double sizes[DEPTH_MAX]; /* of words in that element; 0: of their class */
    int depth;
    double left, top, right, bottom; /* of the picture */
    struct word *words;
    size_t word_count;
};

size_t occurrences(const char *text, const char *piece)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, piece)) != NULL; at++)
        count++;
    return count;
}

/* The value of an attribute within a tag; false: it has none. */
static bool attribute(const char *tag, const char *end, const char *name, char value[200])
{
    char key[40];
    snprintf(key, sizeof(key), " %s=\"", name);
    const char *at = strstr(tag, key);
    if (at == NULL || at > end) return false;
    at += strlen(key);
    size_t size = strcspn(at, "\"");
    if (size > 199) size = 199;
    memcpy(value, at, size);
    value[size] = '\0';
    return true;
}

/* Text with the five entities as what they stand for; up to `end`. */
static void unescape(char out[300], const char *text, const char *end)
{
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
    size_t size = 0;

    while (text < end && size < 299) {
        size_t i = 0;
        while (i < 5 && strncmp(text, entities[i], strlen(entities[i])) != 0)
            i++;
        out[size++] = i < 5 ? "<>&\"'"[i] : *text;
        text += i < 5 ? strlen(entities[i]) : 1;
    }
    out[size] = '\0';
}

static void take_word(struct reader *r, const char *tag, const char *end)
{
    char value[200], string[300];
    struct snnreport_word word = {.string = string};
    unescape(string, end + 1, strchr(end, '<'));
    cr_assert(attribute(tag, end, "x", value), "%s: a word nowhere", r->what);
    word.x = strtod(value, NULL);
    cr_assert(attribute(tag, end, "y", value), "%s: a word nowhere", r->what);
    word.y = strtod(value, NULL);
    word.size = attribute(tag, end, "class", value) && strstr(value, "tick") ? SNNREPORT_TICK
                                                                             : SNNREPORT_SIZE;
    if (r->sizes[r->depth] > 0) word.size = r->sizes[r->depth];
    if (attribute(tag, end, "text-anchor", value))
        word.anchor = strcmp(value, "end") == 0 ? SNNREPORT_END : SNNREPORT_MIDDLE;
    cr_assert_lt(r->word_count, WORDS_MAX);
    struct word *taken = &r->words[r->word_count++];
    memcpy(taken->string, string, sizeof(string));
    taken->box = snnreport_word_box(&word);
    const struct snnreport_box *box = &taken->box;
    if (box->left < r->left - 0.1 || box->right > r->right + 0.1 || box->top < r->top - 0.1 ||
        box->bottom > r->bottom + 0.1)
        cr_expect(false, "%s: \"%s\" at %g to %g, %g to %g is cut off", r->what, string, box->left,
                  box->right, box->top, box->bottom);
}

static void open_tag(struct reader *r, const char *tag, const char *end, const char *name)
{
    char value[200];
    cr_assert_lt(r->depth + 1, DEPTH_MAX, "%s: too deep", r->what);
    r->depth++;
    snprintf(r->open[r->depth], sizeof(r->open[0]), "%s", name);
    r->sizes[r->depth] = r->sizes[r->depth - 1];
    if (attribute(tag, end, "style", value) && strncmp(value, "font-size:", 10) == 0)
        r->sizes[r->depth] = strtod(value + 10, NULL);
    if (strcmp(name, "svg") == 0) {
        cr_assert(attribute(tag, end, "viewBox", value));
        char *at = value;
        r->left = strtod(at, &at);
        r->top = strtod(at, &at);
        r->right = r->left + strtod(at, &at);
        r->bottom = r->top + strtod(at, &at);
    }
    if (strcmp(name, "text") == 0) take_word(r, tag, end);
}

static const char *read_tag(struct reader *r, const char *tag)
{
    const char *end = strchr(tag, '>');
    char name[16];
    size_t size = 0;
    cr_assert_not_null(end, "%s: a tag without end", r->what);
    const bool closes = tag[1] == '/', empty = end[-1] == '/';
    for (const char *at = tag + 1 + closes; isalnum((unsigned char)*at) && size < 15; at++)
        name[size++] = *at;
    name[size] = '\0';
    if (tag[1] == '?' || (empty && !closes)) return end + 1;
    if (!closes) {
        open_tag(r, tag, end, name);
        return end + 1;
    }
    cr_assert_gt(r->depth, 0, "%s: </%s> closes nothing", r->what, name);
    cr_assert_str_eq(r->open[r->depth], name, "%s: </%s> closes <%s>", r->what, name,
                     r->open[r->depth]);
    r->depth--;
    return end + 1;
}

static void compare_words(const struct reader *r)
{
    for (size_t i = 0; i < r->word_count; i++) {
        for (size_t k = i + 1; k < r->word_count; k++) {
            const struct snnreport_box *a = &r->words[i].box, *b = &r->words[k].box;
            bool apart = a->right <= b->left + 0.15 || b->right <= a->left + 0.15 ||
                         a->bottom <= b->top + 0.15 || b->bottom <= a->top + 0.15;
            if (!apart)
                cr_expect(false, "%s: \"%s\" and \"%s\" overlap", r->what, r->words[i].string,
                          r->words[k].string);
        }
    }
}

void expect_sound(struct snnreport_text *text, const char *what)
{
    struct reader reader = {.what = what};
    cr_assert_not(text->failed);
    reader.words = calloc(WORDS_MAX, sizeof(*reader.words));
    cr_assert_not_null(reader.words);
    for (const char *at = strchr(text->data, '<'); at != NULL; at = strchr(at, '<')) {
        at = read_tag(&reader, at);
        if (reader.depth == 0) { /* the next picture has its own place */
            compare_words(&reader);
            reader.word_count = 0;
        }
    }
    cr_expect_eq(reader.depth, 0, "%s: <%s> stays open", what, reader.open[reader.depth]);
    cr_expect_eq(occurrences(text->data, "nan") + occurrences(text->data, "inf"), 0,
                 "%s: a number that is none", what);
    free(reader.words);
    snnreport_text_fini(text);
}
