/* Chip programs, decoded and run spike by spike, against an execution of their registers that is
 * written down here from the definition in snn/program.h and shares nothing with the simulator: the
 * same spikes in the same order, the same potentials.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "sim/event/async.h"
#include "snn/net.h"
#include "snn/program.h"
#include "snn/status.h"
#include "tests/unit/sketch.h"

enum { CORES_MAX = 4, SPIKES_MAX = 1 << 16, NEURONS_MAX = 1024, STEPS = 6, INPUTS_MAX = 64 };

struct spike {
    uint32_t source; /* position of a core; SENSOR */
    uint32_t f, y, x;
};

#define SENSOR UINT32_MAX

static struct snn_context *context;
static struct snn_program *program;
static struct snn_net *net;

static void require_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
}

/* ---- The registers, executed ---- */

struct machine {
    const struct snn_program *program;
    int v[CORES_MAX][NEURONS_MAX];
    struct spike queue[SPIKES_MAX];
    size_t first, end;
    struct spike fired[SPIKES_MAX]; /* all, in their order */
    size_t fired_count;
};

static struct machine machine;

static void machine_reset(const struct snn_program *of)
{
    memset(&machine, 0, sizeof(machine));
    machine.program = of;
    for (uint32_t i = 0; i < of->core_count; i++) {
        const struct snn_core *core = &of->cores[i];
        const size_t neurons = snn_shape_size(core->output);
        cr_assert(i < CORES_MAX && neurons <= NEURONS_MAX);
        for (size_t n = 0; n < neurons; n++)
            machine.v[i][n] = core->v_init[core->v_init_count == 1 ? 0 : n];
    }
}

static int clipped(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

static void put(struct spike *list, size_t *count, struct spike spike)
{
    cr_assert(*count < SPIKES_MAX);
    list[(*count)++] = spike;
}

/* A neuron of a core gets `w`. */
static void add(uint32_t position, uint32_t f, uint32_t y, uint32_t x, int w)
{
    const struct snn_core *core = &machine.program->cores[position];
    int *v = &machine.v[position][(f * core->output.height + y) * core->output.width + x];
    *v = clipped(*v + w, INT16_MIN, INT16_MAX);
    if (*v >= core->threshold_high) {
        const struct spike spike = {position, f, y, x};
        *v = core->return_to_zero ? 0 : *v - core->threshold_high;
        put(machine.fired, &machine.fired_count, spike);
        put(machine.queue, &machine.end, spike);
    }
    *v = *v < core->threshold_low ? core->threshold_low : *v;
}

/* An event at channel c, row y, column x of a core's input map. */
static void visit(uint32_t position, uint32_t c, uint32_t y, uint32_t x)
{
    const struct snn_core *core = &machine.program->cores[position];
    const int k = (int)core->kernel_size;
    if (y >= core->input.height || x >= core->input.width) return;
    for (uint32_t f = 0; f < core->output.channels; f++) {
        const int8_t *weights = core->weights + (size_t)(f * core->input.channels + c) *
                                                    core->kernel_size * core->kernel_size;
        for (uint32_t oy = 0; oy < core->output.height; oy++) {
            for (uint32_t ox = 0; ox < core->output.width; ox++) {
                const int ky = (int)(y + core->pad_y) - (int)(oy * core->stride_y);
                const int kx = (int)(x + core->pad_x) - (int)(ox * core->stride_x);
                if (ky < 0 || ky >= k || kx < 0 || kx >= k) continue;
                add(position, f, oy, ox, weights[ky * k + kx]);
            }
        }
    }
}

static void deliver(const struct spike *spike)
{
    const struct snn_program *p = machine.program;
    const bool sensor = spike->source == SENSOR;
    const struct snn_destination *d =
        sensor ? p->input_destinations : p->cores[spike->source].destinations;
    const uint32_t count =
        sensor ? p->input_destination_count : p->cores[spike->source].destination_count;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t to = 0; to < p->core_count; to++) {
            if (p->cores[to].index != d[i].layer) continue;
            visit(to, spike->f + d[i].feature_shift, spike->y / d[i].pooling,
                  spike->x / d[i].pooling);
        }
    }
}

static void drain(void)
{
    while (machine.first < machine.end)
        deliver(&machine.queue[machine.first++]);
    machine.first = machine.end = 0;
}

static void tick(uint32_t position)
{
    const struct snn_core *core = &machine.program->cores[position];
    for (uint32_t f = 0; core->bias != NULL && f < core->output.channels; f++)
        for (uint32_t y = 0; y < core->output.height; y++)
            for (uint32_t x = 0; x < core->output.width; x++)
                add(position, f, y, x, core->bias[f]);
}

