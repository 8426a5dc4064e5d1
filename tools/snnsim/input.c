/* What a run takes in: the model, and the data or the sample that the model names.
 */
#include "tools/cli/interrupt.h"
#include "tools/snnsim/session.h"

/* A finished chip program: it has its chip and the duration of a step with it. */
static int load_program(struct snnsim_session *s)
{
    struct snnsim_options *o = &s->options;
    if (snn_program_load(&s->program, s->context, o->model, s->sha256) != SNN_OK)
        return snncli_fail_context(&s->console, s->context, NULL);
    if (!o->given[OPT_DT]) o->dt_us = s->program->dt_us;
    return SNNCLI_EXIT_OK;
}

static int load_graph(struct snnsim_session *s)
{
    struct snnsim_options *o = &s->options;
    size_t before = s->console.error_count;
    const struct snn_preprocess preprocess = snncli_preprocess_view(&o->preprocess);
    struct snn_import_options options;
    snn_import_options_init(&options);
    options.nir_reset = o->nir_reset;
    if (o->preprocess.given) options.preprocess = &preprocess;
    if (snn_graph_import(&s->graph, s->context, o->model, &options, s->sha256) == SNN_OK)
        return SNNCLI_EXIT_OK;
    /* Files are never INVALID, what a caller asks for is. */
    bool asked = o->preprocess.given && snn_context_status(s->context) == SNN_ERR_INVALID;
    return snnsim_fail_reported(s, before, asked ? "--preprocess" : NULL);
}

int snnsim_load_model(struct snnsim_session *s)
{
    s->console.subject = s->options.model;
    return s->options.is_program ? load_program(s) : load_graph(s);
}

/* Finds the paths of the sample that the model file names. */
static int find_sample(struct snnsim_session *s)
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

/* What asks for labels is refused now, not after a long run. */
static int check_labels(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    const char *asks = o->min_accuracy >= 0.0 ? "--min-accuracy"
                       : o->sweep != NULL     ? "--sweep"
                                              : NULL;
    for (uint32_t i = 0; i < o->rule_count && asks == NULL; i++) {
        if (o->rules[i].kind == SNN_RULE_ORACLE) asks = "--rule oracle";
    }
    if (asks == NULL || snn_source_has_labels(s->source)) return SNNCLI_EXIT_OK;
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, asks, "%s has no labels", s->data_path);
    snncli_hint(&s->console, "name them: --labels FILE");
    return SNNCLI_EXIT_USAGE;
}

/* What is asked for against what the data are. */
static int check_kind(struct snnsim_session *s, enum snn_source_kind kind)
{
    const struct snnsim_options *o = &s->options;
    if (kind == SNN_SOURCE_EVENTS && o->given[OPT_ENCODING])
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--encoding",
                           "%s holds recorded events, which are not encoded", s->data_path);
    if (kind != SNN_SOURCE_EVENTS && kind != SNN_SOURCE_ANY && o->view != NULL)
        return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, "--view", "%s holds no recorded events",
                           s->data_path);
    return SNNCLI_EXIT_OK;
}

int snnsim_open_data(struct snnsim_session *s)
{
    struct snnsim_options *o = &s->options;
    enum snn_source_kind kind = o->input_spikes != NULL ? SNN_SOURCE_SPIKES : SNN_SOURCE_FRAMES;
    s->data_path = kind == SNN_SOURCE_SPIKES ? o->input_spikes : o->data;
    bool own = s->data_path == NULL;
    int status = own ? find_sample(s) : SNNCLI_EXIT_OK;
    if (status != SNNCLI_EXIT_OK) return status;
    if (own) s->data_path = s->sample.images;
    if (kind == SNN_SOURCE_FRAMES) kind = snncli_data_kind(s->context, s->data_path, o->view);
    status = check_kind(s, kind);
    if (status != SNNCLI_EXIT_OK) return status;
    const struct snn_source_options options = {
        .labels = own ? s->sample.labels : o->labels,
        .view = o->view,
        .shape = s->graph != NULL ? snn_graph_input_shape(s->graph) : s->program->input_shape};
    snncli_interrupt_at_once(true);
    int opened = snn_source_open(&s->source, s->context, s->data_path, kind, &options);
    snncli_interrupt_at_once(false);
    if (opened != SNN_OK) {
        status = snncli_fail_context(&s->console, s->context, NULL);
        if (own && status == SNNCLI_EXIT_NO_INPUT)
            snncli_hint(&s->console, "%s names it as its sample; give other data with --data",
                        o->model);
        return status;
    }
    kind = snn_source_kind(s->source);
    status = check_kind(s, kind); /* of a pipe it is known but now */
    if (status != SNNCLI_EXIT_OK) return status;
    if (kind == SNN_SOURCE_SPIKES && !o->given[OPT_TIMESTEPS])
        o->timesteps = snn_source_steps(s->source);
    if (kind == SNN_SOURCE_EVENTS && !o->given[OPT_TIMESTEPS])
        status =
            snncli_recorded_steps(&o->timesteps, &s->console, s->source, s->data_path, o->dt_us);
    if (kind == SNN_SOURCE_EVENTS && o->given[OPT_TIMESTEPS] && snnsim_share_is_root(s))
        snncli_warn_cut(&s->console, s->source, s->data_path, o->timesteps, o->dt_us);
    return status == SNNCLI_EXIT_OK ? check_labels(s) : status;
}
