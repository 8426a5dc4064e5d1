/* Calibration against direct, slow computation: quantiles by a full sort, recipes by their formulas
 * with divisions and whole arrays; and the same bits for any number of threads.
 */
#include "snn/calibrate.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/model/eval.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(calibrate, .init = support_begin, .fini = support_end);

enum { FRAMES = 137, CHANNELS = 2, SIDE = 7, FRAME = CHANNELS * SIDE * SIDE };

/* ---- A small net with every kind of neuronal layer, and random frames ---- */

static float frames_data[FRAMES][FRAME];
static bool reversed;

static void read_frame(uint64_t index, float *intensity, void *user)
{
    (void)user;
    memcpy(intensity, frames_data[reversed ? FRAMES - 1 - index : index], sizeof(frames_data[0]));
}

static const struct snn_frames frames = {
    .count = FRAMES, .shape = {CHANNELS, SIDE, SIDE}, .read = read_frame};

static void fill(float *values, size_t count, double low, double high, uint32_t *state)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(low + (high - low) * support_random(state));
}

static struct snn_window window(uint32_t kernel, uint32_t stride)
{
    return (struct snn_window){.kernel_h = kernel,
                               .kernel_w = kernel,
                               .stride_h = stride,
                               .stride_w = stride,
                               .dilation_h = 1,
                               .dilation_w = 1};
}

/* conv (relu) -> conv (none) -> add with the first (relu) -> pool -> dense (clip) -> dense. */
static struct snn_graph *make_graph(struct snn_context *context)
{
    float weights[4 * 4 * 9], dense[5 * 36], last[3 * 5], bias[5];
    uint32_t state = 7;
    struct snn_graph *graph = support_graph(context, CHANNELS, SIDE, SIDE);
    fill(weights, (size_t)4 * CHANNELS * 4, -0.5, 0.6, &state);
    uint32_t first = support_add(graph, context,
                                 (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                    .shape = {.channels = 4},
                                                    .window = window(2, 1),
                                                    .activation = SNN_ACTIVATION_RELU,
                                                    .weights = weights,
                                                    .weight_count = (size_t)4 * CHANNELS * 4});
    fill(weights, 16, -0.7, 0.5, &state);
    uint32_t second = support_add(graph, context,
                                  (struct snn_layer){.kind = SNN_LAYER_CONV2D,
                                                     .shape = {.channels = 4},
                                                     .window = window(1, 1),
                                                     .weights = weights,
                                                     .weight_count = 16});
    const uint32_t both[] = {first, second};
    support_add(graph, context,
                (struct snn_layer){.kind = SNN_LAYER_ADD,
                                   .inputs = both,
                                   .input_count = 2,
                                   .activation = SNN_ACTIVATION_RELU});
    support_add(graph, context,
                (struct snn_layer){.kind = SNN_LAYER_AVG_POOL2D, .window = window(2, 2)});
    fill(dense, 180, -0.5, 0.7, &state);
    fill(bias, 5, -1, 1, &state);
    bias[4] = -1000; /* a channel that never fires */
    support_add(graph, context,
                (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = 5},
                                   .activation = SNN_ACTIVATION_CLIP,
                                   .clip = 1.25f,
                                   .weights = dense,
                                   .weight_count = 180,
                                   .bias = bias,
                                   .bias_count = 5});
    fill(last, 15, -1, 1, &state);
    support_add(graph, context,
                (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = 3},
                                   .weights = last,
                                   .weight_count = 15});
    return graph;
}

static void make_frames(void)
{
    uint32_t state = 11;
    fill(&frames_data[0][0], (size_t)FRAMES * FRAME, 0, 1, &state);
}

static struct snn_graph *calibrated(const struct snn_calibrate_options *options)
{
    struct snn_graph *graph = make_graph(support_context());
    cr_assert_eq(snn_calibrate(graph, support_context(), &frames, options), SNN_OK, "%s",
                 snn_context_message(support_context()));
    return graph;
}

/* ---- Quantiles ---- */

