/* A net on a chip, spike by spike: chipnet MODEL CHIP PROGRAM EVENTS [KEY=VALUE ...]
 *
 * Lowers MODEL for CHIP, places it, writes the program to PROGRAM (.chip.json), reads it back and
 * runs the EVENTS through both on the target "chip:": the program, and the net as it was
 * before placement; and through the program on a virtual chip ("vdev:"). EVENTS is text: "SAMPLES
 * STEPS", then a line "SAMPLE STEP TIME ADDRESS" an event, in that order.
 *
 * Keys: norm (none, or a quantile as p99.9), reset, v0, v_min (a number or none), quant (max, mse),
 * order, seed, and core (LAYER:CORE or LAYER:CORE:CORE), which may be repeated. To standard output
 * goes "run program", "run device" and "run net", and behind each for every step "s SAMPLE STEP
 * POPULATION COUNT..." the spikes of its neurons since the sample began, [channel][row][column], "n
 * SAMPLE STEP COUNT..." those of the populations in this step, "e SAMPLE STEP COUNT..." the events
 * that arrived at each, "a SAMPLE STEP COUNT..." its SynOps, "o SAMPLE STEP COUNT..." the spikes of
 * the classes; of the first two "w SAMPLE STEP COUNT DIGEST" all spikes one by one, in their order,
 * with the input event that set each off. For chipnet.py. Exits with 3 where the net does not fit.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/snn.h"

#define FNV_OFFSET 2166136261u

enum { PINS_MAX = 16, NAME_MAX_LENGTH = 64 };

struct options {
    struct snn_lower_options lower;
    struct snn_place_options place;
    struct snn_pin pins[PINS_MAX];
    char layers[PINS_MAX][NAME_MAX_LENGTH];
    char order[16];
    char seed[24];
};

/* All samples, sorted; those of step t of sample s are first[s * steps + t] and on. */
struct events {
    uint32_t samples, steps;
    size_t count;
    size_t *first;
    struct snn_event *event;
};

/* One step as a target takes it. */
struct step {
    uint32_t *address;
    float *count;
    uint32_t begin[2];
    uint64_t event_begin[2];
};

struct work {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_net *net;
    struct snn_program *program;
    struct snn_chip chip;
    struct events events;
    struct step step;
    uint32_t watched, digest; /* spikes of the step at hand, one by one */
};

static int out_of_memory(void)
{
    fprintf(stderr, "out of memory\n");
    return SNN_ERR_NOMEM;
}

/* ---- Options ---- */

/* LAYER:CORE or LAYER:CORE:CORE. */
static bool add_pin(struct options *o, const char *text)
{
    const uint32_t at = o->place.pin_count;
    struct snn_pin *pin = &o->pins[at];
    if (at == PINS_MAX) return false;
    pin->core_count =
        (uint32_t)(sscanf(text, "%63[^:]:%u:%u", o->layers[at], &pin->cores[0], &pin->cores[1]) -
                   1);
    pin->layer = o->layers[at];
    o->place.pins = o->pins;
    o->place.pin_count++;
    return pin->core_count == 1 || pin->core_count == 2;
}

static bool set(struct options *o, const char *key, const char *value)
{
    if (strcmp(key, "norm") == 0) {
        o->lower.norm = value[0] == 'p' ? SNN_NORM_QUANTILE : SNN_NORM_NONE;
        o->lower.quantile = value[0] == 'p' ? strtod(value + 1, NULL) / 100.0 : 1.0;
    } else if (strcmp(key, "reset") == 0) {
        o->lower.reset = strcmp(value, "zero") == 0 ? SNN_RESET_ZERO : SNN_RESET_SUBTRACT;
    } else if (strcmp(key, "v0") == 0) {
        o->lower.v_init = strtof(value, NULL);
    } else if (strcmp(key, "v_min") == 0) {
        o->lower.v_min = strcmp(value, "none") == 0 ? -INFINITY : strtof(value, NULL);
    } else if (strcmp(key, "quant") == 0) {
        o->lower.quantise_mse = strcmp(value, "mse") == 0;
    } else if (strcmp(key, "order") == 0) {
        (void)snprintf(o->order, sizeof(o->order), "%s", value);
    } else if (strcmp(key, "seed") == 0) {
        (void)snprintf(o->seed, sizeof(o->seed), "%s", value);
    } else {
        return strcmp(key, "core") == 0 && add_pin(o, value);
    }
    return true;
}

