/* Cores for layers: against the maps that Sinabs publishes, against its flow network, and against a
 * search that tries everything.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "convert/place/place.h"
#include "tests/unit/convert/support.h"

enum { CORES_MAX = SNN_CHIP_CORES_MAX, NONE = -1 };

/* A problem with room for its lists. */
struct problem {
    struct snnconv_assignment_problem p;
    uint32_t features[CORES_MAX], most[CORES_MAX * CORES_MAX], pins[2 * CORES_MAX];
    struct snnconv_link links[2 * CORES_MAX];
};

static void set_sizes(struct problem *problem, uint32_t layers, uint32_t cores)
{
    memset(problem, 0, sizeof(*problem));
    problem->p = (struct snnconv_assignment_problem){.layer_count = layers,
                                                     .core_count = cores,
                                                     .features = problem->features,
                                                     .features_most = problem->most,
                                                     .links = problem->links,
                                                     .destination_max = 2};
}

static void set_row(struct problem *problem, uint32_t layer, uint32_t features,
                    const uint32_t *most)
{
    problem->features[layer] = features;
    memcpy(problem->most + layer * problem->p.core_count, most,
           problem->p.core_count * sizeof(*most));
}

static void add_link(struct problem *problem, uint32_t source, uint32_t layer)
{
    problem->links[problem->p.link_count++] =
        (struct snnconv_link){.source = source, .layer = layer};
}

/* input -> 0 -> 1 -> ... */
static void add_chain(struct problem *problem)
{
    for (uint32_t layer = 0; layer < problem->p.layer_count; layer++)
        add_link(problem, layer > 0 ? layer - 1 : problem->p.layer_count, layer);
}

static void add_pin(struct problem *problem, uint32_t layer, uint32_t lower, uint32_t upper)
{
    for (uint32_t i = 0; problem->p.pins == NULL && i < 2 * problem->p.layer_count; i++)
        problem->pins[i] = SNN_NO_CORE;
    problem->p.pins = problem->pins;
    problem->pins[2 * layer] = lower;
    problem->pins[2 * layer + 1] = upper;
}

/* ---- Whole layers ---- */

/* Layers of docs by their words (kernel, neuron, bias), and the cores that Sinabs gives them. */
struct golden {
    uint32_t layer_count, words[5][3], core[5];
};

static const struct golden golden[3] = {
    /* LeNet-5, 28x28, valid convolutions. */
    {5,
     {{256, 6144, 6}, {3072, 1024, 16}, {32768, 120, 120}, {15360, 84, 84}, {1344, 10, 10}},
     {0, 1, 3, 2, 4}},
    /* The same with padding 2. */
    {5,
     {{256, 6144, 6}, {3072, 4096, 16}, {65536, 120, 120}, {15360, 84, 84}, {1344, 10, 10}},
     {0, 1, 5, 2, 3}},
    /* 20@5x5, 32@5x5, 128@3x3, 500, 10, without biases. */
    {5,
     {{1024, 20480, 0}, {20480, 2048, 0}, {65536, 512, 0}, {65536, 500, 0}, {8000, 10, 0}},
     {0, 3, 5, 6, 1}},
};

/* Of the devices of the DynapCNN family. */
static const uint32_t kernel_words[9] = {16384, 16384, 16384, 32768, 32768,
                                         65536, 65536, 16384, 16384};
static const uint32_t neuron_words[9] = {65536, 65536, 65536, 32768, 32768,
                                         16384, 16384, 16384, 16384};

