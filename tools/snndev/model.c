/* The model's way onto a device: graph -> net in the chip's form -> placement -> program -> its
 * memories. The same steps and the same defaults as snnsim --target chip:NAME.
 */
#include <stdio.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/placement.h"
#include "tools/cli/table.h"
#include "tools/snndev/session.h"

/* The device's profile, by the name that it has said hello with. */
static int load_chip(struct snndev_session *s)
{
    const struct snn_device_info *about = snn_device_about(s->device);
    if (snn_chip_load(&s->chip, s->context, about->chip) == SNN_OK) return SNNCLI_EXIT_OK;
    (void)snncli_fail_context(&s->console, s->context, s->options.uri);
    return SNNCLI_EXIT_PROTOCOL;
}

/* A program that was made before: for this chip or for another. */
static int load_program(struct snndev_session *s)
{
    struct snndev_options *o = &s->options;
    const struct snn_device_info *about = snn_device_about(s->device);
    if (snn_program_load(&s->program, s->context, o->model, s->sha256) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    if (!o->given[OPT_DT]) o->dt_us = s->program->dt_us;
    if (strcmp(s->program->chip.name, about->chip) == 0) return SNNCLI_EXIT_OK;
    snncli_error(&s->console, o->model, "is a program for %s, and %s is a %s",
                 s->program->chip.name, about->uri, about->chip);
    snncli_hint(&s->console,
                "give the model it was made of, or place that: snnconvert MODEL --check %s -o "
                "FILE.chip.json",
                about->chip);
    return SNNCLI_EXIT_DOES_NOT_FIT;
}

static int load_graph(struct snndev_session *s)
{
    const size_t before = s->console.error_count;
    struct snn_import_options options;
    snn_import_options_init(&options);
    if (snn_graph_import(&s->graph, s->context, s->options.model, &options, s->sha256) == SNN_OK)
        return SNNCLI_EXIT_OK;
    const int status = snn_context_status(s->context);
    if (s->console.error_count > before && status != SNN_ERR_NOMEM)
        return snncli_exit_from_status(status);
    return snncli_fail_context(&s->console, s->context, NULL);
}

/* p99.9, or none where the model knows nothing of its activations. */
static int choose_norm(struct snndev_session *s)
{
    struct snndev_options *o = &s->options;
    uint32_t count = 0;
    if (o->norm != NULL) return SNNCLI_EXIT_OK;
    (void)snn_graph_quantiles(s->graph, &count, NULL, NULL);
    if (count > 0) return SNNCLI_EXIT_OK;
    if (!snn_graph_is_spiking(s->graph)) {
        snncli_warning(&s->console, o->model,
                       "no activation statistics: all thresholds are 1 (--norm none)");
        snncli_hint(&s->console, "give training frames: snnconvert MODEL --calibrate FRAMES -o "
                                 "CALIBRATED.json");
    }
    return snn_norm_parse(&o->lower, s->context, "none") == SNN_OK
               ? SNNCLI_EXIT_OK
               : snncli_fail_context(&s->console, s->context, "--norm");
}

static int lower(struct snndev_session *s)
{
    struct snn_lower_options *lower = &s->options.lower;
    const size_t before = s->console.error_count;
    lower->arith = SNN_ARITH_CHIP;
    lower->chip = &s->chip;
    if (snn_net_lower(&s->net, s->context, s->graph, lower) == SNN_OK) return SNNCLI_EXIT_OK;
    const int status = snn_context_status(s->context);
    if (s->console.error_count > before && status != SNN_ERR_NOMEM)
        return snncli_exit_from_status(status);
    const int code = snncli_fail_context(&s->console, s->context, s->options.model);
    return code == SNNCLI_EXIT_NO_INPUT ? SNNCLI_EXIT_DATA : code;
}

/* Why it does not fit, and where to read more. */
static void tell(struct snndev_session *s, const struct snn_placement *placement)
{
    FILE *err = s->console.err;
    snncli_placement_verdict(&s->console, err, placement);
    snncli_placement_findings(&s->console, placement);
    if (s->console.verbosity < 0) return;
    fprintf(err, "\nall memories, and what would fit: snnconvert %s --check %s\n", s->options.model,
            s->chip.name);
}

static int place(struct snndev_session *s)
{
    const struct snndev_options *o = &s->options;
    const struct snn_place_options options = {.pins = o->pins.pins,
                                              .pin_count = o->pins.count,
                                              .remedies_off = true,
                                              .dt_us = o->dt_us,
                                              .model_sha256 = s->sha256,
                                              .tool = s->console.tool};
    struct snn_placement *placement = NULL;
    if (snn_place(&placement, s->context, s->net, &s->chip, &options) != SNN_OK)
        return snncli_fail_context(&s->console, s->context,
                                   o->pins.count > 0 ? "--core" : o->model);
    s->program = snn_placement_take_program(placement);
    if (s->program == NULL)
        tell(s, placement);
    else
        snncli_placement_findings(&s->console, placement);
    snn_placement_destroy(&placement);
    return s->program != NULL ? SNNCLI_EXIT_OK : SNNCLI_EXIT_DOES_NOT_FIT;
}

/* What says how a net is lowered says nothing of a program. */
static int check_program_options(const struct snndev_options *o)
{
    static const struct {
        int id;
        const char *name;
    } of_nets[] = {{OPT_NORM, "--norm"}, {OPT_MAX_POOL, "--max-pool"}, {OPT_CORE, "--core"}};
    for (size_t i = 0; i < sizeof(of_nets) / sizeof(of_nets[0]); i++) {
        if (!o->given[of_nets[i].id]) continue;
        (void)snncli_fail(o->console, SNNCLI_EXIT_USAGE, of_nets[i].name,
                          "%s is placed already: it is a chip program", o->model);
        snncli_hint(o->console, "give the model in its place");
        return SNNCLI_EXIT_USAGE;
    }
    return SNNCLI_EXIT_OK;
}

int snndev_make_program(struct snndev_session *s)
{
    s->console.subject = s->options.model;
    if (snn_program_probe(s->context, s->options.model)) {
        int wrong = check_program_options(&s->options);
        return wrong == SNNCLI_EXIT_OK ? load_program(s) : wrong;
    }
    int status = load_chip(s);
    if (status == SNNCLI_EXIT_OK) status = load_graph(s);
    if (status == SNNCLI_EXIT_OK) status = choose_norm(s);
    if (status == SNNCLI_EXIT_OK) status = lower(s);
    return status == SNNCLI_EXIT_OK ? place(s) : status;
}

/* ---- Data ---- */

static int find_sample(struct snndev_session *s)
{
    const char *model = s->options.model;
    if (s->graph != NULL) {
        int status = snncli_sample_find(&s->sample, &s->console, model, s->graph);
        if (status != SNNCLI_EXIT_OK || s->sample.images != NULL) return status;
    }
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, model, "the model names no sample data");
    snncli_hint(&s->console, "give the data to run on: --data FILE");
    return SNNCLI_EXIT_USAGE;
}

