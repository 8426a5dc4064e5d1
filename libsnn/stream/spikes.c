/* Whether spikes that somebody hands over are what they must be: addresses within the input that
 * ascend within a step, whole counts. What lies behind relies on it.
 */
#include "libsnn/stream/spikes.h"

#include <stdbool.h>

#include "libsnn/base/error.h"
#include "snn/net.h"

/* A count of spikes: 1, 2, ... Converted only within its range, where that is defined. */
static bool is_whole(float count)
{
    const bool within = count >= 1.0f && count <= (float)SNN_SPIKES_PER_STEP_MAX;
    const float value = within ? count : 0.5f;
    return (float)(int32_t)value >= value;
}

static int check_event(struct snn_context *context, const struct snn_spikes *spikes, uint32_t i,
                       bool first, size_t size)
{
    if (spikes->address[i] >= size)
        return snnbase_fail(context, SNN_ERR_INVALID, "event %u has address %u, the input has %zu",
                            i, spikes->address[i], size);
    if (!first && spikes->address[i] <= spikes->address[i - 1])
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "event %u has address %u after %u: they must ascend within a step", i,
                            spikes->address[i], spikes->address[i - 1]);
    if (spikes->count != NULL && !spikes->constant && !is_whole(spikes->count[i]))
        return snnbase_fail(context, SNN_ERR_INVALID, "event %u stands for %g spikes", i,
                            (double)spikes->count[i]);
    return SNN_OK;
}

/* Single events are taken as they come, but must lie within the input. */
static int check_single(struct snn_context *context, const struct snn_spikes *spikes, size_t size)
{
    if (spikes->event_begin == NULL || spikes->constant) return SNN_OK;
    for (uint32_t step = 0; step < spikes->step_count; step++) {
        if (spikes->event_begin[step + 1] < spikes->event_begin[step])
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "the events of step %u end before they "
                                "begin",
                                step);
        for (uint64_t i = spikes->event_begin[step]; i < spikes->event_begin[step + 1]; i++) {
            if (spikes->event[i].address < size) continue;
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "a single event has address %u, the input has %zu",
                                spikes->event[i].address, size);
        }
    }
    return SNN_OK;
}

/* Whether nothing is wrong with the events of a step; straight loops, for there are many. */
static bool is_good(const uint32_t *address, const float *count, uint32_t length, size_t size)
{
    uint32_t wrong = 0;
    if (length == 0) return true;
    for (uint32_t i = 1; i < length; i++)
        wrong |= address[i] <= address[i - 1];
    for (uint32_t i = 0; count != NULL && i < length; i++)
        wrong |= !is_whole(count[i]);
    return wrong == 0 && address[length - 1] < size;
}

int snnstream_spikes_check(struct snn_context *context, const struct snn_spikes *spikes,
                           size_t size)
{
    const uint32_t lists = spikes->constant ? 1 : spikes->step_count;
    for (uint32_t step = 0; step < lists; step++) {
        const uint32_t first = spikes->step_begin[step], end = spikes->step_begin[step + 1];
        const float *count =
            spikes->count != NULL && !spikes->constant ? spikes->count + first : NULL;
        if (end < first)
            return snnbase_fail(context, SNN_ERR_INVALID,
                                "the list of step %u ends at event %u, before it begins at %u",
                                step, end, first);
        if (is_good(spikes->address + first, count, end - first, size)) continue;
        for (uint32_t i = first; i < end; i++) {
            int status = check_event(context, spikes, i, i == first, size);
            if (status != SNN_OK) return status;
        }
    }
    return check_single(context, spikes, size);
}