/* max(value, 0) of one layer (and channel) in all frames, allocated. */
static float *collect(const struct snn_graph *graph, uint32_t layer, uint32_t channel, bool all,
                      size_t *count_out, float *minimum_out)
{
    struct snn_shape shape = snn_graph_layer(graph, layer)->shape;
    size_t map = (size_t)shape.height * shape.width;
    size_t size = all ? map * shape.channels : map, offset = all ? 0 : channel * map;
    float *values = malloc(FRAMES * size * sizeof(*values));
    struct snn_evaluator *evaluator = NULL;
    cr_assert_not_null(values);
    cr_assert_eq(snn_evaluator_create(&evaluator, support_context(), graph), SNN_OK);
    *minimum_out = INFINITY;
    for (size_t f = 0; f < FRAMES; f++) {
        snn_evaluator_run(evaluator, frames_data[f]);
        const float *of_frame = snn_evaluator_values(evaluator, layer) + offset;
        for (size_t i = 0; i < size; i++)
            values[f * size + i] = of_frame[i] > 0 ? of_frame[i] : 0;
        *minimum_out = fminf(*minimum_out, snnmodel_eval_minimum(evaluator, layer));
    }
    snn_evaluator_destroy(&evaluator);
    *count_out = FRAMES * size;
    return values;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Quantiles as they are defined: sort everything, take the rank. */
static void check_quantiles(const struct snn_graph *graph, uint32_t layer, uint32_t channel,
                            bool all, const float *found)
{
    uint32_t quantile_count = 0;
    size_t count = 0;
    float minimum = 0;
    const double *probability = snn_graph_quantiles(graph, &quantile_count, NULL, NULL);
    float *values = collect(graph, layer, channel, all, &count, &minimum);
    qsort(values, count, sizeof(*values), compare);
    for (uint32_t i = 0; i < quantile_count; i++) {
        /* All probabilities here are whole ten-thousandths. */
        size_t parts = (size_t)(probability[i] * 10000.0 + 0.5);
        size_t rank = (parts * count + 9999) / 10000;
        cr_assert_eq(found[i], values[rank - 1], "layer %u channel %u p%g: %g, %g expected", layer,
                     channel, 100 * probability[i], (double)found[i], (double)values[rank - 1]);
    }
    cr_assert_eq(snn_graph_statistics(graph, layer)->minimum, minimum);
    free(values);
}

static const uint32_t neuronal[] = {1, 3, 5, 6};

static void check_statistics(const struct snn_graph *graph)
{
    uint32_t count = 0;
    (void)snn_graph_quantiles(graph, &count, NULL, NULL);
    for (size_t k = 0; k < sizeof(neuronal) / sizeof(neuronal[0]); k++) {
        const struct snn_statistics *statistics = snn_graph_statistics(graph, neuronal[k]);
        cr_assert_not_null(statistics);
        check_quantiles(graph, neuronal[k], 0, true, statistics->quantile);
        for (uint32_t c = 0; c < snn_graph_layer(graph, neuronal[k])->shape.channels; c++)
            check_quantiles(graph, neuronal[k], c, false,
                            statistics->channel_quantile + (size_t)c * count);
    }
    for (uint32_t layer = 0; layer < snn_graph_layer_count(graph); layer++)
        cr_assert_eq(snn_graph_statistics(graph, layer) != NULL,
                     snn_graph_layer_is_neuronal(graph, layer));
}

Test(calibrate, quantiles_equal_a_full_sort_for_any_threads_and_order)
{
    make_frames();
    for (unsigned threads = 1; threads <= 5; threads += threads == 1 ? 1 : 3) {
        for (int backwards = 0; backwards < 2; backwards++) {
            reversed = backwards != 0;
            const struct snn_calibrate_options options = {.threads = threads, .data = "random"};
            struct snn_graph *graph = calibrated(&options);
            check_statistics(graph);
            snn_graph_destroy(&graph);
        }
    }
}

Test(calibrate, the_standard_list_and_extra_quantiles_are_stored_once_each)
{
    /* 99.95 / 100 is not the double 0.9995, but means it; 1 is in the list. */
    const double extra[] = {0.3, 99.95 / 100, 1.0, 0.3, 0.9997};
    const struct snn_calibrate_options options = {
        .extra_quantile = extra, .extra_quantile_count = 5, .data = "random"};
    static const double expected[] = {
        0.3,   0.5,   0.75,  0.9,   0.91,  0.92,  0.93,  0.94,  0.95,  0.96,   0.97,   0.98,   0.99,
        0.991, 0.992, 0.993, 0.994, 0.995, 0.996, 0.997, 0.998, 0.999, 0.9995, 0.9997, 0.9999, 1};
    make_frames();
    struct snn_graph *graph = calibrated(&options);
    uint32_t count = 0;
    uint64_t frame_count = 0;
    const char *data = NULL;
    const double *found = snn_graph_quantiles(graph, &count, &frame_count, &data);
    cr_assert_eq(count, sizeof(expected) / sizeof(expected[0]));
    for (uint32_t i = 0; i < count; i++)
        cr_assert_float_eq(found[i], expected[i], 1e-15);
    cr_assert_eq(frame_count, FRAMES);
    cr_assert_str_eq(data, "random");
    check_statistics(graph);
    snn_graph_destroy(&graph);
}

/* ---- Recipes ---- */

static const struct snn_recipe *find_recipe(const struct snn_graph *graph, const char *name)
{
    for (uint32_t i = 0; i < snn_graph_recipe_count(graph); i++) {
        if (strcmp(snn_graph_recipe(graph, i)->name, name) == 0) return snn_graph_recipe(graph, i);
    }
    cr_assert_fail("no recipe %s", name);
    return NULL;
}

/* The formula as it stands in the header. */
static double squared_error(const float *values, size_t count, double threshold, double timesteps)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double a = (double)values[i];
        double steps = floor(a * timesteps / threshold + 0.5);
        steps = fmin(fmax(steps, 0), timesteps);
        double error = threshold / timesteps * steps - a;
        sum += error * error;
    }
    return sum;
}

