/* Verification: a graph held against the program it was made of, on an import put together by hand.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "convert/import.h"
#include "snn/convert.h"
#include "snn/status.h"
#include "tests/unit/support.h"

TestSuite(verify, .init = support_begin, .fini = support_end);

static const double zero = 0.0, one = 1.0;

/* The program as read: rows and columns last but one, x [1, 2, 2, 1] -> Transpose -> Conv with
 * weight 2 and bias -1 -> Relu -> Transpose back. */
static void make_source(struct snnconv_program *program, uint32_t values[4])
{
    struct snn_context *context = support_context();
    struct snnconv_attributes a;
    static const float weight = 2.0f, bias = -1.0f;
    const struct snnconv_array x = {SNNCONV_TYPE_F32, 4, {1, 2, 2, 1}, NULL};
    const struct snnconv_array w = {SNNCONV_TYPE_F32, 4, {1, 1, 1, 1}, &weight};
    const struct snnconv_array b = {SNNCONV_TYPE_F32, 1, {1}, &bias};
    static const int64_t to[] = {0, 3, 1, 2}, back[] = {0, 2, 3, 1};
    uint32_t input, inputs[3], out;
    snnconv_program_init(program, context);
    cr_assert_eq(snnconv_program_add_value(program, context, "x", &x, &input), SNN_OK);
    cr_assert_eq(snnconv_program_set_inputs(program, context, &input, 1), SNN_OK);
    snnconv_attributes_init(&a, SNNCONV_OP_TRANSPOSE);
    a.perm_count = 4;
    memcpy(a.perm, to, sizeof(to));
    cr_assert_eq(snnconv_program_add_op(program, context, SNNCONV_OP_TRANSPOSE, "t",
                                        SNNCONV_NO_OFFSET, &a, &input, 1, &inputs[0]),
                 SNN_OK);
    cr_assert_eq(snnconv_program_add_constant(program, context, "w", &w, &inputs[1]), SNN_OK);
    cr_assert_eq(snnconv_program_add_constant(program, context, "b", &b, &inputs[2]), SNN_OK);
    snnconv_attributes_init(&a, SNNCONV_OP_CONV);
    cr_assert_eq(snnconv_program_add_op(program, context, SNNCONV_OP_CONV, "c", SNNCONV_NO_OFFSET,
                                        &a, inputs, 3, &out),
                 SNN_OK);
    snnconv_attributes_init(&a, SNNCONV_OP_RELU);
    values[1] = out;
    cr_assert_eq(snnconv_program_add_op(program, context, SNNCONV_OP_RELU, "r", SNNCONV_NO_OFFSET,
                                        &a, &values[1], 1, &values[2]),
                 SNN_OK);
    snnconv_attributes_init(&a, SNNCONV_OP_TRANSPOSE);
    a.perm_count = 4;
    memcpy(a.perm, back, sizeof(back));
    cr_assert_eq(snnconv_program_add_op(program, context, SNNCONV_OP_TRANSPOSE, "u",
                                        SNNCONV_NO_OFFSET, &a, &values[2], 1, &values[3]),
                 SNN_OK);
    values[0] = input;
    cr_assert_eq(snnconv_program_set_outputs(program, context, &values[3], 1), SNN_OK);
}

/* An import whose graph has this weight in place of 2. */
static struct snn_import make_import(float weight)
{
    struct snn_context *context = support_context();
    struct snn_import import = {.has_programs = true, .preprocess = {1.0 / 255.0, 1, &zero, &one}};
    static const float bias = -1.0f;
    static const uint32_t from_input = 0;
    uint32_t values[4];
    const struct snn_layer input = {.name = "x", .kind = SNN_LAYER_INPUT, .shape = {1, 2, 2}};
    const struct snn_layer conv = {.name = "c",
                                   .kind = SNN_LAYER_CONV2D,
                                   .inputs = &from_input,
                                   .input_count = 1,
                                   .shape = {1, 0, 0},
                                   .window = {1, 1, 1, 1, 0, 0, 0, 0, 1, 1},
                                   .activation = SNN_ACTIVATION_RELU,
                                   .weights = &weight,
                                   .weight_count = 1,
                                   .bias = &bias,
                                   .bias_count = 1};
    make_source(&import.source, values);
    cr_assert_eq(snnconv_program_copy(&import.passed, context, &import.source), SNN_OK);
    /* The input in the order channels, rows, columns. */
    struct snnconv_value *x = &import.passed.values[values[0]];
    x->origin_rank = 4;
    memcpy(x->origin_perm, (uint32_t[]){0, 3, 1, 2}, 4 * sizeof(uint32_t));
    cr_assert_eq(snn_graph_create(&import.graph, context, "net"), SNN_OK);
    cr_assert_eq(snn_graph_add(import.graph, context, &input, NULL), SNN_OK);
    cr_assert_eq(snn_graph_add(import.graph, context, &conv, NULL), SNN_OK);
    static uint32_t layer_values[2];
    layer_values[0] = values[0];
    layer_values[1] = values[2];
    import.layer_values = layer_values;
    import.input_value = values[0];
    import.layer_count = 2;
    return import;
}

