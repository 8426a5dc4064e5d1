/* Rates of a device's cores from its counters, with the last of their history: what monitor shows,
 * on a terminal, as JSON and as a page.
 */
#ifndef TOOLS_SNNDEV_RATES_H
#define TOOLS_SNNDEV_RATES_H

#include "snn/device.h"
#include "tools/snndev/losses.h"

enum { SNNDEV_HISTORY = 100 };

struct snndev_core_rate {
    uint32_t core;
    char name[48]; /* its layer, "" unknown */
    uint64_t total;
    double rate;                    /* spikes a second, lately */
    double peak;                    /* of the history */
    double history[SNNDEV_HISTORY]; /* the latest last */
};

struct snndev_rates {
    char title[240];
    struct snndev_core_rate cores[SNN_DEVICE_CORES_MAX];
    uint32_t core_count;
    double start_s, last_s;
    uint64_t in, out;         /* events taken and sent by the device */
    double in_rate, out_rate; /* a second */
    struct snndev_losses lost;
    uint64_t samples, labelled, right;
    bool primed; /* counters were read once, from which on there are rates */
    bool ended;
};

/* A first reading, at a monotonic time, has no rates; of counters that fell back (a reset) neither.
 */
void snndev_rates_take(struct snndev_rates *rates, const struct snn_device_statistics *have,
                       double now_s);

/* The largest rate of all cores, at least 1: what bars are drawn against. */
double snndev_rates_scale(const struct snndev_rates *rates);

#endif
