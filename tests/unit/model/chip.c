/* Chip profiles: the built-in ones against public tables, files of one's own, and hostile ones.
 */
#include "snn/chip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/json.h"
#include "libsnn/model/chip.h"
#include "snn/energy.h"
#include "snn/status.h"
#include "tests/unit/model/support.h"

TestSuite(chip, .init = support_begin, .fini = support_end);

/* ---- The built-in ones ---- */

/* Ki words of cores 0..8: Speck Dev Kit Datasheet 1.0, table 1. */
static const uint32_t kernel_ki[9] = {16, 16, 16, 32, 32, 64, 64, 16, 16};
static const uint32_t neuron_ki[9] = {64, 64, 64, 32, 32, 16, 16, 16, 16};

static void check_family(const struct snn_chip *chip, void *user)
{
    size_t *count = user;
    (*count)++;
    cr_assert_eq(chip->core_count, 9, "%s", chip->name);
    for (uint32_t i = 0; i < 9; i++) {
        cr_expect_eq(chip->cores[i].kernel_words, kernel_ki[i] * 1024, "%s %u", chip->name, i);
        cr_expect_eq(chip->cores[i].neuron_words, neuron_ki[i] * 1024, "%s %u", chip->name, i);
        cr_expect_eq(chip->cores[i].bias_words, 1024, "%s %u", chip->name, i);
        cr_expect_eq(chip->cores[i].synops_per_s, 0.0, "%s: none is published", chip->name);
    }
    cr_expect_eq(chip->kernel_size_max, 16);
    cr_assert_eq(chip->stride_count, 4);
    cr_expect_eq(chip->strides[3], 8);
    cr_expect_eq(chip->padding_max, 7);
    cr_assert_eq(chip->pooling_count, 3);
    cr_expect_eq(chip->poolings[1], 2);
    cr_expect_eq(chip->poolings[2], 4);
    cr_expect_eq(chip->input_size_max, 128);
    cr_expect_eq(chip->output_size_max, 64);
    cr_expect_eq(chip->feature_max, 1024);
    cr_expect_eq(chip->destination_max, 2);
    cr_expect_eq(chip->readout_layer, 12);
    cr_expect_eq(chip->sensor_layer, 13);
    const bool speck = strncmp(chip->name, "speck", 5) == 0;
    cr_expect_eq(chip->readout_spread, speck ? 4 : 1, "%s", chip->name);
    cr_expect_eq(chip->readout_classes, speck ? 15 : 0, "%s", chip->name);
    cr_expect_eq(chip->threshold_low_below_0, speck, "%s", chip->name);
    cr_expect_eq(chip->event_us, speck ? 1.58 : 0.0, "%s", chip->name);
    cr_expect_eq(chip->clock_hz_max, speck ? 10000.0 : 0.0, "%s", chip->name);
    struct snn_chip again;
    cr_assert_eq(snn_chip_load(&again, support_context(), chip->name), SNN_OK);
    cr_expect_str_eq(again.name, chip->name);
    cr_expect_str_eq(again.description, chip->description);
}