Test(assign, maps_are_those_that_sinabs_publishes)
{
    for (size_t g = 0; g < 3; g++) {
        struct problem problem;
        struct snnconv_assigned out[5];
        bool gave_up = true;
        set_sizes(&problem, golden[g].layer_count, 9);
        for (uint32_t layer = 0; layer < golden[g].layer_count; layer++) {
            const uint32_t *words = golden[g].words[layer];
            uint32_t most[9];
            for (uint32_t core = 0; core < 9; core++)
                most[core] = words[0] <= kernel_words[core] && words[1] <= neuron_words[core] &&
                             words[2] <= 1024;
            set_row(&problem, layer, 1, most);
        }
        add_chain(&problem);
        cr_assert(snnconv_assign(&problem.p, out, &gave_up));
        cr_assert_not(gave_up);
        for (uint32_t layer = 0; layer < golden[g].layer_count; layer++) {
            cr_expect_eq(out[layer].part_count, 1);
            cr_expect_eq(out[layer].core[0], golden[g].core[layer], "net %zu layer %u: core %u", g,
                         layer, out[layer].core[0]);
            cr_expect_eq(out[layer].core[1], SNN_NO_CORE);
        }
    }
}

/* Maximum flow of source -> layers -> cores -> sink by shortest augmenting paths, on a matrix of
 * capacities: nodes 0, 1..layers, then cores, then the sink. Neighbours in the order of their
 * indices, as Sinabs lists its edges. */
enum { NODES_MAX = 2 * 12 + 2 };

struct flow {
    uint32_t node_count;
    int room[NODES_MAX][NODES_MAX];
    int from[NODES_MAX];
};

static bool flow_search(struct flow *f)
{
    uint32_t queue[NODES_MAX], begin = 0, end = 0;
    for (uint32_t i = 0; i < f->node_count; i++)
        f->from[i] = NONE;
    queue[end++] = 0;
    while (begin < end) {
        uint32_t node = queue[begin++];
        for (uint32_t next = 1; next < f->node_count; next++)
            if (f->from[next] == NONE && f->room[node][next] > 0) {
                f->from[next] = (int)node;
                queue[end++] = next;
            }
    }
    return f->from[f->node_count - 1] != NONE;
}

static void flow_augment(struct flow *f)
{
    for (uint32_t node = f->node_count - 1; node != 0; node = (uint32_t)f->from[node]) {
        f->room[f->from[node]][node]--;
        f->room[node][f->from[node]]++;
    }
}

/* The core of each layer; false where they do not all have one. */
static bool flow_assign(const struct problem *problem, uint32_t *core_out)
{
    uint32_t layers = problem->p.layer_count, cores = problem->p.core_count, placed = 0;
    struct flow f = {.node_count = layers + cores + 2};
    for (uint32_t layer = 0; layer < layers; layer++) {
        f.room[0][1 + layer] = 1;
        for (uint32_t core = 0; core < cores; core++)
            f.room[1 + layer][1 + layers + core] =
                problem->most[layer * cores + core] >= problem->features[layer];
    }
    for (uint32_t core = 0; core < cores; core++)
        f.room[1 + layers + core][f.node_count - 1] = 1;
    while (flow_search(&f))
        flow_augment(&f);
    for (uint32_t layer = 0; layer < layers; layer++)
        for (uint32_t core = 0; core < cores; core++)
            if (f.room[1 + layers + core][1 + layer] > 0) {
                core_out[layer] = core;
                placed++;
            }
    return placed == layers;
}

Test(assign, whole_layers_lie_where_a_maximum_flow_puts_them)
{
    uint32_t state = 7, found = 0, refused = 0, moved = 0;
    for (unsigned run = 0; run < 4000; run++) {
        struct problem problem;
        struct snnconv_assigned out[12];
        uint32_t layers = 1 + (uint32_t)(support_random(&state) * 12), core[12];
        uint32_t cores = layers + (uint32_t)(support_random(&state) * (double)(13 - layers));
        double density = 0.1 + 0.6 * support_random(&state);
        uint64_t taken = 0;
        bool greedy = true;
        set_sizes(&problem, layers, cores);
        problem.p.split_off = true;
        for (uint32_t layer = 0; layer < layers; layer++) {
            uint32_t most[12];
            for (uint32_t i = 0; i < cores; i++)
                most[i] = support_random(&state) < density;
            set_row(&problem, layer, 1, most);
        }
        bool expected = flow_assign(&problem, core);
        cr_assert_eq(snnconv_assign(&problem.p, out, NULL), expected, "run %u", run);
        for (uint32_t layer = 0; expected && layer < layers; layer++) {
            cr_assert_eq(out[layer].core[0], core[layer], "run %u layer %u: core %u, %u expected",
                         run, layer, out[layer].core[0], core[layer]);
            for (uint32_t i = 0; i < core[layer]; i++)
                if (problem.most[layer * cores + i] > 0 && !(taken >> i & 1)) greedy = false;
            taken |= UINT64_C(1) << core[layer];
        }
        found += expected;
        refused += !expected;
        moved += expected && !greedy;
    }
    /* The problems are of all sorts. */
    cr_assert(found > 500 && refused > 500 && moved > 500, "%u %u %u", found, refused, moved);
}

