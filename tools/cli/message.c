/* Messages on stderr and exit statuses; see message.h.
 *
 * All text of a message passes through one formatter that turns control characters into \xHH: names
 * and strings in it come from files that a stranger may have made.
 */
#include "tools/cli/message.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RED "\033[1;31m"
#define YELLOW "\033[1;33m"
#define BOLD "\033[1m"
#define CYAN "\033[36m"
#define PLAIN "\033[0m"
#define ERASE_LINE "\r\033[K"

/* Longest message that is printed whole. */
#define MESSAGE_MAX 4096

const char *snncli_exit_text(int exit_status)
{
    switch ((enum snncli_exit)exit_status) {
    case SNNCLI_EXIT_OK:
        return "success";
    case SNNCLI_EXIT_CHECK:
        return "a check that was asked for is not met";
    case SNNCLI_EXIT_USAGE:
        return "wrong usage";
    case SNNCLI_EXIT_DATA:
        return "bad or unsupported model or data";
    case SNNCLI_EXIT_NO_INPUT:
        return "an input file is missing";
    case SNNCLI_EXIT_NO_DEVICE:
        return "the device is missing, or several match";
    case SNNCLI_EXIT_INTERNAL:
        return "internal error";
    case SNNCLI_EXIT_NO_MEMORY:
        return "out of memory";
    case SNNCLI_EXIT_NO_OUTPUT:
        return "an output file cannot be created";
    case SNNCLI_EXIT_IO:
        return "input or output error, device lost or events lost";
    case SNNCLI_EXIT_BUSY:
        return "the device is in use";
    case SNNCLI_EXIT_PROTOCOL:
        return "the device speaks another protocol or version";
    case SNNCLI_EXIT_ACCESS:
        return "permission denied";
    case SNNCLI_EXIT_DOES_NOT_FIT:
        return "the net does not fit the target";
    case SNNCLI_EXIT_INTERRUPTED:
        return "interrupted; what was done so far is written and marked incomplete";
    }
    return "unknown";
}

int snncli_exit_from_status(int snn_status)
{
    switch ((enum snn_status)snn_status) {
    case SNN_OK:
        return SNNCLI_EXIT_OK;
    case SNN_ERR_INVALID:
        return SNNCLI_EXIT_USAGE;
    case SNN_ERR_NOMEM:
        return SNNCLI_EXIT_NO_MEMORY;
    case SNN_ERR_FORMAT:
    case SNN_ERR_UNSUPPORTED:
    case SNN_ERR_LIMIT:
        return SNNCLI_EXIT_DATA;
    case SNN_ERR_NOT_FOUND:
        return SNNCLI_EXIT_NO_INPUT;
    case SNN_ERR_ACCESS:
        return SNNCLI_EXIT_ACCESS;
    case SNN_ERR_BUSY:
        return SNNCLI_EXIT_BUSY;
    case SNN_ERR_IO:
    case SNN_ERR_TIMEOUT:
    case SNN_ERR_GONE:
        return SNNCLI_EXIT_IO;
    case SNN_ERR_PROTOCOL:
        return SNNCLI_EXIT_PROTOCOL;
    case SNN_ERR_CANCELLED:
        return SNNCLI_EXIT_INTERRUPTED;
    case SNN_ERR_AGAIN: /* not a failure: a tool that ends with it has forgotten to ask again */
    case SNN_ERR_INTERNAL:
        return SNNCLI_EXIT_INTERNAL;
    }
    return SNNCLI_EXIT_INTERNAL;
}

static bool color_wanted(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (no_color && *no_color) return false;
    return isatty(fileno(stream)) && term && *term && strcmp(term, "dumb") != 0;
}

/* Fills the places of closed standard streams: the first file that is opened would take them, and
 * messages would go into it. Read-only, so that a write there is still an error. */
static void fill_closed_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1) (void)open("/dev/null", O_RDONLY);
    }
}

void snncli_console_init(struct snncli_console *console, const char *tool)
{
    fill_closed_streams();
    memset(console, 0, sizeof *console);
    setlocale(LC_CTYPE, "");
    console->tool = tool;
    console->err = stderr;
    console->err_is_terminal = isatty(STDERR_FILENO) != 0;
    console->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    snncli_console_color(console, SNNCLI_COLOR_AUTO);
}

void snncli_console_color(struct snncli_console *console, enum snncli_color color)
{
    bool always = color == SNNCLI_COLOR_ALWAYS;
    bool ask = color == SNNCLI_COLOR_AUTO;
    console->err_color = always || (ask && color_wanted(console->err));
    console->out_color = always || (ask && color_wanted(stdout));
}

int snncli_console_width(FILE *stream)
{
    int width = 80;
#ifdef TIOCGWINSZ
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) width = size.ws_col;
#endif
    return width;
}

int snncli_console_finish(struct snncli_console *console, int exit_status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return exit_status;
    const char *reason = errno ? strerror(errno) : "write error";
    snncli_error(console, "standard output", "%s", reason);
    return exit_status == SNNCLI_EXIT_OK ? SNNCLI_EXIT_IO : exit_status;
}

/* Length of the UTF-8 character that begins here; 0 for a byte that begins none. */
static size_t utf8_length(const unsigned char *at)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] > 0xf4) return 0;
    for (size_t i = 1; i < length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) return 0;
    }
    return length;
}

/* Control characters, those of 8 bits among them, and bytes that are no text as \xHH. */
static void put_safely(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0') {
        size_t length = utf8_length(at);
        bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
        size_t end = length > 0 ? length : 1;
        for (size_t i = 0; i < end; i++) {
            if (control || length == 0)
                fprintf(out, "\\x%02x", at[i]);
            else
                putc(at[i], out);
        }
        at += end;
    }
}

