/* What a tool says on stderr, and the exit status it ends with.
 *
 * One console per program, made first thing in main: it knows which streams are terminals, whether
 * colours and UTF-8 are wanted and how talkative to be; arguments, progress, tables and plots are
 * handed it. Results go to stdout and never through here. Messages read `snnsim: lenet.json: text`,
 * a remedy follows as `  hint: ...`; control characters from files never reach the terminal.
 */
#ifndef TOOLS_CLI_MESSAGE_H
#define TOOLS_CLI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "snn/context.h"
#include "snn/status.h"

/* Exit statuses of every tool, after sysexits. */
enum snncli_exit {
    SNNCLI_EXIT_OK = 0,
    SNNCLI_EXIT_CHECK = 1,         /* a check that was asked for is not met */
    SNNCLI_EXIT_USAGE = 64,        /* wrong arguments */
    SNNCLI_EXIT_DATA = 65,         /* bad or unsupported model or data */
    SNNCLI_EXIT_NO_INPUT = 66,     /* an input file is missing */
    SNNCLI_EXIT_NO_DEVICE = 69,    /* device missing, or more than one answers */
    SNNCLI_EXIT_INTERNAL = 70,     /* a defect of ours */
    SNNCLI_EXIT_NO_MEMORY = 71,    /* out of memory */
    SNNCLI_EXIT_NO_OUTPUT = 73,    /* an output file cannot be created */
    SNNCLI_EXIT_IO = 74,           /* reading or writing, device lost, events lost */
    SNNCLI_EXIT_BUSY = 75,         /* somebody else has the device */
    SNNCLI_EXIT_PROTOCOL = 76,     /* the device speaks another version */
    SNNCLI_EXIT_ACCESS = 77,       /* permission denied */
    SNNCLI_EXIT_DOES_NOT_FIT = 78, /* the net does not fit the target */
    SNNCLI_EXIT_INTERRUPTED = 130, /* Ctrl-C; what was done so far is written */
};

/* The meaning of an exit status in a few words, for manuals; "unknown" for any other number. */
const char *snncli_exit_text(int exit_status);

/* The exit status for an enum snn_status. 69, 73 and 78 need knowledge of what was being done: the
 * tool chooses them itself. */
int snncli_exit_from_status(int snn_status);

enum snncli_color { SNNCLI_COLOR_AUTO = 0, SNNCLI_COLOR_ALWAYS = 1, SNNCLI_COLOR_NEVER = 2 };

struct snncli_console {
    const char *tool;     /* program name that opens every message */
    FILE *err;            /* stderr; tests put a file here */
    bool err_is_terminal; /* progress bar or plain lines */
    bool err_color;
    bool out_color; /* for tables, plots and help on stdout */
    bool utf8;      /* the locale's characters are UTF-8 */
    int verbosity;  /* -1 -q: errors only; 0: and warnings; 1 -v: and notes */
    size_t error_count;
    size_t warning_count;
    bool muted;          /* the last warning or note was not shown: neither is its hint */
    const char *subject; /* file that findings without a place are about; may be NULL */
    bool bar_drawn;      /* a progress bar stands in the line that the next message must clear */
};

/* Looks at the terminal, NO_COLOR, TERM and the locale's character set. Calls setlocale for
 * LC_CTYPE only, so that numbers keep their decimal point. `tool` must outlive the console. */
void snncli_console_init(struct snncli_console *console, const char *tool);

/* --color: AUTO is what init chose. */
void snncli_console_color(struct snncli_console *console, enum snncli_color color);

/* Columns of the terminal behind `stream`; 80 when it is none. */
int snncli_console_width(FILE *stream);

/* Flushes stdout. Call it last: a full disk behind a redirection is an error like any other.
 * Returns `exit_status`, or IO with a message if nothing worse was to be reported. */
int snncli_console_finish(struct snncli_console *console, int exit_status);

/* Prints an error or warning. `where` (file, option, device) may be NULL. Text is lower case,
 * without a full stop. */
void snncli_error(struct snncli_console *console, const char *where, const char *format, ...)
    SNN_PRINTF(3, 4);
void snncli_warning(struct snncli_console *console, const char *where, const char *format, ...)
    SNN_PRINTF(3, 4);

/* What is neither wrong nor asked for, but good to know; not with -q. */
void snncli_tell(struct snncli_console *console, const char *where, const char *format, ...)
    SNN_PRINTF(3, 4);

/* With -v only. */
void snncli_note(struct snncli_console *console, const char *where, const char *format, ...)
    SNN_PRINTF(3, 4);

/* The remedy of the error just printed. */
void snncli_hint(struct snncli_console *console, const char *format, ...) SNN_PRINTF(2, 3);

/* snncli_error that returns `exit_status`: `return snncli_fail(console, SNNCLI_EXIT_USAGE, ...)`.
 */
int snncli_fail(struct snncli_console *console, int exit_status, const char *where,
                const char *format, ...) SNN_PRINTF(4, 5);

/* Prints the context's last error and its hint; returns the exit status that belongs to it. */
int snncli_fail_context(struct snncli_console *console, const struct snn_context *context,
                        const char *where);

/* An snn_diagnostic_fn: prints the finding as far as verbosity allows. `console` is a struct
 * snncli_console. */
void snncli_diagnostic(const struct snn_diagnostic *diagnostic, void *console);

#endif
