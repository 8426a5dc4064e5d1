/* What the files behind args.h share among themselves; tools include args.h only.
 */
#ifndef TOOLS_CLI_ARGS_PARTS_H
#define TOOLS_CLI_ARGS_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/cli/args.h"

/* Ids of the options that every tool has; negative, because a tool's own are positive. */
enum snncli_common_option {
    SNNCLI_COMMON_HELP = -1,
    SNNCLI_COMMON_QUIET = -2,
    SNNCLI_COMMON_VERBOSE = -3,
    SNNCLI_COMMON_VERSION = -4,
    SNNCLI_COMMON_COLOR = -5,
    SNNCLI_COMMON_GENERATE = -6
};

/* A run of characters inside a longer string: one of the choices "a|b|c". */
struct snncli_slice {
    const char *text;
    size_t length;
};

/* Takes the next choice off *choices; false at the end. Start with *choices = option->choices. */
bool snncli_choice_next(const char **choices, struct snncli_slice *out);

/* Looks for the name somebody meant: init with what was typed, offer every candidate; `best` stays
 * empty (text NULL) if none is near. A candidate that begins with the word counts as very near, one
 * that contains it as near. */
struct snncli_nearest {
    struct snncli_slice word;
    struct snncli_slice best;
    size_t distance;
};

void snncli_nearest_init(struct snncli_nearest *nearest, const char *word, size_t length);
void snncli_nearest_offer(struct snncli_nearest *nearest, const char *candidate, size_t length);

/* True for the first option of its group: the writers of help and manual go from head to head. */
bool snncli_group_opens(const struct snncli_tool *tool, size_t index);

#endif
