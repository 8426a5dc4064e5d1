/* A lowered net as text, number by number: lowered MODEL [KEY=VALUE ...]
 *
 * Keys are snnsim's options: norm, channelwise, v0, v_min, output_gain, readout, max_pool, quant
 * (chip arithmetic); gain may be repeated, one further readout each. To standard output goes a line
 * for each list of numbers: its name, then the numbers; "population NAME" begins a population.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/snn.h"

#define GAINS_MAX 16

static void put(const char *name, const float *values, size_t count)
{
    printf("%s", name);
    for (size_t i = 0; i < count; i++)
        printf(" %.9g", (double)values[i]);
    printf("\n");
}

static void put_firing(float threshold, float v_init, float v_min,
                       const struct snn_neurons *neurons)
{
    put("threshold", neurons != NULL ? neurons->threshold : &threshold,
        neurons != NULL ? neurons->threshold_count : 1);
    put("v_init", neurons != NULL ? neurons->v_init : &v_init,
        neurons != NULL ? neurons->v_init_count : 1);
    put("v_min", neurons != NULL ? neurons->v_min : &v_min,
        neurons != NULL ? neurons->v_min_count : 1);
}

static void put_population(const struct snn_population *p)
{
    printf("population %s\n", p->name);
    for (uint32_t s = 0; s < p->synapse_count; s++)
        put("weights", p->synapses[s].weights, p->synapses[s].weight_count);
    put("bias", p->bias, p->bias_count);
    put_firing(p->threshold, p->v_init, p->v_min, p->neurons);
    if (p->quantised == NULL) return;
    const struct snn_quantised *q = p->quantised;
    put("scale", &q->scale, 1);
    printf("quantised %d %u %llu %llu %.17g %.17g %u\n", (int)q->limited_by, q->threshold,
           (unsigned long long)q->weights_saturated, (unsigned long long)q->weights_lost, q->bits,
           q->weight_error, q->channels_raised);
}

static void set_norm(struct snn_lower_options *o, const char *norm)
{
    o->norm = SNN_NORM_QUANTILE;
    o->quantile = 1.0;
    if (strcmp(norm, "none") == 0) {
        o->norm = SNN_NORM_NONE;
    } else if (norm[0] == 'p') {
        o->quantile = strtod(norm + 1, NULL) / 100.0;
    } else if (strcmp(norm, "max") != 0) {
        o->norm = SNN_NORM_RECIPE;
        o->recipe = norm;
    }
}

/* One KEY=VALUE; false if it is unknown. */
static int set(struct snn_lower_options *o, float *gains, const char *key, const char *value)
{
    const float number = strtof(value, NULL);
    if (strcmp(key, "norm") == 0)
        set_norm(o, value);
    else if (strcmp(key, "channelwise") == 0)
        o->channelwise = number > 0.0f;
    else if (strcmp(key, "v0") == 0)
        o->v_init = number;
    else if (strcmp(key, "v_min") == 0)
        o->v_min = strcmp(value, "none") == 0 ? -INFINITY : number;
    else if (strcmp(key, "output_gain") == 0)
        o->output_gain = number;
    else if (strcmp(key, "readout") == 0)
        o->readout_membrane = strcmp(value, "membrane") == 0;
    else if (strcmp(key, "max_pool") == 0)
        o->max_pool = strcmp(value, "or") == 0 ? SNN_MAX_POOL_OR : SNN_MAX_POOL_AVG;
    else if (strcmp(key, "gain") == 0 && o->extra_gain_count < GAINS_MAX)
        gains[o->extra_gain_count++] = number;
    else if (strcmp(key, "quant") == 0) {
        o->arith = SNN_ARITH_CHIP;
        o->quantise_mse = strcmp(value, "mse") == 0;
    } else {
        return 0;
    }
    return 1;
}

static int set_all(struct snn_lower_options *o, float *gains, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        char key[32];
        const char *equals = strchr(argv[i], '=');
        const size_t length = equals != NULL ? (size_t)(equals - argv[i]) : sizeof(key);
        if (length >= sizeof(key)) return 0;
        memcpy(key, argv[i], length);
        key[length] = '\0';
        if (!set(o, gains, key, equals + 1)) return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    float gains[GAINS_MAX];
    struct snn_context *context = NULL;
    struct snn_graph *graph = NULL;
    struct snn_net *net = NULL;
    struct snn_lower_options options;
    snn_lower_options_init(&options);
    options.extra_gains = gains;
    if (argc < 2 || !set_all(&options, gains, argc, argv)) {
        fprintf(stderr, "usage: lowered MODEL [KEY=VALUE ...]\n");
        return 2;
    }
    int status = snn_context_create(&context, NULL);
    if (status == SNN_OK) status = snn_graph_load(&graph, context, argv[1], NULL);
    if (status == SNN_OK) status = snn_net_lower(&net, context, graph, &options);
    if (status == SNN_OK) {
        for (uint32_t i = 0; i < net->population_count; i++)
            put_population(&net->populations[i]);
        for (uint32_t r = 0; r < net->readout_count; r++) {
            const struct snn_readout *readout = &net->readouts[r];
            put("readout", &readout->gain, 1);
            put_firing(readout->threshold, readout->v_init, readout->v_min, readout->neurons);
        }
    } else {
        fprintf(stderr, "%s\n", snn_context_message(context));
    }
    snn_net_destroy(&net);
    snn_graph_destroy(&graph);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
