/* From a URI to a target, and through its interface: the only place that calls a target's
 * functions.
 */
#include "libsnn/stream/target.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/intensity.h"
#include "libsnn/stream/spikes.h"

struct snn_target {
    const struct snn_target_ops *ops;
    void *session;
    const struct snn_net *net;     /* loaded; NULL: none */
    struct snn_net *decoded;       /* the same, where a chip program was loaded; NULL in forks */
    const struct snn_graph *graph; /* the same of a frame-based target */
    struct snn_target *parent;     /* of a fork */
    uint32_t fork_count; /* forks that are open; counted by the thread that owns them all */
    struct snn_allocator allocator;
    char uri[]; /* that it was opened by */
};

/* The target whose name the URI begins with, and what follows behind the colon. */
static const struct snn_target_ops *find(const char *uri, const char **arguments_out)
{
    for (size_t i = 0; snn_target_table[i] != NULL; i++) {
        size_t length = strlen(snn_target_table[i]->name);
        if (strncmp(uri, snn_target_table[i]->name, length) != 0) continue;
        if (uri[length] != ':' && uri[length] != '\0') continue;
        *arguments_out = uri + length + (uri[length] == ':');
        return snn_target_table[i];
    }
    return NULL;
}

static int unknown(struct snn_context *context, const char *uri)
{
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; snn_target_table[i] != NULL && used + 1 < sizeof(known); i++)
        used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "",
                                 snn_target_table[i]->name);
    snnbase_fail(context, SNN_ERR_NOT_FOUND, "unknown target '%s'", uri);
    return snnbase_hint(context, "known targets: %s", known);
}

static int wrap(struct snn_target **out, struct snn_context *context,
                const struct snn_target_ops *ops, const char *uri)
{
    const size_t length = strlen(uri);
    struct snn_target *target = snnbase_alloc(context, 1, sizeof(*target) + length + 1);
    if (target == NULL) return SNN_ERR_NOMEM;
    memcpy(target->uri, uri, length);
    target->ops = ops;
    target->allocator = *snnbase_allocator(context);
    *out = target;
    return SNN_OK;
}

int snn_target_open(struct snn_target **out, struct snn_context *context, const char *uri)
{
    const char *arguments = NULL;
    const struct snn_target_ops *ops = find(uri, &arguments);
    if (ops == NULL) return unknown(context, uri);
    struct snn_target *target = NULL;
    int status = wrap(&target, context, ops, uri);
    if (status != SNN_OK) return status;
    status = ops->open(&target->session, context, arguments);
    if (status != SNN_OK) {
        snnbase_free(context, target);
        return status;
    }
    *out = target;
    return SNN_OK;
}

static int check_kind(const struct snn_target *target, struct snn_context *context,
                      enum snn_target_kind kind)
{
    if (target->ops->kind == kind) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_INVALID, "target %s takes %s", target->ops->name,
                        kind == SNN_TARGET_SPIKING ? "graphs and frames, not nets and spikes"
                                                   : "nets and spikes, not graphs and frames");
}

static int check_free(const struct snn_target *target, struct snn_context *context)
{
    if (target->fork_count == 0 && target->parent == NULL) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_BUSY, "a net cannot be loaded while forks are open");
}

/* The target has let go of what was loaded. */
static void forget(struct snn_target *target)
{
    target->net = NULL;
    snn_net_destroy(&target->decoded);
}

/* A class a neuron of the last population: the readout of a chip may be another. */
static int check_output(struct snn_context *context, const struct snn_net *net)
{
    const size_t outputs = snn_shape_size(net->populations[net->population_count - 1].shape);
    if (outputs == net->class_count) return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID,
                 "a decoded chip program with %u classes in %zu neurons of its last core",
                 net->class_count, outputs);
    return snnbase_hint(context, "load the program itself on a target that is a chip");
}

