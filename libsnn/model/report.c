/* The report: results and what led to them as one JSON document of schema "snn.run/1".
 *
 * Only the members `timing` and `host` may differ between two runs with the same inputs and seed.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/jsonout.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/decision.h"
#include "snn/run.h"
#include "snn/version.h"

/* Frame-based targets know no steps, and nothing of spikes. */
static bool is_spiking(const struct snn_result *r)
{
    return r->timesteps > 0;
}

static const char *accounting_name(enum snn_synop_accounting accounting)
{
    return accounting == SNN_SYNOPS_SINABS_0_3_3 ? "sinabs-0.3.3" : "exact";
}

/* In thresholds; null for none. */
static void put_potential(struct snnbase_jsonout *out, const char *key, double value)
{
    if (isnan(value))
        snnbase_jsonout_put_string(out, key, "model");
    else
        snnbase_jsonout_put_double(out, key, value);
}

/* What only a spiking target asks about; null in a run without one. */
static void put_spiking_options(struct snnbase_jsonout *out, const struct snn_report *r)
{
    static const char *const names[] = {"timesteps",   "dt_us",       "encoding", "norm",
                                        "channelwise", "v0",          "v_min",    "reset",
                                        "n_max",       "output_gain", "readout",  "semantics",
                                        "order",       "arith",       "quant",    "synops"};
    if (r->timesteps == 0) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            snnbase_jsonout_put_null(out, names[i]);
        return;
    }
    snnbase_jsonout_put_uint(out, "timesteps", r->timesteps);
    snnbase_jsonout_put_double(out, "dt_us", r->dt_us);
    snnbase_jsonout_put_string(out, "encoding", r->encoding);
    snnbase_jsonout_put_string(out, "norm", r->norm);
    snnbase_jsonout_put_bool(out, "channelwise", r->channelwise);
    put_potential(out, "v0", r->v_init);
    put_potential(out, "v_min", r->v_min);
    snnbase_jsonout_put_string(out, "reset", r->reset);
    snnbase_jsonout_key(out, "n_max");
    if (r->spikes_max > 0)
        snnbase_jsonout_uint(out, r->spikes_max);
    else
        snnbase_jsonout_null(out);
    snnbase_jsonout_put_double(out, "output_gain", r->output_gain);
    snnbase_jsonout_put_string(out, "readout", r->readout);
    snnbase_jsonout_put_string(out, "semantics", r->semantics);
    snnbase_jsonout_put_string(out, "order", r->order);
    snnbase_jsonout_put_string(out, "arith", r->arith);
    snnbase_jsonout_put_string(out, "quant", r->quant);
    snnbase_jsonout_put_string(
        out, "synops", r->result_count > 0 ? accounting_name(r->results[0]->accounting) : "exact");
}

/* Of the first target that is one. */
static const char *chip_name(const struct snn_report *r)
{
    for (uint32_t i = 0; i < r->result_count; i++) {
        if (r->results[i]->chip != NULL) return r->results[i]->chip->name;
    }
    return NULL;
}

/* Where layers were kept by whoever ran it: {"fc1": [5, 6]}. */
static void put_pins(struct snnbase_jsonout *out, const struct snn_report *r)
{
    if (r->pin_count == 0) {
        snnbase_jsonout_put_null(out, "core");
        return;
    }
    snnbase_jsonout_put_object(out, "core");
    for (uint32_t i = 0; i < r->pin_count; i++) {
        snnbase_jsonout_put_array(out, r->pins[i].layer);
        for (uint32_t k = 0; k < r->pins[i].core_count; k++)
            snnbase_jsonout_uint(out, r->pins[i].cores[k]);
        snnbase_jsonout_array_close(out);
    }
    snnbase_jsonout_object_close(out);
}

