/* BatchNormalization by hand. */
#include <criterion/criterion.h>

#include "snn/status.h"
#include "tests/unit/convert/op_support.h"

TestSuite(op_norm, .init = op_begin, .fini = op_end);

static const float scale[] = {2, 10}, bias[] = {1, -1}, mean[] = {1, 2}, variance[] = {3, 15};

/* Variances plus epsilon are 4 and 16. */
static struct op_case with_parameters(struct snnconv_array x)
{
    struct op_case test = op_case(SNNCONV_OP_BATCH_NORMALIZATION);
    test.attributes.epsilon = 1.0F;
    op_input(&test, x);
    op_input(&test, OP_ARRAY(F32, scale, 2));
    op_input(&test, OP_ARRAY(F32, bias, 2));
    op_input(&test, OP_ARRAY(F32, mean, 2));
    op_input(&test, OP_ARRAY(F32, variance, 2));
    return test;
}

Test(op_norm, each_channel_has_its_own_parameters)
{
    /* (x - 1) / 2 * 2 + 1 = x; (x - 2) / 4 * 10 - 1 = 2.5 x - 6 */
    static const float x[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const float y[] = {1, 2, 1.5F, 4, 5, 6, 11.5F, 14};
    struct op_case test = with_parameters(OP_ARRAY(F32, x, 2, 2, 2));
    op_expect(&test, OP_ARRAY(F32, y, 2, 2, 2));
}

Test(op_norm, doubles_stay_doubles)
{
    static const double x[] = {1 + 0x1p-40, 2}, y[] = {1 + 0x1p-40, -1};
    struct op_case test = with_parameters(OP_ARRAY(F64, x, 1, 2));
    op_expect(&test, OP_ARRAY(F64, y, 1, 2));
}

Test(op_norm, training_measures_the_population_and_moves_the_running_values)
{
    /* Channel 0: 1, 3, 5, 7 have mean 4 and variance 5; channel 1: 0, 0, 4, 4: 2 and 4. */
    static const float x[] = {1, 3, 0, 0, 5, 7, 4, 4};
    static const float running_mean[] = {1.75F, 2}; /* 0.75 * 1 + 0.25 * 4, ... */
    static const float running_variance[] = {3.5F, 12.25F};
    /* (x - 4) / sqrt(9) * 2 + 1; (x - 2) / sqrt(8) * 10 - 1 */
    static const float y[] = {-1, 0.333333333F, -8.07106781F, -8.07106781F, 1.66666667F,
                              3,  6.07106781F,  6.07106781F};
    struct op_case test = with_parameters(OP_ARRAY(F32, x, 2, 2, 2));
    test.attributes.epsilon = 4.0F;
    test.attributes.momentum = 0.75F;
    test.attributes.training_mode = true;
    test.output_count = 3;
    op_expect_near(&test, OP_ARRAY(F32, y, 2, 2, 2), 1e-6);
    op_expect_output(&test, 1, OP_ARRAY(F32, running_mean, 2));
    op_expect_output(&test, 2, OP_ARRAY(F32, running_variance, 2));
}

Test(op_norm, a_list_is_one_channel)
{
    static const float x[] = {0, 2}, one[] = {1}, zero[] = {0}, y[] = {0, 1};
    struct op_case test = op_case(SNNCONV_OP_BATCH_NORMALIZATION);
    static const float three[] = {3};
    test.attributes.epsilon = 1.0F;
    op_input(&test, OP_ARRAY(F32, x, 2));
    op_input(&test, OP_ARRAY(F32, one, 1));
    op_input(&test, OP_ARRAY(F32, zero, 1));
    op_input(&test, OP_ARRAY(F32, zero, 1));
    op_input(&test, OP_ARRAY(F32, three, 1));
    op_expect(&test, OP_ARRAY(F32, y, 2));
}

Test(op_norm, parameters_of_another_size_are_refused)
{
    static const float x[6] = {0};
    static const int32_t whole[6] = {0};
    struct op_case test = with_parameters(OP_ARRAY(F32, x, 1, 3, 2));
    op_expect_refusal(&test, SNN_ERR_INVALID, "scale has the shape [2], [3] expected");
    test = with_parameters(OP_ARRAY(F32, x, 1, 2, 3));
    test.inputs[4] = OP_ARRAY(F32, variance, 2, 1);
    op_expect_refusal(&test, SNN_ERR_INVALID, "input_var has the shape [2, 1], [2] expected");
    test = with_parameters(OP_ARRAY(F32, x, 1, 2, 3));
    test.inputs[2] = OP_ARRAY(I32, whole, 2);
    op_expect_refusal(&test, SNN_ERR_INVALID, "B is int32, floats expected");
    test = with_parameters(OP_ARRAY(I32, whole, 1, 2, 3));
    op_expect_refusal(&test, SNN_ERR_INVALID, "X is int32, floats expected");
    test = with_parameters(OP_ARRAY(F32, x, 1, 2, 3));
    test.output_count = 2;
    op_expect_refusal(&test, SNN_ERR_INVALID, "2 outputs without training_mode, 1 expected");
}