static float slow_mse(const struct snn_graph *graph, uint32_t layer, double timesteps)
{
    size_t count = 0;
    float minimum = 0, maximum = 0, best = 0;
    double least = INFINITY;
    float *values = collect(graph, layer, 0, true, &count, &minimum);
    for (size_t i = 0; i < count; i++)
        maximum = fmaxf(maximum, values[i]);
    for (int hundredths = 100; hundredths >= 6; hundredths--) {
        float threshold = (float)((double)maximum * hundredths / 100);
        double error = squared_error(values, count, (double)threshold, timesteps);
        if (error < least) {
            least = error;
            best = threshold;
        }
    }
    free(values);
    return best;
}

Test(calibrate, mse_takes_the_best_of_all_candidates)
{
    static const char *const names[] = {"mse:1", "mse:4", "mse:32"};
    static const double timesteps[] = {1, 4, 32};
    make_frames();
    for (unsigned threads = 1; threads <= 3; threads++) {
        const struct snn_calibrate_options options = {
            .recipes = names, .recipe_count = 3, .threads = threads};
        struct snn_graph *graph = calibrated(&options);
        for (size_t r = 0; r < 3; r++) {
            const struct snn_recipe *recipe = find_recipe(graph, names[r]);
            cr_assert_eq(recipe->entry_count, 4);
            for (size_t k = 0; k < 4; k++) {
                float expected = slow_mse(graph, neuronal[k], timesteps[r]);
                cr_assert_eq(recipe->entries[k].layer, neuronal[k]);
                cr_assert_eq(recipe->entries[k].count, 1);
                cr_assert_eq(recipe->entries[k].value[0], expected, "%s layer %u: %g, %g", names[r],
                             neuronal[k], (double)recipe->entries[k].value[0], (double)expected);
            }
        }
        snn_graph_destroy(&graph);
    }
}

/* A net small enough to be written out: out = W2 relu(W1 x). */
enum { IN = FRAME, HIDDEN = 4, OUT = 2 };

struct two_layers {
    float first[HIDDEN][IN];
    float second[OUT][HIDDEN];
};

static struct snn_graph *graph_of(const struct two_layers *net)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = support_graph(context, CHANNELS, SIDE, SIDE);
    support_add(graph, context,
                (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = HIDDEN},
                                   .activation = SNN_ACTIVATION_RELU,
                                   .weights = &net->first[0][0],
                                   .weight_count = sizeof(net->first) / sizeof(float)});
    support_add(graph, context,
                (struct snn_layer){.kind = SNN_LAYER_DENSE,
                                   .shape = {.channels = OUT},
                                   .weights = &net->second[0][0],
                                   .weight_count = sizeof(net->second) / sizeof(float)});
    return graph;
}

static double excess(double value, double threshold)
{
    return value > threshold ? value - threshold : 0;
}

/* Local threshold balancing of one batch, with the net's sums written out. */
static void slow_batch(const struct two_layers *net, size_t begin, size_t end,
                       double threshold[HIDDEN + OUT])
{
    static double hidden[FRAMES][HIDDEN];
    double over[HIDDEN + OUT] = {0};
    double count = (double)(end - begin);
    for (size_t f = begin; f < end; f++) {
        for (size_t h = 0; h < HIDDEN; h++) {
            hidden[f][h] = 0;
            for (size_t i = 0; i < IN; i++)
                hidden[f][h] += (double)net->first[h][i] * (double)frames_data[f][i];
            hidden[f][h] = fmax(hidden[f][h], 0);
            over[h] += excess(hidden[f][h], threshold[h]);
        }
    }
    for (size_t h = 0; h < HIDDEN; h++)
        threshold[h] += 2 * over[h] / count;
    for (size_t f = begin; f < end; f++) {
        for (size_t o = 0; o < OUT; o++) {
            double sum = 0;
            for (size_t h = 0; h < HIDDEN; h++)
                sum += (double)net->second[o][h] * fmin(hidden[f][h], threshold[h]);
            over[HIDDEN + o] += excess(fmax(sum, 0), threshold[HIDDEN + o]);
        }
    }
    for (size_t o = HIDDEN; o < HIDDEN + OUT; o++)
        threshold[o] += 2 * over[o] / count;
}