int snn_target_load(struct snn_target *target, struct snn_context *context,
                    const struct snn_net *net)
{
    int status = check_kind(target, context, SNN_TARGET_SPIKING);
    if (status == SNN_OK) status = check_free(target, context);
    if (status == SNN_OK) status = check_output(context, net);
    if (status != SNN_OK) return status;
    status = target->ops->load(target->session, context, net);
    forget(target);
    if (status == SNN_OK) target->net = net;
    return status;
}

int snn_target_load_program(struct snn_target *target, struct snn_context *context,
                            const struct snn_program *program)
{
    struct snn_net *net = NULL;
    if (target->ops->load_program == NULL) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "target %s is no chip", target->ops->name);
        return snnbase_hint(context, "a chip program runs on the target chip:%s",
                            program->chip.name);
    }
    int status = check_free(target, context);
    if (status == SNN_OK) status = snn_program_decode(&net, context, program);
    if (status != SNN_OK) return status;
    status = target->ops->load_program(target->session, context, program, net);
    forget(target);
    if (status != SNN_OK) {
        snn_net_destroy(&net);
        return status;
    }
    target->net = net;
    target->decoded = net;
    return SNN_OK;
}

const struct snn_net *snn_target_net(const struct snn_target *target)
{
    return target->net;
}

int snn_target_load_graph(struct snn_target *target, struct snn_context *context,
                          const struct snn_graph *graph)
{
    int status = check_kind(target, context, SNN_TARGET_FRAME);
    if (status == SNN_OK) status = check_free(target, context);
    if (status != SNN_OK) return status;
    target->graph = NULL;
    status = target->ops->load_graph(target->session, context, graph);
    if (status == SNN_OK) target->graph = graph;
    return status;
}

/* For functions of one kind of target. */
static int check_loaded(const struct snn_target *target, struct snn_context *context,
                        enum snn_target_kind kind)
{
    int status = check_kind(target, context, kind);
    if (status != SNN_OK || target->net != NULL || target->graph != NULL) return status;
    return snnbase_fail(context, SNN_ERR_INVALID, "target %s: no %s is loaded", target->ops->name,
                        kind == SNN_TARGET_SPIKING ? "net" : "graph");
}

enum snn_target_kind snn_target_kind(const struct snn_target *target)
{
    return target->ops->kind;
}

int snn_target_fork(struct snn_target **out, struct snn_context *context, struct snn_target *target)
{
    struct snn_target *child = NULL;
    int status = check_loaded(target, context, target->ops->kind);
    if (status != SNN_OK) return status;
    if (target->ops->fork == NULL)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "target %s has a single session",
                            target->ops->name);
    status = wrap(&child, context, target->ops, target->uri);
    if (status != SNN_OK) return status;
    status = target->ops->fork(&child->session, context, target->session);
    if (status != SNN_OK) {
        snnbase_free(context, child);
        return status;
    }
    child->net = target->net;
    child->graph = target->graph;
    child->parent = target;
    target->fork_count++;
    *out = child;
    return SNN_OK;
}

int snn_target_reset(struct snn_target *target, struct snn_context *context)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    return status == SNN_OK ? target->ops->reset(target->session, context) : status;
}

static int check_spikes(const struct snn_target *target, struct snn_context *context,
                        const struct snn_spikes *spikes)
{
    if (spikes->step_count > SNN_TARGET_STEPS_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "%u steps at once exceed the limit of %u",
                            spikes->step_count, SNN_TARGET_STEPS_MAX);
    if (spikes->constant && target->net->arith == SNN_ARITH_CHIP) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                     "chip arithmetic counts in whole spikes and takes no analog input");
        return snnbase_hint(context, "encode the frames as spikes (rate, bernoulli, ttfs), or "
                                     "compute in float");
    }
    return snnstream_spikes_check(context, spikes, snn_shape_size(target->net->input_shape));
}

int snn_target_push(struct snn_target *target, struct snn_context *context,
                    const struct snn_spikes *spikes)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    if (status == SNN_OK) status = check_spikes(target, context, spikes);
    return status == SNN_OK ? target->ops->push(target->session, context, spikes) : status;
}

int snn_target_advance(struct snn_target *target, struct snn_context *context, uint32_t step_count)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    return status == SNN_OK ? target->ops->advance(target->session, context, step_count) : status;
}

