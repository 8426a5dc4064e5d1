/* What decisions cost: from the records of a run's samples to the rows of its rules, and which of
 * them no other row beats.
 */
#ifndef SNN_MODEL_DECISION_H
#define SNN_MODEL_DECISION_H

#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/result.h"

/* Fills first_spike, rules and sweep of a result whose sample_count, timesteps and until_decided
 * stand; what they point to is in the arena. Errors: NOMEM. */
int snnmodel_decision_summarise(struct snn_result *result, struct snnbase_arena *arena,
                                struct snn_context *context, const struct snnmodel_record *record);

/* On which front a row of a sweep stands: "both", "steps", "synops", NULL for none. */
const char *snnmodel_decision_front(const struct snn_result_rule *row);

/* Sets pareto_steps and pareto_synops. */
void snnmodel_decision_mark(struct snn_result_rule *rows, uint32_t count);

#endif