/* ---- Against everything ---- */

static uint32_t links_between(const struct problem *problem, uint32_t source, uint32_t layer)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < problem->p.link_count; i++)
        found += problem->links[i].source == source && problem->links[i].layer == layer;
    return found;
}

/* Parts that each source reaches, in a placement whose layers are all there. */
static bool destinations_do(const struct problem *problem, const bool *shared)
{
    for (uint32_t source = 0; source <= problem->p.layer_count; source++) {
        uint32_t parts = 0;
        for (uint32_t layer = 0; layer < problem->p.layer_count; layer++) {
            uint32_t links = links_between(problem, source, layer);
            if (links > 1 && shared[layer]) return false;
            parts += links * (shared[layer] ? 2 : 1);
        }
        if (parts > problem->p.destination_max) return false;
    }
    return true;
}

static bool pin_allows(const struct problem *problem, uint32_t layer, uint32_t lower,
                       uint32_t upper)
{
    const struct snnconv_assignment_problem *p = &problem->p;
    if (p->pins == NULL || p->pins[2 * layer] == SNN_NO_CORE)
        return upper == SNN_NO_CORE || !p->split_off;
    return p->pins[2 * layer] == lower && p->pins[2 * layer + 1] == upper;
}

static bool part_fits(const struct problem *problem, uint32_t layer, uint32_t lower, uint32_t upper)
{
    const uint32_t *most = problem->most + layer * problem->p.core_count;
    if (upper == SNN_NO_CORE) return most[lower] >= problem->features[layer];
    return problem->features[layer] > 1 && lower != upper && most[lower] > 0 && most[upper] > 0 &&
           most[lower] + most[upper] >= problem->features[layer];
}

/* Cores for all layers from this one on, where it is settled which are shared. */
static bool try_cores(const struct problem *problem, uint32_t layer, uint32_t used,
                      const bool *shared)
{
    uint32_t cores = problem->p.core_count;
    if (layer == problem->p.layer_count) return true;
    for (uint32_t lower = 0; lower < cores; lower++)
        for (uint32_t i = 0; i < (shared[layer] ? cores : 1); i++) {
            uint32_t upper = shared[layer] ? i : SNN_NO_CORE;
            uint32_t bits = 1u << lower | (shared[layer] ? 1u << upper : 0);
            if ((used & bits) == 0 && part_fits(problem, layer, lower, upper) &&
                pin_allows(problem, layer, lower, upper) &&
                try_cores(problem, layer + 1, used | bits, shared))
                return true;
        }
    return false;
}

/* Layers that have to be shared; NONE where no placement is. */
static int try_everything(const struct problem *problem)
{
    uint32_t layers = problem->p.layer_count, most = problem->p.core_count - layers;
    for (uint32_t fewest = 0; fewest <= most; fewest++)
        for (uint32_t set = 0; set < 1u << layers; set++) {
            bool shared[6];
            uint32_t count = 0;
            for (uint32_t layer = 0; layer < layers; layer++) {
                shared[layer] = (set >> layer & 1) != 0;
                count += shared[layer];
            }
            if (count == fewest && destinations_do(problem, shared) &&
                try_cores(problem, 0, 0, shared))
                return (int)fewest;
        }
    return NONE;
}