Test(chip, built_in_profiles_have_the_published_figures)
{
    size_t count = 0;
    cr_assert_eq(snn_chip_each(support_context(), check_family, &count), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(count, 3);
}

/* 0.42 mW for 1 s are 420 uJ; 1e6 SynOps of 10 pJ are 10 uJ. */
Test(chip, energy_of_speck_has_its_resting_power)
{
    struct snn_chip chip;
    struct snn_energy_profile energy;
    cr_assert_eq(snn_chip_load(&chip, support_context(), "speck2f"), SNN_OK);
    cr_assert_eq(snn_energy_profile_load(&energy, support_context(), chip.energy), SNN_OK);
    const struct snn_energy_counts counts = {.synops = 1e6, .seconds = 1};
    cr_assert_float_eq(snn_energy_uj(&energy, &counts), 430, 1e-9);
}

Test(chip, an_unknown_name_is_answered_with_the_near_and_the_known_ones)
{
    struct snn_context *context = support_context();
    struct snn_chip chip = {.core_count = 77};
    cr_assert_eq(snn_chip_load(&chip, context, "Spek2f"), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_message(context), "no chip 'Spek2f'");
    cr_assert_str_eq(snn_context_hint(context),
                     "did you mean speck2f? chips are dynapcnn, speck2e, speck2f, or the file of a "
                     "profile");
    cr_assert_eq(snn_chip_load(&chip, context, "loihi"), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_hint(context),
                     "chips are dynapcnn, speck2e, speck2f, or the file of a profile");
    cr_assert_eq(chip.core_count, 77);
}

/* ---- Files ---- */

#define CORE "{'kernel_words':512,'neuron_words':256,'bias_words':0}"
#define CORES "'cores':[" CORE ",{'kernel_words':1,'neuron_words':1,'bias_words':1}]"
#define TEXTS "'format':'snn.chip/1','name':'mine','description':'d','source':'s','energy':'sinabs'"
#define WHOLES                                                                      \
    "'kernel_size_max':5,'padding_max':0,'input_size_max':32,'output_size_max':16," \
    "'feature_max':57,'destination_max':1,'readout_layer':2,'sensor_layer':3,"      \
    "'readout_spread':4,'readout_classes':15"
#define LISTS "'strides':[1,2],'poolings':[1,2,4]"
#define LOW "'threshold_low_below_0':false"
#define WHOLE_FILE "{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW "}"

static int load(const char *text, struct snn_chip *out)
{
    const char *quoted = support_quoted(text);
    return snn_chip_load(out, support_context(), support_put("c.json", quoted, strlen(quoted)));
}

Test(chip, a_file_of_ones_own_is_read)
{
    struct snn_chip chip;
    cr_assert_eq(load(WHOLE_FILE, &chip), SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_str_eq(chip.name, "mine");
    cr_assert_eq(chip.core_count, 2);
    cr_assert_eq(chip.cores[0].kernel_words, 512);
    cr_assert_eq(chip.cores[0].neuron_words, 256);
    cr_assert_eq(chip.cores[0].bias_words, 0);
    cr_assert_eq(chip.stride_count, 2);
    cr_assert_eq(chip.readout_classes, 15);
    cr_assert_eq(chip.event_us, 0.0);
}

Test(chip, a_chip_program_has_the_profile_in_it)
{
    struct snn_chip chip;
    cr_assert_eq(load("{'format':'snn.program/1','chip':" WHOLE_FILE ",'cores':[]}", &chip), SNN_OK,
                 "%s", snn_context_message(support_context()));
    cr_assert_str_eq(chip.name, "mine");
    cr_assert_eq(load("{'format':'snn.other/1','chip':" WHOLE_FILE "}", &chip), SNN_ERR_FORMAT);
    cr_assert_eq(load("{'format':'snn.program/1'}", &chip), SNN_ERR_FORMAT);
}

Test(chip, figures_that_may_be_missing_are_read_where_they_are_there)
{
    struct snn_chip chip;
    cr_assert_eq(load("{" TEXTS ",'cores':[{'kernel_words':1,'neuron_words':2,'bias_words':3,"
                      "'synops_per_s':2.5e7}]," WHOLES "," LISTS "," LOW
                      ",'event_us':0.25,'clock_hz_max':100,'errata':['a','b']}",
                      &chip),
                 SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_eq(chip.cores[0].synops_per_s, 2.5e7);
    cr_assert_eq(chip.event_us, 0.25);
    cr_assert_eq(chip.clock_hz_max, 100.0);
}

struct refused {
    const char *text;
    const char *message; /* after the path */
    const char *hint;
};

static void check_refused(const struct refused *cases, size_t count)
{
    struct snn_context *context = support_context();
    for (size_t i = 0; i < count; i++) {
        struct snn_chip chip = {.core_count = 77};
        char expected[1024];
        cr_expect_eq(load(cases[i].text, &chip), SNN_ERR_FORMAT, "%s", cases[i].text);
        (void)snprintf(expected, sizeof(expected), "%s: %s", support_path("c.json"),
                       cases[i].message);
        cr_expect_str_eq(snn_context_message(context), expected);
        cr_expect_str_eq(snn_context_hint(context), cases[i].hint);
        cr_expect_eq(chip.core_count, 77);
    }
}

#define CASE_COUNT(cases) (sizeof(cases) / sizeof((cases)[0]))

Test(chip, members_that_are_unknown_missing_or_of_another_type_are_refused)
{
    static const struct refused cases[] = {
        {"[]", "an object expected", ""},
        {"{}", "format: missing, a string expected", ""},
        {"{'format':'snn.energy/1'}", "format is 'snn.energy/1', 'snn.chip/1' expected",
         "a chip is named (speck2f), or by the file of its profile"},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW ",'destinations_max':2}",
         "unknown member 'destinations_max'", "did you mean 'destination_max'?"},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW ",'colour':2}", "unknown member 'colour'",
         ""},
        {"{" TEXTS ",'cores':[" CORE ",{'kernel_word':1}]," WHOLES "," LISTS "," LOW "}",
         "cores[1]: unknown member 'kernel_word'", "did you mean 'kernel_words'?"},
        {"{" TEXTS "," WHOLES "," LISTS "," LOW "}", "cores: missing, an array expected", ""},
        {"{" TEXTS ",'cores':9," WHOLES "," LISTS "," LOW "}", "cores: an array expected", ""},
        {"{" TEXTS ",'cores':[5]," WHOLES "," LISTS "," LOW "}", "cores[0]: an object expected",
         ""},
        {"{" TEXTS ",'cores':[{'kernel_words':1,'neuron_words':1}]," WHOLES "," LISTS "," LOW "}",
         "cores[0]: bias_words: missing, a whole number expected", ""},
        {"{" TEXTS "," CORES "," WHOLES ",'poolings':[1]," LOW "}",
         "strides: missing, an array expected", ""},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "}",
         "threshold_low_below_0: missing, true or false expected", ""},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS ",'threshold_low_below_0':1}",
         "threshold_low_below_0: true or false expected, a number found", ""},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW ",'event_us':'fast'}",
         "event_us: a number expected, a string found", ""},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW ",'errata':[1]}",
         "errata[0]: a string expected", ""},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW ",'errata':'none'}",
         "errata: an array expected", ""},
    };
    check_refused(cases, CASE_COUNT(cases));
}

