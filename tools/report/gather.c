/* A list that becomes a grid; see gather.h. */
#include <stdlib.h>

#include "tools/report/gather.h"

#define COLUMNS_MAX 256u
#define ROWS_MAX 32u /* COLUMNS_MAX x ROWS_MAX squares are no more than SNNREPORT_GATHER_MAX */

void snnreport_gather_init(struct snnreport_gather *gather, uint64_t neurons, uint32_t timesteps)
{
    *gather = (struct snnreport_gather){.neurons = neurons, .timesteps = timesteps};
}

static uint64_t each_of(uint64_t count, uint64_t squares_max, size_t *squares_out)
{
    uint64_t each = 1;

    while (count / each + (count % each > 0) > squares_max)
        each *= 2;
    *squares_out = (size_t)(count / each + (count % each > 0));
    return each;
}

static void fill(struct snnreport_gather *gather, double step, uint32_t neuron, uint32_t count)
{
    size_t column = (size_t)((uint64_t)step / gather->steps_each);
    size_t row = (size_t)(neuron / gather->neurons_each);

    if (column >= gather->columns) column = gather->columns - 1;
    uint32_t *square = &gather->squares[row * gather->columns + column];
    *square = UINT32_MAX - *square < count ? UINT32_MAX : *square + count;
}

/* From here on spikes only count in their squares. */
static bool merge(struct snnreport_gather *gather)
{
    gather->steps_each = each_of(gather->timesteps, COLUMNS_MAX, &gather->columns);
    gather->neurons_each = each_of(gather->neurons, ROWS_MAX, &gather->rows);
    gather->squares = calloc(gather->columns * gather->rows, sizeof *gather->squares);
    if (!gather->squares) return false;
    for (size_t i = 0; i < gather->count; i++)
        fill(gather, gather->spikes[i].step, gather->spikes[i].neuron, gather->spikes[i].count);
    gather->count = 0;
    return true;
}

static bool grow(struct snnreport_gather *gather)
{
    if (gather->count < gather->capacity) return true;
    if (gather->count == SNNREPORT_GATHER_MAX) return merge(gather);
    size_t capacity = gather->capacity > 0 ? 2 * gather->capacity : 256;
    struct snnreport_spike *spikes = realloc(gather->spikes, capacity * sizeof *spikes);
    if (!spikes) return false;
    gather->spikes = spikes;
    gather->capacity = capacity;
    return true;
}

void snnreport_gather_add(struct snnreport_gather *gather, double step, uint32_t neuron,
                          uint32_t count)
{
    gather->total += count;
    if (count == 0 || gather->failed || neuron >= gather->neurons) return;
    if (!(step >= 0 && step <= gather->timesteps)) return;
    if (!gather->squares && !grow(gather)) {
        gather->failed = true;
        return;
    }
    if (gather->squares)
        fill(gather, step, neuron, count);
    else
        gather->spikes[gather->count++] =
            (struct snnreport_spike){.step = (float)step, .neuron = neuron, .count = count};
}

/* The list has room for all squares: it was full when they were made. */
static void unmerge(struct snnreport_gather *gather)
{
    for (size_t i = 0; i < gather->columns * gather->rows; i++) {
        if (gather->squares[i] == 0) continue;
        uint64_t step = i % gather->columns * gather->steps_each;
        uint64_t neuron = i / gather->columns * gather->neurons_each;
        gather->spikes[gather->count++] = (struct snnreport_spike){
            .step = (float)step, .neuron = (uint32_t)neuron, .count = gather->squares[i]};
    }
}

void snnreport_gather_lane(struct snnreport_gather *gather, struct snnreport_lane *lane,
                           const char *name)
{
    if (gather->squares && gather->count == 0) unmerge(gather);
    *lane = (struct snnreport_lane){.name = name,
                                    .neurons = gather->neurons,
                                    .spikes = gather->spikes,
                                    .count = gather->count,
                                    .merged = gather->squares != NULL,
                                    .total = gather->total};
}

void snnreport_gather_fini(struct snnreport_gather *gather)
{
    free(gather->spikes);
    free(gather->squares);
    *gather = (struct snnreport_gather){0};
}
