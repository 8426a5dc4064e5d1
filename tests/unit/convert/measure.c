/* Recipes measured on a target, on a net small enough for every number to be derived by hand:
 *
 *   input (2 pixels) -> a: dense, identity, ReLU -> out: dense (1, 1), one class
 *
 * Frames are (1/2, 1/4) and (1/4, 1/2), as currents: each neuron of `a` gets 1/2 in one frame and
 * 1/4 in the other, `out` 3/4 in both. Larger nets are held against the oracle (tests/flow).
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "snn/calibrate.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

static struct snn_graph *graph;
static struct snn_target *target;
static struct snn_lower_options lower;
static struct snn_probe probe;

enum { LAYER_A = 1, LAYER_OUT = 2 };

static struct snn_graph *make_graph(struct snn_context *context)
{
    static const float identity[] = {1, 0, 0, 1}, ones[] = {1, 1};
    struct snn_graph *made = support_graph(context, 1, 1, 2);
    support_add(made, context,
                (struct snn_layer){.name = "a",
                                   .kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = 2},
                                   .activation = SNN_ACTIVATION_RELU,
                                   .weights = identity,
                                   .weight_count = 4});
    support_add(made, context,
                (struct snn_layer){.name = "out",
                                   .kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = 1},
                                   .weights = ones,
                                   .weight_count = 2});
    return made;
}

static void read_frame(uint64_t index, float *intensity, void *user)
{
    (void)user;
    intensity[0] = index == 0 ? 0.5f : 0.25f;
    intensity[1] = index == 0 ? 0.25f : 0.5f;
}

static const struct snn_frames frames = {.count = 2, .shape = {1, 1, 2}, .read = read_frame};

static void begin(void)
{
    support_begin();
    graph = make_graph(support_context());
    cr_assert_eq(snn_target_open(&target, support_context(), "sim"), SNN_OK);
    snn_lower_options_init(&lower);
    lower.quantile = 1.0;
    lower.v_init = 0.0f;
    probe = (struct snn_probe){
        .target = target, .lower = &lower, .timesteps = 1, .encoding = SNN_ENCODING_CURRENT};
}

static void end(void)
{
    snn_target_close(&target);
    snn_graph_destroy(&graph);
    support_end();
}

TestSuite(measure, .init = begin, .fini = end);

static int calibrate(const char *const *recipes, uint32_t count)
{
    const struct snn_calibrate_options options = {
        .recipes = recipes, .recipe_count = count, .probe = &probe, .threads = 2};
    return snn_calibrate(graph, support_context(), &frames, &options);
}

static void measure(const char *const *recipes, uint32_t count)
{
    cr_assert_eq(calibrate(recipes, count), SNN_OK, "%s", snn_context_message(support_context()));
}

static const struct snn_recipe *recipe_named(const char *name)
{
    const struct snn_recipe *recipe = snn_graph_find_recipe(graph, name);
    cr_assert_not_null(recipe, "no recipe %s", name);
    return recipe;
}

/* ---- spike ---- */

/* a: the largest input is 1/2. With that threshold and v0 = 1/2 both neurons spike in the first
 * step (1/2 + 1/2 / 1/2, 1/2 + 1/4 / 1/2), so that out gets 1/2 + 1/2 in it, more than the CNN's
 * 3/4.
 */
Test(measure, spike_takes_what_the_layers_before_sent_in_one_step)
{
    static const char *const names[] = {"spike"};
    lower.v_init = 0.5f;
    probe.timesteps = 4;
    measure(names, 1);
    const struct snn_recipe *recipe = recipe_named("spike");
    cr_assert_eq(recipe->kind, SNN_RECIPE_THRESHOLD);
    cr_assert_eq(recipe->entry_count, 2);
    cr_assert_float_eq(recipe->entries[0].value[0], 0.5f, 0.0f);
    cr_assert_float_eq(recipe->entries[1].value[0], 1.0f, 0.0f);
}

/* ---- bias, potential ---- */

