/* Chip programs as the vendor's objects: a core by hand, member by member.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/place.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(samna, .init = support_begin, .fini = support_end);

/* A 2 x 2 kernel on 3 x 4 pixels: 2 x 3 positions, each a class. Rows and columns differ, so that
 * neither can pass for the other. */
static struct snn_program *make_program(struct snn_context *context, const char *chip)
{
    static const int8_t weights[] = {1, 2, 3, -4}, bias[] = {-5};
    static const int16_t v_init[] = {10, 11, 12, 13, 14, 15};
    struct snn_program *program = NULL;
    struct snn_core core = {
        .index = 2,
        .layer = "out",
        .input = {1, 3, 4},
        .output = {1, 2, 3},
        .kernel_size = 2,
        .stride_y = 1,
        .stride_x = 1,
        .weights = weights,
        .bias = bias,
        .threshold_high = 100,
        .threshold_low = -7,
        .return_to_zero = true,
        .v_init = v_init,
        .v_init_count = 6,
        .destination_count = 1,
        .destinations = {{.layer = 12, .pooling = 1}},
        .scale = 1.0f,
    };
    struct snn_program description = {
        .name = "one",
        .model_sha256 = "",
        .tool = "test",
        .input_shape = {1, 6, 9},
        .input_destination_count = 1,
        .input_destinations = {{.layer = 2, .pooling = 2}},
        .cores = &core,
        .core_count = 1,
        .class_count = 6,
        .dt_us = 500,
    };
    int status = snn_chip_load(&description.chip, context, chip);
    description.readout_spread = description.chip.readout_spread;
    if (status == SNN_OK) status = snn_program_create(&program, context, &description);
    return status == SNN_OK ? program : NULL;
}

/* The file for a chip without what stands between tokens, allocated. */
static char *saved(const char *chip)
{
    enum { SIZE = 65536 };
    struct snn_program *program = make_program(support_context(), chip);
    cr_assert_not_null(program, "%s", snn_context_message(support_context()));
    cr_assert_eq(snn_program_save_samna(program, support_context(), support_path("config.json")),
                 SNN_OK);
    snn_program_destroy(&program);
    char *text = calloc(SIZE, 1), *to = text;
    cr_assert_not_null(text);
    cr_assert_lt(support_get("config.json", text, SIZE - 1), SIZE - 1);
    for (const char *from = text; *from != '\0'; from++)
        if (strchr(" \n", *from) == NULL) *to++ = *from == '"' ? '\'' : *from;
    *to = '\0';
    return text;
}

static void expect_part(const char *text, const char *part)
{
    cr_expect_not_null(strstr(text, part), "no %s in %s", part, text);
}

/* The map of 3 x 4 behind the pooling of 2 is what is left of 6 x 9. */
Test(samna, a_core_has_the_members_of_the_vendor_with_x_before_y)
{
    char *text = saved("speck2f");
    expect_part(text,
                "'configuration':{'cnn_layers':[null,null,{'dimensions':{'input_shape':{'size':{"
                "'x':4,'y':3},'feature_count':1},'output_shape':{'size':{'x':3,'y':2},"
                "'feature_count':1},'kernel_size':2,'stride':{'x':1,'y':1},'padding':{'x':0,"
                "'y':0}},'weights':[[[[1,3],[2,-4]]]],'biases':[-5],'leak_enable':true,"
                "'threshold_high':100,'threshold_low':-7,'return_to_zero':true,"
                "'neurons_initial_value':[[[10,13],[11,14],[12,15]]],'monitor_enable':true,"
                "'destinations':[{'enable':true,'layer':12,'pooling':1,'feature_shift':0},"
                "{'enable':false}]},null,null,null,null,null,null],");
    expect_part(text, "'outputs':[{'layer':2,'pooling':1,'feature_shift':0}],'output_size':{'x':3,"
                      "'y':2},'class_count':6,'readout_spread':4,");
    expect_part(text, "'dt_us':500,'layers':[{'name':'out','core':2,'feature_first':0,"
                      "'feature_count':1}],");
    free(text);
}

Test(samna, the_camera_is_connected_and_silent)
{
    char *text = saved("speck2f");
    expect_part(text, "'dvs_layer':{'pass_sensor_events':false,'monitor_enable':false,"
                      "'raw_monitor_enable':false,'merge':true,'on_channel':true,'off_channel':"
                      "true,'origin':{'x':0,'y':0},'cut':{'x':8,'y':5},'pooling':{'x':2,'y':2},"
                      "'destinations':[{'enable':true,'layer':2},{'enable':false}]},'readout':{");
    free(text);
}

Test(samna, without_a_readout_block_nothing_is_sent_to_one)
{
    char *text = saved("dynapcnn");
    expect_part(text, "'monitor_enable':true,'destinations':[{'enable':false},{'enable':false}]},");
    cr_expect_null(strstr(text, "'readout':"));
    free(text);
}

Test(samna, a_file_that_cannot_be_written_is_an_error)
{
    struct snn_program *program = make_program(support_context(), "speck2f");
    cr_assert_not_null(program);
    cr_expect_eq(
        snn_program_save_samna(program, support_context(), support_path("nowhere/config.json")),
        SNN_ERR_NOT_FOUND);
    snn_program_destroy(&program);
}

static int make_and_save(struct snn_context *context)
{
    struct snn_program *program = make_program(context, "speck2f");
    if (program == NULL) return snn_context_status(context);
    int status = snn_program_save_samna(program, context, support_path("swept.json"));
    snn_program_destroy(&program);
    return status;
}

Test(samna, running_out_of_memory_leaks_nothing)
{
    support_sweep(make_and_save);
}
