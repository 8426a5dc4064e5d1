/* What a run on a device adds to a result: which one it was, what was loaded, what went there and
 * came back, and how long that took.
 */
#include <stdio.h>

#include "tools/cli/table.h"
#include "tools/snnsim/print_parts.h"

void snnsim_print_device(const struct snn_result *r)
{
    const struct snn_result_device *d = r->device;
    printf("%s, protocol %u.%u, firmware %u.%u", d->info.serial, d->info.protocol_major,
           d->info.protocol_minor, d->info.firmware_major, d->info.firmware_minor);
    if (d->sessions > 1) printf(", %u of them", d->sessions);
    printf("; %u core%s written, %u kept, %s\n", d->load.cores_written,
           d->load.cores_written == 1 ? "" : "s", d->load.cores_kept,
           snncli_format_seconds(d->load.seconds).text);
}

/* Events, and what is lost of them. */
void snnsim_print_traffic(const struct snn_result *r)
{
    const struct snn_device_statistics *s = &r->device->statistics;
    printf("%s out, %s back", snncli_format_si((double)s->host_events_out).text,
           snncli_format_si((double)s->host_events_in).text);
    if (s->events_dropped + s->host_dropped + s->transport_dropped == 0) {
        printf(", none lost\n");
        return;
    }
    printf(", LOST %s on the device, %s here", snncli_format_count(s->events_dropped).text,
           snncli_format_count(s->host_dropped).text);
    if (s->transport_dropped > 0)
        printf(", %s words on the way", snncli_format_count(s->transport_dropped).text);
    printf("\n");
}

void snnsim_print_round_trip(const struct snn_result *r)
{
    const struct snn_device_statistics *s = &r->device->statistics;
    printf("of a step, with those sent before it: median %s, 95 %% by %s, at most %s\n",
           snncli_format_unit(s->round_trip_us_p50 * 1e-6, "s").text,
           snncli_format_unit(s->round_trip_us_p95 * 1e-6, "s").text,
           snncli_format_unit(s->round_trip_us_max * 1e-6, "s").text);
}