static bool set_all(struct options *o, int argc, char **argv)
{
    *o = (struct options){.order = "raster", .seed = "0"};
    snn_lower_options_init(&o->lower);
    o->lower.norm = SNN_NORM_NONE;
    o->lower.arith = SNN_ARITH_CHIP;
    o->lower.max_pool = SNN_MAX_POOL_OR;
    for (int i = 5; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) return false;
        *equals = '\0';
        if (!set(o, argv[i], equals + 1)) return false;
    }
    return argc >= 5;
}

/* ---- Events ---- */

static int read_events(struct events *e, FILE *file)
{
    size_t room = 0, step = 0;
    unsigned sample = 0, t = 0, time = 0, address = 0;
    if (fscanf(file, "%u %u", &e->samples, &e->steps) != 2) return SNN_ERR_FORMAT;
    const size_t steps = (size_t)e->samples * e->steps;
    e->first = calloc(steps + 1, sizeof(*e->first));
    if (e->first == NULL) return out_of_memory();
    while (fscanf(file, "%u %u %u %u", &sample, &t, &time, &address) == 4) {
        if (e->count == room) {
            room = 2 * room + 1024;
            struct snn_event *more = realloc(e->event, room * sizeof(*more));
            if (more == NULL) return out_of_memory();
            e->event = more;
        }
        for (; step < (size_t)sample * e->steps + t && step < steps; step++)
            e->first[step + 1] = e->count;
        e->event[e->count++] = (struct snn_event){time, address};
    }
    for (; step < steps; step++)
        e->first[step + 1] = e->count;
    return SNN_OK;
}

static int load_events(struct work *w, const char *path)
{
    FILE *file = fopen(path, "r");
    int status = file != NULL ? read_events(&w->events, file) : SNN_ERR_NOT_FOUND;
    if (file != NULL) (void)fclose(file);
    if (status != SNN_OK) fprintf(stderr, "%s: no events\n", path);
    const size_t most = w->events.count + 1;
    w->step.address = calloc(most, sizeof(*w->step.address));
    w->step.count = calloc(most, sizeof(*w->step.count));
    if (w->step.address == NULL || w->step.count == NULL) return out_of_memory();
    return status;
}

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The events of a step as coalesced counts, and one by one behind them. */
static struct snn_spikes gather(struct work *w, uint32_t sample, uint32_t t)
{
    const size_t *first = &w->events.first[(size_t)sample * w->events.steps + t];
    struct step *s = &w->step;
    uint32_t count = 0;
    for (size_t i = first[0]; i < first[1]; i++)
        s->address[i - first[0]] = w->events.event[i].address;
    qsort(s->address, first[1] - first[0], sizeof(*s->address), compare);
    for (size_t i = 0; i < first[1] - first[0]; i++) {
        if (count > 0 && s->address[count - 1] == s->address[i]) {
            s->count[count - 1] += 1.0f;
        } else {
            s->address[count] = s->address[i];
            s->count[count++] = 1.0f;
        }
    }
    s->begin[1] = count;
    s->event_begin[1] = first[1] - first[0];
    return (struct snn_spikes){.step_count = 1,
                               .step_begin = s->begin,
                               .address = s->address,
                               .count = s->count,
                               .sample = sample,
                               .event = w->events.event + first[0],
                               .event_begin = s->event_begin};
}

/* ---- Runs ---- */

static void put_line(const char *letter, uint32_t sample, uint32_t step)
{
    printf("%s %u %u", letter, sample, step);
}

static int put_neurons(struct work *w, struct snn_target *target, uint32_t sample, uint32_t step)
{
    const struct snn_net *net = snn_target_net(target);
    int status = SNN_OK;
    for (uint32_t i = 0; status == SNN_OK && i < net->population_count; i++) {
        const size_t size = snn_shape_size(net->populations[i].shape);
        uint32_t *counts = calloc(size, sizeof(*counts));
        if (counts == NULL) return out_of_memory();
        status = snn_target_counts(target, w->context, i, counts);
        put_line("s", sample, step);
        printf(" %u", i);
        for (size_t k = 0; k < size; k++)
            printf(" %u", counts[k]);
        printf("\n");
        free(counts);
    }
    return status;
}

