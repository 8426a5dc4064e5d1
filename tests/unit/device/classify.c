/* Classifiers: a net of two classes that only pass their input on, from its file to predictions
 * that can be counted by hand, on targets of every kind.
 */
#include "snn/classify.h"

#include <criterion/criterion.h>
#include <string.h>

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
