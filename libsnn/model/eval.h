/* The evaluator's inside, for calibration: layer by layer, with values that may be changed before
 * the layers downstream see them.
 */
#ifndef SNN_MODEL_EVAL_H
#define SNN_MODEL_EVAL_H

#include <stddef.h>

#include "snn/graph.h"

/* Bytes that an evaluator of this graph takes, nearly. */
size_t snnmodel_eval_bytes(const struct snn_graph *graph);

/* Takes a frame: the input layer's values, after the graph's preprocessing. */
void snnmodel_eval_begin(struct snn_evaluator *evaluator, const float *intensity);

/* Evaluates one layer from the values of its inputs. begin, then every layer from 1 on in order, is
 * what snn_evaluator_run does. */
void snnmodel_eval_layer(struct snn_evaluator *evaluator, uint32_t layer);

/* Caps the values of a layer just evaluated at one threshold a channel. */
void snnmodel_eval_cap(struct snn_evaluator *evaluator, uint32_t layer, const float *threshold);

/* The smallest value of a CONV2D, DENSE or ADD layer in the last run, before its activation. */
float snnmodel_eval_minimum(const struct snn_evaluator *evaluator, uint32_t layer);

#endif
