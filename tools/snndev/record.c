/* snndev record: what a device sends, into a file.
 *
 * Spikes of one layer become counts in an .npy that snnsim reads; a .csv has every event. The
 * session's tape is the library's (snn_device_options.record) and needs nothing here.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/interrupt.h"
#include "tools/cli/table.h"
#include "tools/snndev/play.h"

enum { SAMPLES_DEFAULT = 10 };

struct record {
    struct snndev_session *session;
    struct snndev_play play;
    uint64_t sample; /* that is under way */
    uint64_t events;
    /* .csv */
    FILE *csv;
    char *partial; /* name until it is whole */
    /* .npy */
    struct snn_npy_writer *npy;
    const struct snn_core *core; /* whose spikes go there */
    struct snn_shape map;        /* of its layer */
    uint8_t *row;                /* [step][channel][y][x] */
    uint64_t clipped;            /* spikes beyond 255 of a neuron in a step */
};

/* ---- Which layer ---- */

/* The last layer if none is named. Parts of a layer on two cores count as one. */
static int find_layer(struct record *r)
{
    struct snndev_session *s = r->session;
    const struct snn_program *program = s->program;
    const char *name = s->options.layer;
    char list[512] = "";
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_core *core = &program->cores[i];
        const size_t used = strlen(list);
        if (name == NULL ? i + 1 == program->core_count : strcmp(core->layer, name) == 0) {
            if (r->core == NULL) r->core = core;
        }
        if (i > 0 && core->layer_index == core[-1].layer_index) continue;
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", used > 0 ? ", " : "", core->layer);
    }
    if (r->core == NULL) {
        (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--layer", "no layer of %s is named '%s'",
                          program->name, name);
        snncli_hint(&s->console, "its layers are %s", list);
        return SNNCLI_EXIT_USAGE;
    }
    /* The last layer's features lie spread in memory; what is counted are classes. */
    const struct snn_core *last = &program->cores[program->core_count - 1];
    r->map = r->core->output;
    if (r->core->layer_index == last->layer_index) {
        r->core = last;
        r->map.channels =
            (last->feature_first + last->output.channels - 1) / program->readout_spread + 1;
        return SNNCLI_EXIT_OK;
    }
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_core *core = &program->cores[i];
        const uint32_t end = core->feature_first + core->output.channels;
        if (core->layer_index == r->core->layer_index && end > r->map.channels)
            r->map.channels = end;
    }
    return SNNCLI_EXIT_OK;
}

/* The feature of the recorded layer that an event is of; UINT32_MAX: of another layer. */
static uint32_t feature_of(const struct record *r, const struct snn_device_event *event)
{
    const struct snn_program *program = r->session->program;
    const struct snn_core *last = &program->cores[program->core_count - 1];
    if (r->core == last) {
        if (event->layer != program->chip.readout_layer) return UINT32_MAX;
        return event->feature % program->readout_spread == 0
                   ? event->feature / program->readout_spread
                   : UINT32_MAX;
    }
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_core *core = &program->cores[i];
        if (core->index == event->layer && core->layer_index == r->core->layer_index)
            return core->feature_first + event->feature;
    }
    return UINT32_MAX;
}

static size_t map_size(const struct record *r)
{
    return (size_t)r->map.channels * r->map.height * r->map.width;
}

/* ---- Items ---- */

static bool take_item(const struct snn_device_item *item, uint32_t step, void *user)
{
    struct record *r = user;
    const struct snn_device_event *event = &item->event;
    if (item->kind != SNN_DEVICE_EVENT) return true;
    r->events++;
    if (r->csv != NULL)
        fprintf(r->csv, "%llu,%u,%llu,%u,%u,%u,%u\n", (unsigned long long)r->sample, step,
                (unsigned long long)event->time_us, event->layer, event->feature, event->y,
                event->x);
    if (r->npy == NULL) return true;
    const uint32_t feature = feature_of(r, event);
    if (feature >= r->map.channels || event->y >= r->map.height || event->x >= r->map.width ||
        step >= r->session->options.timesteps)
        return true;
    uint8_t *count =
        &r->row[step * map_size(r) + ((size_t)feature * r->map.height + event->y) * r->map.width +
                event->x];
    if (*count < UINT8_MAX)
        (*count)++;
    else
        r->clipped++;
    return true;
}

static bool go_on(void *user)
{
    (void)user;
    return !snncli_interrupt_pending();
}

/* ---- Files ---- */

static int fail_output(struct record *r)
{
    int code = snn_context_status(r->session->context);
    int status = snncli_fail_context(&r->session->console, r->session->context, NULL);
    return code == SNN_ERR_ACCESS || code == SNN_ERR_NOT_FOUND ? SNNCLI_EXIT_NO_OUTPUT : status;
}

static int open_csv(struct record *r)
{
    struct snndev_session *s = r->session;
    const size_t size = strlen(s->options.output) + sizeof(".part");
    r->partial = malloc(size);
    if (r->partial == NULL) return snndev_fail_memory(s);
    (void)snprintf(r->partial, size, "%s.part", s->options.output);
    r->csv = fopen(r->partial, "w");
    if (r->csv == NULL)
        return snncli_fail(&s->console, SNNCLI_EXIT_NO_OUTPUT, s->options.output,
                           "cannot be written");
    fputs("sample,step,time_us,layer,feature,y,x\n", r->csv);
    return SNNCLI_EXIT_OK;
}

