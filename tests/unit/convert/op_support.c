/* Running one operator; see op_support.h. */
#include "tests/unit/convert/op_support.h"

#include <criterion/criterion.h>
#include <math.h>

#include "convert/ir/program.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"

static struct snnbase_arena arena;

void op_begin(void)
{
    support_begin();
    snnbase_arena_init(&arena, support_context());
}

void op_end(void)
{
    snnbase_arena_fini(&arena);
    support_end();
}

struct op_case op_case(enum snnconv_op op)
{
    struct op_case test = {.op = op, .output_count = 1};
    snnconv_attributes_init(&test.attributes, op);
    return test;
}

void op_input(struct op_case *test, struct snnconv_array input)
{
    cr_assert_lt(test->input_count, OP_INPUT_MAX);
    test->inputs[test->input_count++] = input;
}

void op_left_out(struct op_case *test)
{
    op_input(test, (struct snnconv_array){.type = SNNCONV_TYPE_NONE});
}

void op_window(struct op_case *test, uint32_t spatial, int64_t kernel, int64_t stride, int64_t pad)
{
    struct snnconv_attributes *attributes = &test->attributes;
    attributes->spatial = spatial;
    for (uint32_t i = 0; i < spatial; i++) {
        attributes->kernel[i] = kernel;
        attributes->stride[i] = stride;
        attributes->pad_begin[i] = attributes->pad_end[i] = pad;
    }
}

int op_try(struct op_case *test, struct snn_context *context, struct snnbase_arena *to)
{
    const struct snnconv_array *inputs[OP_INPUT_MAX];
    for (uint32_t i = 0; i < test->input_count; i++)
        inputs[i] = test->inputs[i].type != SNNCONV_TYPE_NONE ? &test->inputs[i] : NULL;
    const struct snnconv_call call = {
        .op = test->op,
        .attributes = &test->attributes,
        .inputs = inputs,
        .input_count = test->input_count,
        .outputs = test->outputs,
        .output_count = test->output_count,
    };
    return snnconv_op_evaluate(context, &call, to);
}

static void compare(const struct snnconv_array *got, const struct snnconv_array *expected,
                    double distance)
{
    char got_text[SNNCONV_ARRAY_TEXT_SIZE], expected_text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(got_text, got);
    snnconv_array_format(expected_text, expected);
    cr_assert_eq(got->type, expected->type, "%s, %s expected", snnconv_type_name(got->type),
                 snnconv_type_name(expected->type));
    cr_assert_str_eq(got_text, expected_text);
    for (size_t i = 0; i < snnconv_array_count(expected); i++) {
        double value = snnconv_array_load(got, i), wanted = snnconv_array_load(expected, i);
        bool same = value == wanted || fabs(value - wanted) <= distance;
        cr_assert(same || (isnan(value) && isnan(wanted)), "element %zu: %.9g, %.9g expected", i,
                  value, wanted);
    }
}

void op_expect_near(struct op_case *test, struct snnconv_array expected, double distance)
{
    int status = op_try(test, support_context(), &arena);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    compare(&test->outputs[0], &expected, distance);
}

void op_expect(struct op_case *test, struct snnconv_array expected)
{
    op_expect_near(test, expected, 0.0);
}

void op_expect_output(const struct op_case *test, uint32_t index, struct snnconv_array expected)
{
    compare(&test->outputs[index], &expected, 0.0);
}

void op_expect_refusal(struct op_case *test, int status, const char *message)
{
    cr_expect_eq(op_try(test, support_context(), &arena), status, "not refused: %s", message);
    cr_expect_str_eq(snn_context_message(support_context()), message);
}
