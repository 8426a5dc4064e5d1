/* What the files of the Keras reader share. A model's configuration (JSON) and its weights (HDF5)
 * lie side by side, in an HDF5 file or in a .keras archive:
 *
 *     keras.c          the file, its configuration, the report of what is wrong
 *     keras_model.c    Sequential and Functional: which layer is called on what
 *     keras_config.c   entries of a layer's configuration under the names of Keras 1, 2 and 3
 *     keras_weights.c  the tensors of a layer
 *     keras_layer.c    what each class of layer becomes; keras_conv.c those with windows
 *
 * Values keep the layout Keras has them in (N,H,W,C); operators with windows are put between
 * transposes, because the program speaks N,C,H,W.
 */
#ifndef SNN_CONVERT_READ_KERAS_H
#define SNN_CONVERT_READ_KERAS_H

#include <stdbool.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/read/hdf5.h"
#include "convert/read/problems.h"
#include "convert/read/reader.h"
#include "libsnn/base/json.h"
#include "snn/context.h"
#include "snn/convert.h"

enum {
    SNNCONV_KERAS_NAME_SIZE = 512,
    SNNCONV_KERAS_WEIGHTS_MAX = 4, /* of one layer: batch normalisation */
    SNNCONV_KERAS_DEPTH_MAX = 8    /* of models in models */
};

struct snnconv_keras {
    struct snn_context *context;
    struct snnconv_program *program;
    const struct snnconv_file *file;
    const struct snn_import_options *options;
    struct snnconv_problems problems;
    const struct snnconv_hdf5_item *weights; /* the group that has the layers'; NULL: none */
    bool archive;                            /* .keras: groups by class, not by name */
    bool flipped;                            /* Theano: kernels are mirrored in both axes */
    unsigned version;                        /* 1, 2, 3 */
    bool format_seen;                        /* program->channels_last is a layer's word */
};

/* Where the layers of one model, which may be part of another, have names and weights. */
struct snnconv_keras_home {
    const char *prefix;                      /* of names: "" or "features/" */
    const struct snnconv_hdf5_item *weights; /* NULL: none */
    bool joint; /* HDF5, a model in a model: `weights` has the tensors of all its layers */
};

/* A value of the program and its rank; 0: not known, because a layer before was refused. */
struct snnconv_keras_tensor {
    uint32_t value;
    uint32_t rank;
};

struct snnconv_keras_layer {
    struct snnconv_keras *keras;
    const char *class_name;
    const char *name; /* as in the file */
    const struct snnbase_json_value *config;
    uint64_t offset; /* of its weights in the file, or SNNCONV_NO_OFFSET */
    const struct snnconv_hdf5_item *weights[SNNCONV_KERAS_WEIGHTS_MAX];
    uint32_t weight_count; /* may exceed the array: then there are more than any layer has */
    /* The values made of them; SNNCONV_NONE: not yet. A layer that is called twice has them once.
     */
    uint32_t constants[SNNCONV_KERAS_WEIGHTS_MAX];
    uint32_t call_count;
    char path[SNNCONV_KERAS_NAME_SIZE]; /* its nodes' name: "features/conv2d" */
};

/* ---- keras_model.c ---- */

/* Adds a model's layers to the program: its inputs and outputs too. Problems are collected; what is
 * returned is NOMEM or CANCELLED, or SNN_OK. */
int snnconv_keras_read_model(struct snnconv_keras *keras, const struct snnbase_json_value *model);

/* ---- keras_config.c: missing entries give `fallback`; wrong ones raise FORMAT ---- */

/* The entry under the first of the names that is there and not null; NULL: none. */
const struct snnbase_json_value *snnconv_keras_entry(const struct snnconv_keras_layer *layer,
                                                     const char *name, const char *older);
int snnconv_keras_flag(const struct snnconv_keras_layer *layer, const char *name, const char *older,
                       bool fallback, bool *out);
int snnconv_keras_number(const struct snnconv_keras_layer *layer, const char *name,
                         const char *older, double fallback, double *out);
int snnconv_keras_integer(const struct snnconv_keras_layer *layer, const char *name,
                          const char *older, int64_t fallback, int64_t *out);