static void put_formatted(FILE *out, const char *format, va_list arguments) SNN_PRINTF(2, 0);

static void put_formatted(FILE *out, const char *format, va_list arguments)
{
    char text[MESSAGE_MAX];
    int length = vsnprintf(text, sizeof text, format, arguments);

    if (length < 0) return;
    put_safely(out, text);
    if ((size_t)length >= sizeof text) fputs("...", out);
}

static void clear_bar(struct snncli_console *console)
{
    if (!console->bar_drawn) return;
    fputs(ERASE_LINE, console->err);
    console->bar_drawn = false;
}

static const char *colored(const struct snncli_console *console, const char *code)
{
    return console->err_color ? code : "";
}

/* Everything before the text: "snnsim: lenet.json: warning: ", the tool's name in `color`. Locks
 * the stream so that lines of different threads stay whole; end_line unlocks. */
static void begin_line(struct snncli_console *console, const char *color, const char *where,
                       const char *kind)
{
    flockfile(console->err);
    clear_bar(console);
    fprintf(console->err, "%s%s:%s ", colored(console, color), console->tool,
            colored(console, PLAIN));
    if (where && *where) {
        fputs(colored(console, BOLD), console->err);
        put_safely(console->err, where);
        fprintf(console->err, ":%s ", colored(console, PLAIN));
    }
    fputs(kind, console->err);
}

static void end_line(struct snncli_console *console)
{
    putc('\n', console->err);
    funlockfile(console->err);
}

static void put_error(struct snncli_console *console, const char *where, const char *format,
                      va_list arguments) SNN_PRINTF(3, 0);

static void put_error(struct snncli_console *console, const char *where, const char *format,
                      va_list arguments)
{
    console->muted = false;
    begin_line(console, RED, where, "");
    put_formatted(console->err, format, arguments);
    end_line(console);
    console->error_count++;
}

void snncli_error(struct snncli_console *console, const char *where, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_error(console, where, format, arguments);
    va_end(arguments);
}

int snncli_fail(struct snncli_console *console, int exit_status, const char *where,
                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_error(console, where, format, arguments);
    va_end(arguments);
    return exit_status;
}

void snncli_warning(struct snncli_console *console, const char *where, const char *format, ...)
{
    va_list arguments;

    console->warning_count++;
    console->muted = console->verbosity < 0;
    if (console->muted) return;
    begin_line(console, YELLOW, where, "warning: ");
    va_start(arguments, format);
    put_formatted(console->err, format, arguments);
    va_end(arguments);
    end_line(console);
}

void snncli_tell(struct snncli_console *console, const char *where, const char *format, ...)
{
    va_list arguments;

    console->muted = console->verbosity < 0;
    if (console->muted) return;
    begin_line(console, BOLD, where, "");
    va_start(arguments, format);
    put_formatted(console->err, format, arguments);
    va_end(arguments);
    end_line(console);
}

void snncli_note(struct snncli_console *console, const char *where, const char *format, ...)
{
    va_list arguments;

    console->muted = console->verbosity < 1;
    if (console->muted) return;
    begin_line(console, BOLD, where, "note: ");
    va_start(arguments, format);
    put_formatted(console->err, format, arguments);
    va_end(arguments);
    end_line(console);
}

void snncli_hint(struct snncli_console *console, const char *format, ...)
{
    va_list arguments;

    if (console->muted) return;
    flockfile(console->err);
    clear_bar(console);
    fprintf(console->err, "  %shint:%s ", colored(console, CYAN), colored(console, PLAIN));
    va_start(arguments, format);
    put_formatted(console->err, format, arguments);
    va_end(arguments);
    end_line(console);
}

int snncli_fail_context(struct snncli_console *console, const struct snn_context *context,
                        const char *where)
{
    int status = snn_context_status(context);
    const char *text = snn_context_message(context);
    const char *hint = snn_context_hint(context);

    snncli_error(console, where, "%s", *text ? text : snn_status_text(status));
    if (*hint) snncli_hint(console, "%s", hint);
    return status == SNN_OK ? SNNCLI_EXIT_INTERNAL : snncli_exit_from_status(status);
}

void snncli_diagnostic(const struct snn_diagnostic *diagnostic, void *console_argument)
{
    struct snncli_console *console = console_argument;
    char where[1024];
    bool shown = true;
    const char *place = diagnostic->where;
    const char *subject = console->subject != NULL ? console->subject : "";

    /* A finding without a place is about the file at hand, unless it names it. */
    if (*place || strncmp(diagnostic->text, subject, strlen(subject)) == 0) subject = "";
    snprintf(where, sizeof where, "%s%s", subject, place);
    size_t used = strlen(where);
    if (*diagnostic->layer)
        snprintf(where + used, sizeof where - used, "%slayer '%s'", used > 0 ? ": " : "",
                 diagnostic->layer);
    switch (diagnostic->severity) {
    case SNN_SEVERITY_ERROR:
        snncli_error(console, where, "%s", diagnostic->text);
        break;
    case SNN_SEVERITY_WARNING:
        snncli_warning(console, where, "%s", diagnostic->text);
        shown = console->verbosity >= 0;
        break;
    case SNN_SEVERITY_NOTE:
        snncli_note(console, where, "%s", diagnostic->text);
        shown = console->verbosity > 0;
        break;
    }
    if (shown && *diagnostic->hint) snncli_hint(console, "%s", diagnostic->hint);
}
