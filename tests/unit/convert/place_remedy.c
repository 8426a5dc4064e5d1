/* Remedies do what they say: each text is read, the net is changed as it says, built as a graph,
 * lowered and placed, and must then lie as the remedy has it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/convert/place_plan.h"

TestSuite(remedy, .init = support_begin, .fini = support_end);

/* ---- Verification ---- */

static void check_layer(const struct snn_placed_layer *said, const struct snn_placed_layer *is,
                        const char *text)
{
    cr_assert_str_eq(said->name, is->name);
    cr_assert_eq(memcmp(&said->input, &is->input, sizeof(said->input)), 0, "%s: input of %s", text,
                 is->name);
    cr_assert_eq(memcmp(&said->output, &is->output, sizeof(said->output)), 0, "%s: output of %s",
                 text, is->name);
    cr_assert(said->kernel_size == is->kernel_size && said->stride_y == is->stride_y &&
                  said->stride_x == is->stride_x && said->pad_y == is->pad_y &&
                  said->pad_x == is->pad_x && said->pooling == is->pooling,
              "%s: window of %s: %u stride %u,%u padding %u,%u pooling %u, is %u stride %u,%u "
              "padding %u,%u pooling %u",
              text, is->name, said->kernel_size, said->stride_y, said->stride_x, said->pad_y,
              said->pad_x, said->pooling, is->kernel_size, is->stride_y, is->stride_x, is->pad_y,
              is->pad_x, is->pooling);
    cr_assert(said->words.kernel == is->words.kernel && said->words.neuron == is->words.neuron &&
                  said->words.bias == is->words.bias,
              "%s: words of %s", text, is->name);
    cr_assert_eq(said->part_count, is->part_count, "%s: parts of %s", text, is->name);
    for (uint32_t p = 0; p < is->part_count; p++)
        cr_assert(said->parts[p].core == is->parts[p].core &&
                      said->parts[p].feature_count == is->parts[p].feature_count,
                  "%s: part %u of %s", text, p, is->name);
}

static void verify(const struct plan *plan, const struct snn_remedy *remedy)
{
    struct plan changed = *plan;
    plan_change(&changed, remedy->text);
    cr_assert_str_eq(changed.chip.name, remedy->chip);
    struct snn_placement *placement = plan_place(&changed, false);
    cr_assert(placement->fits, "%s: %s\n%s", remedy->text,
              placement->finding_count > 0 ? placement->findings[0].text : "", plan_describe(plan));
    cr_assert_eq(placement->layer_count, remedy->layer_count);
    for (uint32_t i = 0; i < placement->layer_count; i++)
        check_layer(&remedy->layers[i], &placement->layers[i], remedy->text);
    snn_placement_destroy(&placement);
}

/* Places a net that does not fit, and verifies all remedies; each of `texts` must be one. */
static uint32_t check(const struct plan *plan, const char *const *texts, size_t count)
{
    char all[8192] = "";
    struct snn_placement *placement = plan_place(plan, true);
    cr_assert_not(placement->fits);
    const uint32_t found = placement->remedy_count;
    for (uint32_t i = 0; i < found; i++) {
        (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "\n  %s",
                       placement->remedies[i].text);
        verify(plan, &placement->remedies[i]);
    }
    for (size_t t = 0; t < count; t++) {
        bool is_there = false;
        for (uint32_t i = 0; i < found; i++)
            is_there = is_there || strcmp(placement->remedies[i].text, texts[t]) == 0;
        cr_assert(is_there, "not among them: %s%s", texts[t], all);
    }
    snn_placement_destroy(&placement);
    return found;
}