Test(chip, values_out_of_range_are_refused)
{
    static const struct refused cases[] = {
        {"{" TEXTS ",'cores':[]," WHOLES "," LISTS "," LOW "}",
         "cores: 1 to 64 cores expected, 0 found", ""},
        {"{" TEXTS ",'cores':[{'kernel_words':0,'neuron_words':1,'bias_words':1}]," WHOLES "," LISTS
         "," LOW "}",
         "cores[0]: kernel_words: a whole number from 1 to 1073741824 expected, 0 found", ""},
        {"{" TEXTS ",'cores':[{'kernel_words':1,'neuron_words':-1,'bias_words':1}]," WHOLES
         "," LISTS "," LOW "}",
         "cores[0]: neuron_words: a whole number from 1 to 1073741824 expected, -1 found", ""},
        {"{" TEXTS ",'cores':[{'kernel_words':1,'neuron_words':1,'bias_words':1,"
         "'synops_per_s':-1}]," WHOLES "," LISTS "," LOW "}",
         "cores[0]: synops_per_s: a number from 0 to 1e+15 expected, -1 found", ""},
        {"{" TEXTS "," CORES "," WHOLES ",'strides':[1,2.5],'poolings':[1]," LOW "}",
         "strides[1]: a whole number from 1 to 255 expected, 2.5 found", ""},
        {"{" TEXTS "," CORES "," WHOLES ",'strides':[],'poolings':[1]," LOW "}",
         "strides: 1 to 8 values expected, 0 found", ""},
        {"{" TEXTS "," CORES "," WHOLES ",'strides':[1,2,3,4,5,6,7,8,9],'poolings':[1]," LOW "}",
         "strides: 1 to 8 values expected, 9 found", ""},
        {"{" TEXTS "," CORES "," WHOLES "," LISTS "," LOW ",'clock_hz_max':-5}",
         "clock_hz_max: a number from 0 to 1e+09 expected, -5 found", ""},
        {"{'format':'snn.chip/1','name':'','description':'d','source':'s','energy':'sinabs'," CORES
         "," WHOLES "," LISTS "," LOW "}",
         "name: 1 to 63 characters expected, none found", ""},
    };
    check_refused(cases, CASE_COUNT(cases));
}

/* One whole number after the other, just outside of its range. */
Test(chip, every_limit_is_checked_at_its_ends)
{
    static const struct {
        const char *key;
        long low, high;
    } members[] = {{"kernel_size_max", 1, 255},  {"padding_max", 0, 255},
                   {"input_size_max", 1, 65535}, {"output_size_max", 1, 65535},
                   {"feature_max", 1, 65535},    {"destination_max", 1, 4},
                   {"readout_layer", 1, 65535},  {"sensor_layer", 1, 65535},
                   {"readout_spread", 1, 255},   {"readout_classes", 0, 65535}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const long bad[2] = {members[i].low - 1, members[i].high + 1};
        for (size_t b = 0; b < 2; b++) {
            char text[2048] = WHOLE_FILE, key[64], message[256], digits[32];
            (void)snprintf(key, sizeof(key), "'%s':", members[i].key);
            char *value = strstr(text, key);
            cr_assert_not_null(value, "%s", key);
            value += strlen(key);
            char *rest = value + strcspn(value, ",");
            const int length = snprintf(digits, sizeof(digits), "%ld", bad[b]);
            memmove(value + length, rest, strlen(rest) + 1);
            memcpy(value, digits, (size_t)length);
            (void)snprintf(message, sizeof(message),
                           "%s: a whole number from %ld to %ld expected, %ld found", members[i].key,
                           members[i].low, members[i].high, bad[b]);
            const struct refused one = {text, message, ""};
            check_refused(&one, 1);
        }
    }
}