static int open_npy(struct record *r, uint64_t samples)
{
    struct snndev_session *s = r->session;
    int status = find_layer(r);
    if (status != SNNCLI_EXIT_OK) return status;
    const uint64_t shape[] = {samples, s->options.timesteps, r->map.channels, r->map.height,
                              r->map.width};
    r->row = malloc(s->options.timesteps * map_size(r));
    if (r->row == NULL) return snndev_fail_memory(s);
    if (snn_npy_create(&r->npy, s->context, s->options.output, shape, 5, SNN_NPY_UINT8) != SNN_OK)
        return fail_output(r);
    return SNNCLI_EXIT_OK;
}

static int open_output(struct record *r, uint64_t samples)
{
    const char *path = r->session->options.output;
    if (path == NULL) return SNNCLI_EXIT_OK;
    return strcmp(path + strlen(path) - 4, ".npy") == 0 ? open_npy(r, samples) : open_csv(r);
}

/* Whole, or not at all. */
static int finish_output(struct record *r)
{
    struct snndev_session *s = r->session;
    if (r->npy != NULL && snn_npy_commit(&r->npy, s->context) != SNN_OK) return fail_output(r);
    if (r->csv == NULL) return SNNCLI_EXIT_OK;
    const bool bad = fflush(r->csv) != 0 || ferror(r->csv) != 0;
    const bool unclosed = fclose(r->csv) != 0;
    r->csv = NULL;
    if (bad || unclosed || rename(r->partial, s->options.output) != 0)
        return snncli_fail(&s->console, SNNCLI_EXIT_IO, s->options.output, "cannot be written");
    free(r->partial);
    r->partial = NULL;
    return SNNCLI_EXIT_OK;
}

static void release(struct record *r)
{
    snndev_play_close(&r->play);
    snn_npy_abandon(&r->npy);
    if (r->csv != NULL) (void)fclose(r->csv);
    if (r->partial != NULL) (void)remove(r->partial);
    free(r->partial);
    free(r->row);
}

/* ---- The whole ---- */

static int record_sample(struct record *r, uint64_t index, uint64_t row)
{
    struct snndev_session *s = r->session;
    if (r->row != NULL) memset(r->row, 0, s->options.timesteps * map_size(r));
    r->sample = index;
    int status = snndev_play_sample(&r->play, index);
    if (status != SNNCLI_EXIT_OK || r->npy == NULL) return status;
    return snn_npy_write(r->npy, s->context, row, r->row) == SNN_OK ? SNNCLI_EXIT_OK
                                                                    : fail_output(r);
}

static void tell(const struct record *r, uint64_t samples)
{
    const struct snndev_options *o = &r->session->options;
    printf("%llu samples, %u steps of %g ms: %s events\n", (unsigned long long)samples,
           o->timesteps, o->dt_us / 1000.0, snncli_format_count(r->events).text);
    if (r->core != NULL)
        printf("  %s: spikes of %s, %ux%ux%u\n", o->output, r->core->layer, r->map.channels,
               r->map.height, r->map.width);
    else if (o->output != NULL)
        printf("  %s: every event\n", o->output);
    if (o->session != NULL)
        printf("  %s: the session, for snndev replay %s %s\n", o->session, o->session, o->model);
}

static int record_samples(struct record *r)
{
    struct snndev_session *s = r->session;
    const struct snndev_options *o = &s->options;
    const uint64_t left = snn_source_count(s->source) - o->offset;
    const uint64_t wanted = o->samples > 0 ? o->samples : SAMPLES_DEFAULT;
    const uint64_t count = wanted < left ? wanted : left;
    struct snn_device_statistics have;
    int status = open_output(r, count);
    snncli_progress_init(&s->progress, &s->console, "recording", "samples", count);
    for (uint64_t i = 0; status == SNNCLI_EXIT_OK && i < count; i++) {
        snncli_progress_update(&s->progress, i, 0);
        status = record_sample(r, o->offset + i, i);
    }
    snncli_progress_finish(&s->progress);
    /* As run does: a session is the same, whichever of the two it is from. */
    if (status == SNNCLI_EXIT_OK) status = snndev_read_statistics(s, &have);
    if (status == SNNCLI_EXIT_INTERRUPTED)
        snncli_warning(&s->console, NULL, "interrupted: %s",
                       o->session == NULL ? "nothing is written"
                                          : "no events are written; the session ends there");
    if (status == SNNCLI_EXIT_OK && snndev_losses_any(&r->play.lost) && !o->allow_loss) {
        snncli_error(&s->console, o->uri, "%s were lost, nothing is written",
                     snndev_losses_format(&r->play.lost).text);
        snncli_hint(&s->console, "--allow-loss keeps what is there");
        return SNNCLI_EXIT_IO;
    }
    if (status == SNNCLI_EXIT_OK) status = finish_output(r);
    if (status != SNNCLI_EXIT_OK) return status;
    if (r->clipped > 0)
        snncli_warning(&s->console, o->output,
                       "%llu spikes beyond the 255 that a neuron's count of a step holds",
                       (unsigned long long)r->clipped);
    tell(r, count);
    return status;
}

int snndev_record(struct snndev_session *s)
{
    struct record record = {.session = s};
    int status = snndev_open(s, s->options.uri);
    if (status == SNNCLI_EXIT_OK) status = snndev_make_program(s);
    if (status == SNNCLI_EXIT_OK) status = snndev_open_data(s);
    if (status == SNNCLI_EXIT_OK) status = snndev_put_program(s, NULL, NULL);
    if (status != SNNCLI_EXIT_OK) return status;
    record.play.item = take_item;
    record.play.go_on = go_on;
    record.play.user = &record;
    status = snndev_play_open(&record.play, s);
    if (status == SNNCLI_EXIT_OK) status = record_samples(&record);
    release(&record);
    return status;
}
