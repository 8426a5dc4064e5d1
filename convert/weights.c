/* A file of weights and a topology become a graph: bytes -> named tensors -> layers.
 *
 * The reader is chosen by the bytes, as that of a model is (convert/import.c); which tensor goes
 * where is the matter of convert/assign.c.
 */
#include "convert/weights.h"

#include <stdio.h>
#include <string.h>

#include "convert/assign.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/sha256.h"
#include "snn/convert.h"

enum { TEXT_SIZE = 1024 };

static int fail_unknown(struct snn_context *context, const struct snnconv_file *file)
{
    char text[TEXT_SIZE] = "a model goes without --arch; accepted weights are ";
    for (size_t i = 0; snn_weight_reader_table[i] != NULL; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "%s%s", i > 0 ? ", " : "",
                       snn_weight_reader_table[i]->summary);
    }
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a file of weights that is known", file->path);
    return snnbase_hint(context, "%s", text);
}

const struct snnconv_reader *snnconv_weights_reader(const unsigned char *bytes, size_t size,
                                                    int least)
{
    const struct snnconv_reader *best = NULL;
    int best_score = least - 1;
    for (size_t i = 0; snn_weight_reader_table[i] != NULL; i++) {
        int score = snn_weight_reader_table[i]->probe(bytes, size);
        if (score <= best_score) continue;
        best = snn_weight_reader_table[i];
        best_score = score;
    }
    return best;
}

/* `reader` may be NULL. */
static int read_with(const struct snnconv_reader *reader, struct snnconv_tensors *out,
                     struct snn_context *context, const struct snnconv_file *file)
{
    if (reader == NULL) return fail_unknown(context, file);
    int status = reader->read_weights(out, context, file);
    if (status != SNN_OK) return status;
    status = snnconv_tensors_check_names(out, context);
    return status == SNN_OK ? SNN_OK : snnbase_where(context, "%s", file->path);
}

int snnconv_weights_read(struct snnconv_tensors *out, struct snn_context *context,
                         const struct snnconv_file *file)
{
    return read_with(snnconv_weights_reader(file->bytes, file->size, 1), out, context, file);
}

static int set_source(struct snn_graph *graph, struct snn_context *context,
                      const struct snnconv_file *file, const char *base_name)
{
    char sha256[SNNBASE_SHA256_HEX_SIZE];
    struct snn_provenance provenance = *snn_graph_provenance(graph);
    snnbase_sha256_hex(file->bytes, file->size, sha256);
    provenance.source_file = base_name;
    provenance.source_sha256 = sha256;
    return snn_graph_set_provenance(graph, context, &provenance);
}

/* Tensors into a topology. */
static int assign(struct snn_graph **out, struct snn_context *context, const char *topology_path,
                  const struct snnconv_tensors *tensors, const char *file)
{
    struct snnconv_assignment assignment;
    int status = snnconv_assignment_init(&assignment, context, tensors, file);
    if (status != SNN_OK) return status;
    const struct snnmodel_tensor_source source = snnconv_assignment_source(&assignment);
    status = snnmodel_topology_load(out, context, topology_path, &source);
    if (status == SNN_OK) snnconv_assignment_warn(&assignment, context);
    snnconv_assignment_fini(&assignment, context);
    return status;
}

int snnconv_weights_load(struct snn_graph **out, struct snn_context *context,
                         const char *topology_path, const struct snnconv_file *file,
                         const char **format_out)
{
    struct snn_graph *graph = NULL;
    struct snnconv_tensors tensors;
    const struct snnconv_reader *reader = snnconv_weights_reader(file->bytes, file->size, 1);
    const char *slash = strrchr(file->path, '/');
    const char *base_name = slash != NULL ? slash + 1 : file->path;
    snnconv_tensors_init(&tensors, context);
    int status = read_with(reader, &tensors, context, file);
    if (status == SNN_OK) status = assign(&graph, context, topology_path, &tensors, base_name);
    if (status == SNN_OK) status = set_source(graph, context, file, base_name);
    if (status == SNN_OK) {
        *out = graph;
        *format_out = reader->with_topology;
    } else {
        snn_graph_destroy(&graph);
    }
    snnconv_tensors_fini(&tensors, context);
    return status;
}

int snn_graph_load_weights(struct snn_graph **out, struct snn_context *context,
                           const char *topology_path, const char *weights_path)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    const char *format = NULL;
    int status = snnbase_file_read(context, weights_path, &bytes);
    const struct snnconv_file file = {weights_path, bytes.data, bytes.size};
    if (status == SNN_OK)
        status = snnconv_weights_load(out, context, topology_path, &file, &format);
    snnbase_buffer_fini(context, &bytes);
    return status;
}