/* Sums over the synapses of each population. */
static void put_sums(const struct snn_net *net, const uint64_t *of_synapse)
{
    for (uint32_t i = 0; i < net->population_count; i++) {
        const struct snn_population *p = &net->populations[i];
        unsigned long long sum = 0;
        for (uint32_t s = 0; s < p->synapse_count; s++)
            sum += of_synapse[p->synapse_first + s];
        printf(" %llu", sum);
    }
    printf("\n");
}

static void put_output(const struct snn_net *net, const struct snn_output *out, uint32_t sample,
                       uint32_t step)
{
    put_line("n", sample, step);
    for (uint32_t i = 0; i < net->population_count; i++)
        printf(" %llu", (unsigned long long)out->population_spikes[i]);
    printf("\n");
    put_line("e", sample, step);
    put_sums(net, out->synapse_spikes);
    put_line("a", sample, step);
    put_sums(net, out->synapse_operations);
    put_line("o", sample, step);
    for (uint32_t k = 0; k < net->class_count; k++)
        printf(" %u", out->spikes[k]);
    printf("\n");
}

/* Fowler, Noll and Vo's hash of all that is told of a spike. */
static void watch(const struct snn_spike *spike, void *user)
{
    struct work *w = user;
    const uint32_t values[] = {spike->population, spike->channel, spike->y,
                               spike->x,          spike->step,    spike->event};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        w->digest = (w->digest ^ values[i]) * 16777619u;
    w->watched++;
}

static void put_watched(struct work *w, uint32_t sample, uint32_t step)
{
    put_line("w", sample, step);
    printf(" %u %u\n", w->watched, w->digest);
    w->watched = 0;
    w->digest = FNV_OFFSET;
}

static int run_sample(struct work *w, struct snn_target *target, struct snn_output *out,
                      uint32_t sample)
{
    uint32_t unused = 0;
    int status = snn_target_reset(target, w->context);
    uint32_t *zero =
        calloc(snn_shape_size(snn_target_net(target)->populations[0].shape), sizeof(*zero));
    if (zero == NULL) return out_of_memory();
    if (status == SNN_OK) status = snn_target_counts(target, w->context, 0, zero);
    unused = zero[0];
    free(zero);
    if (status == SNN_OK && unused != 0) return SNN_ERR_INTERNAL;
    for (uint32_t t = 0; status == SNN_OK && t < w->events.steps; t++) {
        const struct snn_spikes spikes = gather(w, sample, t);
        status = snn_target_push(target, w->context, &spikes);
        if (status == SNN_OK) status = snn_target_advance(target, w->context, 1);
        if (status == SNN_OK) status = snn_target_pull(target, w->context, out);
        if (status == SNN_OK) status = put_neurons(w, target, sample, t);
        if (status == SNN_OK) put_output(snn_target_net(target), out, sample, t);
        if (status == SNN_OK) put_watched(w, sample, t);
    }
    return status;
}

static int run(struct work *w, struct snn_target *target, const char *name)
{
    const struct snn_net *net = snn_target_net(target);
    const size_t steps = SNN_TARGET_STEPS_MAX;
    struct snn_output out = {
        .spikes = calloc(steps * net->class_count, sizeof(uint32_t)),
        .potential = calloc(steps * net->class_count, sizeof(float)),
        .population_spikes = calloc(steps * net->population_count, sizeof(uint64_t)),
        .synapse_spikes = calloc(steps * net->synapse_count, sizeof(uint64_t)),
        .synapse_operations = calloc(steps * net->synapse_count, sizeof(uint64_t)),
        .synapse_macs = calloc(steps * net->synapse_count, sizeof(uint64_t)),
        .input_spikes = calloc(steps, sizeof(uint64_t)),
    };
    int status = SNN_OK;
    printf("run %s\n", name);
    w->watched = 0;
    w->digest = FNV_OFFSET;
    for (uint32_t sample = 0; status == SNN_OK && sample < w->events.samples; sample++)
        status = run_sample(w, target, &out, sample);
    free(out.spikes);
    free(out.potential);
    free(out.population_spikes);
    free(out.synapse_spikes);
    free(out.synapse_operations);
    free(out.synapse_macs);
    free(out.input_spikes);
    return status;
}