/* One step, v0 = 0, thresholds 1/2 and 3/4: of `a` the neuron that gets 1/2 spikes, the other one
 * does not. So a neuron spikes in one of two frames, 1/4 on average for 3/8: 1/8 is missing. With
 * it the neurons get 5/8 and 3/8, and the same spike; out then has 1/2 for 3/4. */
Test(measure, bias_is_what_the_spikes_lack_of_the_mean_activation)
{
    static const char *const names[] = {"bias"};
    measure(names, 1);
    const struct snn_recipe *recipe = recipe_named("bias:max@sim:v0=0:current:1");
    cr_assert_eq(recipe->kind, SNN_RECIPE_BIAS);
    cr_assert_eq(recipe->entry_count, 2);
    cr_assert_eq(recipe->entries[0].layer, LAYER_A);
    cr_assert_eq(recipe->entries[0].count, 2);
    cr_assert_float_eq(recipe->entries[0].value[0], 0.125f, 1e-7f);
    cr_assert_float_eq(recipe->entries[0].value[1], 0.125f, 1e-7f);
    cr_assert_eq(recipe->entries[1].layer, LAYER_OUT);
    cr_assert_float_eq(recipe->entries[1].value[0], 0.25f, 1e-6f);
}

/* Over three steps a neuron that gets 1/4 of 1/2 a step spikes once: 1/2 of 3/4 came. The one that
 * gets 1/2 has it all. On average 3/8 - 1/2 (3 + 1) / 2 / 3 = 1/24 a step is missing: 1/8 in all.
 */
Test(measure, potential_makes_up_for_all_steps_at_once_but_not_at_the_output)
{
    static const char *const names[] = {"potential"};
    probe.timesteps = 3;
    measure(names, 1);
    const struct snn_recipe *recipe = recipe_named("potential:max@sim:v0=0:current:3");
    cr_assert_eq(recipe->kind, SNN_RECIPE_POTENTIAL);
    cr_assert_eq(recipe->entry_count, 1);
    cr_assert_eq(recipe->entries[0].count, 2);
    cr_assert_float_eq(recipe->entries[0].value[0], 0.125f, 1e-6f);
    cr_assert_float_eq(recipe->entries[0].value[1], 0.125f, 1e-6f);
}

Test(measure, corrections_are_added_to_biases_and_potentials_in_thresholds)
{
    static const char *const names[] = {"bias:max@sim:v0=0:current:1", "potential:x@sim",
                                        "more@sim"};
    const float bias[] = {0.125f, 0.25f}, out[] = {0.375f}, potential[] = {0.25f};
    const struct snn_recipe_entry biases[] = {{LAYER_A, 2, bias}, {LAYER_OUT, 1, out}};
    const struct snn_recipe_entry potentials[] = {{LAYER_A, 1, potential}};
    const struct snn_recipe recipes[] = {
        {.name = names[0], .kind = SNN_RECIPE_BIAS, .entry_count = 2, .entries = biases},
        {.name = names[1], .kind = SNN_RECIPE_POTENTIAL, .entry_count = 1, .entries = potentials},
        {.name = names[2], .kind = SNN_RECIPE_POTENTIAL, .entry_count = 1, .entries = biases}};
    struct snn_net *net = NULL;
    measure(NULL, 0);
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(snn_graph_set_recipe(graph, support_context(), &recipes[i]), SNN_OK);
    lower.corrections = names;
    lower.correction_count = 3;
    lower.v_init = 0.5f;
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_OK, "%s",
                 snn_context_message(support_context()));
    /* In thresholds of 1/2: .25 and .5; .5 + (.25 + .125) / .5 = 1.25, .5 + (.25 + .25) / .5. */
    const struct snn_population *a = &net->populations[0], *o = &net->populations[1];
    cr_assert_eq(a->bias_count, 2);
    cr_assert_float_eq(a->bias[0], 0.25f, 0.0f);
    cr_assert_float_eq(a->bias[1], 0.5f, 0.0f);
    cr_assert_not_null(a->neurons);
    cr_assert_eq(a->neurons->v_init_count, 2);
    cr_assert_float_eq(a->neurons->v_init[0], 1.25f, 0.0f);
    cr_assert_float_eq(a->neurons->v_init[1], 1.5f, 0.0f);
    cr_assert_float_eq(a->neurons->threshold[0], 1.0f, 0.0f);
    cr_assert_float_eq(a->neurons->v_min[0], -1.0f, 0.0f);
    cr_assert_eq(o->bias_count, 1);
    cr_assert_float_eq(o->bias[0], 0.5f, 0.0f); /* .375 / .75 */
    cr_assert_null(o->neurons);
    cr_assert_float_eq(o->v_init, 0.5f, 0.0f);
    snn_net_destroy(&net);
}