#define CHECK(plan, ...)                              \
    check((plan), (const char *const[]){__VA_ARGS__}, \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- Nets ---- */

static struct plan lenet_500(const char *chip)
{
    struct plan plan = plan_of(chip, 1, 28, 28);
    plan_conv(&plan, "conv1", 20, 5, 1, 0)->bias = true;
    plan_pool(&plan, 2, 2);
    plan_conv(&plan, "conv2", 50, 5, 1, 0)->bias = true;
    plan_pool(&plan, 2, 2);
    plan_dense(&plan, "fc1", 500)->bias = true;
    plan_dense(&plan, "fc2", 10)->bias = true;
    return plan;
}

Test(remedy, lenet_with_500_features_has_several)
{
    struct plan plan = lenet_500("dynapcnn");
    cr_assert_geq(
        CHECK(&plan, "fc1 with 128 features in place of 500, shared by cores 5 and 6",
              "2x2 pooling between conv2 and fc1: its kernel memory falls from 409600 to 102400 "
              "words, shared by cores 5 and 6"),
        2);
    plan = lenet_500("speck2f");
    cr_assert_geq(check(&plan, NULL, 0), 2);
}

/* Without sharing, the same net has other ones, and one is to share. */
Test(remedy, sharing_is_one_where_it_was_off)
{
    struct plan plan = lenet_500("dynapcnn");
    plan.rows[4].features = 128;
    plan.split_off = true;
    CHECK(&plan, "layers may be shared by two cores",
          "fc1 with 64 features in place of 128, on core 6");
}

Test(remedy, a_layer_may_lie_elsewhere_than_where_it_was_kept)
{
    struct plan plan = lenet_500("dynapcnn");
    plan.rows[4].features = 64;
    plan.pins[plan.pin_count++] = (struct snn_pin){"fc1", 1, {0}};
    CHECK(&plan, "fc1 not kept on core 0, on core 6");
}

Test(remedy, sizes_beyond_the_chip_shrink)
{
    struct plan plan = plan_of("dynapcnn", 2, 200, 200);
    plan_conv(&plan, "conv1", 8, 3, 4, 1);
    plan_pool(&plan, 4, 4);
    plan_dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    plan = plan_of("dynapcnn", 2, 128, 128);
    plan_conv(&plan, "conv1", 8, 3, 1, 1);
    plan_pool(&plan, 4, 4);
    plan_conv(&plan, "conv2", 16, 3, 1, 1);
    plan_pool(&plan, 4, 4);
    plan_dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 2);
}

Test(remedy, windows_that_no_core_has_get_others)
{
    struct plan plan = plan_of("dynapcnn", 1, 32, 32);
    plan_conv(&plan, "conv1", 8, 19, 1, 9)->bias = true; /* kernel and padding */
    plan_pool(&plan, 4, 4);
    plan_dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    plan = plan_of("dynapcnn", 1, 32, 32);
    plan_conv(&plan, "conv1", 8, 5, 3, 0);
    plan_conv(&plan, "conv2", 8, 3, 2, 1);
    plan_dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    plan = plan_of("dynapcnn", 1, 40, 40);
    plan_conv(&plan, "conv1", 4, 5, 2, 0);
    plan_dense(&plan, "fc1", 10); /* 18 x 18 */
    cr_assert_geq(check(&plan, NULL, 0), 1);
}

Test(remedy, groups_and_dilation_are_written_out)
{
    struct plan plan = plan_of("dynapcnn", 2, 32, 32);
    plan_conv(&plan, "conv1", 8, 3, 2, 1)->bias = true;
    plan_conv(&plan, "conv2", 16, 3, 1, 1)->groups = 4;
    struct row *row = plan_conv(&plan, "conv3", 16, 3, 2, 2);
    row->dilation = 2;
    plan_dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
    row->dilation = 1;
    CHECK(&plan, "conv2 as a full 3x3 kernel with zeros: 2048 words of kernel memory, on core 1");
}

Test(remedy, pools_that_overlap_become_the_chips)
{
    struct plan plan = plan_of("dynapcnn", 1, 32, 32);
    plan_conv(&plan, "conv1", 8, 3, 1, 1);
    plan_pool(&plan, 3, 2);
    plan_conv(&plan, "conv2", 8, 3, 1, 1);
    plan_pool(&plan, 3, 2)->pads[0] = 1;
    plan_dense(&plan, "fc1", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
}

/* Merged into conv2's kernel it would make that move by 3. */
Test(remedy, pools_that_make_strides_become_the_chips)
{
    struct plan plan = plan_of("dynapcnn", 1, 28, 28);
    plan_conv(&plan, "conv1", 6, 5, 1, 0);
    plan_pool(&plan, 3, 3);
    plan_conv(&plan, "conv2", 8, 3, 1, 0);
    plan_dense(&plan, "out", 10);
    CHECK(&plan, "4x4 pooling in place of 3x3 with stride 3 between conv1 and conv2, on core 1");
}

Test(remedy, an_output_that_does_not_fire_may)
{
    struct plan plan = plan_of("speck2f", 1, 28, 28);
    plan_conv(&plan, "conv1", 8, 5, 1, 0);
    plan_pool(&plan, 4, 4);
    plan_dense(&plan, "fc1", 10);
    plan.membrane = true;
    CHECK(&plan, "an output of neurons that fire");
    plan.membrane = false;
    plan.v_min = 0.0f;
    CHECK(&plan, "lower clips below 0 (--v-min -1, or in a model that has its own)",
          "dynapcnn in place of speck2f");
    plan.v_min = -1.0f;
    plan.gains[plan.gain_count++] = 2.0f;
    CHECK(&plan, "one gain for all rules (--output-gain)");
    plan.gain_count = 0;
    plan.rows[2].features = 20;
    CHECK(&plan, "dynapcnn in place of speck2f");
}

/* Two layers fail, then three. */
static struct plan wide(const char *chip, uint32_t dense_layers)
{
    struct plan plan = plan_of(chip, 2, 32, 32);
    plan_conv(&plan, "conv1", 32, 3, 2, 1)->bias = true;
    plan_conv(&plan, "conv2", 64, 3, 2, 1)->bias = true;
    for (uint32_t i = 0; i < dense_layers; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "fc%u", i + 1);
        plan_dense(&plan, name, 600);
    }
    plan_dense(&plan, "out", 10);
    return plan;
}

