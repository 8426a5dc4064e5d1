/* snndev's option table, and what its arguments say together. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snndev/options.h"

struct fixture {
    struct snncli_console console;
    struct snn_context *context;
    char *text;
    size_t size;
};

static void open_fixture(struct fixture *f)
{
    f->console = (struct snncli_console){.tool = "snndev"};
    f->console.err = open_memstream(&f->text, &f->size);
    cr_assert_not_null(f->console.err);
    cr_assert_eq(snn_context_create(&f->context, NULL), SNN_OK);
}

static void close_fixture(struct fixture *f)
{
    fclose(f->console.err);
    free(f->text);
    snn_context_destroy(&f->context);
}

static int read_options(struct fixture *f, struct snndev_options *out, const char *const *arguments)
{
    char copies[16][64];
    char *argv[16];
    int argc = 0;
    for (; arguments[argc]; argc++) {
        snprintf(copies[argc], sizeof(copies[argc]), "%s", arguments[argc]);
        argv[argc] = copies[argc];
    }
    int status = snndev_options_read(out, &f->console, f->context, argc, argv);
    fflush(f->console.err);
    return status;
}

#define ARGV(...) ((const char *const[]){"snndev", __VA_ARGS__, NULL})

static void expect_refused(const char *const *arguments, const char *message)
{
    struct fixture f;
    struct snndev_options options;
    open_fixture(&f);
    cr_expect_eq(read_options(&f, &options, arguments), SNNCLI_EXIT_USAGE, "%s", message);
    cr_expect_not_null(strstr(f.text, message), "'%s' in\n%s", message, f.text);
    close_fixture(&f);
}

Test(snndev_options, table_has_no_defect)
{
    char text[128];
    cr_expect_not(snncli_tool_defect(&snndev_tool, text, sizeof(text)), "%s", text);
    for (int i = 0; i < SNNDEV_VERB_COUNT; i++)
        cr_expect_not_null(snndev_tool.verbs[i].name);
    cr_expect_null(snndev_tool.verbs[SNNDEV_VERB_COUNT].name);
}

Test(snndev_options, verbs_stand_as_they_are_numbered)
{
    cr_expect_str_eq(snndev_tool.verbs[SNNDEV_LIST].name, "list");
    cr_expect_str_eq(snndev_tool.verbs[SNNDEV_RECORD].name, "record");
    cr_expect_str_eq(snndev_tool.verbs[SNNDEV_EMULATE].name, "emulate");
}

Test(snndev_options, values_arrive)
{
    struct fixture f;
    struct snndev_options o;
    open_fixture(&f);
    cr_assert_eq(read_options(&f, &o,
                              ARGV("run", "usb:", "m.json", "-n5", "-t", "7", "--dt", "2",
                                   "--timeout=50", "--seed", "3", "--allow-loss")),
                 SNNCLI_GO_ON, "%s", f.text);
    cr_expect_eq(o.verb, SNNDEV_RUN);
    cr_expect_eq(o.samples, 5u);
    cr_expect_eq(o.timesteps, 7u);
    cr_expect_eq(o.seed, 3u);
    cr_expect_eq(o.device.timeout_ms, 50u);
    cr_expect_float_eq(o.dt_us, 2000.0, 0.0);
    cr_expect(o.allow_loss && o.json == NULL);
    close_fixture(&f);
}

Test(snndev_options, what_is_missing_is_named_with_the_usage)
{
    expect_refused(ARGV("info"), "URI is missing\n  hint: usage: snndev info URI [option ...]");
    expect_refused(ARGV("load", "usb:"), "MODEL is missing\n  hint: usage: snndev load URI MODEL");
    expect_refused(ARGV("replay"), "FILE is missing");
    expect_refused(ARGV("list", "usb:"), "unexpected argument 'usb:'");
    expect_refused(ARGV("reset", "usb:", "m.json"), "unexpected argument 'm.json'");
}

Test(snndev_options, combinations_that_make_no_sense_are_refused)
{
    expect_refused(ARGV("record", "usb:", "m.json"), "nothing to record into");
    expect_refused(ARGV("record", "usb:", "m.json", "-o", "x.png"), "'x.png' is no name");
    expect_refused(ARGV("record", "usb:", "m.json", "-o", "x.csv", "-l", "conv1"),
                   "--layer: only goes with -o FILE.npy");
    expect_refused(ARGV("record", "usb:", "m.json", "-o", "x.npy", "--session", "x.npy"),
                   "--session: is the file of another output, too");
    expect_refused(ARGV("list", "--seconds", "3"), "--seconds: only goes with --watch");
    expect_refused(ARGV("monitor", "usb:", "--samples", "3"),
                   "option --samples goes with a model, and none is given");
    expect_refused(ARGV("run", "usb:", "m.json", "--labels", "l"), "--labels: needs --data");
    expect_refused(ARGV("run", "usb:", "m.json", "--slot-bytes", "1000"),
                   "--slot-bytes: 1000 is not a multiple of 512");
    expect_refused(ARGV("monitor", "usb:", "--serve", "8080"), "'8080' is no address and port");
}

Test(snndev_options, addresses_are_host_and_port)
{
    static const char *const wrong[] = {"",      ":80",       "a:",    "a:b",  "a:65536",
                                        "::1:8", "a:80x",     "[]:80", "a:-1", "a",
                                        "[::1]", "[::1] :80", "a: 80x"};
    struct snndev_address address;
    cr_assert(snndev_parse_address(&address, "127.0.0.1:8080"));
    cr_expect_str_eq(address.host, "127.0.0.1");
    cr_expect_eq(address.port, 8080);
    cr_assert(snndev_parse_address(&address, "[::1]:0"));
    cr_expect_str_eq(address.host, "::1");
    cr_expect_eq(address.port, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect_not(snndev_parse_address(&address, wrong[i]), "'%s'", wrong[i]);
}