/* A number, or as many of them as axes. */
int snnconv_keras_pair(const struct snnconv_keras_layer *layer, const char *name, const char *older,
                       int64_t fallback, int64_t out[2]);
const char *snnconv_keras_word(const struct snnconv_keras_layer *layer, const char *name,
                               const char *older, const char *fallback);
/* Integers of an array; at most `max`. */
int snnconv_keras_integers(const struct snnconv_keras_layer *layer,
                           const struct snnbase_json_value *array, uint32_t max, int64_t *out,
                           uint32_t *count_out);
/* Whole numbers that a double holds exactly. */
bool snnconv_keras_whole(const struct snnbase_json_value *value, int64_t *out);
int snnconv_keras_channels_first(const struct snnconv_keras_layer *layer, bool *out);
/* FORMAT: "<class>: entry '<name>' ..." */
int snnconv_keras_fail_entry(const struct snnconv_keras_layer *layer, const char *name,
                             const char *what);

/* ---- keras_weights.c ---- */

/* Where the layers of an archive have their weights, by the root of the HDF5 file in it. */
const struct snnconv_hdf5_item *snnconv_keras_archive_layers(const struct snnconv_hdf5_item *group);

/* Finds the tensors of a layer; `same_class` layers before it in its model have the same class. */
int snnconv_keras_find_weights(struct snnconv_keras_layer *layer,
                               const struct snnconv_keras_home *home, uint32_t same_class);
/* The group of a model in a model, as the home of its layers. */
struct snnconv_keras_home snnconv_keras_inner_home(const struct snnconv_keras *keras,
                                                   const struct snnconv_keras_home *outer,
                                                   const struct snnconv_keras_layer *layer,
                                                   uint32_t same_class);
/* Class names as archives have them: "SeparableConv2D" is "separable_conv2d". */
void snnconv_keras_snake(char out[SNNCONV_KERAS_NAME_SIZE], const char *class_name);

/* Refuses a layer that has not `count` tensors (or `count` to `max`). */
int snnconv_keras_want_weights(const struct snnconv_keras_layer *layer, uint32_t count,
                               uint32_t max);
/* A float32 constant of tensor `index`, axes in the order `perm` (NULL: as they are), of the rank
 * that is wanted. `role` is its name in messages and behind the layer's: "kernel". */
int snnconv_keras_constant(struct snnconv_keras_layer *layer, uint32_t index, const char *role,
                           uint32_t rank, const uint32_t *perm, uint32_t *out);

/* ---- keras_layer.c ---- */

/* The classes and activations that are read, as struct snnconv_model_reader wants them. */
bool snnconv_keras_supported(uint32_t index, struct snn_supported *out);

/* Adds the nodes of one call of a layer. Errors are of this layer. */
int snnconv_keras_call(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out);

/* One node, "<layer>" or "<layer>/<part>", with one output. */
int snnconv_keras_emit(struct snnconv_keras_layer *layer, enum snnconv_op op, const char *part,
                       const struct snnconv_attributes *attributes, const uint32_t *inputs,
                       uint32_t input_count, uint32_t *out);
/* Transposes to N,C,spatial (`to_first`) or back, if the rank has an axis for it. */
int snnconv_keras_transpose(struct snnconv_keras_layer *layer, uint32_t rank, bool to_first,
                            uint32_t *value);
/* The activation in the entry "activation". */
int snnconv_keras_activate(struct snnconv_keras_layer *layer, struct snnconv_keras_tensor *tensor,
                           const char *part);

/* ---- keras_conv.c ---- */

typedef int (*snnconv_keras_layer_fn)(struct snnconv_keras_layer *layer,
                                      const struct snnconv_keras_tensor *inputs,
                                      uint32_t input_count, struct snnconv_keras_tensor *out);

int snnconv_keras_conv(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out);
int snnconv_keras_pool(struct snnconv_keras_layer *layer, const struct snnconv_keras_tensor *inputs,
                       uint32_t input_count, struct snnconv_keras_tensor *out);
int snnconv_keras_global_pool(struct snnconv_keras_layer *layer,
                              const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                              struct snnconv_keras_tensor *out);
int snnconv_keras_border(struct snnconv_keras_layer *layer,
                         const struct snnconv_keras_tensor *inputs, uint32_t input_count,
                         struct snnconv_keras_tensor *out);

#endif