/* ---- offset ---- */

/* One step: in each frame one neuron of `a` spikes, out gets 1/2 / 3/4 = 2/3 of its threshold and
 * lacks 1/3 of 3/4. */
Test(measure, offset_is_the_least_bias_that_makes_every_frame_fire)
{
    static const char *const names[] = {"offset"};
    measure(names, 1);
    const struct snn_recipe *recipe = recipe_named("offset:max@sim:v0=0:current:1");
    cr_assert_eq(recipe->kind, SNN_RECIPE_BIAS);
    cr_assert_eq(recipe->entry_count, 1);
    cr_assert_eq(recipe->entries[0].layer, LAYER_OUT);
    cr_assert_eq(recipe->entries[0].count, 1);
    cr_assert_float_eq(recipe->entries[0].value[0], 0.25f, 1e-4f);
    cr_assert_geq(recipe->entries[0].value[0], 0.25f);
}

Test(measure, offset_is_zero_where_no_frame_is_silent)
{
    static const char *const names[] = {"offset"};
    probe.timesteps = 2;
    measure(names, 1);
    cr_assert_float_eq(recipe_named("offset:max@sim:v0=0:current:2")->entries[0].value[0], 0.0f,
                       0.0f);
}

/* ---- auto ---- */

static unsigned candidate_count, chosen_count;

static void count_candidate(const struct snn_candidate *candidate, void *user)
{
    (void)user;
    candidate_count++;
    chosen_count += candidate->chosen;
    cr_assert_float_eq(candidate->cnn_accuracy, 1.0, 0.0);
}

/* With one class whoever spikes is right. */
Test(measure, auto_tells_its_candidates_and_stores_the_thresholds_of_one)
{
    static const char *const names[] = {"auto"};
    const struct snn_calibrate_options options = {
        .recipes = names, .recipe_count = 1, .probe = &probe, .candidate = count_candidate};
    probe.timesteps = 8;
    cr_assert_eq(snn_calibrate(graph, support_context(), &frames, &options), SNN_OK);
    cr_assert_eq(candidate_count, 8); /* all but spike */
    cr_assert_eq(chosen_count, 1);
    const struct snn_recipe *recipe = recipe_named("auto");
    cr_assert_not_null(recipe->norm);
    cr_assert_gt(recipe->timesteps, 0);
    cr_assert_eq(recipe->entry_count, 2);
    lower.norm = SNN_NORM_RECIPE;
    lower.recipe = "auto";
    struct snn_net *net = NULL;
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_OK);
    cr_assert_float_eq(net->populations[0].activation_scale[0], recipe->entries[0].value[0], 0.0f);
    snn_net_destroy(&net);
}

Test(measure, auto_says_so_if_no_norm_is_near_enough)
{
    static const char *const names[] = {"auto"};
    lower.v_init = -5.0f; /* nobody spikes in one step */
    lower.v_min = -6.0f;
    cr_assert_eq(calibrate(names, 1), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "auto: no norm comes within 0.3 points of the CNN in 1 steps");
    cr_assert_eq(snn_graph_recipe_count(graph), 0);
}

/* ---- Names ---- */

static const char *name_of(const char *recipe)
{
    static char text[SNN_RECIPE_NAME_MAX];
    snn_recipe_name(text, sizeof(text), recipe, &probe);
    return text;
}

