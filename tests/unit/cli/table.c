/* Tables and numbers for people. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/cli/sample.h"
#include "tools/cli/table.h"

static const struct snncli_column columns[] = {
    {"layer", SNNCLI_LEFT}, {"spikes", SNNCLI_RIGHT}, {"kind", SNNCLI_LEFT}, {NULL, SNNCLI_LEFT}};

static void expect_table(const struct snncli_table *table, bool utf8, bool color,
                         const char *expected)
{
    struct memory memory;
    memory_open(&memory);
    cr_expect_eq(snncli_table_print(table, memory.stream, utf8, color), SNN_OK);
    cr_expect_str_eq(memory_text(&memory), expected);
    memory_close(&memory);
}

Test(cli_table, columns_are_aligned_left_and_right)
{
    struct snncli_table table;
    snncli_table_init(&table, columns);
    snncli_table_cell(&table, "conv1");
    snncli_table_cell(&table, "%d", 7);
    snncli_table_cell(&table, "if");
    snncli_table_cell(&table, "a-longer-name");
    snncli_table_cell(&table, "1234567");
    snncli_table_cell(&table, "pool");
    expect_table(&table, false, false,
                 "layer           spikes  kind\n"
                 "-------------  -------  ----\n"
                 "conv1                7  if\n"
                 "a-longer-name  1234567  pool\n");
    snncli_table_fini(&table);
}

Test(cli_table, rule_fills_the_row_and_an_open_last_row_is_printed)
{
    struct snncli_table table;
    snncli_table_init(&table, columns);
    snncli_table_cell(&table, "conv1");
    snncli_table_rule(&table);
    snncli_table_cell(&table, "sum");
    snncli_table_cell(&table, "9");
    expect_table(&table, false, false,
                 "layer  spikes  kind\n"
                 "-----  ------  ----\n"
                 "conv1\n"
                 "-----  ------  ----\n"
                 "sum         9\n");
    snncli_table_fini(&table);
}

Test(cli_table, width_counts_characters_not_bytes)
{
    struct snncli_table table;
    snncli_table_init(&table, columns);
    snncli_table_cell(&table, "\xc2\xb5\xc2\xb5");
    snncli_table_cell(&table, "\xce\xb8");
    snncli_table_cell(&table, "x");
    expect_table(&table, true, false,
                 "layer  spikes  kind\n"
                 "─────  ──────  ────\n"
                 "\xc2\xb5\xc2\xb5          \xce\xb8  x\n");
    snncli_table_fini(&table);
}

Test(cli_table, titles_are_bold_in_colour)
{
    static const struct snncli_column one[] = {{"a", SNNCLI_LEFT}, {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, one);
    expect_table(&table, false, true, "\033[1ma\n\033[0m-\n");
    snncli_table_fini(&table);
}

Test(cli_table, many_rows_and_long_cells_are_kept)
{
    struct snncli_table table;
    struct memory memory;
    snncli_table_init(&table, columns);
    for (int i = 0; i < 3000; i++)
        snncli_table_cell(&table, "%0300d", i);
    memory_open(&memory);
    cr_expect_eq(snncli_table_print(&table, memory.stream, false, false), SNN_OK);
    cr_expect_eq(count_of(memory_text(&memory), "\n"), 1002);
    /* Three cells of 300 and two gaps make a line of 905; that of the titles ends after "kind". */
    cr_expect_eq(strlen(memory.text), 1001 * 905 + (300 + 2 + 300 + 2 + 4 + 1));
    memory_close(&memory);
    snncli_table_fini(&table);
}

Test(cli_table, lost_cell_is_reported)
{
    struct snncli_table table;
    struct memory memory;
    snncli_table_init(&table, columns);
    table.out_of_memory = true;
    memory_open(&memory);
    cr_expect_eq(snncli_table_print(&table, memory.stream, false, false), SNN_ERR_NOMEM);
    cr_expect_str_eq(memory_text(&memory), "");
    memory_close(&memory);
    snncli_table_fini(&table);
}

