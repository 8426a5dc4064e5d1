/* Where the work is done: neurons, spikes, operations and energy of each layer. On a chip, what
 * each core has to bear; of a device, the traffic.
 */
#include <math.h>
#include <stdio.h>

#include "tools/report/page_parts.h"

/* ---- Spiking ---- */

static void put_layer(const struct snnreport_pen *pen, uint32_t i)
{
    const struct snn_result *r = pen->r;
    const struct snn_result_layer *layer = &r->layers[i];
    char part[64];
    (void)snprintf(part, sizeof(part), "/layers/%u/synops_mean", i);
    snnreport_row_open(pen, layer->name);
    snnreport_cell(pen, SNNREPORT_COUNT, (double)layer->neurons, "/layers/%u/neurons", i);
    snnreport_cell(pen, SNNREPORT_SI, layer->events_mean, "/layers/%u/events_mean", i);
    snnreport_cell(pen, SNNREPORT_SI, layer->spikes_mean, "/layers/%u/spikes_mean", i);
    snnreport_cell(pen, SNNREPORT_SI, layer->synops_mean, "/layers/%u/synops_mean", i);
    snnreport_put(pen->out, "<td>");
    snnreport_share(pen, layer->synops_mean, r->synops_mean, part, "/synops_mean");
    snnreport_put(pen->out, "</td>");
    snnreport_cell(pen, SNNREPORT_JOULE, layer->energy_uj_mean, "/layers/%u/energy_uj_mean", i);
    if (r->chip == NULL)
        snnreport_cell(pen, SNNREPORT_SI, (double)layer->macs, "/layers/%u/macs", i);
    snnreport_row_close(pen);
}

/* A row that has energy only, and perhaps operations. */
static void put_sum(const struct snnreport_pen *pen, const char *name, bool operations,
                    double energy, const char *pointer)
{
    const struct snn_result *r = pen->r;
    snnreport_row_open(pen, name);
    snnreport_put(pen->out, "<td></td><td></td><td></td>");
    if (operations)
        snnreport_cell(pen, SNNREPORT_SI, r->synops_mean, "/synops_mean");
    else
        snnreport_put(pen->out, "<td></td>");
    snnreport_put(pen->out, "<td></td>");
    snnreport_cell(pen, SNNREPORT_JOULE, energy, "%s", pointer);
    if (r->chip == NULL) snnreport_put(pen->out, "<td></td>");
    snnreport_row_close(pen);
}

static void put_spiking_layers(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    const double io = r->io_events_mean * r->energy.io_event_pj * 1e-6;
    const double still = r->energy.static_mw * r->steps_mean * pen->report->dt_us * 1e-3;
    snnreport_table_open(pen, "Work of each layer, a sample",
                         r->chip == NULL
                             ? "<Layer|Neurons|Spikes in|Spikes out|SynOps|Share|Energy|CNN MACs"
                             : "<Layer|Neurons|Spikes in|Spikes out|SynOps|Share|Energy");
    for (uint32_t i = 0; i < r->layer_count; i++)
        put_layer(pen, i);
    snnreport_put(pen->out, "</tbody>\n<tbody class=\"sum\">\n");
    if (io > 0.0) put_sum(pen, "events in and out", false, io, "/energy/uj_io_mean");
    if (still > 0.0) put_sum(pen, "static power", false, still, "/energy/uj_static_mean");
    put_sum(pen, "all", true, r->energy_uj_mean, "/energy/uj_mean");
    snnreport_table_close(pen);
}

/* ---- Frame-based ---- */

static void put_frame_layers(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    snnreport_table_open(pen, "Work of each layer, a sample", "<Layer|Values|MACs|Share|Energy");
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const struct snn_result_layer *layer = &r->layers[i];
        char part[64];
        (void)snprintf(part, sizeof(part), "/layers/%u/macs", i);
        snnreport_row_open(pen, layer->name);
        snnreport_cell(pen, SNNREPORT_COUNT, (double)layer->neurons, "/layers/%u/neurons", i);
        snnreport_cell(pen, SNNREPORT_SI, (double)layer->macs, "/layers/%u/macs", i);
        snnreport_put(pen->out, "<td>");
        snnreport_share(pen, (double)layer->macs, r->macs_mean, part, "/macs_mean");
        snnreport_put(pen->out, "</td>");
        snnreport_cell(pen, SNNREPORT_JOULE, layer->energy_uj_mean, "/layers/%u/energy_uj_mean", i);
        snnreport_row_close(pen);
    }
    snnreport_put(pen->out, "</tbody>\n<tbody class=\"sum\">\n");
    snnreport_row_open(pen, "all");
    snnreport_put(pen->out, "<td></td>");
    snnreport_cell(pen, SNNREPORT_SI, r->macs_mean, "/macs_mean");
    snnreport_put(pen->out, "<td></td>");
    snnreport_cell(pen, SNNREPORT_JOULE, r->energy_uj_mean, "/energy/uj_mean");
    snnreport_row_close(pen);
    snnreport_table_close(pen);
}

