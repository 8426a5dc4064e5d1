/* The native model file, shared between the files that read and write it (docs/formats/model.md).
 *
 * Reading is split by what is read: native_load.c opens the file and walks the document,
 * native_layer.c turns one object of `layers` into a layer, native_record.c reads everything that
 * only annotates a graph. native_save.c writes it all. Whatever is wrong with the contents of a
 * file is FORMAT, LIMIT or UNSUPPORTED; INVALID is for callers.
 */
#ifndef SNN_MODEL_NATIVE_H
#define SNN_MODEL_NATIVE_H

#include <stdbool.h>

#include "libsnn/base/json.h"
#include "libsnn/model/tensor.h"
#include "libsnn/model/topology.h"
#include "snn/context.h"
#include "snn/graph.h"

#define SNNMODEL_NATIVE_FORMAT "snn.model/1"
#define SNNMODEL_NATIVE_FAMILY "snn.model/"
#define SNNMODEL_NATIVE_RESET_SUBTRACT "subtract"
#define SNNMODEL_NATIVE_RESET_ZERO "zero"
#define SNNMODEL_NATIVE_BATCH_NORM "batch_norm" /* of a topology */
#define SNNMODEL_NATIVE_NONE "none"             /* no lower bound of the potential */

/* Refuses members that are not in `known` (NULL-terminated): a typo must not go unseen. Errors:
 * FORMAT naming the member, with the nearest known one as hint. */
int snnmodel_native_check_members(struct snn_context *context,
                                  const struct snnbase_json_value *object,
                                  const char *const *known);

/* Reads object->key, a string that people will see: it may hold no control characters, which could
 * play tricks on a terminal. Errors: FORMAT naming `where`.`key`. */
int snnmodel_native_read_text(struct snn_context *context, const struct snnbase_json_value *object,
                              const char *where, const char *key, const char **out);

/* Reads object->key, a number that a 32-bit float can hold, rounded to it. Errors: FORMAT. */
int snnmodel_native_read_float(struct snn_context *context, const struct snnbase_json_value *object,
                               const char *key, float *out);

/* True for a path that stays below the folder it starts from: relative, no "..". */
bool snnmodel_native_path_is_inside(const char *path);

/* Turns an INVALID just raised by a graph function into FORMAT: the caller did nothing wrong, the
 * file did. Returns the status that now stands. */
int snnmodel_native_blame_file(struct snn_context *context, int status);

/* Where the layers of one document go, and where their tensors come from. */
struct snnmodel_native_layers {
    struct snn_graph *graph;
    const struct snnbase_json_value *array; /* `layers` of the document */
    struct snnmodel_sidecar *sidecar;
    const struct snnmodel_tensor_source
        *source;          /* of a topology; NULL: tensors stand in the file */
    uint32_t asked;       /* layers that the source was asked for so far */
    uint32_t asked_norms; /* and of these, those with a batch normalisation */
};

/* Adds the layer that `value`, an element of the array, describes to the graph. If one of its
 * inputs is a layer that was itself refused, *skipped_out is set and nothing is raised. Errors name
 * the layer. */
int snnmodel_native_add_layer(struct snn_context *context, struct snnmodel_native_layers *layers,
                              const struct snnbase_json_value *value, bool *skipped_out);

/* The member of a recipe that holds its values: "thresholds", "biases", "potentials". */
const char *snnmodel_native_recipe_member(enum snn_recipe_kind kind);

/* Reads provenance, preprocessing, statistics and recipes of the document into a graph that has all
 * its layers. */
int snnmodel_native_read_records(struct snn_context *context, struct snn_graph *graph,
                                 const struct snnbase_json_value *root,
                                 struct snnmodel_sidecar *sidecar);

#endif