int snn_target_pull(struct snn_target *target, struct snn_context *context, struct snn_output *out)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    return status == SNN_OK ? target->ops->pull(target->session, context, out) : status;
}

int snn_target_infer(struct snn_target *target, struct snn_context *context, const float *intensity,
                     float *output)
{
    int status = check_loaded(target, context, SNN_TARGET_FRAME);
    if (status == SNN_OK)
        status = snnmodel_intensity_check(context, snn_graph_input_shape(target->graph), intensity);
    return status == SNN_OK ? target->ops->infer(target->session, context, intensity, output)
                            : status;
}

int snn_target_counts(struct snn_target *target, struct snn_context *context, uint32_t population,
                      uint32_t *counts)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    if (status != SNN_OK) return status;
    if (target->ops->counts == NULL)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "target %s does not tell the spikes of single neurons",
                            target->ops->name);
    if (population >= target->net->population_count)
        return snnbase_fail(context, SNN_ERR_INVALID, "population %u of %u does not exist",
                            population, target->net->population_count);
    return target->ops->counts(target->session, context, population, counts);
}

int snn_target_watch(struct snn_target *target, struct snn_context *context, snn_spike_fn watch,
                     void *user)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    if (status != SNN_OK) return status;
    if (target->ops->watch == NULL)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "target %s does not tell spikes one by one", target->ops->name);
    return target->ops->watch(target->session, context, watch, user);
}

int snnstream_target_ask(struct snn_target *target, struct snn_context *context,
                         bool (*go_on)(void *user), void *user)
{
    int status = check_loaded(target, context, SNN_TARGET_SPIKING);
    if (status != SNN_OK) return status;
    if (target->ops->ask == NULL)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "target %s cannot stop within a step",
                            target->ops->name);
    return target->ops->ask(target->session, context, go_on, user);
}

void snn_target_allow_loss(struct snn_target *target, bool allow)
{
    if (target->ops->allow_loss != NULL) target->ops->allow_loss(target->session, allow);
}

int snnstream_target_telemetry(struct snn_target *target, struct snn_context *context,
                               struct snnstream_telemetry *add)
{
    if (target->ops->telemetry == NULL) return SNN_OK;
    return target->ops->telemetry(target->session, context, add);
}

void snn_target_close(struct snn_target **target)
{
    if (target == NULL || *target == NULL) return;
    struct snn_target *t = *target;
    t->ops->close(t->session);
    if (t->parent != NULL) t->parent->fork_count--;
    struct snn_allocator allocator = t->allocator;
    snn_net_destroy(&t->decoded);
    snnbase_allocator_free(&allocator, t);
    *target = NULL;
}

const char *snn_target_name(const struct snn_target *target)
{
    return target->ops->name;
}

const char *snnstream_target_uri(const struct snn_target *target)
{
    return target->uri;
}

static void read_timing(const struct snn_target *target, const char **semantics, const char **order)
{
    *semantics = target->ops->kind == SNN_TARGET_SPIKING ? "sync" : NULL;
    *order = NULL;
    if (target->ops->timing != NULL) target->ops->timing(target->session, semantics, order);
}

const char *snn_target_semantics(const struct snn_target *target)
{
    const char *semantics = NULL, *order = NULL;
    read_timing(target, &semantics, &order);
    return semantics;
}

const char *snn_target_order(const struct snn_target *target)
{
    const char *semantics = NULL, *order = NULL;
    read_timing(target, &semantics, &order);
    return order;
}

bool snnstream_target_takes_singles(const struct snn_target *target)
{
    const char *order = snn_target_order(target);
    return order != NULL && strcmp(order, snn_order_name(SNN_ORDER_RECORDED)) == 0;
}

const struct snn_chip *snn_target_chip(const struct snn_target *target)
{
    while (target->parent != NULL)
        target = target->parent;
    return target->ops->chip != NULL ? target->ops->chip(target->session) : NULL;
}

uint32_t snn_target_parallel_max(const struct snn_target *target)
{
    return target->ops->parallel_max;
}
