/* first_spike MODEL DATA [TARGET [SAMPLES [STEPS]]]: how soon a net's first output spike comes, and
 * how often it is right, over a data set on any target.
 *
 * One line of comma-separated values a sample on stdout, the study's figures on stderr. A sample
 * without an output spike is wrong, and counts with all steps.
 */
#include <snn/snn.h>
#include <stdio.h>
#include <stdlib.h>

struct study {
    uint32_t *steps; /* [count] until the first spike */
    uint64_t count, silent, labelled, first_right, last_right;
};

static int compare(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Nearest rank. */
static uint32_t quantile(const struct study *s, uint64_t percent)
{
    const uint64_t rank = (s->count * percent + 99) / 100;
    return s->steps[rank > 0 ? rank - 1 : 0];
}

static void add(struct study *s, uint64_t sample, int32_t label, uint32_t steps,
                const struct snn_prediction *answer)
{
    const uint32_t step = answer->first_step > 0 ? answer->first_step : steps;
    s->steps[s->count++] = step;
    s->silent += answer->first_step == 0;
    s->labelled += label >= 0;
    s->first_right += label >= 0 && answer->first_class == label;
    s->last_right += label >= 0 && answer->class_index == label;
    printf("%llu,%d,%u,%d,%d\n", (unsigned long long)sample, label, answer->first_step,
           answer->first_class, answer->class_index);
}

static void print(struct study *s)
{
    if (s->count == 0) return;
    qsort(s->steps, s->count, sizeof(*s->steps), compare);
    fprintf(stderr,
            "samples %llu, without a spike %llu\nsteps to the first spike: median %u, "
            "95 %% within %u\n",
            (unsigned long long)s->count, (unsigned long long)s->silent, quantile(s, 50),
            quantile(s, 95));
    if (s->labelled > 0)
        fprintf(stderr, "right: first spike %.2f %%, all steps %.2f %%\n",
                100.0 * (double)s->first_right / (double)s->labelled,
                100.0 * (double)s->last_right / (double)s->labelled);
}

static int run(struct snn_context *context, struct snn_classifier *net,
               const struct snn_source *data, uint64_t samples, uint32_t steps)
{
    struct study study = {.steps = NULL};
    struct snn_prediction answer;
    const uint64_t all = snn_source_count(data);
    if (samples == 0 || samples > all) samples = all;
    study.steps = calloc(samples, sizeof(*study.steps));
    if (study.steps == NULL) return snn_context_fail(context, SNN_ERR_NOMEM, "out of memory");
    int status = SNN_OK;
    printf("sample,label,first_step,first_class,class\n");
    for (uint64_t i = 0; status == SNN_OK && i < samples; i++) {
        status = snn_classifier_sample(net, context, data, i, &answer);
        if (status == SNN_OK) add(&study, i, snn_source_label(data, i), steps, &answer);
    }
    print(&study);
    free(study.steps);
    return status;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    struct snn_classifier *net = NULL;
    struct snn_source *data = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: first_spike MODEL DATA [TARGET [SAMPLES [STEPS]]]\n");
        return 64;
    }
    const uint32_t steps = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 100;
    const struct snn_classify_options options = {.timesteps = steps};
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    int status = snn_classifier_open(&net, context, argv[1], argc > 3 ? argv[3] : "sim", &options);
    const struct snn_source_options shape = {.shape = snn_classifier_shape(net)};
    const enum snn_source_kind kind = snn_source_guess(context, argv[2]);
    if (status == SNN_OK)
        status = snn_source_open(&data, context, argv[2], kind,
                                 kind != SNN_SOURCE_FRAMES ? &shape : NULL);
    if (status == SNN_OK)
        status = run(context, net, data, argc > 4 ? strtoull(argv[4], NULL, 10) : 0, steps);
    if (status != SNN_OK)
        fprintf(stderr, "%s\n%s\n", snn_context_message(context), snn_context_hint(context));
    snn_source_close(&data);
    snn_classifier_close(&net);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