/* Checks a placement by the rules, and returns how many layers it shares. */
static int check_placement(const struct problem *problem, const struct snnconv_assigned *out)
{
    bool shared[CORES_MAX] = {false};
    uint64_t used = 0;
    int count = 0;
    for (uint32_t layer = 0; layer < problem->p.layer_count; layer++) {
        const struct snnconv_assigned *a = &out[layer];
        uint32_t features = 0;
        cr_assert(a->part_count == 1 || a->part_count == 2);
        cr_assert(pin_allows(problem, layer, a->core[0], a->core[1]));
        for (uint32_t part = 0; part < a->part_count; part++) {
            cr_assert_lt(a->core[part], problem->p.core_count);
            cr_assert_not(used >> a->core[part] & 1);
            cr_assert_gt(a->features[part], 0);
            cr_assert_leq(a->features[part],
                          problem->most[layer * problem->p.core_count + a->core[part]]);
            used |= UINT64_C(1) << a->core[part];
            features += a->features[part];
        }
        cr_assert_eq(features, problem->features[layer]);
        shared[layer] = a->part_count == 2;
        count += shared[layer];
    }
    cr_assert(destinations_do(problem, shared));
    return count;
}

static uint32_t below(uint32_t *state, uint32_t limit)
{
    return (uint32_t)(support_random(state) * limit);
}

static void make_links(struct problem *problem, uint32_t *state)
{
    uint32_t layers = problem->p.layer_count;
    add_chain(problem);
    for (uint32_t layer = 0; layer < layers; layer++)
        if (below(state, 5) == 0) {
            uint32_t source = below(state, layer + 1);
            add_link(problem, source == layer ? layers : source, layer);
        }
    problem->p.destination_max = below(state, 4) > 0 ? 2 : 1 + below(state, 4);
}

static void make_pins(struct problem *problem, uint32_t *state)
{
    uint32_t cores = problem->p.core_count;
    if (below(state, 8) > 0) return;
    for (uint32_t pins = 1 + below(state, 2); pins > 0; pins--)
        add_pin(problem, below(state, problem->p.layer_count), below(state, cores),
                below(state, 2) > 0 ? SNN_NO_CORE : below(state, cores));
}

/* Rows of a chip with a few sorts of cores, or of one whose cores all differ. */
static void make_random(struct problem *problem, uint32_t *state)
{
    uint32_t layers = 1 + below(state, 6), sorts = 1 + below(state, 9);
    uint32_t extra = below(state, 7), features_max = 1 + below(state, 12);
    uint32_t cores = layers + extra < 9 ? layers + extra : 9, sort[9];
    double whole = 0.7 * support_random(state);
    set_sizes(problem, layers, cores);
    for (uint32_t core = 0; core < cores; core++)
        sort[core] = below(state, sorts);
    for (uint32_t layer = 0; layer < layers; layer++) {
        uint32_t features = 1 + below(state, features_max), of_sort[9], most[9];
        for (uint32_t i = 0; i < 9; i++) {
            of_sort[i] = support_random(state) < whole ? features : below(state, features);
            if (below(state, 2) > 0 && of_sort[i] < (features + 1) / 2) of_sort[i] += features / 2;
        }
        for (uint32_t core = 0; core < cores; core++)
            most[core] = of_sort[sort[core]];
        set_row(problem, layer, features, most);
    }
    make_links(problem, state);
    make_pins(problem, state);
    problem->p.split_off = below(state, 20) == 0;
}

Test(assign, finds_a_placement_where_trying_everything_does)
{
    unsigned runs = getenv("SNN_SOAK") != NULL ? 500000 : 4000, seen[5] = {0};
    uint32_t state = 11;
    for (unsigned run = 0; run < runs; run++) {
        struct problem problem;
        struct snnconv_assigned out[6];
        bool gave_up;
        make_random(&problem, &state);
        int expected = try_everything(&problem);
        bool found = snnconv_assign(&problem.p, out, &gave_up);
        cr_assert_eq(found, expected != NONE, "run %u: %d shared expected", run, expected);
        cr_assert_not(gave_up, "run %u", run);
        if (found)
            cr_assert_eq(check_placement(&problem, out), expected, "run %u: %d shared expected",
                         run, expected);
        seen[expected == NONE ? 4 : expected < 3 ? expected : 3]++;
    }
    /* None shared, one, two, more, and none found: all happen. */
    for (size_t i = 0; i < 5; i++)
        cr_assert_gt(seen[i], runs / 200, "%u %u %u %u %u", seen[0], seen[1], seen[2], seen[3],
                     seen[4]);
}

