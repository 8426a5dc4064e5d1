/* Classifiers: a net of two classes that only pass their input on, from its file to predictions
 * that can be counted by hand, on targets of every kind.
 */
#include "snn/classify.h"

#include <criterion/criterion.h>
#include <string.h>

#include "snn/place.h"
#include "snn/program.h"
#include "snn/status.h"
#include "tests/unit/support.h"

TestSuite(classify, .init = support_begin, .fini = support_end);

static const float frame[2] = {1.0f, 0.25f};
static const char *model;

/* Thresholds are 1, potentials begin at 1/2: each spike that comes in goes out at once. */
static void make_model(void)
{
    static const float same[] = {1.0f, 0.0f, 0.0f, 1.0f};
    static const uint32_t first = 0;
    const struct snn_layer layers[] = {
        {.name = "input", .kind = SNN_LAYER_INPUT, .shape = {2, 1, 1}},
        {.name = "same",
         .kind = SNN_LAYER_DENSE,
         .inputs = &first,
         .input_count = 1,
         .shape = {.channels = 2},
         .weights = same,
         .weight_count = 4}};
    struct snn_graph *graph = NULL;
    model = support_path("same.json");
    cr_assert_eq(snn_graph_create(&graph, support_context(), "same"), SNN_OK);
    for (size_t i = 0; i < 2; i++)
        cr_assert_eq(snn_graph_add(graph, support_context(), &layers[i], NULL), SNN_OK);
    cr_assert_eq(snn_graph_save(graph, support_context(), model), SNN_OK);
    snn_graph_destroy(&graph);
}

static struct snn_classifier *open_on(const char *target)
{
    struct snn_classifier *c = NULL;
    make_model();
    cr_assert_eq(snn_classifier_open(&c, support_context(), model, target, NULL), SNN_OK, "%s",
                 snn_context_message(support_context()));
    const struct snn_shape shape = snn_classifier_shape(c);
    cr_assert(shape.channels == 2 && shape.height == 1 && shape.width == 1);
    return c;
}

static void classes_are_counted(const char *target)
{
    struct snn_prediction p;
    struct snn_classifier *c = open_on(target);
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(snn_classifier_frame(c, support_context(), frame, &p), SNN_OK, "%s",
                     snn_context_message(support_context()));
        cr_assert(p.class_index == 0 && p.first_class == 0 && p.first_step == 1);
        cr_assert(p.class_count == 2 && p.counts[0] == 100 && p.counts[1] == 25);
        cr_assert_null(p.values);
    }
    /* Steps of 1 ms; the last event is behind the last step. */
    const struct snn_event events[] = {{2500, 1}, {2900, 1}, {7000, 1}, {100000, 0}};
    cr_assert_eq(snn_classifier_events(c, support_context(), events, 4, &p), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert(p.class_index == 1 && p.first_step == 3 && p.first_class == 1);
    cr_assert(p.counts[0] == 0 && p.counts[1] >= 2 && p.counts[1] <= 3);
    cr_assert_eq(snn_classifier_events(c, support_context(), NULL, 0, &p), SNN_OK);
    cr_assert(p.class_index == -1 && p.first_step == 0 && p.first_class == -1);
    snn_classifier_close(&c);
    cr_assert_null(c);
}

Test(classify, the_simulator_counts)
{
    classes_are_counted("sim");
}

Test(classify, a_chip_counts)
{
    classes_are_counted("chip:speck2f");
}

Test(classify, a_virtual_chip_counts)
{
    classes_are_counted("vdev:speck2f");
}

Test(classify, a_target_of_frames_gives_values)
{
    struct snn_prediction p;
    struct snn_classifier *c = open_on("frame:f32");
    const struct snn_event event = {0, 0};
    cr_assert_eq(snn_classifier_frame(c, support_context(), frame, &p), SNN_OK);
    cr_assert(p.class_index == 0 && p.first_class == -1 && p.first_step == 0);
    cr_assert(p.counts == NULL && p.class_count == 2);
    cr_assert_float_eq(p.values[1], 0.25f, 1e-6f);
    cr_assert_eq(snn_classifier_events(c, support_context(), &event, 1, &p), SNN_ERR_UNSUPPORTED);
    snn_classifier_close(&c);
}

Test(classify, wrong_samples_are_refused)
{
    struct snn_prediction p;
    struct snn_classifier *c = open_on("sim");
    const struct snn_event beyond = {0, 2}, back[] = {{5, 0}, {4, 0}};
    const float loud[2] = {0.0f, 1.5f};
    cr_assert_eq(snn_classifier_events(c, support_context(), &beyond, 1, &p), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "address 2"));
    cr_assert_eq(snn_classifier_events(c, support_context(), back, 2, &p), SNN_ERR_INVALID);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "4 us after 5 us"));
    cr_assert_eq(snn_classifier_frame(c, support_context(), loud, &p), SNN_ERR_INVALID);
    snn_classifier_close(&c);
}