Test(measure, names_say_what_was_measured_with_what_and_where)
{
    static const char *const earlier[] = {"bias:max@sim:v0=0:current:1", "potential+bias:max@sim"};
    cr_assert_str_eq(name_of("spike"), "spike");
    cr_assert_str_eq(name_of("bias"), "bias:max@sim:v0=0:current:1");
    lower.channelwise = true;
    lower.quantile = 99.95 / 100.0;
    probe.timesteps = 16;
    probe.encoding = SNN_ENCODING_BERNOULLI;
    lower.arith = SNN_ARITH_CHIP;
    cr_assert_str_eq(name_of("bias"), "bias:p99.95/channel@sim:chip:v0=0:bernoulli:16");
    lower.corrections = earlier;
    lower.correction_count = 2;
    lower.norm = SNN_NORM_RECIPE;
    lower.recipe = "mse:4";
    cr_assert_str_eq(name_of("offset"), "offset+bias+potential:mse:4@sim:chip:v0=0:bernoulli:16");
    snn_target_close(&target);
    cr_assert_eq(snn_target_open(&target, support_context(), "sim:async,order=random,seed=7"),
                 SNN_OK);
    probe.target = target;
    lower.arith = SNN_ARITH_FLOAT;
    lower.norm = SNN_NORM_NONE;
    lower.correction_count = 0;
    cr_assert_str_eq(name_of("bias"), "bias:none@sim:async:random:v0=0:bernoulli:16");
    lower.v_init = 0.5f;
    cr_assert_str_eq(name_of("bias"), "bias:none@sim:async:random:bernoulli:16");
    lower.v_min = -0.25f;
    lower.reset = SNN_RESET_ZERO;
    lower.spikes_max = 1;
    cr_assert_str_eq(name_of("bias"),
                     "bias:none@sim:async:random:v-min=-0.25:reset=zero:n-max=1:bernoulli:16");
    lower.v_min = -INFINITY;
    lower.spikes_max = 0;
    cr_assert_str_eq(name_of("bias"),
                     "bias:none@sim:async:random:v-min=none:reset=zero:bernoulli:16");
}

Test(measure, later_corrections_are_measured_with_the_earlier_ones)
{
    static const char *const names[] = {"bias", "spike", "offset"};
    measure(names, 3);
    /* With the biases found above out gets (1/2 + 1/4) / 3/4: it fires, no offset is needed. */
    cr_assert_float_eq(recipe_named("offset+bias:max@sim:v0=0:current:1")->entries[0].value[0],
                       0.0f, 1e-6f);
    cr_assert_not_null(recipe_named("spike"));
}

/* ---- What is refused ---- */

static void refuse(const char *recipe, int status, const char *message)
{
    const float one[] = {1.0f};
    const struct snn_recipe_entry entry = {LAYER_A, 1, one};
    const struct snn_recipe kept = {.name = "mse:9", .entry_count = 1, .entries = &entry};
    cr_assert_eq(snn_graph_set_recipe(graph, support_context(), &kept), SNN_OK);
    cr_assert_eq(calibrate(&recipe, 1), status);
    cr_assert_str_eq(snn_context_message(support_context()), message);
    uint32_t count = 1;
    (void)snn_graph_quantiles(graph, &count, NULL, NULL);
    cr_assert_eq(count, 0u);
    cr_assert_eq(snn_graph_recipe_count(graph), 1u);
    cr_assert_null(snn_graph_statistics(graph, LAYER_A));
}

Test(measure, what_is_measured_needs_a_target)
{
    probe.target = NULL;
    refuse("spike", SNN_ERR_INVALID, "recipes that are measured need a target to measure them on");
}

Test(measure, a_norm_that_is_not_there_leaves_the_graph_as_it_was)
{
    lower.norm = SNN_NORM_RECIPE;
    lower.recipe = "mse:5";
    refuse("bias", SNN_ERR_NOT_FOUND, "the model has no recipe 'mse:5'");
}

Test(measure, an_output_that_never_fires_has_no_offset)
{
    lower.readout_membrane = true;
    refuse("offset", SNN_ERR_INVALID,
           "an output that never fires is read by its membrane: no offset makes it fire");
}

Test(measure, errors_of_the_target_come_through)
{
    snn_target_close(&target);
    cr_assert_eq(snn_target_open(&target, support_context(), "sim:async"), SNN_OK);
    probe.target = target;
    const char *bias = "bias";
    cr_assert_eq(calibrate(&bias, 1), SNN_ERR_UNSUPPORTED); /* currents are no events */
    cr_assert_eq(snn_graph_recipe_count(graph), 0u);
}