Test(calibrate, ltb_raises_thresholds_batch_by_batch_over_clipped_inputs)
{
    static const char *const names[] = {"ltb"};
    static struct two_layers net;
    double expected[HIDDEN + OUT] = {0};
    uint32_t state = 5;
    make_frames();
    fill(&net.first[0][0], sizeof(net.first) / sizeof(float), -0.5, 0.55, &state);
    fill(&net.second[0][0], sizeof(net.second) / sizeof(float), 0.1, 1, &state);
    for (size_t i = 0; i < IN; i++)
        net.first[2][i] = -1; /* never fires */
    slow_batch(&net, 0, 50, expected);
    slow_batch(&net, 50, 100, expected);
    slow_batch(&net, 100, FRAMES, expected);
    float first_found[HIDDEN + OUT];
    for (unsigned threads = 1; threads <= 3; threads++) {
        const struct snn_calibrate_options options = {
            .recipes = names, .recipe_count = 1, .threads = threads};
        struct snn_graph *graph = graph_of(&net);
        cr_assert_eq(snn_calibrate(graph, support_context(), &frames, &options), SNN_OK);
        const struct snn_recipe *recipe = find_recipe(graph, "ltb");
        cr_assert_eq(recipe->entry_count, 2);
        cr_assert_eq(recipe->entries[0].count, HIDDEN);
        cr_assert_eq(recipe->entries[1].count, OUT);
        for (size_t k = 0; k < HIDDEN + OUT; k++) {
            float found =
                k < HIDDEN ? recipe->entries[0].value[k] : recipe->entries[1].value[k - HIDDEN];
            /* The evaluator sums in float. */
            cr_assert_float_eq((double)found, expected[k], 2e-5 * (1 + expected[k]), "%zu: %g, %g",
                               k, (double)found, expected[k]);
            if (threads == 1) first_found[k] = found;
            cr_assert_eq(found, first_found[k], "%u threads", threads);
        }
        snn_graph_destroy(&graph);
    }
    cr_assert_eq(expected[2], 0.0);
    cr_assert_eq(first_found[2], 0.0f);
}

Test(calibrate, a_layer_that_never_fires_has_threshold_zero)
{
    static const char *const names[] = {"mse:4", "ltb"};
    static struct two_layers net;
    for (size_t h = 0; h < HIDDEN; h++)
        net.first[h][0] = -1;
    make_frames();
    const struct snn_calibrate_options options = {.recipes = names, .recipe_count = 2};
    struct snn_graph *graph = graph_of(&net);
    cr_assert_eq(snn_calibrate(graph, support_context(), &frames, &options), SNN_OK);
    for (uint32_t r = 0; r < 2; r++)
        cr_assert_eq(find_recipe(graph, names[r])->entries[0].value[0], 0.0f);
    snn_graph_destroy(&graph);
}

/* ---- Progress, refusals, memory ---- */

struct watch {
    uint64_t done, total;
    uint64_t stop_at;
};

static bool watch_progress(uint64_t done, uint64_t total, void *user)
{
    struct watch *watch = user;
    cr_assert_gt(done, watch->done);
    watch->done = done;
    watch->total = total;
    return watch->stop_at == 0 || done < watch->stop_at;
}

Test(calibrate, progress_counts_the_frames_of_all_passes)
{
    static const char *const names[] = {"mse:4", "mse:8", "ltb"};
    struct watch watch = {0};
    make_frames();
    const struct snn_calibrate_options options = {
        .recipes = names, .recipe_count = 3, .progress = watch_progress, .user = &watch};
    struct snn_graph *graph = calibrated(&options);
    cr_assert_eq(watch.done, 5 * frames.count); /* three of quantiles, one of mse, one of ltb */
    cr_assert_eq(watch.total, 5 * frames.count);
    snn_graph_destroy(&graph);
}

