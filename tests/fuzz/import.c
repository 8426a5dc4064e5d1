/* Fuzz target: a model file of any format, the whole way: reader, passes, emission, verification
 * against the program as read, and then every way that a graph has. Which reader gets the bytes is
 * for the bytes to say; files of weights are joined with a topology of two layers.
 */
#include <stdbool.h>
#include <stddef.h>

#include "convert/read/model.h"
#include "convert/read/reader.h"
#include "snn/snn.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/file.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/whole.h"

enum { BYTES_MAX = 64 << 20 };

static const char topology[] =
    "{\"format\":\"snn.model/1\",\"name\":\"net\",\"layers\":["
    "{\"name\":\"in\",\"kind\":\"input\",\"shape\":[1,4,4]},"
    "{\"name\":\"conv1\",\"kind\":\"conv2d\",\"inputs\":[\"in\"],\"filters\":2,"
    "\"kernel\":[3,3],\"activation\":\"relu\"},"
    "{\"name\":\"fc\",\"kind\":\"dense\",\"inputs\":[\"conv1\"],\"units\":3}],"
    "\"output\":\"fc\"}";

/* Whether these bytes are weights to be joined with the topology: no model file is so sure of them.
 * (.keras archives and files of weights are zip archives all.) */
static bool holds_weights(const uint8_t *data, size_t size)
{
    int weights = 0, model = 0;
    for (size_t i = 0; snn_weight_reader_table[i] != NULL; i++) {
        int score = snn_weight_reader_table[i]->probe(data, size);
        if (score > weights) weights = score;
    }
    for (size_t i = 0; snn_model_reader_table[i] != NULL; i++) {
        int score = snn_model_reader_table[i]->probe(data, size);
        if (score > model) model = score;
    }
    return weights > model;
}

static void verify(struct snn_context *context, const struct snn_import *import)
{
    struct snn_verification *verification = NULL;
    struct snn_verify_options options;
    snn_verify_options_init(&options);
    options.random_frames = 1;
    (void)snn_import_verify(&verification, context, import, &options);
    snn_verification_destroy(&verification);
}

static int dump(const char *pass, const char *text, void *user)
{
    (void)user;
    return pass[0] == '\0' || text[0] == '\0' ? SNN_ERR_INTERNAL : SNN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded),
                                                .limits = whole_limits};
    const char *path = file_of(0, data, size);
    struct snn_context *context = NULL;
    struct snn_import *import = NULL;
    struct snn_import_options how;
    if (path == NULL || snn_context_create(&context, &options) != SNN_OK) return 0;
    snn_import_options_init(&how);
    how.dump = size % 4 == 0 ? dump : NULL;
    if (holds_weights(data, size)) how.arch = file_of(1, topology, sizeof(topology) - 1);
    int status = snn_import_open(&import, context, path, &how);
    if (status == SNN_OK) {
        verify(context, import);
        whole_run(context, snn_import_graph(import));
    }
    snn_import_close(&import);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || status == SNN_ERR_INTERNAL;
}