struct watch {
    uint64_t done, total, stop_at;
};

static bool watch_progress(uint64_t done, uint64_t total, void *user)
{
    struct watch *watch = user;
    cr_assert_geq(done, watch->done);
    watch->done = done;
    watch->total = total;
    return watch->stop_at == 0 || done < watch->stop_at;
}

/* Three passes of quantiles, one of the CNN, two layers of bias: two frames each. */
Test(measure, progress_ends_at_its_total_and_may_stop_anywhere)
{
    static const char *const names[] = {"bias"};
    for (uint64_t stop_at = 0; stop_at < 12; stop_at++) {
        struct watch watch = {.stop_at = stop_at};
        const struct snn_calibrate_options options = {.recipes = names,
                                                      .recipe_count = 1,
                                                      .probe = &probe,
                                                      .threads = 2,
                                                      .progress = watch_progress,
                                                      .user = &watch};
        int status = snn_calibrate(graph, support_context(), &frames, &options);
        cr_assert_eq(status, stop_at == 0 ? SNN_OK : SNN_ERR_CANCELLED, "stop at %u",
                     (unsigned)stop_at);
        cr_assert_eq(snn_graph_recipe_count(graph), stop_at == 0 ? 1u : 0u);
        if (stop_at > 0) continue;
        cr_assert_eq(watch.done, 12);
        cr_assert_eq(watch.total, 12);
        snn_graph_destroy(&graph);
        graph = make_graph(support_context());
    }
}

static int calibrate_all(struct snn_context *context, struct snn_graph *some)
{
    static const char *const names[] = {"spike", "auto", "bias", "potential", "offset"};
    struct snn_target *own = NULL;
    struct snn_lower_options simple;
    snn_lower_options_init(&simple);
    int status = snn_target_open(&own, context, "sim");
    const struct snn_probe here = {
        .target = own, .lower = &simple, .timesteps = 3, .encoding = SNN_ENCODING_CURRENT};
    const struct snn_calibrate_options options = {
        .recipes = names, .recipe_count = 5, .probe = &here, .threads = 2};
    if (status == SNN_OK) status = snn_calibrate(some, context, &frames, &options);
    snn_target_close(&own);
    return status;
}

Test(measure, running_out_of_memory_leaks_nothing)
{
    support_sweep_graph(make_graph, calibrate_all);
}

Test(measure, corrections_of_the_wrong_kind_are_refused)
{
    static const char *const names[] = {"mse:4"};
    const char *gone = "bias:p1@sim:rate:1";
    struct snn_net *net = NULL;
    measure(names, 1);
    lower.corrections = names;
    lower.correction_count = 1;
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "recipe 'mse:4' has thresholds, no correction");
    lower.corrections = &gone;
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "the model has no recipe 'bias:p1@sim:rate:1'");
    const float one[] = {1.0f};
    const struct snn_recipe_entry entry = {LAYER_A, 1, one};
    const struct snn_recipe bias = {
        .name = gone, .kind = SNN_RECIPE_BIAS, .entry_count = 1, .entries = &entry};
    cr_assert_eq(snn_graph_set_recipe(graph, support_context(), &bias), SNN_OK);
    lower.correction_count = 0;
    lower.norm = SNN_NORM_RECIPE;
    lower.recipe = gone;
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "recipe 'bias:p1@sim:rate:1' is a correction, no thresholds");
    const struct snn_recipe_entry input = {0, 1, one};
    const struct snn_recipe odd = {
        .name = gone, .kind = SNN_RECIPE_BIAS, .entry_count = 1, .entries = &input};
    cr_assert_eq(snn_graph_set_recipe(graph, support_context(), &odd), SNN_OK);
    lower.norm = SNN_NORM_NONE;
    lower.correction_count = 1;
    cr_assert_eq(snn_net_lower(&net, support_context(), graph, &lower), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "recipe 'bias:p1@sim:rate:1' corrects layer 'input', which has no neurons");
}
