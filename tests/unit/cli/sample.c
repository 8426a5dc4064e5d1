/* The sample tool and the helpers of these tests; see sample.h. */
#include "tests/unit/cli/sample.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

static const char *const usage[] = {"[option ...] MODEL", "--list", NULL};

static const struct snncli_entry examples[] = {
    {"sample lenet.json", "the bundled digits"},
    {"sample -t 20 --data 'my file.npy' lenet.json", "own data, 20 steps"},
    {NULL, NULL},
};

static const struct snncli_entry positionals[] = {
    {"MODEL", "network to run"},
    {NULL, NULL},
};

static const struct snncli_option options[] = {
    {.id = SAMPLE_TIMESTEPS,
     .letter = 't',
     .name = "timesteps",
     .metavar = "N",
     .help = "time steps (100)",
     .group = "Run"},
    {.id = SAMPLE_DATA,
     .letter = 'd',
     .name = "data",
     .metavar = "FILE",
     .help = "images or events",
     .text = "IDX files do.\n.npy too: \\n and 'x' and \xce\xb8 stay as they are.\n\nLabels lie "
             "beside.",
     .group = "Data",
     .path = true},
    {.id = SAMPLE_ENCODING,
     .name = "encoding",
     .metavar = "CODE",
     .help = "how pixels become spikes (rate)",
     .group = "Run",
     .choices = "rate|phase|direct"},
    {.id = SAMPLE_RULE,
     .letter = 'r',
     .name = "rule",
     .metavar = "R",
     .help = "decision rule",
     .group = "Run",
     .repeatable = true},
    {.id = SAMPLE_TARGET,
     .name = "target",
     .metavar = "TARGET",
     .help = "where to run",
     .group = "Run",
     .choices = "sim|frame:int8|frame:int16",
     .repeatable = true},
    {.id = SAMPLE_V0,
     .name = "v0",
     .metavar = "X",
     .help = "initial potential",
     .group = "Run",
     .rare = true},
    {.id = SAMPLE_ALLOW_LOSS,
     .letter = 'l',
     .name = "allow-loss",
     .help = "accept lost events",
     .group = "Run",
     .rare = true},
    {.id = SAMPLE_OUTPUT,
     .letter = 'o',
     .name = "a-name-too-long-for-the-column",
     .metavar = "FILE",
     .help = "a help text that is longer than what is left of the line and has to be broken",
     .group = "Data",
     .path = true},
    {.id = 0},
};

static const struct snncli_entry files[] = {
    {"/usr/share/snn/lenet.json", "the bundled network"},
    {NULL, NULL},
};

const struct snncli_tool sample_tool = {
    .name = "sample",
    .summary = "try the command line",
    .date = "2025-07-01",
    .usage = usage,
    .examples = examples,
    .options = options,
    .positionals = positionals,
    .description = "Does nothing. Says so.\n\nAnd has a second paragraph.",
    .files = files,
    .see_also = "snnsim(1), snnconvert(1)",
    .positional_path = true,
};

static const char *const verb_usage[] = {"VERB [argument ...]", NULL};

static const struct snncli_entry load_examples[] = {
    {"sample load usb: lenet.json", "the only device"},
    {NULL, NULL},
};

static const struct snncli_verb verbs[] = {
    {"list", "name the devices", "[option ...]", NULL, NULL},
    {"load", "put a net on a device", "URI MODEL [option ...]", load_examples,
     "What is there already is not written."},
    {"record", "store events", "URI [option ...]", NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const struct snncli_entry verb_positionals[] = {
    {"URI", "the device"},
    {"MODEL", "the net"},
    {NULL, NULL},
};

static const struct snncli_option verb_options[] = {
    {.id = 1, .name = "watch", .help = "go on", .group = "List", .verbs = "list"},
    {.id = 2,
     .name = "seconds",
     .metavar = "N",
     .help = "so long",
     .group = "Load",
     .verbs = "load|record"},
    {.id = 3, .name = "slow", .help = "wait", .group = "Load", .rare = true, .verbs = "load"},
    {.id = 0},
};

const struct snncli_tool sample_verb_tool = {
    .name = "sample",
    .summary = "try verbs",
    .date = "2025-07-01",
    .usage = verb_usage,
    .options = verb_options,
    .positionals = verb_positionals,
    .verbs = verbs,
};

const struct snncli_option *sample_option(enum sample_option id)
{
    for (size_t i = 0; options[i].name; i++)
        if (options[i].id == (int)id) return &options[i];
    cr_assert_fail("the sample has no option %d", (int)id);
    return NULL;
}

void memory_open(struct memory *memory)
{
    memory->stream = open_memstream(&memory->text, &memory->size);
    cr_assert_not_null(memory->stream);
}

const char *memory_text(struct memory *memory)
{
    fflush(memory->stream);
    return memory->text;
}

void memory_close(struct memory *memory)
{
    fclose(memory->stream);
    free(memory->text);
}

struct snncli_console memory_console(struct memory *memory)
{
    memory_open(memory);
    return (struct snncli_console){.tool = "sample", .err = memory->stream};
}

char *run_program(const char *program, const char *command)
{
    char line[4096];
    struct memory output;

    snprintf(line, sizeof line, "command -v %s >/dev/null", program);
    if (system(line) != 0) return NULL;
    snprintf(line, sizeof line, "{ %s\n} 2>&1", command);
    FILE *pipe = popen(line, "r");
    cr_assert_not_null(pipe);
    memory_open(&output);
    for (int c; (c = getc(pipe)) != EOF;)
        putc(c, output.stream);
    pclose(pipe);
    fclose(output.stream);
    return output.text;
}

size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}
