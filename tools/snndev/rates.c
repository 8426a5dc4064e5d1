/* Rates from counters; see rates.h.
 */
#include "tools/snndev/rates.h"

#include <string.h>

static double rate_of(uint64_t now, uint64_t before, double seconds)
{
    return now >= before && seconds > 0.0 ? (double)(now - before) / seconds : 0.0;
}

static void take_core(struct snndev_core_rate *core, uint64_t total, double seconds)
{
    core->rate = rate_of(total, core->total, seconds);
    core->total = total;
    memmove(core->history, core->history + 1, (SNNDEV_HISTORY - 1) * sizeof(core->history[0]));
    core->history[SNNDEV_HISTORY - 1] = core->rate;
    core->peak = 0.0;
    for (int i = 0; i < SNNDEV_HISTORY; i++) {
        if (core->history[i] > core->peak) core->peak = core->history[i];
    }
}

void snndev_rates_take(struct snndev_rates *rates, const struct snn_device_statistics *have,
                       double now_s)
{
    const double seconds = now_s - rates->last_s;
    if (!rates->primed) rates->start_s = now_s;
    for (uint32_t i = 0; i < rates->core_count; i++) {
        struct snndev_core_rate *core = &rates->cores[i];
        const uint64_t total = have->core_spikes[core->core];
        if (rates->primed)
            take_core(core, total, seconds);
        else
            core->total = total;
    }
    rates->in_rate = rates->primed ? rate_of(have->events_taken, rates->in, seconds) : 0.0;
    rates->out_rate = rates->primed ? rate_of(have->events_sent, rates->out, seconds) : 0.0;
    rates->in = have->events_taken;
    rates->out = have->events_sent;
    rates->lost = snndev_losses_of(have);
    rates->last_s = now_s;
    rates->primed = true;
}

double snndev_rates_scale(const struct snndev_rates *rates)
{
    double scale = 1.0;
    for (uint32_t i = 0; i < rates->core_count; i++) {
        if (rates->cores[i].peak > scale) scale = rates->cores[i].peak;
    }
    return scale;
}