Test(calibrate, stopping_leaves_the_graph_as_it_was)
{
    static const char *const names[] = {"mse:4", "ltb"};
    make_frames();
    for (uint64_t pass = 0; pass < 5; pass++) {
        struct watch watch = {.stop_at = pass * FRAMES + 60};
        const struct snn_calibrate_options options = {
            .recipes = names, .recipe_count = 2, .progress = watch_progress, .user = &watch};
        struct snn_graph *graph = make_graph(support_context());
        cr_assert_eq(snn_calibrate(graph, support_context(), &frames, &options), SNN_ERR_CANCELLED);
        uint32_t count = 1;
        (void)snn_graph_quantiles(graph, &count, NULL, NULL);
        cr_assert_eq(count, 0);
        cr_assert_eq(snn_graph_recipe_count(graph), 0);
        snn_graph_destroy(&graph);
    }
}

static void refuse(const struct snn_frames *some, const struct snn_calibrate_options *options,
                   const char *message)
{
    struct snn_graph *graph = make_graph(support_context());
    cr_assert_eq(snn_calibrate(graph, support_context(), some, options), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()), message);
    snn_graph_destroy(&graph);
}

Test(calibrate, what_cannot_be_is_refused)
{
    static const char *const unknown[] = {"mse",    "mse:",      "mse:0", "mse:-4", "mse:4x",
                                          "mse:04", "mse:65536", "LTB",   "ltb2"};
    struct snn_frames some = frames;
    some.count = 0;
    refuse(&some, NULL, "no frames to calibrate with");
    some = frames;
    some.shape.width = 8;
    refuse(&some, NULL, "frames of 2x7x8 for a model with an input of 2x7x7");
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        char message[64];
        (void)snprintf(message, sizeof(message), "unknown recipe '%s'", unknown[i]);
        const struct snn_calibrate_options options = {.recipes = &unknown[i], .recipe_count = 1};
        refuse(&frames, &options, message);
        cr_assert_str_eq(snn_context_hint(support_context()),
                         "recipes are mse:T, with T from 1 to 65535, ltb, spike, auto, bias, "
                         "potential and offset");
    }
    const double zero = 0;
    const struct snn_calibrate_options options = {.extra_quantile = &zero,
                                                  .extra_quantile_count = 1};
    refuse(&frames, &options, "quantile 0 is not within 0..1");
}

static void read_raw_pixels(uint64_t index, float *intensity, void *user)
{
    (void)user;
    for (size_t i = 0; i < 2 * 7 * 7; i++)
        intensity[i] = index == 3 && i == 50 ? 200.0f : 0.5f;
}

Test(calibrate, a_net_that_arrived_spiking_is_refused)
{
    struct snn_context *context = support_context();
    struct snn_graph *graph = make_graph(context);
    const float threshold[] = {1};
    const struct snn_neurons neurons = {.threshold = threshold, .threshold_count = 1};
    support_add(graph, context,
                (struct snn_layer){.name = "n", .kind = SNN_LAYER_IF, .neurons = &neurons});
    cr_assert_eq(snn_calibrate(graph, context, &frames, NULL), SNN_ERR_UNSUPPORTED);
    cr_assert_str_eq(snn_context_message(context),
                     "layer 'n': the net arrived spiking, calibration is for CNNs");
    snn_graph_destroy(&graph);
}

Test(calibrate, frames_outside_0_to_1_are_refused)
{
    struct snn_frames raw = frames;
    raw.count = 5;
    raw.read = read_raw_pixels;
    /* value 50 is the second of channel 1: 49 values come before it */
    refuse(&raw, NULL, "sample 3: the intensity 200 at channel 1, row 0, column 1 is outside 0..1");
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "divide the frames by 255, or keep them as bytes");
}

Test(calibrate, activations_that_overflow_are_refused)
{
    static struct two_layers net;
    make_frames();
    for (size_t i = 0; i < IN; i++)
        net.first[1][i] = 3e38f;
    struct snn_graph *graph = graph_of(&net);
    cr_assert_eq(snn_calibrate(graph, support_context(), &frames, NULL), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "layer 'layer1': its values on the calibration frames exceed 32-bit floats");
    snn_graph_destroy(&graph);
}

static int calibrate_few(struct snn_context *context, struct snn_graph *graph)
{
    static const char *const names[] = {"mse:4", "ltb"};
    struct snn_frames few = frames;
    few.count = 3;
    const struct snn_calibrate_options options = {
        .recipes = names, .recipe_count = 2, .threads = 2};
    return snn_calibrate(graph, context, &few, &options);
}

Test(calibrate, running_out_of_memory_leaks_nothing)
{
    make_frames();
    support_sweep_graph(make_graph, calibrate_few);
}
