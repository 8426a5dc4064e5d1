/* A tool that does not exist, with every kind of option, and what the tests of the command line
 * share: a console whose stderr is memory.
 */
#ifndef TESTS_UNIT_CLI_SAMPLE_H
#define TESTS_UNIT_CLI_SAMPLE_H

#include "tools/cli/args.h"
#include "tools/cli/message.h"

enum sample_option {
    SAMPLE_TIMESTEPS = 1,
    SAMPLE_DATA,
    SAMPLE_ENCODING,
    SAMPLE_RULE,
    SAMPLE_TARGET,
    SAMPLE_V0,
    SAMPLE_ALLOW_LOSS,
    SAMPLE_OUTPUT
};

extern const struct snncli_tool sample_tool;

/* The same with the verbs list, load and record, and options that go with some of them. */
extern const struct snncli_tool sample_verb_tool;

/* The option of the sample, for snncli_parse_*. */
const struct snncli_option *sample_option(enum sample_option id);

/* Text that a FILE collects: write to `stream`, then memory_text. Stays where it is: the stream
 * points into it. */
struct memory {
    FILE *stream;
    char *text;
    size_t size;
};

void memory_open(struct memory *memory);
const char *memory_text(struct memory *memory);
void memory_close(struct memory *memory);

/* A console without colours that writes to `memory`. */
struct snncli_console memory_console(struct memory *memory);

/* Runs a shell command and returns its standard output and error, to be freed; NULL if `program` is
 * not installed. */
char *run_program(const char *program, const char *command);

/* Counts how often `part` occurs in `text`. */
size_t count_of(const char *text, const char *part);

#endif
