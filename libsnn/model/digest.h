/* Fingerprints of what a run computes with: equal digests, equal outcomes. */
#ifndef SNN_MODEL_DIGEST_H
#define SNN_MODEL_DIGEST_H

#include "libsnn/base/sha256.h"
#include "snn/graph.h"
#include "snn/net.h"

/* Everything that a target executes, and the names of its populations. */
void snnmodel_digest_net(const struct snn_net *net, unsigned char out[SNNBASE_SHA256_SIZE]);

/* Everything that evaluating the graph, in float or in int8, depends on: layers, preprocessing,
 * quantisation, statistics. Not recipes, and not where it came from. */
void snnmodel_digest_graph(const struct snn_graph *graph, unsigned char out[SNNBASE_SHA256_SIZE]);

#endif