Test(remedy, several_layers_that_fail_change_together)
{
    for (uint32_t layers = 2; layers < 5; layers++) {
        struct plan plan = wide("dynapcnn", layers);
        cr_assert_geq(check(&plan, NULL, 0), 1);
    }
}

/* Each takes core 5 or 6, or both 3 and 4, and there are five of them. */
Test(remedy, layers_that_want_the_same_cores_shrink)
{
    struct plan plan = plan_of("dynapcnn", 64, 8, 8);
    for (uint32_t i = 0; i < 5; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "conv%u", i + 1);
        plan_conv(&plan, name, 64, 3, 1, 1);
    }
    plan_pool(&plan, 8, 8);
    plan_dense(&plan, "out", 10);
    cr_assert_geq(check(&plan, NULL, 0), 2);
}

Test(remedy, branches_that_meet_stay_alike)
{
    for (uint32_t stride = 1; stride < 3; stride++) {
        struct plan plan = plan_of("dynapcnn", 2, 32, 32);
        plan_conv(&plan, "conv1", 16, 3, stride, 1);
        plan_conv(&plan, "conv2", 16, 3, 1, 1);
        plan_conv(&plan, "conv3", 16, 3, 1, 1);
        plan_add(&plan, "sum", 0);
        plan_pool(&plan, 2, 2);
        plan_dense(&plan, "fc1", 512);
        plan_dense(&plan, "out", 10);
        cr_assert_geq(check(&plan, NULL, 0), 1);
    }
}

Test(remedy, a_branch_with_groups_is_written_out)
{
    struct plan plan = plan_of("dynapcnn", 2, 16, 16);
    plan_conv(&plan, "conv1", 16, 3, 1, 1);
    plan_conv(&plan, "conv2", 16, 3, 1, 1);
    plan_conv(&plan, "conv3", 16, 5, 1, 2)->groups = 4;
    plan_add(&plan, "sum", 0);
    plan_pool(&plan, 4, 4);
    plan_dense(&plan, "out", 10);
    CHECK(&plan, "sum as a full 5x5 kernel with zeros: 16384 words of kernel memory, on core 2");
}

Test(remedy, maps_need_not_be_square)
{
    struct plan plan = plan_of("speck2e", 1, 24, 40);
    plan_conv(&plan, "conv1", 16, 3, 1, 1)->bias = true;
    plan_pool(&plan, 2, 2);
    plan_conv(&plan, "conv2", 32, 3, 1, 1)->bias = true;
    plan_pool(&plan, 2, 2);
    plan_dense(&plan, "fc1", 256);
    plan_dense(&plan, "out", 10);
    cr_assert_geq(check(&plan, NULL, 0), 1);
}

/* A user's chip with few words for biases. */
Test(remedy, biases_may_go)
{
    struct plan plan = lenet_500("dynapcnn");
    plan.rows[4].features = 64;
    for (uint32_t core = 0; core < plan.chip.core_count; core++)
        plan.chip.cores[core].bias_words = 60;
    plan.split_off = true;
    CHECK(&plan, "fc1 without biases, on core 6");
}

/* ---- Memory ---- */

/* One change does not do: too many classes for the chip, and a kernel that covers too large a map.
 */
static struct plan two_problems(void)
{
    struct plan plan = plan_of("speck2f", 1, 20, 20);
    plan_dense(&plan, "out", 16);
    return plan;
}

static struct snn_graph *build_two_problems(struct snn_context *context)
{
    const struct plan plan = two_problems();
    return plan_build(context, &plan);
}

static int place_two_problems(struct snn_context *context, struct snn_graph *graph)
{
    const struct plan plan = two_problems();
    struct snn_placement *placement = NULL;
    const int status = plan_place_graph(&placement, context, graph, &plan, true);
    snn_placement_destroy(&placement);
    return status;
}