static void drop_import(struct snn_import *import)
{
    snn_graph_destroy(&import->graph);
    snnconv_program_fini(&import->passed);
    snnconv_program_fini(&import->source);
}

Test(verify, the_same_net_deviates_nowhere)
{
    struct snn_import import = make_import(2.0f);
    struct snn_verification *found = NULL;
    cr_assert_eq(snn_import_verify(&found, support_context(), &import, NULL), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(found->frame_count, 8u);
    cr_assert_eq(found->layer_count, 2u);
    cr_assert(found->compared);
    cr_assert_eq(found->first_deviating, 2u);
    cr_assert_eq(found->equal_decisions, 8u);
    cr_assert(found->layers[1].compared && found->layers[1].deviation == 0.0);
    /* Random intensities below 1: the largest value is below 2 - 1. */
    cr_assert(found->layers[1].magnitude > 0.5 && found->layers[1].magnitude < 1.0);
    snn_verification_destroy(&found);
    cr_assert_null(found);
    drop_import(&import);
}

Test(verify, a_changed_weight_is_found_in_its_layer)
{
    struct snn_import import = make_import(2.001f);
    struct snn_verification *found = NULL;
    cr_assert_eq(snn_import_verify(&found, support_context(), &import, NULL), SNN_OK);
    cr_assert_eq(found->first_deviating, 1u);
    cr_assert_str_eq(found->layers[1].name, "c");
    /* 0.001 times an intensity near 1. */
    cr_assert(found->output_deviation > 0.0005 && found->output_deviation < 0.0011);
    snn_verification_destroy(&found);
    drop_import(&import);
}

/* The frame 0.5 0.75 1 0: 2x - 1 = 0, 0.5, 1, -1. */
Test(verify, frames_of_the_caller_come_first)
{
    static const float frame[4] = {0.5f, 0.75f, 1.0f, 0.0f};
    struct snn_import import = make_import(2.0f);
    struct snn_verify_options options;
    struct snn_verification *found = NULL;
    snn_verify_options_init(&options);
    options.random_frames = 0;
    options.frames = frame;
    options.frame_count = 1;
    cr_assert_eq(snn_import_verify(&found, support_context(), &import, &options), SNN_OK);
    cr_assert_eq(found->frame_count, 1u);
    cr_assert_eq(found->layers[1].magnitude, 1.0);
    snn_verification_destroy(&found);
    drop_import(&import);
}

Test(verify, a_graph_that_was_taken_cannot_be_verified)
{
    struct snn_import import = make_import(2.0f);
    struct snn_verification *found = NULL;
    struct snn_graph *graph = snn_import_take_graph(&import);
    cr_assert_eq(snn_import_verify(&found, support_context(), &import, NULL), SNN_ERR_INVALID);
    cr_assert_null(found);
    snn_graph_destroy(&graph);
    drop_import(&import);
}

/* Scaled by 3e38 a bright pixel becomes 6e38, which no float32 holds: the file's layer is infinite
 * in its first place and 0 in all that follow. The graph's, scaled alike or not, is infinite too
 * (their difference is no number) or 1. */
Test(verify, what_is_not_finite_deviates_wherever_it_stands)
{
    static const float frame[4] = {1.0f, 0.0f, 0.0f, 0.0f};
    const struct snn_preprocess huge = {3e38 / 255.0, 1, &zero, &one};
    for (int alike = 0; alike < 2; alike++) {
        struct snn_import import = make_import(2.0f);
        struct snn_verify_options options;
        struct snn_verification *found = NULL;
        snn_verify_options_init(&options);
        options.random_frames = 0;
        options.frames = frame;
        options.frame_count = 1;
        import.preprocess = huge;
        if (alike)
            cr_assert_eq(snn_graph_set_preprocess(import.graph, support_context(), &huge), SNN_OK);
        cr_assert_eq(snn_import_verify(&found, support_context(), &import, &options), SNN_OK);
        cr_assert_eq(found->first_deviating, 1u, "%d", alike);
        cr_assert(isinf(found->output_deviation));
        snn_verification_destroy(&found);
        drop_import(&import);
    }
}

/* As a reader makes it whose file has no value of that name. */
Test(verify, an_output_without_counterpart_is_not_called_compared)
{
    struct snn_import import = make_import(2.001f);
    struct snn_verification *found = NULL;
    import.layer_values[1] = SNNCONV_NONE;
    cr_assert_eq(snn_import_verify(&found, support_context(), &import, NULL), SNN_OK);
    cr_assert(found->comparable);
    cr_assert_not(found->compared);
    cr_assert_eq(found->compared_count, 0u);
    cr_assert_eq(found->equal_decisions, 0u);
    cr_assert_eq(found->first_deviating, 2u);
    snn_verification_destroy(&found);
    drop_import(&import);
}

static int verify_once(struct snn_context *context)
{
    struct snn_import import = make_import(2.0f);
    struct snn_verification *found = NULL;
    int status = snn_import_verify(&found, context, &import, NULL);
    snn_verification_destroy(&found);
    drop_import(&import);
    return status;
}

Test(verify, memory_may_run_out_anywhere)
{
    support_sweep(verify_once);
}