/* Spikes in an .npy are told from frames by the steps that they have. */
static enum snn_source_kind guess(struct snndev_session *s, struct snn_source_options *options)
{
    enum snn_source_kind kind = snn_source_guess(s->context, s->data_path);
    struct snn_context *silent = NULL;
    struct snn_source *source = NULL;
    if (kind != SNN_SOURCE_FRAMES || snn_context_create(&silent, NULL) != SNN_OK) return kind;
    if (snn_source_open(&source, silent, s->data_path, SNN_SOURCE_FRAMES, options) != SNN_OK &&
        snn_source_open(&source, silent, s->data_path, SNN_SOURCE_SPIKES, options) == SNN_OK)
        kind = SNN_SOURCE_SPIKES;
    snn_source_close(&source);
    snn_context_destroy(&silent);
    return kind;
}

static int check_kind(struct snndev_session *s, enum snn_source_kind kind)
{
    if (kind == SNN_SOURCE_FRAMES || kind == SNN_SOURCE_ANY || !s->options.given[OPT_ENCODING])
        return SNNCLI_EXIT_OK;
    return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--encoding",
                       "%s holds spikes, which are not encoded", s->data_path);
}

/* Shape of the data against that of the chip's input; the first sample against their number. */
static int check_data(struct snndev_session *s)
{
    const struct snndev_options *o = &s->options;
    const struct snn_shape have = snn_source_shape(s->source), want = s->program->input_shape;
    const uint64_t count = snn_source_count(s->source);
    if (have.channels * have.height * have.width != want.channels * want.height * want.width ||
        (have.height * have.width > 1 && (have.height != want.height || have.width != want.width)))
        return snncli_fail(&s->console, SNNCLI_EXIT_DATA, s->data_path,
                           "samples of %ux%ux%u, and the net takes %ux%ux%u", have.channels,
                           have.height, have.width, want.channels, want.height, want.width);
    if (o->offset >= count)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--offset",
                           "%llu is beyond the %llu samples of %s", (unsigned long long)o->offset,
                           (unsigned long long)count, s->data_path);
    if (o->samples > count - o->offset)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--samples",
                           "%llu are asked for, %s has %llu from sample %llu on",
                           (unsigned long long)o->samples, s->data_path,
                           (unsigned long long)(count - o->offset), (unsigned long long)o->offset);
    return SNNCLI_EXIT_OK;
}

int snndev_open_data(struct snndev_session *s)
{
    struct snndev_options *o = &s->options;
    const bool own = o->data == NULL;
    int status = own ? find_sample(s) : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    s->data_path = own ? s->sample.images : o->data;
    struct snn_source_options options = {.labels = own ? s->sample.labels : o->labels,
                                         .shape = s->program->input_shape,
                                         .go_on = snncli_interrupt_go_on};
    enum snn_source_kind kind = guess(s, &options);
    status = check_kind(s, kind);
    if (status != SNNCLI_EXIT_OK) return status;
    if (snn_source_open(&s->source, s->context, s->data_path, kind, &options) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    kind = snn_source_kind(s->source);
    status = check_kind(s, kind); /* of a pipe it is known but now */
    if (status != SNNCLI_EXIT_OK) return status;
    if (kind == SNN_SOURCE_SPIKES && !o->given[OPT_TIMESTEPS])
        o->timesteps = snn_source_steps(s->source);
    if (kind == SNN_SOURCE_EVENTS && !o->given[OPT_TIMESTEPS])
        status =
            snncli_recorded_steps(&o->timesteps, &s->console, s->source, s->data_path, o->dt_us);
    return status == SNNCLI_EXIT_OK ? check_data(s) : status;
}

/* ---- Onto the device ---- */

int snndev_put_program(struct snndev_session *s, FILE *out,
                       struct snn_device_load_report *report_out)
{
    struct snn_device_load_report report = {.cores_written = 0};
    if (snn_device_load(s->device, s->context, s->program, &report) != SNN_OK) {
        const bool invalid = snn_context_status(s->context) == SNN_ERR_INVALID;
        int status = snndev_fail_device(s);
        return invalid ? SNNCLI_EXIT_DOES_NOT_FIT : status;
    }
    if (report_out != NULL) *report_out = report;
    if (out == NULL) return SNNCLI_EXIT_OK;
    fprintf(out, "%s on %s: %u cores written, %u right already\n", s->program->name,
            snndev_name(s).text, report.cores_written, report.cores_kept);
    return SNNCLI_EXIT_OK;
}
