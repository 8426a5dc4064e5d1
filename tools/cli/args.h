/* Arguments of a tool: one table of options drives parsing, --help, the manual page and completion.
 *
 * A tool describes itself in one const struct snncli_tool and hands it to snncli_args_parse; what a
 * person typed comes back through a callback, in order. --help, --version, -q, -v, --color and the
 * hidden --generate man|bash are the same in every tool and handled here. Values stay strings until
 * the tool hands them to snncli_parse_*, which word their own errors. Nothing is allocated or kept.
 */
#ifndef TOOLS_CLI_ARGS_H
#define TOOLS_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/cli/message.h"

/* What --help, --generate and the parser can carry; snncli_tool_defect says when it is too many. */
#define SNNCLI_OPTION_MAX 96

/* A row of the option table. Rows of a group stand together in --help; groups come in the order of
 * their first row. */
struct snncli_option {
    const char *name;    /* "timesteps"; NULL ends the table */
    const char *metavar; /* "N", "FILE"; NULL: a flag without value */
    const char *help;    /* one line, lower case, default in brackets: "time steps (100)"; up to 50
                            characters stay on one line; NULL hides the option */
    const char *text;    /* more for the manual, whole sentences; a blank line parts paragraphs; may
                            be NULL */
    const char *group;   /* "Input" */
    const char *choices; /* "sync|async|both": offered by completion, checked by
                            snncli_parse_choice; NULL: any value */
    int id;              /* the tool's own number, for its switch; > 0 */
    char letter;         /* -t; 0: none */
    bool path;           /* completion offers files */
    bool repeatable;     /* may be given more than once */
    bool rare;           /* --help names it without its line, to fit a screen (50 lines in all) */
    const char *verbs;   /* "load|run": the verbs it goes with; NULL: all */
};

/* A name and what it means: example, verb, argument, file. NULL name ends a table. */
struct snncli_entry {
    const char *name;
    const char *text;
};

/* What the first argument of a tool with verbs may be; NULL name ends a table. */
struct snncli_verb {
    const char *name;                    /* "load" */
    const char *text;                    /* what it does, in a line */
    const char *usage;                   /* what follows it: "URI MODEL [option ...]" */
    const struct snncli_entry *examples; /* of its own --help; may be NULL */
    const char *description;             /* of its --help and the manual; may be NULL */
};

struct snncli_tool {
    const char *name;                       /* "snnsim" */
    const char *summary;                    /* "run a model as a spiking network" */
    const char *date;                       /* of the manual: "2025-07-01" */
    const char *const *usage;               /* "[option ...] MODEL"; NULL ends */
    const struct snncli_entry *examples;    /* command, what it does in a line */
    const struct snncli_option *options;    /* without the common ones */
    const struct snncli_entry *positionals; /* MODEL and what it is; may be NULL */
    const struct snncli_verb *verbs;        /* the first argument, before options; may be NULL */
    const char *description;                /* manual: paragraphs parted by a blank line */
    const int *exit_statuses;               /* besides 0, ascending, ended by 0; NULL: all */
    const struct snncli_entry *files;       /* manual: FILES; may be NULL */
    const char *see_also;                   /* "snnconvert(1), snndev(1)"; may be NULL */
    bool positional_path;                   /* completion offers files for arguments */
};

/* Takes one argument: `option` of the tool's table and its value (NULL for a flag), or option NULL
 * and a positional argument. Strings live as long as argv. Returns SNNCLI_EXIT_OK to go on, or the
 * exit status to end with (after printing why). */
typedef int (*snncli_argument_fn)(const struct snncli_option *option, const char *value,
                                  void *user);

/* What snncli_args_parse returns when the program is to go on; every exit status is >= 0. */
#define SNNCLI_GO_ON (-1)

/* Parses argv[1..]: --name value, --name=value, -n value, -nvalue, clusters of flags (-qv), "--".
 * Options and positional arguments may be mixed. Unknown, repeated, valueless options are reported
 * with the nearest name, those of another verb with theirs; `tool VERB --help` is about the verb
 * alone. The verb is handed on as the first positional argument. Returns SNNCLI_GO_ON, or the exit
 * status the program must return now (SNNCLI_EXIT_OK after --help). Sets colour and verbosity of
 * the console. */
int snncli_args_parse(const struct snncli_tool *tool, struct snncli_console *console, int argc,
                      char **argv, snncli_argument_fn argument, void *user);

/* Values. Each prints what is wrong and what would be right, and returns SNNCLI_EXIT_OK or
 * SNNCLI_EXIT_USAGE; `out` is written on success only. */

/* A whole number min..max (decimal). INT64_MIN / INT64_MAX: unbounded on that side. */
int snncli_parse_int(struct snncli_console *console, const struct snncli_option *option,
                     const char *value, int64_t min, int64_t max, int64_t *out);

/* A finite number min..max with a decimal point in any locale. -INFINITY / INFINITY: unbounded. */
int snncli_parse_double(struct snncli_console *console, const struct snncli_option *option,
                        const char *value, double min, double max, double *out);

/* One of option->choices; *index_out counts from 0 in their order. */
int snncli_parse_choice(struct snncli_console *console, const struct snncli_option *option,
                        const char *value, size_t *index_out);

/* One of tool->verbs. */
int snncli_parse_verb(struct snncli_console *console, const struct snncli_tool *tool,
                      const char *value, size_t *index_out);

/* An argument the tool has no use for, or lacks; both return SNNCLI_EXIT_USAGE. */
int snncli_args_excess(struct snncli_console *console, const char *value);
int snncli_args_missing(struct snncli_console *console, const struct snncli_tool *tool,
                        const char *metavar);

/* The texts. `color` sets headings in bold; help is about one verb, or with NULL about the tool. */
void snncli_print_help(const struct snncli_tool *tool, const struct snncli_verb *verb, FILE *out,
                       bool color);
void snncli_print_man(const struct snncli_tool *tool, FILE *out);
void snncli_print_bash(const struct snncli_tool *tool, FILE *out);

/* All options, the tool's and then the common ones, NULL past the end. */
const struct snncli_option *snncli_tool_option(const struct snncli_tool *tool, size_t index);

/* Whether an option goes with a verb; without one (NULL), whether it goes with all of them. */
bool snncli_option_applies(const struct snncli_option *option, const struct snncli_verb *verb);

/* What is wrong with the table itself (two options of one name, a help text missing, ...) written
 * to `buffer`; false if nothing is. For tests. */
bool snncli_tool_defect(const struct snncli_tool *tool, char *buffer, size_t size);

#endif
