/* What is known of a run so far, from inside: the run adds the outcomes of its samples and builds
 * its result from here, whether or not anybody watches.
 */
#ifndef SNN_RUN_PARTIAL_H
#define SNN_RUN_PARTIAL_H

#include <pthread.h>

#include "libsnn/model/outcome.h"
#include "snn/partial.h"

/* What a run is between, borrowed. */
struct snnrun_parties {
    struct snn_target *target;
    const struct snn_net *net;     /* NULL of a frame-based run */
    const struct snn_graph *graph; /* NULL of a run of spikes */
    const struct snn_source *source;
};

struct snn_partial {
    struct snnbase_arena arena;
    struct snnrun_parties of;
    struct snnmodel_layout layout;
    struct snn_rule *rules;    /* [layout.rule_count] those of the options, then of the sweep */
    double *sinabs_operations; /* [synapse]; NULL in exact accounting */
    const char *options;       /* what of them decides an outcome (run_identity.h) */
    const char *identity;      /* the whole text; NULL: nobody asks */
    unsigned char fingerprint[SNN_FINGERPRINT_SIZE];

    pthread_mutex_t *lock; /* of everything below */
    uint64_t done_count;
    struct snnmodel_sample *samples;     /* [sample_count] */
    struct snnmodel_decision *decisions; /* [sample_count][rule_count] */
    struct snnmodel_tally tally;
    struct snnmodel_outcome read;  /* the record that is being added */
    struct snnbase_buffer written; /* the record that is being told */
    struct snnbase_buffer *kept;   /* [sample_count] records that came with counts; NULL: none do */
    snn_partial_fn watch;          /* NULL: nobody */
    void *watch_user;
};

/* The partial of a run whose arguments were checked: that of the options, or where they have none a
 * new one, which is the caller's to destroy as *own_out; nobody asks for its fingerprint, which
 * would take reading the data. Errors: INVALID (that of the options was created for another run),
 * NOMEM. */
int snnrun_partial_obtain(struct snn_partial **out, struct snn_partial **own_out,
                          const struct snnrun_parties *of, struct snn_context *context,
                          const struct snn_run_options *options);

/* Adds what this run found of a sample; *new_out says whether nobody had before. Errors: NOMEM,
 * and the watcher's. */
int snnrun_partial_put(struct snn_partial *partial, struct snn_context *context, uint64_t at,
                       const struct snnmodel_outcome *outcome, bool *new_out);

/* The result of what is known by now; the rest of `record` is the caller's to fill in. Samples that
 * came with counts from elsewhere are handed to the callback `sample` first, and their counts are
 * forgotten. All in one go under the lock: records may still come in, and what comes later is not
 * in this result. Errors: the callback's, NOMEM. */
int snnrun_partial_conclude(struct snn_partial *partial, struct snn_context *context,
                            struct snnmodel_record *record, struct snn_result **out);

#endif