#define WITH(name, wholes) "{" name "," CORES "," wholes "," LISTS "," LOW "}"
#define SOME                                                                        \
    "'kernel_size_max':5,'padding_max':0,'input_size_max':32,'output_size_max':16," \
    "'destination_max':1,'readout_spread':4,"
#define NAMES "'format':'snn.chip/1','name':'mine','description':'d','source':'s',"

Test(chip, figures_that_contradict_each_other_are_refused)
{
    static const struct refused cases[] = {
        {"{" TEXTS "," CORES "," WHOLES ",'strides':[1],'poolings':[2,4]," LOW "}",
         "poolings[0]: the list begins with 2 and not with 1", ""},
        {"{" TEXTS "," CORES "," WHOLES ",'strides':[1],'poolings':[1,4,2]," LOW "}",
         "poolings[2]: 2 after 4, an ascending list expected", ""},
        {"{" TEXTS "," CORES "," WHOLES ",'strides':[1,2,2],'poolings':[1]," LOW "}",
         "strides[2]: 2 after 2, an ascending list expected", ""},
        {WITH(TEXTS,
              SOME "'feature_max':56,'readout_classes':15,'readout_layer':2,'sensor_layer':3"),
         "readout_classes: 15 classes, one in 4 features, take 57 features; feature_max is 56", ""},
        {WITH(TEXTS,
              SOME "'feature_max':56,'readout_classes':0,'readout_layer':1,'sensor_layer':3"),
         "readout_layer: 1 is one of the cores 0 to 1; another number expected", ""},
        {WITH(TEXTS,
              SOME "'feature_max':56,'readout_classes':0,'readout_layer':3,'sensor_layer':3"),
         "sensor_layer: 3 is the readout_layer too", ""},
        {WITH(NAMES "'energy':'speckk'", WHOLES), "energy: no energy profile 'speckk'",
         "profiles are sinabs, speck, truenorth, loihi, odin, spinnaker2, horowitz45_fp32, "
         "horowitz45_int8"},
        {WITH(NAMES "'energy':'/etc/passwd:x'", WHOLES),
         "energy: '/etc/passwd:x' is not the name of a built-in profile",
         "profiles of your own go to the option --energy FILE:NAME"},
    };
    check_refused(cases, CASE_COUNT(cases));
}

Test(chip, a_later_format_and_broken_files_are_refused)
{
    struct snn_context *context = support_context();
    struct snn_chip chip;
    cr_assert_eq(load("{'format':'snn.chip/2'}", &chip), SNN_ERR_UNSUPPORTED);
    cr_assert_str_eq(snn_context_hint(context), "a later version of libsnn wrote it");
    cr_assert_eq(load("", &chip), SNN_ERR_FORMAT);
    cr_assert_eq(snn_chip_load(&chip, context, "/nowhere/chip.json"), SNN_ERR_NOT_FOUND);
    cr_assert_eq(snn_chip_load(&chip, context, "nowhere.json"), SNN_ERR_NOT_FOUND);
    cr_assert_eq(snn_chip_load(&chip, context, "./speck2f"), SNN_ERR_NOT_FOUND);
}

/* Texts of more characters than their field has, down to a size that still fits. */
Test(chip, texts_that_do_not_fit_are_refused)
{
    struct snn_chip chip;
    char text[4096], name[80];
    for (int length = 63; length <= 64; length++) {
        memset(name, 'n', sizeof(name));
        name[length] = '\0';
        (void)snprintf(text, sizeof(text),
                       "{'format':'snn.chip/1','name':'%s','description':'d','source':'s',"
                       "'energy':'sinabs'," CORES "," WHOLES "," LISTS "," LOW "}",
                       name);
        cr_assert_eq(load(text, &chip), length == 63 ? SNN_OK : SNN_ERR_FORMAT, "%d", length);
    }
}