void snnreport_page_layers(const struct snnreport_pen *pen)
{
    if (pen->r->layer_count == 0) return;
    snnreport_heading(pen, "layers", "Operations and energy by layer");
    snnreport_draw_layers(pen);
    if (snnreport_is_spiking(pen->r))
        put_spiking_layers(pen);
    else
        put_frame_layers(pen);
    snnreport_put(pen->out, "<p class=\"note\">Energy by the profile ");
    snnreport_escaped(pen->out, pen->r->energy.name);
    snnreport_put(pen->out, ": ");
    snnreport_escaped(pen->out, pen->r->energy.source);
    snnreport_put(pen->out, "</p>\n");
}

/* ---- Chips and devices ---- */

static void put_core(const struct snnreport_pen *pen, uint32_t i)
{
    const struct snn_result *r = pen->r;
    const struct snn_result_layer *layer = &r->layers[i];
    const double steps_per_s = 1e6 / pen->report->dt_us;
    const double events = layer->events_mean / r->steps_mean * steps_per_s;
    const double events_max = layer->events_per_step_max * steps_per_s;
    const double synops = layer->synops_mean / r->steps_mean * steps_per_s;
    const double event_us = r->chip->event_us > 0.0 ? r->chip->event_us : (double)NAN;
    const double limit = r->chip->cores[layer->core].synops_per_s;
    char name[96];
    (void)snprintf(name, sizeof(name), "%.80s", layer->name);
    snnreport_row_open(pen, name);
    snnreport_cell(pen, SNNREPORT_COUNT, layer->core, "/layers/%u/core/index", i);
    snnreport_cell(pen, SNNREPORT_SI, events, "/layers/%u/core/events_per_s_mean", i);
    snnreport_cell(pen, SNNREPORT_SI, events_max, "/layers/%u/core/events_per_s_max", i);
    snnreport_cell(pen, SNNREPORT_SI, synops, "/layers/%u/core/synops_per_s_mean", i);
    snnreport_cell(pen, SNNREPORT_SI, layer->synops_per_step_max * steps_per_s,
                   "/layers/%u/core/synops_per_s_max", i);
    snnreport_cell(pen, SNNREPORT_SI, limit > 0.0 ? limit : (double)NAN,
                   "/layers/%u/core/synops_per_s_limit", i);
    snnreport_cell(pen, SNNREPORT_PERCENT, events * event_us / 1e6, "/layers/%u/core/busy_mean", i);
    snnreport_cell(pen, SNNREPORT_PERCENT, events_max * event_us / 1e6, "/layers/%u/core/busy_max",
                   i);
    snnreport_row_close(pen);
}

/* A row of the traffic: what, how many. */
static void put_traffic(const struct snnreport_pen *pen, const char *what, uint64_t count,
                        const char *pointer)
{
    snnreport_row_open(pen, what);
    snnreport_cell(pen, SNNREPORT_COUNT, (double)count, "%s", pointer);
    snnreport_row_close(pen);
}

static void put_device(const struct snnreport_pen *pen)
{
    const struct snn_result_device *d = pen->r->device;
    const struct snn_device_statistics *s = &d->statistics;
    char path[64];
    snnreport_heading(pen, "device", "Traffic with the device");
    snnreport_put(pen->out, "<p>");
    snnreport_escaped(pen->out, d->info.uri);
    snnreport_put(pen->out, ", serial number ");
    snnreport_escaped(pen->out, d->info.serial);
    snnreport_put(pen->out, "</p>\n");
    snnreport_table_open(pen, "Events between host and device", "<What|Count");
    put_traffic(pen, "events to the device", s->host_events_out, "/device/events_out");
    put_traffic(pen, "events back", s->host_events_in, "/device/events_in");
    put_traffic(pen, "events it produced", s->events_produced, "/device/produced");
    put_traffic(pen, "lost on the device", s->events_dropped, "/device/dropped/device");
    put_traffic(pen, "lost on this host", s->host_dropped, "/device/dropped/host");
    put_traffic(pen, "words lost on the way", s->transport_dropped,
                "/device/dropped/transport_words");
    snnreport_table_close(pen);
    (void)snprintf(path, sizeof(path), "/timing/targets/%u/device/round_trip_us", pen->index);
    snnreport_put(pen->out, "<p>Round trip of a step: median ");
    snnreport_number(pen->out, SNNREPORT_TIME, s->round_trip_us_p50, "%s/p50", path);
    snnreport_put(pen->out, ", 95 % by ");
    snnreport_number(pen->out, SNNREPORT_TIME, s->round_trip_us_p95, "%s/p95", path);
    snnreport_put(pen->out, ", at most ");
    snnreport_number(pen->out, SNNREPORT_TIME, s->round_trip_us_max, "%s/max", path);
    snnreport_put(pen->out, ".</p>\n");
}

void snnreport_page_chip(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    if (r->chip != NULL) {
        snnreport_heading(pen, "cores", "What the chip&#39;s cores have to bear");
        snnreport_table_open(pen,
                             "Load of the cores, a second: the mean, and of the busiest sample",
                             "<Layer|Core|Events/s|at most|SynOps/s|at most|Limit|Busy|at most");
        for (uint32_t i = 0; i < r->layer_count; i++) {
            if (r->layers[i].core < r->chip->core_count) put_core(pen, i);
        }
        snnreport_table_close(pen);
        snnreport_put(pen->out, "<p class=\"note\">Figures of the chip: ");
        snnreport_escaped(pen->out, r->chip->source);
        snnreport_put(pen->out, ". Timing is not modelled: an event takes no time, and no core "
                                "falls behind.</p>\n");
    }
    if (r->device != NULL) put_device(pen);
}
