/* What becomes of each layer: lowering and the frame-based targets are asked, their answers are
 * noted down. What they refuse is an answer, not an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli/table.h"
#include "tools/snnconvert/session.h"

/* Where findings of one asking go. */
struct inquiry {
    const struct snn_graph *graph;
    struct snnconvert_fate *fates;
    bool spiking;
};

static char *text_of(const struct inquiry *inquiry, uint32_t layer)
{
    struct snnconvert_fate *fate = &inquiry->fates[layer];
    return inquiry->spiking ? fate->spiking : fate->frame;
}

static void note_finding(const struct snn_diagnostic *diagnostic, void *user)
{
    const struct inquiry *inquiry = user;
    uint32_t layer = 0;
    if (diagnostic->severity != SNN_SEVERITY_ERROR) return;
    if (snn_graph_find(inquiry->graph, diagnostic->layer, &layer) != SNN_OK) return;
    char *text = text_of(inquiry, layer);
    /* The table has a column for the layer's name: the finding need not begin with it. */
    const char *what = diagnostic->text;
    const char *colon = strstr(what, "': ");
    if (strncmp(what, "layer '", 7) == 0 && colon != NULL) what = colon + 3;
    if (text[0] == '\0') (void)snprintf(text, sizeof(inquiry->fates->spiking), "refused: %s", what);
}

/* A context whose findings become fates. */
static int create_context(struct snn_context **out, struct inquiry *inquiry)
{
    const struct snn_context_options options = {.diagnostic = note_finding,
                                                .diagnostic_user = inquiry};
    return snn_context_create(out, &options);
}

/* The first layer behind `layer` that reads it; the layer itself if none does. */
static uint32_t reader_of(const struct snn_graph *graph, uint32_t layer)
{
    for (uint32_t i = layer + 1; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *reader = snn_graph_layer(graph, i);
        for (uint32_t k = 0; k < reader->input_count; k++) {
            if (reader->inputs[k] == layer) return i;
        }
    }
    return layer;
}

static bool is_population(const struct snn_net *net, const char *name)
{
    for (uint32_t i = 0; i < net->population_count; i++) {
        if (strcmp(net->populations[i].name, name) == 0) return true;
    }
    return false;
}

/* Layers that lowering leaves without neurons live on in the synapses of the next that has them. */
static void note_net(const struct inquiry *inquiry, const struct snn_net *net)
{
    const struct snn_graph *graph = inquiry->graph;
    for (uint32_t i = 0; i < snn_graph_layer_count(graph); i++) {
        const struct snn_layer *layer = snn_graph_layer(graph, i);
        char *text = text_of(inquiry, i);
        uint32_t next = i;
        size_t size = sizeof(inquiry->fates->spiking);
        while (!is_population(net, snn_graph_layer(graph, next)->name) &&
               reader_of(graph, next) != next)
            next = reader_of(graph, next);
        if (i == 0)
            (void)snprintf(text, size, "input spikes");
        else if (next == i)
            (void)snprintf(text, size, "%s neurons",
                           snncli_format_count(snn_shape_size(layer->shape)).text);
        else
            (void)snprintf(text, size, "in synapses of %s", snn_graph_layer(graph, next)->name);
    }
}

static int ask_spiking(struct snnconvert_session *s)
{
    struct inquiry inquiry = {s->graph, s->fates, true};
    struct snn_context *context = NULL;
    struct snn_lower_options options;
    struct snn_net *net = NULL;
    int status = create_context(&context, &inquiry);
    if (status != SNN_OK) return status;
    snn_lower_options_init(&options);
    options.norm = SNN_NORM_NONE;
    options.max_pool = SNN_MAX_POOL_AVG;
    status = snn_net_lower(&net, context, s->graph, &options);
    if (status == SNN_OK) note_net(&inquiry, net);
    snn_net_destroy(&net);
    snn_context_destroy(&context);
    return status == SNN_ERR_NOMEM ? status : SNN_OK;
}

static int ask_frame(struct snnconvert_session *s, const char *uri, bool *taken_out)
{
    struct inquiry inquiry = {s->graph, s->fates, false};
    struct snn_context *context = NULL;
    struct snn_target *target = NULL;
    int status = create_context(&context, &inquiry);
    if (status != SNN_OK) return status;
    status = snn_target_open(&target, context, uri);
    if (status == SNN_OK) status = snn_target_load_graph(target, context, s->graph);
    *taken_out = status == SNN_OK;
    snn_target_close(&target);
    snn_context_destroy(&context);
    return status == SNN_ERR_NOMEM ? status : SNN_OK;
}

static void note_frame(struct snnconvert_session *s, bool f32, bool int8)
{
    const char *none = snn_graph_is_spiking(s->graph) ? "no: spiking net" : "refused";
    const char *text = !f32 ? none : !int8 ? "f32" : "f32, int8";
    for (uint32_t i = 0; i < snn_graph_layer_count(s->graph); i++) {
        struct snnconvert_fate *fate = &s->fates[i];
        if (fate->frame[0] == '\0') (void)snprintf(fate->frame, sizeof(fate->frame), "%s", text);
    }
}

int snnconvert_find_fates(struct snnconvert_session *s)
{
    bool f32 = false, int8 = false;
    if (s->fates != NULL) return SNNCLI_EXIT_OK;
    s->fates = calloc(snn_graph_layer_count(s->graph), sizeof(*s->fates));
    int status = s->fates != NULL ? ask_spiking(s) : SNN_ERR_NOMEM;
    if (status == SNN_OK) status = ask_frame(s, "frame:f32", &f32);
    if (status == SNN_OK && f32) status = ask_frame(s, "frame:int8", &int8);
    if (status != SNN_OK)
        return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    note_frame(s, f32, int8);
    return SNNCLI_EXIT_OK;
}