/* Written into a chip program it would become longer, and no longer be read. */
Test(chip, texts_that_are_not_utf8_are_refused)
{
    static const struct refused one = {"{'format':'snn.chip/1','name':'mine','description':'\xb5',"
                                       "'source':'s','energy':'sinabs'," CORES "," WHOLES "," LISTS
                                       "," LOW "}",
                                       "description: bytes that are not UTF-8", ""};
    check_refused(&one, 1);
}

/* Every beginning of a good file ends too early. */
Test(chip, a_cut_file_is_refused_wherever_it_was_cut)
{
    struct snn_chip chip;
    const char *whole = support_quoted(WHOLE_FILE);
    for (size_t size = 0; size < strlen(whole); size++)
        cr_assert_neq(snn_chip_load(&chip, support_context(), support_put("c.json", whole, size)),
                      SNN_OK, "%zu", size);
}

/* ---- As part of other files ---- */

/* The chip as JSON, to be freed by snnbase_buffer_fini. */
static struct snnbase_buffer written(const struct snn_chip *chip)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    struct snnbase_jsonout out;
    snnbase_jsonout_init(&out, support_context(), &buffer, 2);
    snnmodel_chip_write(&out, chip);
    cr_assert_eq(snnbase_jsonout_finish(&out), SNN_OK);
    return buffer;
}

Test(chip, what_is_written_reads_back_the_same)
{
    struct snn_context *context = support_context();
    static const char *const names[] = {"dynapcnn", "speck2e", "speck2f"};
    for (size_t i = 0; i < 3; i++) {
        struct snn_chip chip, again;
        struct snnbase_json *json = NULL;
        cr_assert_eq(snn_chip_load(&chip, context, names[i]), SNN_OK);
        chip.cores[1].synops_per_s = 1.25e8;
        struct snnbase_buffer first = written(&chip);
        cr_assert_eq(snnbase_json_parse(context, (const char *)first.data, first.size, &json),
                     SNN_OK, "%s", snn_context_message(context));
        cr_assert_eq(snnmodel_chip_read(context, snnbase_json_root(json), &again), SNN_OK, "%s",
                     snn_context_message(context));
        struct snnbase_buffer second = written(&again);
        cr_assert_eq(second.size, first.size, "%s", names[i]);
        cr_expect_eq(memcmp(second.data, first.data, first.size), 0, "%s", names[i]);
        cr_expect_eq(again.cores[1].synops_per_s, 1.25e8);
        cr_expect_eq(again.event_us, chip.event_us);
        cr_expect_eq(again.clock_hz_max, chip.clock_hz_max);
        cr_expect_eq(again.threshold_low_below_0, chip.threshold_low_below_0);
        snnbase_json_destroy(context, &json);
        snnbase_buffer_fini(context, &first);
        snnbase_buffer_fini(context, &second);
    }
}

Test(chip, a_chip_that_a_caller_filled_in_is_checked)
{
    struct snn_context *context = support_context();
    struct snn_chip good, bad;
    cr_assert_eq(snn_chip_load(&good, context, "speck2f"), SNN_OK);
    cr_assert_eq(snnmodel_chip_check(context, &good), SNN_OK);
    bad = good;
    memset(bad.name, 'n', sizeof(bad.name));
    cr_expect_eq(snnmodel_chip_check(context, &bad), SNN_ERR_FORMAT);
    cr_expect_str_eq(snn_context_message(context), "name: 1 to 63 characters expected, more found");
    bad = good;
    bad.core_count = 65;
    cr_expect_eq(snnmodel_chip_check(context, &bad), SNN_ERR_FORMAT);
    bad = good;
    bad.cores[8].neuron_words = 0;
    cr_expect_eq(snnmodel_chip_check(context, &bad), SNN_ERR_FORMAT);
    cr_expect_str_eq(
        snn_context_message(context),
        "cores[8]: neuron_words: a whole number from 1 to 1073741824 expected, 0 found");
    bad = good;
    bad.pooling_count = 9;
    cr_expect_eq(snnmodel_chip_check(context, &bad), SNN_ERR_FORMAT);
    bad = good;
    bad.destination_max = 5;
    cr_expect_eq(snnmodel_chip_check(context, &bad), SNN_ERR_FORMAT);
}

static int load_speck(struct snn_context *context)
{
    struct snn_chip chip;
    return snn_chip_load(&chip, context, "speck2f");
}

Test(chip, running_out_of_memory_leaks_nothing)
{
    support_sweep(load_speck);
}