Test(remedy, running_out_of_memory_leaves_nothing_behind)
{
    struct plan plan = two_problems();
    CHECK(&plan,
          "dynapcnn in place of speck2f and 2x2 pooling between the input and out: out on core 0");
    support_sweep_graph(build_two_problems, place_two_problems);
}

/* ---- Nets by lot ---- */

static uint32_t below(uint32_t *state, uint32_t limit)
{
    return (uint32_t)(support_random(state) * limit);
}

static uint32_t one_of(uint32_t *state, const uint32_t *values, uint32_t count)
{
    return values[below(state, count)];
}

static void random_conv(struct plan *plan, uint32_t at, uint32_t *size, uint32_t *state)
{
    static const uint32_t features[] = {4, 12, 16, 32, 64, 100};
    char name[16];
    const uint32_t kernel = 1 + below(state, *size < 7 ? *size : 7), pad = below(state, 3);
    const uint32_t stride = below(state, 3) > 0 ? 1 : 1 + below(state, 3);
    (void)snprintf(name, sizeof(name), "conv%u", at);
    struct row *row = plan_conv(plan, name, one_of(state, features, 6), kernel, stride, pad);
    row->bias = below(state, 2) > 0;
    if (below(state, 12) == 0 && (kernel - 1) * 2 < *size) row->dilation = 2;
    *size = (*size + 2 * pad - ((kernel - 1) * row->dilation + 1)) / stride + 1;
    if (*size < 2 || below(state, 2) > 0) return;
    const uint32_t k = 2 + below(state, 3), by = below(state, 6) > 0 ? k : 2;
    if (k > *size) return;
    plan_pool(plan, k, by);
    *size = (*size - k) / by + 1;
}

/* Two convolutions beside nothing, or beside a third that is added. */
static void random_block(struct plan *plan, uint32_t at, uint32_t size, uint32_t *state)
{
    const uint32_t begin = plan->count, features = plan->rows[begin - 1].features;
    const bool wide = below(state, 2) > 0;
    char name[16];
    if (plan->rows[begin - 1].kind != SNN_LAYER_CONV2D || size < 3) return;
    (void)snprintf(name, sizeof(name), "res%u", at);
    plan_conv(plan, name, features, 3, 1, 1)->bias = true;
    if (wide) {
        (void)snprintf(name, sizeof(name), "by%u", at);
        plan_conv(plan, name, 2 * features, 1, 1, 0)->from = begin;
    }
    (void)snprintf(name, sizeof(name), "next%u", at);
    struct row *second = plan_conv(plan, name, wide ? 2 * features : features, 3, 1, 1);
    second->from = begin + 1;
    second->bias = below(state, 2) > 0;
    (void)snprintf(name, sizeof(name), "sum%u", at);
    plan_add(plan, name, wide ? begin + 1 : begin - 1);
}

static struct plan random_plan(uint32_t *state)
{
    static const char *const chips[] = {"dynapcnn", "speck2e", "speck2f"};
    static const uint32_t features[] = {30, 64, 100, 128, 300, 500, 1200};
    uint32_t size = 10 + below(state, 60), convs = 1 + below(state, 5);
    struct plan plan = plan_of(chips[below(state, 3)], 1 + below(state, 3), size, size);
    for (uint32_t i = 0; i < convs; i++) {
        random_conv(&plan, i + 1, &size, state);
        if (convs < 4 && below(state, 4) == 0) random_block(&plan, i + 1, size, state);
    }
    if (size > 40) plan_pool(&plan, 2, 2); /* no more weights than a test should take */
    if (below(state, 4) > 0) plan_dense(&plan, "fc1", one_of(state, features, 7))->bias = true;
    plan_dense(&plan, "out", 2 + below(state, 18));
    return plan;
}

Test(remedy, what_is_recommended_works_for_nets_by_lot)
{
    unsigned runs = getenv("SNN_SOAK") != NULL ? 3000 : 60, failed = 0, remedied = 0, total = 0;
    uint32_t state = 5;
    for (unsigned run = 0; run < runs; run++) {
        struct plan plan = random_plan(&state);
        struct snn_placement *placement = plan_place(&plan, false);
        const bool fits = placement->fits;
        snn_placement_destroy(&placement);
        if (fits) continue;
        const uint32_t found = check(&plan, NULL, 0);
        failed++;
        remedied += found > 0;
        total += found;
    }
    cr_assert(failed > runs / 4 && 10 * remedied > 7 * failed, "%u of %u, %u in all", remedied,
              failed, total);
}
