/* A small run for the tests of this room: twelve samples of four steps on a chip of three cores,
 * two of which tell classes; and its result as text.
 */
#ifndef TESTS_UNIT_RUN_FIXTURE_H
#define TESTS_UNIT_RUN_FIXTURE_H

#include "snn/partial.h"
#include "tests/unit/support.h"

enum { FIXTURE_SAMPLES = 12, FIXTURE_STEPS = 4 };

struct fixture {
    struct snn_context *context;
    struct snn_program *program;
    struct snn_target *target;
    struct snn_source *source;
    struct snn_run_options
        options; /* to be changed before a partial is made; two rules, a thread */
};

extern struct fixture fixture;

/* For .init and .fini of a suite. */
void fixture_begin(void);
void fixture_end(void);

void fixture_ok(int status);

struct snn_partial *fixture_partial(void);

/* Runs with the options and gives what stands in the JSON but for times and host; free with
 * fixture_free. */
char *fixture_run(void);
void fixture_free(char **text);

/* The records of all samples, in the order in which they came from the run. */
struct fixture_records {
    unsigned char *bytes[FIXTURE_SAMPLES];
    size_t size[FIXTURE_SAMPLES];
    unsigned count;
};
/* A watcher with them as its user. */
int fixture_keep(struct snn_context *context, const void *record, size_t size, void *user);
void fixture_forget(struct fixture_records *records);
/* Runs all of it and keeps the records. */
void fixture_record(struct fixture_records *records);

#endif
