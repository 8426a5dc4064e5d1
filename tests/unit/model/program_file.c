/* The file of a chip program: what is written, what comes back, and what is refused.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/sha256.h"
#include "snn/status.h"
#include "tests/unit/model/support.h"
#include "tests/unit/sketch.h"

static struct snn_program *program, *again;

static void end(void)
{
    snn_program_destroy(&program);
    snn_program_destroy(&again);
    support_end();
}

TestSuite(program_file, .init = support_begin, .fini = end);

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
}

static void require_same_core(const struct snn_core *a, const struct snn_core *b)
{
    const size_t weights =
        (size_t)a->output.channels * a->input.channels * a->kernel_size * a->kernel_size;
    cr_assert_str_eq(a->layer, b->layer);
    cr_assert_arr_eq(a->weights, b->weights, weights);
    cr_assert_eq(a->bias == NULL, b->bias == NULL);
    if (a->bias != NULL) cr_assert_arr_eq(a->bias, b->bias, a->output.channels);
    cr_assert_eq(a->v_init_count, b->v_init_count);
    cr_assert_arr_eq(a->v_init, b->v_init, a->v_init_count * sizeof(int16_t));
    struct snn_core x = *a, y = *b;
    x.layer = y.layer = NULL;
    x.weights = y.weights = x.bias = y.bias = NULL;
    x.v_init = y.v_init = NULL;
    cr_assert_eq(memcmp(&x.index, &y.index, sizeof(x.index)), 0);
    cr_assert_eq(x.layer_index, y.layer_index);
    cr_assert_eq(x.feature_first, y.feature_first);
    cr_assert_arr_eq(&x.input, &y.input, sizeof(x.input));
    cr_assert_arr_eq(&x.output, &y.output, sizeof(x.output));
    cr_assert_eq(x.kernel_size, y.kernel_size);
    cr_assert(x.stride_y == y.stride_y && x.stride_x == y.stride_x);
    cr_assert(x.pad_y == y.pad_y && x.pad_x == y.pad_x);
    cr_assert_eq(x.threshold_high, y.threshold_high);
    cr_assert_eq(x.threshold_low, y.threshold_low);
    cr_assert_eq(x.return_to_zero, y.return_to_zero);
    cr_assert_eq(x.destination_count, y.destination_count);
    cr_assert_arr_eq(x.destinations, y.destinations,
                     x.destination_count * sizeof(x.destinations[0]));
    cr_assert_arr_eq(&x.scale, &y.scale, sizeof(x.scale));
    cr_assert_arr_eq(&x.words, &y.words, sizeof(x.words));
}

static void require_same(const struct snn_program *a, const struct snn_program *b)
{
    cr_assert_str_eq(a->name, b->name);
    cr_assert_str_eq(a->model_sha256, b->model_sha256);
    cr_assert_str_eq(a->tool, b->tool);
    cr_assert_str_eq(a->chip.name, b->chip.name);
    cr_assert_str_eq(a->chip.energy, b->chip.energy);
    cr_assert_eq(a->chip.core_count, b->chip.core_count);
    cr_assert_arr_eq(a->chip.cores, b->chip.cores, a->chip.core_count * sizeof(a->chip.cores[0]));
    cr_assert_arr_eq(&a->input_shape, &b->input_shape, sizeof(a->input_shape));
    cr_assert_eq(a->input_destination_count, b->input_destination_count);
    cr_assert_arr_eq(a->input_destinations, b->input_destinations,
                     a->input_destination_count * sizeof(a->input_destinations[0]));
    cr_assert_eq(a->class_count, b->class_count);
    cr_assert_eq(a->readout_spread, b->readout_spread);
    cr_assert_arr_eq(&a->dt_us, &b->dt_us, sizeof(a->dt_us));
    cr_assert_eq(a->core_count, b->core_count);
    for (uint32_t i = 0; i < a->core_count; i++)
        require_same_core(&a->cores[i], &b->cores[i]);
}

/* Saved, loaded and saved again. */
static void round_trip(const struct sketch *sketch)
{
    struct snn_context *context = support_context();
    char sha[65], expected[65];
    size_t size = 0, size_again = 0;
    struct snn_program *made = sketch->make();
    made->model_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    made->tool = "test 1.0";
    made->dt_us = 1000.0 / 3.0;
    sketch_core(0)->scale = 1.0f / 3.0f;
    require_ok(snn_program_create(&program, context, made));
    require_ok(snn_program_save(program, context, support_path("a.chip.json")));
    require_ok(snn_program_load(&again, context, support_path("a.chip.json"), sha));
    require_ok(snn_program_save(again, context, support_path("b.chip.json")));
    require_same(program, again);
    char *text = support_text("a.chip.json", &size);
    char *text_again = support_text("b.chip.json", &size_again);
    cr_assert_eq(size, size_again);
    cr_assert_arr_eq(text, text_again, size, "%s", sketch->name);
    snnbase_sha256_hex(text, size, expected);
    cr_assert_str_eq(sha, expected);
    snn_program_destroy(&again);
    require_ok(snn_program_parse(&again, context, text, size));
    require_same(program, again);
    cr_assert(snn_program_probe(context, support_path("a.chip.json")));
    free(text);
    free(text_again);
    snn_program_destroy(&program);
    snn_program_destroy(&again);
}

