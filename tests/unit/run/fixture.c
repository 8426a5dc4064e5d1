/* The run: a source in a file of counts, a relay and two classes behind it.
 */
#include "tests/unit/run/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/sketch.h"

struct fixture fixture;

static const struct snn_energy_profile energy = {.name = "events", .io_event_pj = 1e6};
static const struct snn_rule rules[] = {{SNN_RULE_COUNT, 3.0, 0.0f}, {SNN_RULE_FIRST, 0.0, 0.0f}};

void fixture_ok(int status)
{
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(fixture.context));
}

/* Spikes of one input, 0 to 3 a step; sample 5 is silent. */
static void open_source(void)
{
    enum { SIZE = FIXTURE_SAMPLES * FIXTURE_STEPS };
    static const char head[] =
        "{'descr': '|u1', 'fortran_order': False, 'shape': (12, 4, 1, 1, 1)}";
    char file[128 + SIZE], labels[16 + FIXTURE_SAMPLES];
    struct snn_source_options options = {.labels = NULL};
    memset(file, ' ', 128);
    memcpy(file, "\x93NUMPY\1\0\x76\0", 10);
    memcpy(file + 10, head, sizeof(head) - 1);
    file[127] = '\n';
    for (int i = 0; i < SIZE; i++)
        file[128 + i] = (char)(i / FIXTURE_STEPS == 5 ? 0 : (i * 7 + i / 5) % 4);
    memcpy(labels, "\0\0\x08\x01\0\0\0\x0c", 8);
    for (int i = 0; i < FIXTURE_SAMPLES; i++)
        labels[8 + i] = (char)(i % 3 == 0);
    options.labels = support_put("labels", labels, 8 + FIXTURE_SAMPLES);
    fixture_ok(snn_source_open(&fixture.source, fixture.context,
                               support_put("spikes.npy", file, sizeof(file)), SNN_SOURCE_SPIKES,
                               &options));
}

static void make_program(void)
{
    static const int8_t relay[] = {100}, weak[] = {50};
    struct snn_program *sketch = sketch_begin(1, 1, 1);
    fixture_ok(snn_chip_load(&sketch->chip, fixture.context, "dynapcnn"));
    sketch_add((struct snn_core){.index = 0,
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = relay,
                                 .destination_count = 2,
                                 .destinations = {{4, 1, 0}, {7, 1, 0}}});
    sketch_add((struct snn_core){
        .index = 4, .layer = "out", .output = {1, 0, 0}, .kernel_size = 1, .weights = relay});
    sketch_add((struct snn_core){.index = 7,
                                 .layer = "out",
                                 .layer_index = 1,
                                 .feature_first = 1,
                                 .output = {1, 0, 0},
                                 .kernel_size = 1,
                                 .weights = weak});
    fixture_ok(snn_program_create(&fixture.program, fixture.context, sketch));
}

void fixture_begin(void)
{
    support_begin();
    fixture.context = support_context();
    open_source();
    make_program();
    fixture_ok(snn_target_open(&fixture.target, fixture.context, "chip:dynapcnn"));
    fixture_ok(snn_target_load_program(fixture.target, fixture.context, fixture.program));
    snn_run_options_init(&fixture.options);
    fixture.options.timesteps = FIXTURE_STEPS;
    fixture.options.energy = &energy;
    fixture.options.rules = rules;
    fixture.options.rule_count = 2;
    fixture.options.threads = 1;
}

void fixture_end(void)
{
    snn_target_close(&fixture.target);
    snn_source_close(&fixture.source);
    snn_program_destroy(&fixture.program);
    support_end();
}

struct snn_partial *fixture_partial(void)
{
    struct snn_partial *partial = NULL;
    fixture_ok(snn_partial_create(&partial, fixture.context, fixture.target,
                                  snn_target_net(fixture.target), NULL, fixture.source,
                                  &fixture.options));
    return partial;
}

char *fixture_run(void)
{
    struct snn_result *result = NULL;
    char *text = NULL;
    fixture_ok(snn_run(&result, fixture.context, fixture.target, snn_target_net(fixture.target),
                       fixture.source, &fixture.options));
    const struct snn_result *const results[] = {result};
    const struct snn_report report = {.tool = "test", .results = results, .result_count = 1};
    fixture_ok(snn_report_format(&text, fixture.context, &report));
    char *timing = strstr(text, "\"timing\"");
    cr_assert_not_null(timing);
    *timing = '\0';
    snn_result_destroy(&result);
    return text;
}

void fixture_free(char **text)
{
    snn_text_free(fixture.context, text);
}

int fixture_keep(struct snn_context *context, const void *record, size_t size, void *user)
{
    struct fixture_records *records = user;
    (void)context;
    cr_assert_lt(records->count, FIXTURE_SAMPLES);
    unsigned char *copy = malloc(size);
    cr_assert_not_null(copy);
    memcpy(copy, record, size);
    records->bytes[records->count] = copy;
    records->size[records->count++] = size;
    return SNN_OK;
}

void fixture_forget(struct fixture_records *records)
{
    for (unsigned i = 0; i < records->count; i++)
        free(records->bytes[i]);
    records->count = 0;
}

void fixture_record(struct fixture_records *records)
{
    struct snn_partial *partial = fixture_partial();
    *records = (struct fixture_records){.count = 0};
    snn_partial_watch(partial, fixture_keep, records);
    fixture.options.partial = partial;
    char *text = fixture_run();
    fixture_free(&text);
    fixture.options.partial = NULL;
    snn_partial_destroy(&partial);
    cr_assert_eq(records->count, FIXTURE_SAMPLES);
}
