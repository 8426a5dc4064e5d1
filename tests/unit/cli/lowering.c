/* Values of the options that say how a net is lowered. */
#include <criterion/criterion.h>
#include <math.h>

#include "snn/context.h"
#include "tests/unit/cli/sample.h"
#include "tools/cli/lowering.h"

static const struct snncli_option rows[] = {
    {SNNCLI_ROW_CHANNELWISE, .id = 1}, {SNNCLI_ROW_V0, .id = 2},
    {SNNCLI_ROW_V_MIN, .id = 3},       {SNNCLI_ROW_RESET, .id = 4},
    {SNNCLI_ROW_OUTPUT_GAIN, .id = 5}, {SNNCLI_ROW_MAX_POOL, .id = 6},
    {SNNCLI_ROW_QUANT, .id = 7},       {.name = "norm", .id = 8},
    {SNNCLI_ROW_CORE, .id = 9}};

struct fixture {
    struct memory memory;
    struct snncli_console console;
    struct snn_context *context;
    struct snn_lower_options lower;
};

static void open_fixture(struct fixture *f)
{
    f->console = memory_console(&f->memory);
    cr_assert_eq(snn_context_create(&f->context, NULL), 0);
    snn_lower_options_init(&f->lower);
}

static void close_fixture(struct fixture *f)
{
    snn_context_destroy(&f->context);
    memory_close(&f->memory);
}

static int take(struct fixture *f, int id, const char *value)
{
    const struct snncli_lowering to = {&f->console, f->context, &f->lower};
    return snncli_lowering_take(&to, &rows[id - 1], value);
}

Test(cli_lowering, values_go_where_their_names_say)
{
    struct fixture f;
    open_fixture(&f);
    cr_expect_eq(take(&f, 1, NULL), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 2, "0.25"), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 3, "-2"), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 4, "zero"), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 5, "4"), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 6, "or"), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 7, "mse"), SNNCLI_EXIT_OK);
    cr_expect_eq(take(&f, 8, "p99"), SNNCLI_EXIT_OK);
    cr_expect(f.lower.channelwise && f.lower.quantise_mse);
    cr_expect_float_eq(f.lower.v_init, 0.25f, 0);
    cr_expect_float_eq(f.lower.v_min, -2.0f, 0);
    cr_expect_float_eq(f.lower.output_gain, 4.0f, 0);
    cr_expect_eq(f.lower.reset, SNN_RESET_ZERO);
    cr_expect_eq(f.lower.max_pool, SNN_MAX_POOL_OR);
    cr_expect(f.lower.norm == SNN_NORM_QUANTILE && fabs(f.lower.quantile - 0.99) < 1e-12);
    cr_expect_eq(take(&f, 3, "none"), SNNCLI_EXIT_OK);
    cr_expect(isinf(f.lower.v_min) && f.lower.v_min < 0);
    cr_expect_str_eq(memory_text(&f.memory), "");
    close_fixture(&f);
}

Test(cli_lowering, wrong_values_are_refused_and_change_nothing)
{
    struct fixture f;
    open_fixture(&f);
    cr_expect_eq(take(&f, 2, "x"), SNNCLI_EXIT_USAGE);
    cr_expect_eq(take(&f, 3, "1"), SNNCLI_EXIT_USAGE);
    cr_expect_eq(take(&f, 4, "halve"), SNNCLI_EXIT_USAGE);
    cr_expect_eq(take(&f, 5, "0"), SNNCLI_EXIT_USAGE);
    cr_expect_eq(take(&f, 8, "p101"), SNNCLI_EXIT_USAGE);
    cr_expect_float_eq(f.lower.v_init, 0.5f, 0);
    cr_expect_float_eq(f.lower.v_min, -1.0f, 0);
    cr_expect_eq(f.lower.reset, SNN_RESET_SUBTRACT);
    cr_expect_float_eq(f.lower.output_gain, 1.0f, 0);
    cr_expect_eq(f.console.error_count, 5);
    close_fixture(&f);
}

Test(cli_lowering, other_options_are_left_to_the_tool)
{
    struct fixture f;
    open_fixture(&f);
    cr_expect_eq(take(&f, 9, "fc1=5"), SNNCLI_GO_ON);
    cr_expect_str_eq(memory_text(&f.memory), "");
    close_fixture(&f);
}
