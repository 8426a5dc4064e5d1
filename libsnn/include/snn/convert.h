/* Foreign files into graphs. What is accepted, byte for byte: docs/formats/weights.md.
 */
#ifndef SNN_CONVERT_H
#define SNN_CONVERT_H

#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a graph of a topology (a model file without tensors, docs/formats/model.md) and a file of
 * weights: a PyTorch state dictionary (.pt, .pth), safetensors or NPZ, told apart by their bytes.
 * Tensors go to layers by name, `<layer>.weight` and `<layer>.bias`, or if no name matches in the
 * order of the file; shapes must agree exactly. Nothing in the file is executed.
 *
 * Every layer that does not get its tensors is a diagnostic, and the first one is the error;
 * tensors left over are warnings. The graph's provenance names the file of weights. Errors:
 * NOT_FOUND, ACCESS, IO, FORMAT, UNSUPPORTED, LIMIT, NOMEM; the message names file and place. */
SNN_API int snn_graph_load_weights(struct snn_graph **out, struct snn_context *context,
                                   const char *topology_path, const char *weights_path);

#ifdef __cplusplus
}
#endif
#endif