/* On the chip simulated ("chip"), or behind the wire ("vdev"). */
static int run_program(struct work *w, const char *scheme, const char *chip, const char *name,
                       const struct options *o)
{
    char uri[512];
    struct snn_target *target = NULL;
    (void)snprintf(uri, sizeof(uri), "%s:%s,order=%s,seed=%s", scheme, chip, o->order, o->seed);
    int status = snn_target_open(&target, w->context, uri);
    if (status == SNN_OK) status = snn_target_load_program(target, w->context, w->program);
    if (status == SNN_OK) status = snn_target_watch(target, w->context, watch, w);
    if (status == SNN_OK) status = run(w, target, name);
    snn_target_close(&target);
    return status;
}

static int run_net(struct work *w, const char *chip, const struct options *o)
{
    char uri[512];
    struct snn_target *target = NULL;
    (void)snprintf(uri, sizeof(uri), "chip:%s,order=%s,seed=%s", chip, o->order, o->seed);
    int status = snn_target_open(&target, w->context, uri);
    if (status == SNN_OK) status = snn_target_load(target, w->context, w->net);
    if (status == SNN_OK) status = run(w, target, "net");
    snn_target_close(&target);
    return status;
}

/* ---- The way there ---- */

static int place(struct work *w, const struct options *o, const char *path)
{
    struct snn_placement *placement = NULL;
    int status = snn_place(&placement, w->context, w->net, &w->chip, &o->place);
    if (status != SNN_OK) return status;
    struct snn_program *program = snn_placement_take_program(placement);
    for (uint32_t i = 0; i < placement->finding_count; i++)
        fprintf(stderr, "%s\n", placement->findings[i].text);
    snn_placement_destroy(&placement);
    if (program == NULL) return SNN_ERR_LIMIT;
    status = snn_program_save(program, w->context, path);
    snn_program_destroy(&program);
    return status == SNN_OK ? snn_program_load(&w->program, w->context, path, NULL) : status;
}

static int prepare(struct work *w, struct options *o, char **argv)
{
    o->place.dt_us = 1000.0;
    o->place.model_sha256 = "";
    o->place.tool = "chipnet";
    o->place.remedies_off = true;
    int status = snn_context_create(&w->context, NULL);
    if (status == SNN_OK) status = snn_chip_load(&w->chip, w->context, argv[2]);
    o->lower.chip = &w->chip;
    if (status == SNN_OK) status = snn_graph_import(&w->graph, w->context, argv[1], NULL, NULL);
    if (status == SNN_OK) status = snn_net_lower(&w->net, w->context, w->graph, &o->lower);
    return status == SNN_OK ? load_events(w, argv[4]) : status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct work w = {.context = NULL};
    if (!set_all(&options, argc, argv)) {
        fprintf(stderr, "usage: chipnet MODEL CHIP PROGRAM EVENTS [KEY=VALUE ...]\n");
        return 2;
    }
    int status = prepare(&w, &options, argv);
    if (status == SNN_OK) status = place(&w, &options, argv[3]);
    const bool fits = status != SNN_ERR_LIMIT;
    if (status == SNN_OK) status = run_program(&w, "chip", argv[2], "program", &options);
    if (status == SNN_OK) status = run_program(&w, "vdev", argv[2], "device", &options);
    if (status == SNN_OK) status = run_net(&w, argv[2], &options);
    if (status != SNN_OK && w.context != NULL)
        fprintf(stderr, "%s\n", snn_context_message(w.context));
    free(w.events.first);
    free(w.events.event);
    free(w.step.address);
    free(w.step.count);
    snn_program_destroy(&w.program);
    snn_net_destroy(&w.net);
    snn_graph_destroy(&w.graph);
    snn_context_destroy(&w.context);
    return status == SNN_OK ? 0 : fits ? 1 : 3;
}