/* ---- One rule each ---- */

Test(assign, a_layer_too_large_for_any_core_is_shared_in_halves)
{
    struct problem problem;
    struct snnconv_assigned out[2];
    set_sizes(&problem, 2, 4);
    set_row(&problem, 0, 9, (uint32_t[]){1, 5, 6, 4});
    set_row(&problem, 1, 1, (uint32_t[]){1, 1, 1, 1});
    add_chain(&problem);
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    /* 5 + 6 and 5 + 4 do; the second leaves the largest core. */
    cr_assert_eq(out[0].part_count, 2);
    cr_assert(out[0].core[0] == 1 && out[0].core[1] == 3);
    cr_assert(out[0].features[0] == 5 && out[0].features[1] == 4);
    cr_assert(out[1].part_count == 1 && out[1].core[0] == 0 && out[1].features[0] == 1);
}

Test(assign, halves_give_way_to_what_a_core_holds)
{
    struct problem problem;
    struct snnconv_assigned out[1];
    set_sizes(&problem, 1, 2);
    set_row(&problem, 0, 10, (uint32_t[]){2, 8});
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    cr_assert(out[0].features[0] == 2 && out[0].features[1] == 8);
    set_row(&problem, 0, 10, (uint32_t[]){9, 3});
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    cr_assert(out[0].features[0] == 7 && out[0].features[1] == 3);
    set_row(&problem, 0, 10, (uint32_t[]){9, 0});
    cr_assert_not(snnconv_assign(&problem.p, out, NULL));
}

Test(assign, of_layers_that_could_be_shared_the_first_is)
{
    struct problem problem;
    struct snnconv_assigned out[3];
    set_sizes(&problem, 3, 4);
    set_row(&problem, 0, 1, (uint32_t[]){1, 1, 1, 1});
    set_row(&problem, 1, 4, (uint32_t[]){2, 2, 2, 4});
    set_row(&problem, 2, 4, (uint32_t[]){2, 2, 2, 4});
    add_chain(&problem);
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    cr_assert_eq(out[0].part_count, 1);
    cr_assert_eq(out[1].part_count, 2);
    cr_assert(out[2].part_count == 1 && out[2].core[0] == 3);
}

Test(assign, the_parts_of_a_layer_take_a_destination_each)
{
    struct problem problem;
    struct snnconv_assigned out[3];
    set_sizes(&problem, 3, 6);
    for (uint32_t layer = 0; layer < 3; layer++)
        set_row(&problem, layer, 2,
                layer == 1 ? (uint32_t[]){1, 1, 1, 1, 1, 1} : (uint32_t[]){2, 2, 2, 2, 2, 2});
    add_chain(&problem);
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    cr_assert_eq(out[1].part_count, 2);
    add_link(&problem, 0, 2); /* a third part of what layer 0 reaches */
    cr_assert_not(snnconv_assign(&problem.p, out, NULL));
    problem.p.destination_max = 3;
    cr_assert(snnconv_assign(&problem.p, out, NULL));
}

Test(assign, a_layer_that_a_source_reaches_twice_stays_whole)
{
    struct problem problem;
    struct snnconv_assigned out[2];
    set_sizes(&problem, 2, 4);
    set_row(&problem, 0, 1, (uint32_t[]){1, 1, 1, 1});
    set_row(&problem, 1, 2, (uint32_t[]){1, 1, 1, 1});
    add_chain(&problem);
    problem.p.destination_max = 4;
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    add_link(&problem, 0, 1);
    cr_assert_not(snnconv_assign(&problem.p, out, NULL));
}

