/* Every spike of an asynchronous run, in the order in which they were queued:
 * async_events MODEL SPIKES [KEY=VALUE ...]
 *
 * Keys: order, seed, serial (yes or no), arith, reset, v_min (a number or none), index (the
 * sample). The model is lowered without normalisation; SPIKES are counts
 * [sample][step][channel][row][column] in an NPY file. To standard output goes a line "s POPULATION
 * CHANNEL ROW COLUMN" a spike, and at the end of each step a line "v POPULATION POTENTIAL..." a
 * population. For tests/flow/async.py.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/event/async.h"
#include "snn/snn.h"

struct choice {
    struct snnsim_async_options async;
    uint64_t index;
    struct snn_lower_options lower;
};

struct work {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_net *net;
    struct snn_source *source;
    struct snn_encoder *encoder;
    struct snnsim_plan *plan;
    struct snnsim_routes *routes;
    struct snnsim_async *async;
};

static bool take(struct choice *c, const char *word)
{
    const char *value = strchr(word, '=');
    if (value++ == NULL) return false;
    const size_t length = (size_t)(value - 1 - word);
    if (strncmp(word, "order", length) == 0) {
        for (int i = 0; snn_order_name((enum snn_order)i) != NULL; i++)
            if (strcmp(value, snn_order_name((enum snn_order)i)) == 0)
                c->async.order = (enum snn_order)i;
    } else if (strncmp(word, "seed", length) == 0) {
        c->async.seed = strtoull(value, NULL, 10);
    } else if (strncmp(word, "index", length) == 0) {
        c->index = strtoull(value, NULL, 10);
    } else if (strncmp(word, "serial", length) == 0) {
        c->async.serial = strcmp(value, "yes") == 0;
    } else if (strncmp(word, "arith", length) == 0) {
        c->lower.arith = strcmp(value, "chip") == 0 ? SNN_ARITH_CHIP : SNN_ARITH_FLOAT;
    } else if (strncmp(word, "reset", length) == 0) {
        c->lower.reset = strcmp(value, "zero") == 0 ? SNN_RESET_ZERO : SNN_RESET_SUBTRACT;
    } else if (strncmp(word, "v_min", length) == 0) {
        c->lower.v_min = strcmp(value, "none") == 0 ? -INFINITY : strtof(value, NULL);
    } else {
        return false;
    }
    return true;
}

static void print_spike(const struct snn_spike *spike, void *user)
{
    (void)user;
    printf("s %u %u %u %u\n", spike->population, spike->channel, spike->y, spike->x);
}

static int print_potentials(struct work *w)
{
    for (uint32_t i = 0; i < w->net->population_count; i++) {
        const size_t count = snn_shape_size(w->net->populations[i].shape);
        float *v = calloc(count, sizeof(*v));
        if (v == NULL) return SNN_ERR_NOMEM;
        snnsim_async_potentials(w->async, i, v);
        printf("v %u", i);
        for (size_t k = 0; k < count; k++)
            printf(" %.9g", (double)v[k] + 0.0); /* -0 is 0 */
        printf("\n");
        free(v);
    }
    return SNN_OK;
}

/* One step a time, each with results that nobody looks at. */
static int run_steps(struct work *w, const struct snn_spikes *spikes)
{
    const struct snn_net *net = w->net;
    const size_t classes = (size_t)net->class_count * net->readout_count;
    struct snn_output out = {.spikes = calloc(classes, sizeof(uint32_t)),
                             .potential = calloc(classes, sizeof(float)),
                             .population_spikes = calloc(net->population_count, sizeof(uint64_t)),
                             .synapse_spikes = calloc(net->synapse_count, sizeof(uint64_t)),
                             .synapse_operations = calloc(net->synapse_count, sizeof(uint64_t)),
                             .synapse_macs = calloc(net->synapse_count, sizeof(uint64_t)),
                             .input_spikes = calloc(1, sizeof(uint64_t))};
    int status = snnsim_async_push(w->async, w->context, spikes);
    for (uint32_t step = 0; status == SNN_OK && step < spikes->step_count; step++) {
        status = snnsim_async_step(w->async, w->context, spikes, step, &out, 0);
        if (status == SNN_OK) status = print_potentials(w);
    }
    free(out.spikes);
    free(out.potential);
    free(out.population_spikes);
    free(out.synapse_spikes);
    free(out.synapse_operations);
    free(out.synapse_macs);
    free(out.input_spikes);
    return status;
}

static int run(struct work *w, const char *model, const char *data, const struct choice *c)
{
    struct snn_encoder_options encoder = {0};
    struct snn_spikes spikes;
    int status = snn_graph_import(&w->graph, w->context, model, NULL, NULL);
    if (status == SNN_OK) status = snn_net_lower(&w->net, w->context, w->graph, &c->lower);
    if (status == SNN_OK)
        status = snn_source_open(&w->source, w->context, data, SNN_SOURCE_SPIKES, NULL);
    if (status != SNN_OK) return status;
    encoder.timesteps = snn_source_steps(w->source);
    status = snn_encoder_create(&w->encoder, w->context, &encoder, w->net->input_shape);
    if (status == SNN_OK)
        status = snn_encoder_begin_recorded(w->encoder, w->context, w->source, c->index);
    if (status == SNN_OK) status = snnsim_plan_create(&w->plan, w->context, w->net);
    if (status == SNN_OK) status = snnsim_routes_create(&w->routes, w->context, w->plan);
    if (status == SNN_OK) status = snnsim_async_create(&w->async, w->context, w->routes, &c->async);
    if (status != SNN_OK) return status;
    snnsim_async_watch(w->async, print_spike, NULL);
    status = snn_encoder_next(w->encoder, w->context, encoder.timesteps, &spikes);
    if (status != SNN_OK) return status;
    return run_steps(w, &spikes);
}

int main(int argc, char **argv)
{
    struct choice choice = {.async = {.order = SNN_ORDER_INTERLEAVE}};
    struct work w = {0};
    snn_lower_options_init(&choice.lower);
    choice.lower.norm = SNN_NORM_NONE;
    bool understood = argc > 2;
    for (int i = 3; i < argc; i++)
        understood = take(&choice, argv[i]) && understood;
    if (!understood || snn_context_create(&w.context, NULL) != SNN_OK) return 64;
    int status = run(&w, argv[1], argv[2], &choice);
    if (status != SNN_OK) fprintf(stderr, "%s\n", snn_context_message(w.context));
    snnsim_async_destroy(&w.async);
    snnsim_routes_destroy(&w.routes);
    snnsim_plan_destroy(&w.plan);
    snn_encoder_destroy(&w.encoder);
    snn_source_close(&w.source);
    snn_net_destroy(&w.net);
    snn_graph_destroy(&w.graph);
    snn_context_destroy(&w.context);
    return status == SNN_OK ? 0 : 1;
}