Test(program_file, comes_back_byte_for_byte)
{
    for (size_t i = 0; i < SKETCH_COUNT; i++)
        round_trip(&sketches[i]);
}

/* Values at the ends of their ranges, packed and unpacked: 65,536 and more take another way. */
Test(program_file, keeps_extreme_values)
{
    static int8_t weights[256 * 300];
    static int16_t potentials[256];
    for (size_t i = 0; i < sizeof(weights); i++)
        weights[i] = (int8_t)(i % 256 - 128);
    for (size_t i = 0; i < 256; i++)
        potentials[i] = (int16_t)((int)i * 257 - 32768);
    struct snn_program *sketch = sketch_begin(300, 1, 1);
    sketch->chip.cores[0].kernel_words = 1 << 20;
    sketch_add((struct snn_core){.index = 0,
                                 .output = {256, 0, 0},
                                 .kernel_size = 1,
                                 .weights = weights,
                                 .v_init = potentials,
                                 .v_init_count = 256,
                                 .threshold_high = 32767,
                                 .threshold_low = -32768});
    require_ok(snn_program_create(&program, support_context(), sketch));
    require_ok(snn_program_save(program, support_context(), support_path("x.chip.json")));
    require_ok(snn_program_load(&again, support_context(), support_path("x.chip.json"), NULL));
    require_same(program, again);
    cr_assert_eq(again->cores[0].weights[0], -128);
    cr_assert_eq(again->cores[0].v_init[255], 32767);
}

/* ---- What is refused ---- */

enum { DOCUMENT_MAX = 1 << 16 };

/* The file of the sketch `wild`. */
static void make_document(char *out)
{
    size_t size = 0;
    require_ok(snn_program_create(&program, support_context(), sketch_wild()));
    require_ok(snn_program_save(program, support_context(), support_path("a.chip.json")));
    char *text = support_text("a.chip.json", &size);
    cr_assert_lt(size, DOCUMENT_MAX);
    memcpy(out, text, size + 1);
    free(text);
}

/* Puts `to` in place of the first `from`, both with ' for ". */
static void replace(char *text, const char *from, const char *to)
{
    static char quoted[1024], rest[DOCUMENT_MAX];
    (void)snprintf(quoted, sizeof(quoted), "%s", support_quoted(from));
    char *at = strstr(text, quoted);
    cr_assert_not_null(at, "the document has no %s", quoted);
    (void)snprintf(rest, sizeof(rest), "%s", at + strlen(quoted));
    (void)snprintf(at, (size_t)(text + DOCUMENT_MAX - at), "%s%s", support_quoted(to), rest);
}

static void check_refused(const char *text, int status, const char *message)
{
    int found = snn_program_parse(&again, support_context(), text, strlen(text));
    cr_expect_eq(found, status, "%s: status %d", message, found);
    cr_expect_str_eq(snn_context_message(support_context()), message);
    cr_assert_null(again);
}

