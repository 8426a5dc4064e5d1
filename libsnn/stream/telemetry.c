/* Adding up what devices tell: sums of counters, buckets of latencies. Whole numbers, so that the
 * order of the sessions does not matter.
 */
#include "libsnn/stream/telemetry.h"

#include <stddef.h>

#define STEPS_AN_OCTAVE 16u

/* ---- Round trips ---- */

/* The octave of a time, and the four bits behind its highest. */
static uint32_t bucket_of(uint64_t nanoseconds)
{
    uint32_t octave = 0;
    if (nanoseconds < STEPS_AN_OCTAVE) return (uint32_t)nanoseconds;
    while (nanoseconds >> octave >= 2 * STEPS_AN_OCTAVE)
        octave++;
    const uint64_t bucket =
        (octave + 1) * STEPS_AN_OCTAVE + (nanoseconds >> octave) % STEPS_AN_OCTAVE;
    return bucket < SNNSTREAM_TRIP_BUCKETS ? (uint32_t)bucket : SNNSTREAM_TRIP_BUCKETS - 1;
}

/* The middle of a bucket. */
static double time_of(uint32_t bucket)
{
    if (bucket < STEPS_AN_OCTAVE) return bucket;
    const uint32_t octave = bucket / STEPS_AN_OCTAVE - 1;
    return ((double)(STEPS_AN_OCTAVE + bucket % STEPS_AN_OCTAVE) + 0.5) * (double)(1ull << octave);
}

void snnstream_trips_add(struct snnstream_trips *trips, uint64_t nanoseconds)
{
    trips->count++;
    trips->sum_ns += nanoseconds;
    if (nanoseconds > trips->max_ns) trips->max_ns = nanoseconds;
    trips->bucket[bucket_of(nanoseconds)]++;
}

void snnstream_trips_since(struct snnstream_trips *to, const struct snnstream_trips *now,
                           const struct snnstream_trips *before)
{
    to->count += now->count - before->count;
    to->sum_ns += now->sum_ns - before->sum_ns;
    if (now->max_ns > to->max_ns) to->max_ns = now->max_ns;
    for (size_t i = 0; i < SNNSTREAM_TRIP_BUCKETS; i++)
        to->bucket[i] += now->bucket[i] - before->bucket[i];
}

void snnstream_trips_merge(struct snnstream_trips *to, const struct snnstream_trips *from)
{
    static const struct snnstream_trips none = {.count = 0};
    snnstream_trips_since(to, from, &none);
}

double snnstream_trips_quantile_us(const struct snnstream_trips *trips, double share)
{
    uint64_t seen = 0;
    if (trips->count == 0) return 0.0;
    for (uint32_t i = 0; i < SNNSTREAM_TRIP_BUCKETS; i++) {
        seen += trips->bucket[i];
        if ((double)seen < share * (double)trips->count) continue;
        const double middle = time_of(i), most = (double)trips->max_ns;
        return 1e-3 * (middle < most ? middle : most);
    }
    return 1e-3 * (double)trips->max_ns;
}

double snnstream_trips_mean_us(const struct snnstream_trips *trips)
{
    return trips->count > 0 ? 1e-3 * (double)trips->sum_ns / (double)trips->count : 0.0;
}

/* ---- Counters ---- */

void snnstream_telemetry_add(struct snn_device_statistics *to,
                             const struct snn_device_statistics *now,
                             const struct snn_device_statistics *before)
{
    to->events_taken += now->events_taken - before->events_taken;
    to->events_produced += now->events_produced - before->events_produced;
    to->events_sent += now->events_sent - before->events_sent;
    to->events_dropped += now->events_dropped - before->events_dropped;
    to->words_taken += now->words_taken - before->words_taken;
    to->words_sent += now->words_sent - before->words_sent;
    to->faults += now->faults - before->faults;
    for (size_t i = 0; i < SNN_DEVICE_CORES_MAX; i++)
        to->core_spikes[i] += now->core_spikes[i] - before->core_spikes[i];
    to->host_events_out += now->host_events_out - before->host_events_out;
    to->host_events_in += now->host_events_in - before->host_events_in;
    to->host_words_out += now->host_words_out - before->host_words_out;
    to->host_words_in += now->host_words_in - before->host_words_in;
    to->host_dropped += now->host_dropped - before->host_dropped;
    to->transport_dropped += now->transport_dropped - before->transport_dropped;
    to->host_faults += now->host_faults - before->host_faults;
    to->stalls += now->stalls - before->stalls;
    to->retries += now->retries - before->retries;
    to->short_packets += now->short_packets - before->short_packets;
    to->spares_used += now->spares_used - before->spares_used;
    if (now->transfers > to->transfers) to->transfers = now->transfers;
}

void snnstream_telemetry_merge(struct snnstream_telemetry *to,
                               const struct snnstream_telemetry *from)
{
    static const struct snn_device_statistics none = {.events_taken = 0};
    if (from->sessions == 0) return;
    if (to->sessions == 0) to->info = from->info;
    to->sessions += from->sessions;
    snnstream_telemetry_add(&to->statistics, &from->statistics, &none);
    to->load.cores_written += from->load.cores_written;
    to->load.cores_kept += from->load.cores_kept;
    to->load.bytes_written += from->load.bytes_written;
    to->load.bytes_verified += from->load.bytes_verified;
    to->load.seconds += from->load.seconds;
    snnstream_trips_merge(&to->trips, &from->trips);
}

void snnstream_telemetry_finish(struct snn_device_statistics *statistics,
                                const struct snnstream_trips *trips)
{
    statistics->round_trips = trips->count;
    statistics->round_trip_us_mean = snnstream_trips_mean_us(trips);
    statistics->round_trip_us_p50 = snnstream_trips_quantile_us(trips, 0.50);
    statistics->round_trip_us_p95 = snnstream_trips_quantile_us(trips, 0.95);
    statistics->round_trip_us_max = 1e-3 * (double)trips->max_ns;
}
