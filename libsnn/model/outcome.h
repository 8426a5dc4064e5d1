/* What became of one sample, and its record: the same as bytes, which another process, another
 * machine or a later start can take in.
 *
 * Samples are the unit of exchange: whatever a run's result needs of a sample is in its outcome, so
 * that a result does not depend on who ran what. docs/formats/checkpoint.md has the bytes.
 */
#ifndef SNN_MODEL_OUTCOME_H
#define SNN_MODEL_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/result.h"

/* How much there is of everything, the same for all samples of a run. A frame-based run has but
 * classes. */
struct snnmodel_layout {
    uint64_t sample_count; /* asked for */
    uint32_t timesteps;
    uint32_t class_count;
    uint32_t population_count;
    uint32_t synapse_count;
    uint32_t rule_count;
    bool labelled; /* each sample has a label; else none has */
    bool counts;   /* with the counts of each step */
};

struct snnmodel_outcome {
    struct snnmodel_sample sample;
    struct snnmodel_decision *decisions; /* [rule_count] */
    struct snnmodel_tally tally;         /* of this sample; correct_by_step is 0 or 1 */
    uint32_t *counts;                    /* [timesteps][class]; NULL without */
    uint64_t *population_counts;         /* [timesteps][population]; NULL without */
};

/* All zero, its lists in the arena. Errors: NOMEM. */
int snnmodel_outcome_init(struct snnmodel_outcome *out, struct snn_context *context,
                          struct snnbase_arena *arena, const struct snnmodel_layout *layout);
int snnmodel_tally_init(struct snnmodel_tally *out, struct snn_context *context,
                        struct snnbase_arena *arena, const struct snnmodel_layout *layout);

/* Adds a finished sample's tally to that of a run. Integers and maxima: no order shows. */
void snnmodel_tally_merge(struct snnmodel_tally *to, const struct snnmodel_tally *from,
                          const struct snnmodel_layout *layout);

/* What the sample brought to each population, from its other figures: it is in no record.
 * `sinabs_operations` is [synapse], NULL in exact accounting. */
void snnmodel_outcome_find_busiest(struct snnmodel_outcome *outcome, const struct snn_net *net,
                                   const double *sinabs_operations);

/* Appends the record of sample `at`, counted from the run's first. Errors: NOMEM. */
int snnmodel_outcome_encode(const struct snnmodel_outcome *outcome, uint64_t at,
                            const struct snnmodel_layout *layout, struct snn_context *context,
                            struct snnbase_buffer *out);

/* The other way round, but for `busiest`; `out` is spoilt on failure. Errors: FORMAT with the byte:
 * whatever no run with this layout would have written. */
int snnmodel_outcome_decode(struct snnmodel_outcome *out, uint64_t *at_out,
                            const struct snnmodel_layout *layout, struct snn_context *context,
                            const void *record, size_t size);

/* No record is larger. */
uint64_t snnmodel_outcome_size_max(const struct snnmodel_layout *layout);

#endif