Test(program_file, refuses_members_that_are_not_what_they_should_be)
{
    static const struct {
        const char *from, *to;
        int status;
        const char *message;
    } cases[] = {
        {"'snn.program/1'", "'snn.program/2'", SNN_ERR_UNSUPPORTED,
         "format is 'snn.program/2', this version reads 'snn.program/1'"},
        {"'snn.program/1'", "'snn.model/1'", SNN_ERR_FORMAT,
         "not a chip program: format is 'snn.model/1', 'snn.program/1' expected"},
        {"'dt_us'", "'dt'", SNN_ERR_FORMAT, "unknown member 'dt'"},
        {"'snn.chip/1'", "'snn.chip/2'", SNN_ERR_UNSUPPORTED,
         "chip: format is 'snn.chip/2', 'snn.chip/1' expected"},
        {"'kernel_size': 3", "'kernel_size': 0", SNN_ERR_FORMAT,
         "cores[0]: kernel_size: 0, at least 1 expected"},
        {"'kernel_size': 3", "'kernel_size': 4", SNN_ERR_FORMAT,
         "cores[0]: weights: shape is [4, 1, 3, 3], [4, 1, 4, 4] expected"},
        {"'reset': 'subtract'", "'reset': 'twice'", SNN_ERR_FORMAT,
         "cores[0]: reset: 'subtract' or 'zero' expected"},
        {"'threshold_high': 12", "'threshold_high': 32768", SNN_ERR_FORMAT,
         "cores[0]: threshold_high: a whole number from -32768 to 32767 expected, 32768 found"},
        {"'dtype': 'int8'", "'dtype': 'f32'", SNN_ERR_UNSUPPORTED,
         "cores[0]: weights: dtype 'f32' is not supported"},
        {"'dtype': 'int16'", "'dtype': 'int8'", SNN_ERR_UNSUPPORTED,
         "cores[0]: v_init: dtype 'int8' is not supported"},
        {"'dtype': 'int8', ", "'dtype': 'int8', 'file': 'x', ", SNN_ERR_FORMAT,
         "cores[0]: weights: unknown member 'file'"},
        {"'kernel': 64", "'kernel': 65", SNN_ERR_FORMAT,
         "cores[0]: words: kernel: 65, 64 follow from the registers"},
        {"[{'layer': 1, ", "[{'layer': 1, 'enable': true, ", SNN_ERR_FORMAT,
         "cores[0]: destinations[0]: unknown member 'enable'"},
        {"[{'layer': 1, ", "[{'layer': 12, ", SNN_ERR_FORMAT,
         "core 7 ('layer0'): sends to the readout, which takes the last layer only"},
        {"'core': 7", "'core': 1", SNN_ERR_FORMAT, "core 1 ('layer1'): the core is used twice"},
    };
    static char document[DOCUMENT_MAX], text[DOCUMENT_MAX];
    make_document(document);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memcpy(text, document, sizeof(text));
        replace(text, cases[i].from, cases[i].to);
        check_refused(text, cases[i].status, cases[i].message);
    }
}

Test(program_file, refuses_what_is_no_program)
{
    struct snn_context *context = support_context();
    cr_assert_eq(snn_program_parse(&again, context, "[]", 2), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "not a chip program: an object expected");
    cr_assert_eq(snn_program_parse(&again, context, "\x1f\x8b\x08", 3), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context),
                     "not a chip program of libsnn (JSON): it looks like gzip");
    cr_assert_eq(snn_program_load(&again, context, support_path("none.chip.json"), NULL),
                 SNN_ERR_NOT_FOUND);
}

Test(program_file, errors_of_a_file_name_it)
{
    struct snn_context *context = support_context();
    const char *path = support_put("bad.chip.json", "{}", 2);
    cr_assert_eq(snn_program_load(&again, context, path, NULL), SNN_ERR_FORMAT);
    cr_assert_not_null(strstr(snn_context_message(context), "bad.chip.json: "));
}

/* 100 weights of each of 65,535 features in what 300 were packed to: that is told by its size. */
Test(program_file, asks_for_no_memory_that_the_file_cannot_fill)
{
    static char text[DOCUMENT_MAX];
    make_document(text);
    replace(text, "'output': [3, 1, 1]", "'output': [65535, 1, 1]");
    replace(text, "'shape': [3, 4, 5, 5]", "'shape': [65535, 4, 5, 5]");
    int status = snn_program_parse(&again, support_context(), text, strlen(text));
    cr_assert_eq(status, SNN_ERR_FORMAT);
    cr_assert_not_null(strstr(snn_context_message(support_context()),
                              "packed bytes cannot hold the 6553500 bytes of shape"));
}

Test(program_file, is_known_by_its_beginning)
{
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {
        {"{'format': 'snn.program/1'}", true},
        {" \n{ 'format' :'snn.program/9', 'x': 1}", true},
        {"{'format': 'snn.model/1'}", false},
        {"{'name': 'snn.program/1'}", false},
        {"{'format': 'snn.program", false},
        {"", false},
        {"PK", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = support_quoted(cases[i].text);
        const char *path = support_put("probed", text, strlen(text));
        cr_expect_eq(snn_program_probe(support_context(), path), cases[i].expected, "%s", text);
    }
    cr_expect(!snn_program_probe(support_context(), support_path("missing")));
    cr_expect(!snn_program_probe(support_context(), "/"));
}

static int save_and_load(struct snn_context *context)
{
    struct snn_program *made = NULL, *read = NULL;
    int status = snn_program_create(&made, context, sketch_wild());
    if (status == SNN_OK) status = snn_program_save(made, context, support_path("m.chip.json"));
    if (status == SNN_OK)
        status = snn_program_load(&read, context, support_path("m.chip.json"), NULL);
    snn_program_destroy(&made);
    snn_program_destroy(&read);
    return status;
}

Test(program_file, runs_out_of_memory_cleanly)
{
    support_sweep(save_and_load);
}
