/* The progress bar, with the clock in the open. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/cli/sample.h"
#include "tools/cli/progress.h"

static struct snncli_console terminal_console(struct memory *memory)
{
    struct snncli_console console = memory_console(memory);
    console.err_is_terminal = true;
    return console;
}

Test(cli_progress, bar_is_drawn_ten_times_a_second_and_erased)
{
    struct memory memory;
    struct snncli_console console = terminal_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console, "a.json", "samples", 2000);
    for (unsigned i = 0; i <= 2000; i++)
        snncli_progress_update_at(&progress, i, 0, i * 0.001);
    size_t draws = count_of(memory_text(&memory), "\r");
    cr_expect(draws >= 18 && draws <= 20, "%zu draws in 2 s", draws);
    snncli_progress_finish(&progress);
    size_t length = strlen(memory_text(&memory));
    cr_expect_str_eq(memory.text + length - 4, "\r\033[K");
    cr_expect_null(strchr(memory.text, '\n'));
    snncli_progress_finish(&progress);
    cr_expect_eq(strlen(memory_text(&memory)), length);
    memory_close(&memory);
}

/* 50 of 200 after 10 s: a quarter, 5 a second, 30 s to go. 31 cells are left of 80 columns. */
Test(cli_progress, bar_shows_share_rate_and_time_left)
{
    struct memory memory;
    struct snncli_console console = terminal_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console, "a.json", "samples", 0);
    snncli_progress_update_at(&progress, 0, 200, 100);
    snncli_progress_update_at(&progress, 50, 200, 110);
    cr_expect_str_eq(memory_text(&memory), "\ra.json [########                       ]  25 %  "
                                           "50/200 samples, 5/s, 0:30 left\033[K");
    memory_close(&memory);
}

/* Passes over the same frames: their sum is no number of frames, so only the share is shown. */
Test(cli_progress, without_a_unit_nothing_is_counted)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console, "calibrating", NULL, 1);
    snncli_progress_update_at(&progress, 0, 180000, 100);
    snncli_progress_update_at(&progress, 45000, 180000, 110);
    cr_expect_str_eq(memory_text(&memory), "sample: calibrating: 25 %, 0:30 left\n");
    console.err_is_terminal = true;
    snncli_progress_update_at(&progress, 90000, 180000, 120);
    cr_expect_not_null(strstr(memory.text, "]  50 %  0:20 left\033[K"), "%s", memory.text);
    memory_close(&memory);
}

Test(cli_progress, utf8_bar_has_eighths)
{
    struct memory memory;
    struct snncli_console console = terminal_console(&memory);
    struct snncli_progress progress;

    console.utf8 = true;
    snncli_progress_init(&progress, &console, "a.json", "samples", 200);
    snncli_progress_update_at(&progress, 0, 0, 100);
    snncli_progress_update_at(&progress, 50, 0, 110);
    /* 31 cells: a quarter is 7 whole ones and 6 eighths. */
    cr_expect_not_null(strstr(memory_text(&memory), "▕███████▊                       ▏"), "%s",
                       memory.text);
    memory_close(&memory);
}

Test(cli_progress, resumed_run_counts_only_its_own_work)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console, "a.json", "samples", 2000);
    snncli_progress_update_at(&progress, 1000, 0, 0);
    snncli_progress_update_at(&progress, 1010, 0, 10);
    cr_expect_str_eq(memory_text(&memory),
                     "sample: a.json: 50 %, 1010/2000 samples, 1/s, 16:30 left\n");
    memory_close(&memory);
}

Test(cli_progress, file_gets_a_line_every_five_seconds)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console, "a.json", "samples", 0);
    for (unsigned i = 0; i <= 160; i++)
        snncli_progress_update_at(&progress, i, 0, i * 0.1);
    snncli_progress_finish(&progress);
    cr_expect_str_eq(memory_text(&memory), "sample: a.json: 50 samples, 10/s\n"
                                           "sample: a.json: 100 samples, 10/s\n"
                                           "sample: a.json: 150 samples, 10/s\n");
    memory_close(&memory);
}

Test(cli_progress, quiet_says_nothing)
{
    struct memory memory;
    struct snncli_console console = terminal_console(&memory);
    struct snncli_progress progress;

    console.verbosity = -1;
    snncli_progress_init(&progress, &console, "a.json", "samples", 10);
    for (unsigned i = 0; i <= 10; i++)
        snncli_progress_update_at(&progress, i, 0, i);
    snncli_progress_finish(&progress);
    cr_expect_str_eq(memory_text(&memory), "");
    memory_close(&memory);
}

Test(cli_progress, message_clears_the_bar_first)
{
    struct memory memory;
    struct snncli_console console = terminal_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console, "a.json", "samples", 0);
    snncli_progress_update_at(&progress, 0, 0, 0);
    snncli_progress_update_at(&progress, 1, 0, 1);
    snncli_warning(&console, NULL, "odd");
    cr_expect_not_null(strstr(memory_text(&memory), "\r\033[Ksample: warning: odd\n"));
    cr_expect_not(console.bar_drawn);
    memory_close(&memory);
}

Test(cli_progress, long_label_gives_up_the_bar_and_keeps_to_the_line)
{
    struct memory memory;
    struct snncli_console console = terminal_console(&memory);
    struct snncli_progress progress;

    snncli_progress_init(&progress, &console,
                         "a-model-whose-name-is-longer-than-is-reasonable-for-a-file-name.json",
                         "samples", 10);
    snncli_progress_update_at(&progress, 0, 0, 0);
    snncli_progress_update_at(&progress, 5, 0, 1);
    cr_expect_str_eq(memory_text(&memory), "\r5/10 samples, 5/s, 0:01 left\033[K");
    memory_close(&memory);
}
