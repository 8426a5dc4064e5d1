/* Telemetry: what a target that is a device tells of itself and of the way there, to be added up
 * over the sessions of a run.
 *
 * Latencies are counted in buckets of a sixteenth of an octave, so that percentiles of many
 * sessions come from one sum. Not the events themselves: those are the output (snn/target.h).
 */
#ifndef SNN_STREAM_TELEMETRY_H
#define SNN_STREAM_TELEMETRY_H

#include <stdint.h>

#include "snn/device.h"

#define SNNSTREAM_TRIP_BUCKETS 640u /* 1 ns to 2^40 ns */

/* Times from a question to its answer. Zeroed to begin with. */
struct snnstream_trips {
    uint64_t count, sum_ns, max_ns;
    uint64_t bucket[SNNSTREAM_TRIP_BUCKETS];
};

void snnstream_trips_add(struct snnstream_trips *trips, uint64_t nanoseconds);
/* Adds those of `now` that were not among `before`; of the longest time the larger is kept. */
void snnstream_trips_since(struct snnstream_trips *to, const struct snnstream_trips *now,
                           const struct snnstream_trips *before);
void snnstream_trips_merge(struct snnstream_trips *to, const struct snnstream_trips *from);
/* Microseconds that a share of all trips took at most, to 4 per cent; 0 without trips. */
double snnstream_trips_quantile_us(const struct snnstream_trips *trips, double share);
double snnstream_trips_mean_us(const struct snnstream_trips *trips);

/* What sessions of a target did since they were asked the last time. Zeroed to begin with. */
struct snnstream_telemetry {
    uint32_t sessions; /* that added themselves */
    struct snn_device_info info;
    struct snn_device_statistics statistics; /* sums; those of round trips are left at 0 */
    struct snn_device_load_report load;      /* sums */
    struct snnstream_trips trips;
};

/* Adds counters of one session, as the difference to what it had counted before. */
void snnstream_telemetry_add(struct snn_device_statistics *to,
                             const struct snn_device_statistics *now,
                             const struct snn_device_statistics *before);
/* Adds sessions to each other. */
void snnstream_telemetry_merge(struct snnstream_telemetry *to,
                               const struct snnstream_telemetry *from);
/* Fills in the figures of round trips. */
void snnstream_telemetry_finish(struct snn_device_statistics *statistics,
                                const struct snnstream_trips *trips);

#endif
