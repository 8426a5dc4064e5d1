/* Decoding: what a sample's output means, step by step. Predictions, the first spike, and the
 * decision rules with the cost until they decide.
 *
 * One decoder a thread; begin a sample, feed its steps in order, all of them or until it is
 * decided, read the outcome.
 */
#ifndef SNN_STREAM_DECODE_H
#define SNN_STREAM_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "libsnn/model/result.h"
#include "snn/net.h"
#include "snn/run.h"

struct snnstream_outcome {
    /* [timesteps] by counts up to each step; behind the last one fed the decision of the first
     * rule, without rules that of the first spike. */
    const int32_t *prediction;
    struct snnmodel_decision first;        /* the first output spike of readout 0 */
    const struct snnmodel_decision *rules; /* [rule_count] */
    struct snnmodel_cost total;
    uint32_t steps; /* fed */
    bool silent;    /* readout 0 fires, and did not in all of the timesteps */
};

struct snnstream_decoder;

/* Net and rules are borrowed. Errors: INVALID (a rule's gain has no readout in the net), NOMEM. */
int snnstream_decoder_create(struct snnstream_decoder **out, struct snn_context *context,
                             const struct snn_net *net, const struct snn_rule *rules,
                             uint32_t rule_count, uint32_t timesteps);
void snnstream_decoder_destroy(struct snnstream_decoder **decoder);
/* `label` is for the oracle; SNN_NO_CLASS: none. */
void snnstream_decoder_begin(struct snnstream_decoder *decoder, int32_t label);
/* `spikes` and `potential` are [readout][class] of this step; `cost` is of this step alone. */
void snnstream_decoder_step(struct snnstream_decoder *decoder, const uint32_t *spikes,
                            const float *potential, const struct snnmodel_cost *cost);
/* Whether all rules have decided; without rules, whether there was an output spike. */
bool snnstream_decoder_decided(const struct snnstream_decoder *decoder);
/* Valid until the next begin. */
void snnstream_decoder_end(struct snnstream_decoder *decoder, struct snnstream_outcome *out);

#endif