/* Ticks of a layer's parts come together. */
static void ticks(void)
{
    const struct snn_program *p = machine.program;
    for (uint32_t i = 0; i < p->core_count; i++) {
        tick(i);
        if (i + 1 == p->core_count || p->cores[i + 1].layer_index != p->cores[i].layer_index)
            drain();
    }
}

/* ---- Both ---- */

/* Addresses [y][x][c] of the step's events, in raster order, some of them twice. */
static uint32_t addresses[STEPS][INPUTS_MAX];
static float counts[STEPS][INPUTS_MAX];
static uint32_t address_count[STEPS];

static void draw_input(void)
{
    const struct snn_shape in = program->input_shape;
    const int8_t *noise = sketch_bytes(STEPS * snn_shape_size(in), 10, 77);
    for (uint32_t t = 0; t < STEPS; t++) {
        address_count[t] = 0;
        for (uint32_t a = 0; a < snn_shape_size(in); a++) {
            const int value = *noise++;
            if (value <= 4 || address_count[t] == INPUTS_MAX) continue;
            addresses[t][address_count[t]] = a;
            counts[t][address_count[t]++] = value > 8 ? 2.0f : 1.0f;
        }
    }
}

static void step_machine(uint32_t t)
{
    const struct snn_shape in = program->input_shape;
    for (uint32_t i = 0; i < address_count[t]; i++) {
        const uint32_t a = addresses[t][i], position = a / in.channels;
        const struct spike spike = {SENSOR, a % in.channels, position / in.width,
                                    position % in.width};
        for (int n = 0; n < (int)counts[t][i]; n++) {
            put(machine.queue, &machine.end, spike);
            drain();
        }
    }
    ticks();
}

static struct spike seen[SPIKES_MAX];
static size_t seen_count;

static void watch(const struct snn_spike *spike, void *user)
{
    (void)user;
    put(seen, &seen_count, (struct spike){spike->population, spike->channel, spike->y, spike->x});
}

static void step_engine(struct snnsim_async *async, uint32_t t)
{
    static uint32_t spikes[NEURONS_MAX];
    static float potential[NEURONS_MAX];
    static uint64_t population[8], arrived[16], operations[16], macs[16], input[1];
    struct snn_output out = {.spikes = spikes,
                             .potential = potential,
                             .population_spikes = population,
                             .synapse_spikes = arrived,
                             .synapse_operations = operations,
                             .synapse_macs = macs,
                             .input_spikes = input};
    const uint32_t begin[] = {0, address_count[t]};
    const struct snn_spikes pushed = {
        .step_count = 1, .step_begin = begin, .address = addresses[t], .count = counts[t]};
    require_ok(snnsim_async_push(async, context, &pushed));
    require_ok(snnsim_async_step(async, context, &pushed, 0, &out, 0));
}

static void compare_spikes(const char *name, uint32_t t)
{
    cr_assert_eq(seen_count, machine.fired_count, "%s, step %u: %zu spikes, %zu expected", name, t,
                 seen_count, machine.fired_count);
    for (size_t i = 0; i < seen_count; i++)
        cr_assert_arr_eq(&seen[i], &machine.fired[i], sizeof(seen[i]), "%s, step %u: spike %zu",
                         name, t, i);
}

static void compare_potentials(const char *name, const struct snnsim_async *async)
{
    static float potential[NEURONS_MAX];
    for (uint32_t i = 0; i < program->core_count; i++) {
        snnsim_async_potentials(async, i, potential);
        for (size_t n = 0; n < snn_shape_size(program->cores[i].output); n++)
            cr_assert_eq((int)potential[n], machine.v[i][n], "%s, core %u, neuron %zu", name, i, n);
    }
}

/* A program that is decoded and loaded. */
struct engine {
    struct snnsim_plan *plan;
    struct snnsim_routes *routes;
    struct snnsim_async *async;
};

static void engine_begin(struct engine *engine)
{
    *engine = (struct engine){NULL, NULL, NULL};
    require_ok(snn_program_decode(&net, context, program));
    require_ok(snnsim_plan_create(&engine->plan, context, net));
    require_ok(snnsim_routes_create(&engine->routes, context, engine->plan));
    const struct snnsim_async_options options = {.order = SNN_ORDER_RASTER, .serial = true};
    require_ok(snnsim_async_create(&engine->async, context, engine->routes, &options));
    snnsim_async_watch(engine->async, watch, NULL);
    machine_reset(program);
    seen_count = 0;
}

