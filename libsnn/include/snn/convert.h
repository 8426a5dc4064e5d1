/* Foreign files into graphs, and the proof that they are the same nets. What is accepted, format by
 * format: docs/formats/.
 */
#ifndef SNN_CONVERT_H
#define SNN_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"
#include "snn/net.h"
#include "snn/run.h"
#include "snn/target.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a graph of a topology (a model file without tensors, docs/formats/model.md) and a file of
 * weights: a PyTorch state dictionary (.pt, .pth), safetensors or NPZ, told apart by their bytes.
 * Tensors go to layers by name, `<layer>.weight` and `<layer>.bias`, or if no name matches in the
 * order of the file; batch normalisations are folded into the layers that name them. Shapes must
 * agree exactly. Nothing in the file is executed.
 *
 * Every layer that does not get its tensors is a diagnostic, and the first one is the error;
 * tensors left over are warnings. The graph's provenance names the file of weights. Errors:
 * NOT_FOUND, ACCESS, IO, FORMAT, UNSUPPORTED, LIMIT, NOMEM; the message names file and place. */
SNN_API int snn_graph_load_weights(struct snn_graph **out, struct snn_context *context,
                                   const char *topology_path, const char *weights_path);

struct snn_import_options {
    const char
        *arch; /* a topology: the file holds weights only (snn_graph_load_weights); or NULL */
    struct snn_shape input_shape; /* for files that leave it open; 0: as in the file */
    /* What the net was trained on; NULL: what a native file records, else scale 1/255. It takes the
     * place of what a native file records, with a warning where that says something else or has
     * statistics, which are dropped; with any other file it stands before scaling found in it. */
    const struct snn_preprocess *preprocess;
    enum snn_reset nir_reset; /* where a NIR file does not say (SUBTRACT) */
    /* Called after each pass with the program it left, as text; NULL: not wanted. A status other
     * than SNN_OK ends the import with it. */
    int (*dump)(const char *pass, const char *text, void *user);
    void *user;
};

/* The defaults named above. */
SNN_API void snn_import_options_init(struct snn_import_options *options);

/* A model as its file has it and the graph made of it. Any format: native JSON, ONNX, Keras (.h5,
 * .keras), TFLite, NIR, told apart by their bytes; files of weights with options->arch. */
struct snn_import;

/* Reads, runs the passes, makes the graph. All problems of a file are diagnostics, the first is the
 * error. `options` may be NULL. Errors: NOT_FOUND, ACCESS, IO, FORMAT, UNSUPPORTED (an operator, a
 * format that this build has no library for: the hint names the package), LIMIT, NOMEM. */
SNN_API int snn_import_open(struct snn_import **out, struct snn_context *context, const char *path,
                            const struct snn_import_options *options);
SNN_API void snn_import_close(struct snn_import **import);
/* The graph, which the import keeps and the caller may calibrate; NULL once taken. */
SNN_API struct snn_graph *snn_import_graph(const struct snn_import *import);
/* Hands the graph over to the caller, who destroys it; may be called once. */
SNN_API struct snn_graph *snn_import_take_graph(struct snn_import *import);
/* "ONNX (opset 9, pytorch 1.3)", "native". */
SNN_API const char *snn_import_format(const struct snn_import *import);
/* SHA-256 of the model file, 64 hexadecimal digits. */
SNN_API const char *snn_import_sha256(const struct snn_import *import);

/* All in one: the graph of any model file. `sha256_hex_out` (65 bytes, may be NULL). */
SNN_API int snn_graph_import(struct snn_graph **out, struct snn_context *context, const char *path,
                             const struct snn_import_options *options, char *sha256_hex_out);

/* What the front end accepts: one row an operator and format; false beyond the last. */
struct snn_supported {
    const char *format; /* "ONNX" */
    const char *operator_name;
    const char *becomes; /* what is made of it, one phrase */
};
SNN_API bool snn_supported_row(uint32_t index, struct snn_supported *out);

/* Names of the passes in the order they run, and what each does; NULL beyond the last. */
SNN_API const char *snn_pass_name(uint32_t index);
SNN_API const char *snn_pass_summary(uint32_t index);

/* ---- Verification ---- */

