/* What one layer must satisfy, and the shape it produces. Pure checks of a layer description
 * against the layers before it; used when a graph grows.
 */
#ifndef SNN_MODEL_LAYER_H
#define SNN_MODEL_LAYER_H

#include "snn/context.h"
#include "snn/graph.h"

/* Fills in what may be left out (pool stride 0 -> kernel, dilation and groups 0 -> 1), checks the
 * rest but the tensors and derives the output shape. `inputs` are the input layers in order.
 * Errors: INVALID with the layer's name and the numbers, LIMIT. */
int snnmodel_layer_resolve(struct snn_context *context, struct snn_layer *layer,
                           const struct snn_layer *const *inputs);

/* True for kinds that join two or more inputs; all others but INPUT have one. */
bool snnmodel_layer_joins(enum snn_layer_kind kind);

/* Holds the tensors of a resolved layer against its shape: sizes, finite values. Errors as above.
 */
int snnmodel_layer_check_tensors(struct snn_context *context, const struct snn_layer *layer,
                                 const struct snn_layer *const *inputs);

/* Multiply-accumulates of a layer for one frame, padding included. */
uint64_t snnmodel_layer_macs(const struct snn_layer *layer);

/* The shape behind a pool that fits its input. */
struct snn_shape snnmodel_pooled_shape(struct snn_shape shape, const struct snn_window *pool);

/* Output positions along one axis, 0 if the window does not fit. */
uint32_t snnmodel_window_positions(uint32_t size, uint32_t kernel, uint32_t stride,
                                   uint32_t pad_before, uint32_t pad_after, uint32_t dilation);

#endif