/* The model as a program of a chip, made for steps of so long. */
static const char *make_program(double dt_us)
{
    struct snn_context *context = support_context();
    const struct snn_place_options options = {.dt_us = dt_us};
    struct snn_lower_options lower;
    struct snn_graph *graph = NULL;
    struct snn_net *net = NULL;
    struct snn_placement *placement = NULL;
    struct snn_chip chip;
    make_model();
    cr_assert_eq(snn_chip_load(&chip, context, "speck2f"), SNN_OK);
    cr_assert_eq(snn_graph_load(&graph, context, model, NULL), SNN_OK);
    snn_lower_options_init(&lower);
    lower.arith = SNN_ARITH_CHIP;
    lower.chip = &chip;
    cr_assert_eq(snn_norm_parse(&lower, context, "none"), SNN_OK);
    cr_assert_eq(snn_net_lower(&net, context, graph, &lower), SNN_OK);
    cr_assert_eq(snn_place(&placement, context, net, &chip, &options), SNN_OK);
    struct snn_program *program = snn_placement_take_program(placement);
    const char *path = support_path("same.chip.json");
    cr_assert_not_null(program);
    cr_assert_eq(snn_program_save(program, context, path), SNN_OK);
    snn_program_destroy(&program);
    snn_placement_destroy(&placement);
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    return path;
}

/* The step, from 1, in which an event at 7 ms comes out. */
static uint32_t step_of_7_ms(const char *program, double dt_us)
{
    const struct snn_classify_options options = {.timesteps = 10, .dt_us = dt_us};
    const struct snn_event event = {7000, 1};
    struct snn_classifier *c = NULL;
    struct snn_prediction p;
    cr_assert_eq(snn_classifier_open(&c, support_context(), program, "chip:speck2f", &options),
                 SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_eq(snn_classifier_events(c, support_context(), &event, 1, &p), SNN_OK);
    cr_assert_eq(p.first_class, 1);
    snn_classifier_close(&c);
    return p.first_step;
}

Test(classify, a_program_keeps_its_step_where_no_other_is_asked_for)
{
    const char *program = make_program(5000.0);
    cr_assert_eq(step_of_7_ms(program, 0.0), 2);
    cr_assert_eq(step_of_7_ms(program, 1000.0), 8);
    cr_assert_eq(step_of_7_ms(make_program(2000.0), 0.0), 4);
}

/* Spikes of class 1, whose intensity is 1/4, in 1,000 steps drawn at random. */
static uint32_t draw(struct snn_classifier *c, const struct snn_source *source, uint64_t index)
{
    static const float faint[2] = {0.0f, 0.25f};
    struct snn_prediction p;
    const int status = source == NULL
                           ? snn_classifier_frame(c, support_context(), faint, &p)
                           : snn_classifier_sample(c, support_context(), source, index, &p);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    return p.counts[1];
}

Test(classify, a_sample_of_a_source_does_not_move_the_count_of_the_others)
{
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0,  3, 0,  0, 0,
                                     2, 0, 0, 0, 1, 0, 64, 0, 64, 0, 64};
    const struct snn_classify_options options = {.timesteps = 1000,
                                                 .encoding = SNN_ENCODING_BERNOULLI};
    struct snn_classifier *c = NULL;
    struct snn_source *source = NULL;
    uint32_t alone[3], among[3];
    make_model();
    cr_assert_eq(snn_source_open(&source, support_context(),
                                 support_put("images", images, sizeof(images)), SNN_SOURCE_FRAMES,
                                 NULL),
                 SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_eq(snn_classifier_open(&c, support_context(), model, "sim", &options), SNN_OK);
    for (int i = 0; i < 3; i++)
        alone[i] = draw(c, NULL, 0);
    snn_classifier_close(&c);
    cr_assert(alone[0] != alone[1] && alone[1] != alone[2], "each is drawn anew");
    cr_assert_eq(snn_classifier_open(&c, support_context(), model, "sim", &options), SNN_OK);
    among[0] = draw(c, NULL, 0);
    const uint32_t second = draw(c, source, 2);
    among[1] = draw(c, NULL, 0);
    cr_assert_eq(draw(c, source, 2), second);
    among[2] = draw(c, NULL, 0);
    cr_assert_arr_eq(among, alone, sizeof(alone));
    snn_classifier_close(&c);
    snn_source_close(&source);
}

Test(classify, what_could_not_be_opened_passes_it_on)
{
    struct snn_prediction p;
    struct snn_classifier *c = NULL;
    make_model();
    cr_assert_eq(snn_classifier_open(&c, support_context(), "/no/such.json", "sim", NULL),
                 SNN_ERR_NOT_FOUND);
    cr_assert_null(c);
    cr_assert_eq(snn_classifier_frame(c, support_context(), frame, &p), SNN_ERR_NOT_FOUND);
    cr_assert_eq(snn_classifier_events(c, support_context(), NULL, 0, &p), SNN_ERR_NOT_FOUND);
    cr_assert_eq(snn_classifier_shape(c).channels, 0);
    snn_classifier_close(&c);
    snn_classifier_close(NULL);
    cr_assert_eq(snn_classifier_open(&c, support_context(), model, "nowhere", NULL),
                 SNN_ERR_NOT_FOUND);
    cr_assert_eq(snn_classifier_sample(c, support_context(), NULL, 0, &p), SNN_ERR_NOT_FOUND);
}

static int pass_on(struct snn_context *context, const char *target)
{
    struct snn_classifier *c = NULL;
    struct snn_prediction p;
    int status = snn_classifier_open(&c, context, model, target, NULL);
    if (status == SNN_OK) status = snn_classifier_frame(c, context, frame, &p);
    snn_classifier_close(&c);
    return status;
}

static int on_sim(struct snn_context *context)
{
    return pass_on(context, "sim");
}

static int on_chip(struct snn_context *context)
{
    return pass_on(context, "chip:speck2f");
}

Test(classify, memory_may_end_anywhere)
{
    make_model();
    support_sweep(on_sim);
    support_sweep(on_chip);
}