/* Three figures everywhere; the limits are where rounding would show a fourth. */
Test(cli_table, numbers_get_prefixes)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},          {7, "7"},           {999, "999"},      {0.53, "0.530"},
        {0.9996, "1.00"},  {9.996, "10.0"},    {12.34, "12.3"},   {99.96, "100"},
        {999.4, "999"},    {999.5, "1.00 k"},  {1440, "1.44 k"},  {12345678, "12.3 M"},
        {999499, "999 k"}, {999500, "1.00 M"}, {2.5e9, "2.50 G"}, {-1500, "-1.50 k"},
        {1e15, "1.00 P"},  {1e21, "1e+21"},    {NAN, "-"},        {INFINITY, "inf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(snncli_format_si(cases[i].value).text, cases[i].text, "%g gives '%s'",
                         cases[i].value, snncli_format_si(cases[i].value).text);
}

Test(cli_table, units_get_small_prefixes_too)
{
    cr_expect_str_eq(snncli_format_unit(4.2e-7, "J").text, "420 nJ");
    cr_expect_str_eq(snncli_format_unit(1.234e-5, "J").text, "12.3 uJ");
    cr_expect_str_eq(snncli_format_unit(0.9996, "s").text, "1.00 s");
    cr_expect_str_eq(snncli_format_unit(0, "J").text, "0 J");
    cr_expect_str_eq(snncli_format_unit(1500, "J").text, "1.50 kJ");
    cr_expect_str_eq(snncli_format_unit(NAN, "J").text, "-");
}

Test(cli_table, shares_counts_and_times_read_well)
{
    cr_expect_str_eq(snncli_format_percent(0.99021).text, "99.02 %");
    cr_expect_str_eq(snncli_format_percent(1).text, "100.00 %");
    cr_expect_str_eq(snncli_format_percent(NAN).text, "-");
    cr_expect_str_eq(snncli_format_count(0).text, "0");
    cr_expect_str_eq(snncli_format_count(999).text, "999");
    cr_expect_str_eq(snncli_format_count(1000).text, "1,000");
    cr_expect_str_eq(snncli_format_count(UINT64_MAX).text, "18,446,744,073,709,551,615");
    cr_expect_str_eq(snncli_format_seconds(0.0421).text, "0.042 s");
    cr_expect_str_eq(snncli_format_seconds(7.31).text, "7.31 s");
    cr_expect_str_eq(snncli_format_seconds(42.34).text, "42.3 s");
    cr_expect_str_eq(snncli_format_seconds(62).text, "1:02 min");
    cr_expect_str_eq(snncli_format_seconds(7384).text, "2:03:04 h");
    cr_expect_str_eq(snncli_format_seconds(59.7).text, "1:00 min");
    cr_expect_str_eq(snncli_format_seconds(1e9).text, "-");
    cr_expect_str_eq(snncli_format_clock(5).text, "0:05");
    cr_expect_str_eq(snncli_format_clock(INFINITY).text, "-");
}

Test(cli_table, bars_are_ten_columns_of_a_whole)
{
    cr_expect_str_eq(snncli_format_bar(0.727, true).text,
                     "\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u258e"); /* 58 eighths */
    cr_expect_str_eq(snncli_format_bar(0.727, false).text, "#######");
    cr_expect_str_eq(snncli_format_bar(1.0 / 80, true).text, "\u258f");
    cr_expect_str_eq(snncli_format_bar(0.05, false).text, "#");
    cr_expect_str_eq(snncli_format_bar(0.049, false).text, "");
    cr_expect_str_eq(snncli_format_bar(1e9, false).text, "##########");
    cr_expect_eq(snncli_text_width(snncli_format_bar(1, true).text), 10);
    cr_expect_str_eq(snncli_format_bar(0, true).text, "");
    cr_expect_str_eq(snncli_format_bar(-1, true).text, "");
    cr_expect_str_eq(snncli_format_bar(NAN, true).text, "");
}

Test(cli_table, its_width_is_that_of_its_widest_cells_and_the_gaps)
{
    static const struct snncli_column two[] = {
        {"a", SNNCLI_LEFT}, {"long", SNNCLI_RIGHT}, {NULL, SNNCLI_LEFT}};
    struct snncli_table table;
    snncli_table_init(&table, two);
    cr_expect_eq(snncli_table_width(&table), 1 + 2 + 4);
    snncli_table_cell(&table, "\u2588\u2588\u2588");
    snncli_table_cell(&table, "x");
    cr_expect_eq(snncli_table_width(&table), 3 + 2 + 4);
    snncli_table_fini(&table);
}