static void engine_end(struct engine *engine)
{
    snnsim_async_destroy(&engine->async);
    snnsim_routes_destroy(&engine->routes);
    snnsim_plan_destroy(&engine->plan);
    snn_net_destroy(&net);
    snn_program_destroy(&program);
}

static void step_both(const char *name, const struct engine *engine, uint32_t t)
{
    step_machine(t);
    step_engine(engine->async, t);
    compare_spikes(name, t);
    compare_potentials(name, engine->async);
}

static void compare(const struct sketch *sketch)
{
    struct engine engine;
    require_ok(snn_program_create(&program, context, sketch->make()));
    engine_begin(&engine);
    draw_input();
    for (uint32_t t = 0; t < STEPS; t++)
        step_both(sketch->name, &engine, t);
    for (uint32_t i = 0; i < program->core_count; i++) {
        size_t fired = 0;
        for (size_t s = 0; s < seen_count; s++)
            fired += seen[s].source == i;
        cr_expect(fired > 0, "%s: core %u is silent, which tests nothing", sketch->name, i);
    }
    engine_end(&engine);
}

Test(program, runs_as_its_registers_say)
{
    require_ok(snn_context_create(&context, NULL));
    for (size_t i = 0; i < SKETCH_COUNT; i++)
        compare(&sketches[i]);
    snn_context_destroy(&context);
}

/* ---- The example of docs/formats/program.md ---- */

static char page[1 << 16];

static void read_page(void)
{
    FILE *file = fopen(PROGRAM_PAGE, "r");
    cr_assert_not_null(file, "%s", PROGRAM_PAGE);
    const size_t size = fread(page, 1, sizeof(page) - 1, file);
    (void)fclose(file);
    cr_assert_lt(size, sizeof(page) - 1);
}

static void read_program(void)
{
    const char *begin = strstr(page, "```json\n");
    cr_assert_not_null(begin);
    begin += strlen("```json\n");
    const char *end = strstr(begin, "```");
    cr_assert_not_null(end);
    require_ok(snn_program_parse(&program, context, begin, (size_t)(end - begin)));
}

/* The rows as they stand on the page, all spikes of it and nothing between them. */
static const char *expect_spikes(const char *at, size_t from, uint32_t step)
{
    for (size_t i = from; i < seen_count; i++) {
        char row[64];
        const int length =
            snprintf(row, sizeof(row), "| %u | %s | %u | %u | %u |\n", step,
                     program->cores[seen[i].source].layer, seen[i].f, seen[i].y, seen[i].x);
        cr_assert_eq(strncmp(at, row, (size_t)length), 0, "the page has no %s", row);
        at += length;
    }
    return at;
}

static void expect_potentials(uint32_t step)
{
    char row[128];
    size_t used = (size_t)snprintf(row, sizeof(row), "| %u |", step);
    for (uint32_t i = 0; i < program->core_count; i++) {
        for (size_t n = 0; n < snn_shape_size(program->cores[i].output); n++)
            used += (size_t)snprintf(row + used, sizeof(row) - used, " %d", machine.v[i][n]);
        used += (size_t)snprintf(row + used, sizeof(row) - used, " |");
    }
    cr_assert_not_null(strstr(page, row), "the page has no %s", row);
}

Test(program, runs_the_documented_example_as_it_is_told)
{
    static const uint32_t diagonals[2][3] = {{0, 4, 8}, {2, 4, 6}};
    static const char head[] = "| step | layer | feature | row | column |\n"
                               "| --- | --- | --- | --- | --- |\n";
    struct engine engine;
    require_ok(snn_context_create(&context, NULL));
    read_page();
    read_program();
    const char *at = strstr(page, head);
    cr_assert_not_null(at);
    at += strlen(head);
    engine_begin(&engine);
    for (uint32_t t = 0; t < 2; t++) {
        const size_t before = seen_count;
        address_count[t] = 3;
        for (uint32_t i = 0; i < 3; i++) {
            addresses[t][i] = diagonals[t][i];
            counts[t][i] = 1.0f;
        }
        step_both("diagonals", &engine, t);
        at = expect_spikes(at, before, t + 1);
        expect_potentials(t + 1);
    }
    cr_assert_neq(*at, '|', "the page has more spikes than there are");
    cr_assert_eq(seen_count, 11);
    engine_end(&engine);
    snn_context_destroy(&context);
}