static void put_options(struct snnbase_jsonout *out, const struct snn_report *r)
{
    snnbase_jsonout_put_object(out, "options");
    snnbase_jsonout_put_string(out, "data", r->data);
    snnbase_jsonout_put_string(out, "view", r->view);
    snnbase_jsonout_put_uint(out, "seed", r->seed);
    snnbase_jsonout_put_uint(out, "samples", r->samples);
    snnbase_jsonout_put_uint(out, "offset", r->offset);
    put_spiking_options(out, r);
    snnbase_jsonout_put_string(out, "compat", r->compat);
    snnbase_jsonout_put_string(out, "calibrate", r->calibrate);
    snnbase_jsonout_put_string(out, "max_pool", r->max_pool);
    snnbase_jsonout_put_bool(out, "until_decided", r->until_decided);
    snnbase_jsonout_put_string(out, "chip", chip_name(r));
    put_pins(out, r);
    snnbase_jsonout_object_close(out);
}

/* Bounds of a share of so many samples: [low, high]. */
static void put_interval(struct snnbase_jsonout *out, const char *key, double share, uint64_t count)
{
    const struct snn_interval interval = snn_wilson_interval(share, count);
    if (isnan(interval.low)) {
        snnbase_jsonout_put_null(out, key);
        return;
    }
    snnbase_jsonout_put_array(out, key);
    snnbase_jsonout_double(out, interval.low);
    snnbase_jsonout_double(out, interval.high);
    snnbase_jsonout_array_close(out);
}

/* The accuracy after each step, and one bound of each. */
static void put_by_step(struct snnbase_jsonout *out, const struct snn_result *r)
{
    static const char *const keys[] = {"accuracy_by_step", "accuracy_by_step_low",
                                       "accuracy_by_step_high"};
    for (uint32_t k = 0; k < 3 && !is_spiking(r); k++)
        snnbase_jsonout_put_null(out, keys[k]);
    for (uint32_t k = 0; k < 3 && is_spiking(r); k++) {
        snnbase_jsonout_put_array(out, keys[k]);
        for (uint32_t t = 0; t < r->timesteps; t++) {
            const double accuracy = r->accuracy_by_step[t];
            const struct snn_interval bound = snn_wilson_interval(accuracy, r->sample_count);
            snnbase_jsonout_double(out, k == 0 ? accuracy : k == 1 ? bound.low : bound.high);
        }
        snnbase_jsonout_array_close(out);
    }
}

static void put_histogram(struct snnbase_jsonout *out, const struct snn_result *r,
                          const uint64_t *histogram)
{
    snnbase_jsonout_put_array(out, "steps_histogram");
    for (uint32_t t = 0; t < r->timesteps; t++)
        snnbase_jsonout_uint(out, histogram[t]);
    snnbase_jsonout_array_close(out);
}

static void put_first_spike(struct snnbase_jsonout *out, const struct snn_result *r)
{
    if (r->first_spike.steps_histogram == NULL) {
        snnbase_jsonout_put_null(out, "first_spike");
        return;
    }
    snnbase_jsonout_put_object(out, "first_spike");
    snnbase_jsonout_put_double(out, "accuracy", r->first_spike.accuracy);
    put_interval(out, "accuracy_interval", r->first_spike.accuracy, r->sample_count);
    snnbase_jsonout_put_uint(out, "samples", r->first_spike.count);
    snnbase_jsonout_put_double(out, "steps_mean", r->first_spike.steps_mean);
    snnbase_jsonout_put_double(out, "steps_p50", r->first_spike.steps_p50);
    snnbase_jsonout_put_double(out, "steps_p95", r->first_spike.steps_p95);
    put_histogram(out, r, r->first_spike.steps_histogram);
    snnbase_jsonout_put_double(out, "synops_mean", r->first_spike.synops_mean);
    snnbase_jsonout_put_double(out, "energy_uj", r->first_spike.energy_uj);
    snnbase_jsonout_object_close(out);
}

