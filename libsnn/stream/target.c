/* From a URI to a target, and through its interface: the only place that calls a target's
 * functions.
 */
#include "libsnn/stream/target.h"

#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

struct snn_target {
    const struct snn_target_ops *ops;
    void *session;
    struct snn_allocator allocator;
};

static const struct snn_target_ops *find(const char *scheme, size_t length)
{
    for (size_t i = 0; snn_target_table[i] != NULL; i++) {
        const char *name = snn_target_table[i]->name;
        if (strlen(name) == length && strncmp(name, scheme, length) == 0)
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
                const struct snn_target_ops *ops)
{
    struct snn_target *target = snnbase_alloc(context, 1, sizeof(*target));
    if (target == NULL) return SNN_ERR_NOMEM;
    target->ops = ops;
    target->allocator = *snnbase_allocator(context);
    *out = target;
    return SNN_OK;
}

int snn_target_open(struct snn_target **out, struct snn_context *context, const char *uri)
{
    const char *colon = strchr(uri, ':');
    size_t length = colon != NULL ? (size_t)(colon - uri) : strlen(uri);
    const struct snn_target_ops *ops = find(uri, length);
    if (ops == NULL) return unknown(context, uri);
    struct snn_target *target = NULL;
    int status = wrap(&target, context, ops);
    if (status != SNN_OK) return status;
    status = ops->open(&target->session, context, colon != NULL ? colon + 1 : "");
    if (status != SNN_OK) {
        snnbase_free(context, target);
        return status;
    }
    *out = target;
    return SNN_OK;
}

int snn_target_load(struct snn_target *target, struct snn_context *context,
                    const struct snn_net *net)
{
    return target->ops->load(target->session, context, net);
}

int snn_target_fork(struct snn_target **out, struct snn_context *context, struct snn_target *target)
{
    struct snn_target *child = NULL;
    int status = wrap(&child, context, target->ops);
    if (status != SNN_OK) return status;
    status = target->ops->fork(&child->session, context, target->session);
    if (status != SNN_OK) {
        snnbase_free(context, child);
        return status;
    }
    *out = child;
    return SNN_OK;
}

int snn_target_reset(struct snn_target *target, struct snn_context *context)
{
    return target->ops->reset(target->session, context);
}

int snn_target_push(struct snn_target *target, struct snn_context *context,
                    const struct snn_spikes *spikes)
{
    return target->ops->push(target->session, context, spikes);
}

int snn_target_advance(struct snn_target *target, struct snn_context *context, uint32_t step_count)
{
    return target->ops->advance(target->session, context, step_count);
}

int snn_target_pull(struct snn_target *target, struct snn_context *context, struct snn_output *out)
{
    return target->ops->pull(target->session, context, out);
}

void snn_target_close(struct snn_target **target)
{
    if (target == NULL || *target == NULL) return;
    struct snn_target *t = *target;
    t->ops->close(t->session);
    struct snn_allocator allocator = t->allocator;
    snnbase_allocator_free(&allocator, t);
    *target = NULL;
}

const char *snn_target_name(const struct snn_target *target)
{
    return target->ops->name;
}

uint32_t snn_target_parallel_max(const struct snn_target *target)
{
    return target->ops->parallel_max;
}