Test(assign, pins_hold_and_count_where_sharing_is_off)
{
    struct problem problem;
    struct snnconv_assigned out[2];
    set_sizes(&problem, 2, 4);
    set_row(&problem, 0, 2, (uint32_t[]){2, 2, 2, 2});
    set_row(&problem, 1, 2, (uint32_t[]){2, 2, 2, 2});
    problem.p.split_off = true;
    add_pin(&problem, 0, 3, 0);
    cr_assert(snnconv_assign(&problem.p, out, NULL));
    cr_assert(out[0].part_count == 2 && out[0].core[0] == 3 && out[0].core[1] == 0);
    cr_assert(out[1].part_count == 1 && out[1].core[0] == 1);
    add_pin(&problem, 1, 0, SNN_NO_CORE); /* taken */
    cr_assert_not(snnconv_assign(&problem.p, out, NULL));
    add_pin(&problem, 1, 4, SNN_NO_CORE); /* not there */
    cr_assert_not(snnconv_assign(&problem.p, out, NULL));
}

/* ---- Many cores ---- */

/* `layers` layers that all cores hold by half, so that each takes two, and fits on the cores of a
 * chip whose cores all differ. */
static void make_pairs(struct problem *problem, uint32_t layers, uint32_t cores, uint32_t lacking)
{
    uint32_t most[CORES_MAX];
    set_sizes(problem, layers, cores);
    for (uint32_t core = 0; core < cores; core++)
        most[core] = 100 + core;
    for (uint32_t layer = 0; layer < layers; layer++)
        set_row(problem, layer, 200 + cores - 1 + lacking, most);
    add_chain(problem);
}

Test(assign, sixty_four_cores_hold_thirty_two_pairs)
{
    struct problem problem;
    struct snnconv_assigned out[CORES_MAX];
    bool gave_up;
    make_pairs(&problem, 32, 64, 0);
    cr_assert(snnconv_assign(&problem.p, out, &gave_up));
    cr_assert_eq(check_placement(&problem, out), 32);
    make_pairs(&problem, 33, 64, 0);
    cr_assert_not(snnconv_assign(&problem.p, out, &gave_up));
    cr_assert_not(gave_up);
}

/* Nearly as tight, and no core lesser than another: each pair looks possible for long. */
static void make_hard(struct problem *problem, uint32_t seed)
{
    set_sizes(problem, 32, 64);
    for (uint32_t layer = 0; layer < 32; layer++) {
        uint32_t most[CORES_MAX];
        for (uint32_t core = 0; core < 64; core++)
            most[core] = 1 + below(&seed, 100);
        set_row(problem, layer, 180, most);
    }
    add_chain(problem);
}

Test(assign, gives_up_in_time_and_says_so)
{
    struct problem problem;
    struct snnconv_assigned out[CORES_MAX];
    unsigned found = 0, gone = 0;
    clock_t begin = clock();
    for (uint32_t seed = 1; seed <= 12; seed++) {
        bool gave_up;
        make_hard(&problem, seed);
        problem.p.step_max = SNNCONV_ASSIGN_STEPS / 8;
        if (snnconv_assign(&problem.p, out, &gave_up)) {
            cr_assert_eq(check_placement(&problem, out), 32);
            found++;
        }
        gone += gave_up;
    }
    cr_assert(found > 0 && gone > 0, "%u found, %u given up", found, gone);
    cr_assert_lt((double)(clock() - begin) / CLOCKS_PER_SEC, 60.0);
}

Test(assign, without_sharing_no_number_of_steps_is_too_small)
{
    struct problem problem;
    struct snnconv_assigned out[CORES_MAX];
    bool gave_up;
    uint32_t most[CORES_MAX];
    set_sizes(&problem, 64, 64);
    problem.p.step_max = 1;
    for (uint32_t layer = 0; layer < 64; layer++) {
        for (uint32_t core = 0; core < 64; core++)
            most[core] = core + layer < 64; /* only one way */
        set_row(&problem, layer, 1, most);
    }
    cr_assert(snnconv_assign(&problem.p, out, &gave_up));
    cr_assert_not(gave_up);
    for (uint32_t layer = 0; layer < 64; layer++)
        cr_assert_eq(out[layer].core[0], 63 - layer);
}
