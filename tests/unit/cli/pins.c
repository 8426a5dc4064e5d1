/* --core: what is understood, what is refused, and that a refusal says what to write. */
#include "tools/cli/pins.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/cli/sample.h"

static const struct snncli_option core = {.name = "core"};

static void accept(struct snncli_pins *pins, const char *text)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    cr_assert_eq(snncli_parse_pin(&console, &core, text, pins), SNNCLI_EXIT_OK, "'%s': %s", text,
                 memory_text(&memory));
    memory_close(&memory);
}

/* `message` is what the refusal has to say. */
static void refuse(struct snncli_pins *pins, const char *text, const char *message)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    const uint32_t count = pins->count;
    cr_expect_eq(snncli_parse_pin(&console, &core, text, pins), SNNCLI_EXIT_USAGE, "'%s'", text);
    cr_expect_not_null(strstr(memory_text(&memory), message), "'%s': %s", text,
                       memory_text(&memory));
    cr_expect_eq(pins->count, count, "'%s': a refused value changes nothing", text);
    memory_close(&memory);
}

Test(cli_pins, a_layer_has_one_core_or_two)
{
    struct snncli_pins pins = {.count = 0};
    accept(&pins, "conv1=2");
    accept(&pins, "fc1=6,5");
    cr_assert_eq(pins.count, 2);
    cr_expect_str_eq(pins.pins[0].layer, "conv1");
    cr_expect_eq(pins.pins[0].core_count, 1);
    cr_expect_eq(pins.pins[0].cores[0], 2);
    cr_expect_str_eq(pins.pins[1].layer, "fc1");
    cr_expect_eq(pins.pins[1].core_count, 2);
    cr_expect_eq(pins.pins[1].cores[0], 6);
    cr_expect_eq(pins.pins[1].cores[1], 5);
}

Test(cli_pins, the_last_equals_sign_parts_a_name_that_has_some)
{
    struct snncli_pins pins = {.count = 0};
    accept(&pins, "a=b=3");
    cr_expect_str_eq(pins.pins[0].layer, "a=b");
    cr_expect_eq(pins.pins[0].cores[0], 3);
}

Test(cli_pins, what_is_no_pin_is_refused)
{
    struct snncli_pins pins = {.count = 0};
    static const char *const texts[] = {
        "",         "conv1",    "=1",        "conv1=",      "conv1=x",  "conv1=-1",
        "conv1=1,", "conv1=,1", "conv1=1;2", "conv1=1,2,3", "conv1= 1", "conv1=4294967295"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        refuse(&pins, texts[i], "' is not understood\n  hint: write LAYER=CORE");
}

Test(cli_pins, a_name_that_is_too_long_is_refused)
{
    struct snncli_pins pins = {.count = 0};
    char text[SNNCLI_LAYER_NAME_MAX + 3];
    memset(text, 'x', sizeof(text));
    memcpy(text + SNNCLI_LAYER_NAME_MAX, "=1", 3);
    refuse(&pins, text, "is not understood");
    accept(&pins, text + 1);
    cr_expect_eq(strlen(pins.pins[0].layer), SNNCLI_LAYER_NAME_MAX - 1);
}

Test(cli_pins, a_layer_is_pinned_once)
{
    struct snncli_pins pins = {.count = 0};
    accept(&pins, "conv1=2");
    refuse(&pins, "conv1=3", "--core: conv1 is given twice");
    accept(&pins, "conv2=2");
}

Test(cli_pins, there_is_an_end_to_them)
{
    struct snncli_pins pins = {.count = 0};
    char text[32];
    for (int i = 0; i < SNN_CHIP_CORES_MAX; i++) {
        (void)snprintf(text, sizeof(text), "layer%d=0", i);
        accept(&pins, text);
    }
    refuse(&pins, "last=0", "--core: more than 64 layers");
}