/* What rules and sweep have in common. */
static void open_rule(struct snnbase_jsonout *out, const struct snn_result *r,
                      const struct snn_result_rule *row)
{
    char text[64];
    snn_rule_format(&row->rule, text, sizeof(text));
    snnbase_jsonout_put_object(out, NULL);
    snnbase_jsonout_put_string(out, "rule", text);
    snnbase_jsonout_put_double(out, "accuracy", row->accuracy);
    put_interval(out, "accuracy_interval", row->accuracy, r->sample_count);
    snnbase_jsonout_put_double(out, "steps_mean", row->steps_mean);
    snnbase_jsonout_put_double(out, "steps_p50", row->steps_p50);
    snnbase_jsonout_put_double(out, "steps_p95", row->steps_p95);
    snnbase_jsonout_put_double(out, "synops_mean", row->synops_mean);
    snnbase_jsonout_put_double(out, "energy_uj", row->energy_uj);
    snnbase_jsonout_put_uint(out, "undecided", row->undecided);
}

static void put_rules(struct snnbase_jsonout *out, const struct snn_result *r)
{
    snnbase_jsonout_put_array(out, "rules");
    for (uint32_t i = 0; i < r->rule_count; i++) {
        open_rule(out, r, &r->rules[i]);
        put_histogram(out, r, r->rules[i].steps_histogram);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_sweep(struct snnbase_jsonout *out, const struct snn_result *r)
{
    if (r->sweep_count == 0) {
        snnbase_jsonout_put_null(out, "sweep");
        return;
    }
    snnbase_jsonout_put_array(out, "sweep");
    for (uint32_t i = 0; i < r->sweep_count; i++) {
        open_rule(out, r, &r->sweep[i]);
        snnbase_jsonout_put_string(out, "pareto", snnmodel_decision_front(&r->sweep[i]));
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

/* Where silence begins: how many samples the input or a layer leaves silent. */
static void put_silent_layers(struct snnbase_jsonout *out, const struct snn_result *r)
{
    snnbase_jsonout_put_array(out, "by_layer");
    for (uint32_t k = 0; k <= r->layer_count; k++) {
        const uint32_t layer = k > 0 ? k - 1 : r->layer_count;
        uint64_t count = 0;
        for (uint64_t i = 0; i < r->silent_count; i++)
            count += r->silent_layers[i] == layer;
        if (count == 0) continue;
        snnbase_jsonout_put_object(out, NULL);
        snnbase_jsonout_put_string(out, "layer", k > 0 ? r->layers[layer].name : "input");
        snnbase_jsonout_put_uint(out, "count", count);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_silent(struct snnbase_jsonout *out, const struct snn_result *r)
{
    snnbase_jsonout_put_object(out, "silent");
    snnbase_jsonout_put_uint(out, "count", r->silent_count);
    snnbase_jsonout_put_array(out, "indices");
    for (uint64_t i = 0; i < r->silent_count; i++)
        snnbase_jsonout_uint(out, r->silent_indices[i]);
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_put_array(out, "layers");
    for (uint64_t i = 0; i < r->silent_count; i++)
        snnbase_jsonout_string(out, r->silent_layers[i] < r->layer_count
                                        ? r->layers[r->silent_layers[i]].name
                                        : "input");
    snnbase_jsonout_array_close(out);
    put_silent_layers(out, r);
    snnbase_jsonout_object_close(out);
}

static void put_confusion(struct snnbase_jsonout *out, const struct snn_result *r)
{
    snnbase_jsonout_key(out, "confusion");
    if (r->confusion == NULL) {
        snnbase_jsonout_null(out);
        return;
    }
    snnbase_jsonout_array_open(out);
    for (uint32_t label = 0; label < r->class_count; label++) {
        snnbase_jsonout_array_open(out);
        for (uint32_t k = 0; k < r->class_count; k++)
            snnbase_jsonout_uint(out, r->confusion[(size_t)label * r->class_count + k]);
        snnbase_jsonout_array_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_quantised(struct snnbase_jsonout *out, const struct snn_quantised *quantised)
{
    static const char *const limits[] = {"weights", "bias", "threshold", "error"};
    if (quantised == NULL) {
        snnbase_jsonout_put_null(out, "quantised");
        return;
    }
    snnbase_jsonout_put_object(out, "quantised");
    snnbase_jsonout_put_double(out, "scale", (double)quantised->scale);
    snnbase_jsonout_put_string(out, "limited_by", limits[quantised->limited_by]);
    snnbase_jsonout_put_uint(out, "threshold", quantised->threshold);
    snnbase_jsonout_put_double(out, "bits", quantised->bits);
    snnbase_jsonout_put_uint(out, "weights_saturated", quantised->weights_saturated);
    snnbase_jsonout_put_uint(out, "weights_lost", quantised->weights_lost);
    snnbase_jsonout_put_double(out, "weight_error", quantised->weight_error);
    snnbase_jsonout_put_uint(out, "channels_raised", quantised->channels_raised);
    snnbase_jsonout_object_close(out);
}

/* What a layer asks of its core, over time. */
static void put_core(struct snnbase_jsonout *out, const struct snn_result *r,
                     const struct snn_result_layer *layer, double dt_us)
{
    if (r->chip == NULL || layer->core >= r->chip->core_count) {
        snnbase_jsonout_put_null(out, "core");
        return;
    }
    const double limit = r->chip->cores[layer->core].synops_per_s, steps_per_s = 1e6 / dt_us;
    const double events = layer->events_mean / r->steps_mean * steps_per_s;
    const double events_max = layer->events_per_step_max * steps_per_s;
    const double event_us = r->chip->event_us > 0.0 ? r->chip->event_us : (double)NAN;
    snnbase_jsonout_put_object(out, "core");
    snnbase_jsonout_put_uint(out, "index", layer->core);
    snnbase_jsonout_put_double(out, "events_per_s_mean", events);
    snnbase_jsonout_put_double(out, "events_per_s_max", events_max);
    snnbase_jsonout_put_double(out, "synops_per_s_mean",
                               layer->synops_mean / r->steps_mean * steps_per_s);
    snnbase_jsonout_put_double(out, "synops_per_s_max", layer->synops_per_step_max * steps_per_s);
    snnbase_jsonout_put_double(out, "synops_per_s_limit", limit > 0.0 ? limit : (double)NAN);
    snnbase_jsonout_put_double(out, "busy_mean", events * event_us / 1e6);
    snnbase_jsonout_put_double(out, "busy_max", events_max * event_us / 1e6);
    snnbase_jsonout_object_close(out);
}

static void put_chip(struct snnbase_jsonout *out, const struct snn_chip *chip)
{
    if (chip == NULL) {
        snnbase_jsonout_put_null(out, "chip");
        return;
    }
    snnbase_jsonout_put_object(out, "chip");
    snnbase_jsonout_put_string(out, "name", chip->name);
    snnbase_jsonout_put_string(out, "source", chip->source);
    snnbase_jsonout_put_double(out, "event_us",
                               chip->event_us > 0.0 ? chip->event_us : (double)NAN);
    snnbase_jsonout_object_close(out);
}

/* "1.0". */
static void put_version(struct snnbase_jsonout *out, const char *key, uint16_t major,
                        uint16_t minor)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%u.%u", major, minor);
    snnbase_jsonout_put_string(out, key, text);
}

/* What does not depend on when things happened; the rest stands in `timing`. */
static void put_device(struct snnbase_jsonout *out, const struct snn_result *r)
{
    const struct snn_result_device *device = r->device;
    if (device == NULL) {
        snnbase_jsonout_put_null(out, "device");
        return;
    }
    const struct snn_device_statistics *s = &device->statistics;
    snnbase_jsonout_put_object(out, "device");
    snnbase_jsonout_put_string(out, "uri", device->info.uri);
    snnbase_jsonout_put_string(out, "serial", device->info.serial);
    put_version(out, "protocol", device->info.protocol_major, device->info.protocol_minor);
    put_version(out, "firmware", device->info.firmware_major, device->info.firmware_minor);
    /* What is counted below is of these: a device knows nothing of samples that others ran. */
    snnbase_jsonout_put_uint(out, "samples", r->sample_count - r->resumed_count);
    snnbase_jsonout_put_uint(out, "events_out", s->host_events_out);
    snnbase_jsonout_put_uint(out, "events_in", s->host_events_in);
    snnbase_jsonout_put_uint(out, "produced", s->events_produced);
    snnbase_jsonout_put_object(out, "dropped");
    snnbase_jsonout_put_uint(out, "device", s->events_dropped);
    snnbase_jsonout_put_uint(out, "host", s->host_dropped);
    snnbase_jsonout_put_uint(out, "transport_words", s->transport_dropped);
    snnbase_jsonout_object_close(out);
    snnbase_jsonout_object_close(out);
}

/* Activation against rate, bin by bin. */
static void put_rates(struct snnbase_jsonout *out, const struct snn_layer_rate *rates)
{
    static const char *const keys[] = {"activation", "rate", "rate_sd"};
    if (rates == NULL || rates->bin_count == 0) {
        snnbase_jsonout_put_null(out, "rates");
        return;
    }
    snnbase_jsonout_put_object(out, "rates");
    for (uint32_t k = 0; k < 3; k++) {
        snnbase_jsonout_put_array(out, keys[k]);
        for (uint32_t i = 0; i < rates->bin_count; i++) {
            const struct snn_rate_bin *bin = &rates->bins[i];
            snnbase_jsonout_double(out, k == 0   ? bin->activation
                                        : k == 1 ? bin->rate
                                                 : bin->rate_sd);
        }
        snnbase_jsonout_array_close(out);
    }
    snnbase_jsonout_put_array(out, "count");
    for (uint32_t i = 0; i < rates->bin_count; i++)
        snnbase_jsonout_uint(out, rates->bins[i].count);
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_object_close(out);
}

/* `rates`: of each layer; NULL: not measured. */
static void put_layers(struct snnbase_jsonout *out, const struct snn_result *r,
                       const struct snn_layer_rate *rates, double dt_us)
{
    const double nan = (double)NAN;
    snnbase_jsonout_put_array(out, "layers");
    for (uint32_t i = 0; i < r->layer_count; i++) {
        const struct snn_result_layer *layer = &r->layers[i];
        snnbase_jsonout_put_object(out, NULL);
        snnbase_jsonout_put_string(out, "name", layer->name);
        snnbase_jsonout_put_uint(out, "neurons", layer->neurons);
        snnbase_jsonout_put_double(out, "spikes_mean", layer->spikes_mean);
        snnbase_jsonout_put_double(out, "events_mean", layer->events_mean);
        snnbase_jsonout_put_double(out, "synops_mean", layer->synops_mean);
        snnbase_jsonout_put_double(out, "updates_mean", layer->updates_mean);
        snnbase_jsonout_put_double(out, "input_macs_mean", layer->input_macs_mean);
        snnbase_jsonout_put_uint(out, "macs", layer->macs);
        snnbase_jsonout_put_double(out, "energy_uj_mean", layer->energy_uj_mean);
        snnbase_jsonout_put_double(out, "rate_pearson", rates != NULL ? rates[i].pearson : nan);
        snnbase_jsonout_put_double(out, "rate_slope", rates != NULL ? rates[i].slope : nan);
        put_rates(out, rates != NULL ? &rates[i] : NULL);
        put_quantised(out, layer->quantised);
        put_core(out, r, layer, dt_us);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
}

static void put_energy(struct snnbase_jsonout *out, const struct snn_result *r, double dt_us)
{
    /* 1 mW for 1 us is 1e-3 uJ; of a frame-based target nobody knows how long it takes. */
    const double still = r->energy.static_mw * r->steps_mean * dt_us * 1e-3;
    snnbase_jsonout_put_object(out, "energy");
    snnbase_jsonout_put_string(out, "profile", r->energy.name);
    snnbase_jsonout_put_string(out, "source", r->energy.source);
    snnbase_jsonout_put_double(out, "uj_mean", r->energy_uj_mean);
    snnbase_jsonout_put_double(out, "uj_io_mean", r->io_events_mean * r->energy.io_event_pj * 1e-6);
    snnbase_jsonout_put_double(out, "uj_static_mean", is_spiking(r) ? still : (double)NAN);
    snnbase_jsonout_put_double(out, "uj_until_decision_mean", r->energy_uj_until_decision_mean);
    snnbase_jsonout_object_close(out);
}

/* How much better and later decisions are than those of the first result. */
static void put_gap(struct snnbase_jsonout *out, const struct snn_result *r,
                    const struct snn_result *first)
{
    if (first == NULL || !is_spiking(r) || !is_spiking(first)) {
        snnbase_jsonout_put_null(out, "gap");
        return;
    }
    snnbase_jsonout_put_object(out, "gap");
    snnbase_jsonout_put_double(out, "accuracy", r->accuracy - first->accuracy);
    if (r->first_spike.steps_histogram != NULL && first->first_spike.steps_histogram != NULL) {
        snnbase_jsonout_put_object(out, "first_spike");
        snnbase_jsonout_put_double(out, "accuracy",
                                   r->first_spike.accuracy - first->first_spike.accuracy);
        snnbase_jsonout_put_double(out, "steps_mean",
                                   r->first_spike.steps_mean - first->first_spike.steps_mean);
        snnbase_jsonout_object_close(out);
    } else {
        snnbase_jsonout_put_null(out, "first_spike");
    }
    snnbase_jsonout_put_array(out, "rules");
    for (uint32_t i = 0; i < r->rule_count && i < first->rule_count; i++) {
        char name[64];
        snn_rule_format(&r->rules[i].rule, name, sizeof(name));
        snnbase_jsonout_put_object(out, NULL);
        snnbase_jsonout_put_string(out, "rule", name);
        snnbase_jsonout_put_double(out, "accuracy",
                                   r->rules[i].accuracy - first->rules[i].accuracy);
        snnbase_jsonout_put_double(out, "steps_mean",
                                   r->rules[i].steps_mean - first->rules[i].steps_mean);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_object_close(out);
}

static void put_result(struct snnbase_jsonout *out, const struct snn_report *report, uint32_t index)
{
    const struct snn_result *r = report->results[index];
    const struct snn_result *first = index > 0 ? report->results[0] : NULL;
    const double dt_us = report->dt_us;
    snnbase_jsonout_put_object(out, NULL);
    snnbase_jsonout_put_string(out, "target", r->target);
    snnbase_jsonout_put_string(out, "semantics", r->semantics);
    snnbase_jsonout_put_string(out, "order", r->order);
    snnbase_jsonout_put_string(out, "arith", r->arith);
    put_chip(out, r->chip);
    put_device(out, r);
    snnbase_jsonout_put_bool(out, "complete", r->complete);
    snnbase_jsonout_put_uint(out, "samples", r->sample_count);
    snnbase_jsonout_put_double(out, "accuracy", r->accuracy);
    put_interval(out, "accuracy_interval", r->accuracy, r->sample_count);
    snnbase_jsonout_put_double(out, "balanced_accuracy", r->balanced_accuracy);
    snnbase_jsonout_put_double(out, "accuracy_without_silent", r->accuracy_without_silent);
    put_by_step(out, r);
    snnbase_jsonout_put_double(out, "cnn_accuracy", r->cnn_accuracy);
    put_interval(out, "cnn_accuracy_interval", r->cnn_accuracy, r->sample_count);
    snnbase_jsonout_put_double(out, "cnn_agreement", r->cnn_agreement);
    snnbase_jsonout_put_double(out, "agreement",
                               first != NULL ? snn_result_agreement(first, r) : (double)NAN);
    put_gap(out, r, first);
    if (is_spiking(r)) {
        snnbase_jsonout_put_double(out, "steps_mean", r->steps_mean);
        put_first_spike(out, r);
        put_rules(out, r);
        put_sweep(out, r);
        put_silent(out, r);
    } else {
        snnbase_jsonout_put_null(out, "steps_mean");
        snnbase_jsonout_put_null(out, "first_spike");
        snnbase_jsonout_put_null(out, "rules");
        snnbase_jsonout_put_null(out, "sweep");
        snnbase_jsonout_put_null(out, "silent");
    }
    put_confusion(out, r);
    put_layers(out, r, report->rates != NULL ? report->rates[index] : NULL, dt_us);
    snnbase_jsonout_put_double(out, "input_spikes_mean", r->input_spikes_mean);
    snnbase_jsonout_put_double(out, "synops_mean", r->synops_mean);
    snnbase_jsonout_put_double(out, "macs_mean", r->macs_mean);
    snnbase_jsonout_put_double(out, "synops_until_decision_mean", r->synops_until_decision_mean);
    put_energy(out, r, dt_us);
    snnbase_jsonout_object_close(out);
}

static void put_device_timing(struct snnbase_jsonout *out, const struct snn_result_device *device)
{
    if (device == NULL) {
        snnbase_jsonout_put_null(out, "device");
        return;
    }
    const struct snn_device_statistics *s = &device->statistics;
    snnbase_jsonout_put_object(out, "device");
    snnbase_jsonout_put_uint(out, "sessions", device->sessions);
    snnbase_jsonout_put_object(out, "load");
    snnbase_jsonout_put_double(out, "seconds", device->load.seconds);
    snnbase_jsonout_put_uint(out, "cores_written", device->load.cores_written);
    snnbase_jsonout_put_uint(out, "cores_kept", device->load.cores_kept);
    snnbase_jsonout_put_uint(out, "bytes_written", device->load.bytes_written);
    snnbase_jsonout_put_uint(out, "bytes_verified", device->load.bytes_verified);
    snnbase_jsonout_object_close(out);
    snnbase_jsonout_put_object(out, "round_trip_us");
    snnbase_jsonout_put_uint(out, "count", s->round_trips);
    snnbase_jsonout_put_double(out, "mean", s->round_trip_us_mean);
    snnbase_jsonout_put_double(out, "p50", s->round_trip_us_p50);
    snnbase_jsonout_put_double(out, "p95", s->round_trip_us_p95);
    snnbase_jsonout_put_double(out, "max", s->round_trip_us_max);
    snnbase_jsonout_object_close(out);
    snnbase_jsonout_put_uint(out, "words_out", s->host_words_out);
    snnbase_jsonout_put_uint(out, "words_in", s->host_words_in);
    snnbase_jsonout_put_uint(out, "faults", s->host_faults);
    snnbase_jsonout_put_uint(out, "device_faults", s->faults);
    snnbase_jsonout_put_uint(out, "stalls", s->stalls);
    snnbase_jsonout_put_uint(out, "retries", s->retries);
    snnbase_jsonout_put_uint(out, "short_packets", s->short_packets);
    snnbase_jsonout_put_uint(out, "spares_used", s->spares_used);
    snnbase_jsonout_put_uint(out, "transfers", s->transfers);
    snnbase_jsonout_object_close(out);
}

/* Rates are of what was done in this time. */
static double share_run(const struct snn_result *r)
{
    if (r->sample_count == 0) return 1.0;
    return (double)(r->sample_count - r->resumed_count) / (double)r->sample_count;
}

static void put_timing(struct snnbase_jsonout *out, const struct snn_report *report)
{
    double seconds = 0.0, samples = 0.0, synops = 0.0, spiking_seconds = 0.0;
    uint64_t resumed = 0;
    snnbase_jsonout_put_object(out, "timing");
    for (uint32_t i = 0; i < report->result_count; i++) {
        const struct snn_result *r = report->results[i];
        seconds += r->seconds;
        resumed += r->resumed_count;
        samples += (double)(r->sample_count - r->resumed_count);
        synops += r->synops_total * share_run(r);
        if (is_spiking(r)) spiking_seconds += r->seconds;
    }
    snnbase_jsonout_put_double(out, "seconds", seconds);
    snnbase_jsonout_put_uint(out, "samples_resumed", resumed);
    snnbase_jsonout_put_double(out, "samples_per_second", samples / seconds);
    snnbase_jsonout_put_double(out, "synops_per_second",
                               synops / spiking_seconds); /* null: nothing spiked */
    snnbase_jsonout_put_array(out, "targets");
    for (uint32_t i = 0; i < report->result_count; i++) {
        const struct snn_result *r = report->results[i];
        snnbase_jsonout_put_object(out, NULL);
        snnbase_jsonout_put_string(out, "target", r->target);
        snnbase_jsonout_put_string(out, "semantics", r->semantics);
        snnbase_jsonout_put_string(out, "order", r->order);
        snnbase_jsonout_put_string(out, "arith", r->arith);
        snnbase_jsonout_put_double(out, "seconds", r->seconds);
        snnbase_jsonout_put_uint(out, "samples_resumed", r->resumed_count);
        snnbase_jsonout_put_double(out, "samples_per_second",
                                   (double)(r->sample_count - r->resumed_count) / r->seconds);
        put_device_timing(out, r->device);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    snnbase_jsonout_object_close(out);
}

static void put_host(struct snnbase_jsonout *out, const struct snn_report *report)
{
    struct utsname host;
    bool known = uname(&host) >= 0;
    snnbase_jsonout_put_object(out, "host");
    snnbase_jsonout_put_string(out, "system", known ? host.sysname : NULL);
    snnbase_jsonout_put_string(out, "machine", known ? host.machine : NULL);
    snnbase_jsonout_put_uint(out, "threads",
                             report->result_count > 0 ? report->results[0]->threads : 0);
    snnbase_jsonout_object_close(out);
}

static int write_report(struct snn_context *context, const struct snn_report *report,
                        struct snnbase_buffer *buffer)
{
    struct snnbase_jsonout out;
    snnbase_jsonout_init(&out, context, buffer, 3);
    snnbase_jsonout_put_object(&out, NULL);
    snnbase_jsonout_put_string(&out, "schema", "snn.run/1");
    snnbase_jsonout_put_object(&out, "tool");
    snnbase_jsonout_put_string(&out, "name", report->tool);
    snnbase_jsonout_put_string(&out, "version", snn_version());
    snnbase_jsonout_object_close(&out);
    snnbase_jsonout_put_object(&out, "model");
    snnbase_jsonout_put_string(&out, "name", report->model_name);
    snnbase_jsonout_put_string(&out, "sha256", report->model_sha256);
    snnbase_jsonout_object_close(&out);
    put_options(&out, report);
    snnbase_jsonout_put_array(&out, "results");
    for (uint32_t i = 0; i < report->result_count; i++)
        put_result(&out, report, i);
    snnbase_jsonout_array_close(&out);
    put_timing(&out, report);
    put_host(&out, report);
    snnbase_jsonout_object_close(&out);
    return snnbase_jsonout_finish(&out);
}

int snn_report_save(struct snn_context *context, const struct snn_report *report, const char *path)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    int status = write_report(context, report, &buffer);
    if (status == SNN_OK) status = snnbase_file_save(context, path, buffer.data, buffer.size);
    snnbase_buffer_fini(context, &buffer);
    return status;
}

int snn_report_format(char **out, struct snn_context *context, const struct snn_report *report)
{
    struct snnbase_buffer buffer = {NULL, 0, 0};
    int status = write_report(context, report, &buffer);
    if (status == SNN_OK) status = snnbase_buffer_append(context, &buffer, "", 1);
    if (status != SNN_OK) {
        snnbase_buffer_fini(context, &buffer);
        return status;
    }
    *out = (char *)buffer.data;
    return SNN_OK;
}

void snn_text_free(struct snn_context *context, char **text)
{
    if (text == NULL || *text == NULL) return;
    snnbase_free(context, *text);
    *text = NULL;
}