struct snn_verify_options {
    uint32_t random_frames; /* uniform intensities, 8 */
    uint64_t seed;          /* of those, 0 */
    const float *frames;    /* further ones: [frame_count][channels][height][width] intensities */
    uint64_t frame_count;
    /* Of a layer's values, relative to the largest of them: 1e-4. Of a file that rounds its
     * activations to integers, whose rounding is a difference, it is at least 0.1. */
    double tolerance;
    /* For comparing spike rates with activations: an open target, on which nets are loaded, and
     * how the net is lowered and run (`current` encoding). NULL: not compared. */
    struct snn_target *target;
    const struct snn_lower_options *lower;
    uint32_t timesteps; /* 100 */
};
SNN_API void snn_verify_options_init(struct snn_verify_options *options);

struct snn_verify_layer {
    const char *name;
    bool compared;    /* the file has values that correspond to this layer's */
    double deviation; /* largest difference to the file's own, over all frames; infinite where
                       * either is not finite */
    double magnitude; /* largest absolute value of the file's own */
    bool deviates;    /* deviation > tolerance * magnitude, or infinite */
    double pearson; /* of spike rates and activations over frames and neurons; NaN: not compared, or
                     * constant */
};

struct snn_verification {
    uint64_t frame_count;
    const struct snn_verify_layer *layers; /* one for each layer of the graph */
    uint32_t layer_count;
    uint32_t first_deviating; /* index of a layer; layer_count: none */
    double output_deviation;  /* of the net's output */
    uint64_t equal_decisions; /* frames with the same arg-max */
    bool comparable; /* the file holds a net of its own: native files and weights do not, and what
                      * arrives spiking has no activations */
    bool compared;   /* the output was: it is comparable and has a value in the file */
    uint32_t compared_count; /* layers that were */
};

/* Compares the graph with the program as read, layer by layer, and, with a target, spike rates with
 * activations. A deviation is a finding in the result, not an error. Errors: LIMIT, NOMEM, those of
 * lowering and the target. */
SNN_API int snn_import_verify(struct snn_verification **out, struct snn_context *context,
                              const struct snn_import *import,
                              const struct snn_verify_options *options);
SNN_API void snn_verification_destroy(struct snn_verification **verification);

/* ---- Rates ---- */

struct snn_rate_options {
    enum snn_encoding encoding;
    uint64_t seed;
    uint32_t timesteps;
    uint64_t first, count; /* frames, and samples by whose index the encoder draws */
    /* Intensities of a frame, [channels][height][width]. */
    void (*frame)(uint64_t index, float *intensity, void *user);
    void *user;
};

/* Runs frames through a target on which `net` was loaded, which was lowered from `graph`, and holds
 * the rate of each neuron in units of its activation against that activation. `out`: one for each
 * population; NaN and no bins of those that are no layer of the graph, NaN of constant ones. Each
 * frame is asked for twice. Errors: UNSUPPORTED (the
 * target does not tell the spikes of neurons), INVALID (a frame), NOMEM, those of the target. */
SNN_API int snn_rates_measure(struct snn_layer_rate *out, struct snn_context *context,
                              struct snn_target *target, const struct snn_net *net,
                              const struct snn_graph *graph,
                              const struct snn_rate_options *options);

/* ---- Description ---- */

/* What a model is, as JSON of schema "snn.info/1" (docs/formats/info.md). Strings may be NULL. */
struct snn_info {
    const char *tool;
    const char *file;
    const char *format;
    const char *sha256;
    const struct snn_graph *graph;
    const char *const *spiking; /* [layers] what a spiking target makes of each; NULL: left out */
    const char *const *frame;   /* [layers] the same for frame-based targets */
    const struct snn_verification *verification; /* NULL: there was none */
};

/* To a file, whole or not at all. Errors: those of writing, NOMEM. */
SNN_API int snn_info_save(struct snn_context *context, const struct snn_info *info,
                          const char *path);
/* As text; free with snn_text_free (snn/run.h). */
SNN_API int snn_info_format(char **out, struct snn_context *context, const struct snn_info *info);

/* ---- Writing ---- */

/* Writes a graph as NIR (docs/formats/nir.md). A CNN is lowered with `options` first: its
 * activations become IF neurons. Errors: UNSUPPORTED (a layer NIR has no node for; built without
 * libhdf5), those of lowering and of writing. */
SNN_API int snn_graph_save_nir(const struct snn_graph *graph, struct snn_context *context,
                               const char *path, const struct snn_lower_options *options);

#ifdef __cplusplus
}
#endif
#endif
