/* Models of Keras, as HDF5 files and as .keras archives; see keras.h for the files beside this one.
 *
 *     HDF5      attribute model_config (JSON), keras_version, backend; group model_weights
 *     archive   zip of config.json, metadata.json, model.weights.h5
 *
 * Nothing in a file is executed: layers that are code (Lambda, classes of one's own) are refused.
 */
#include "convert/read/keras.h"

#include <stdio.h>
#include <string.h>

#include "convert/read/model.h"
#include "convert/read/zip.h"
#include "libsnn/base/error.h"
#include "snn/status.h"

enum { SURE = 95, LIKELY = 90, PERHAPS = 20, VERSION_SIZE = 64 };

static const char config_name[] = "config.json";
static const char metadata_name[] = "metadata.json";
static const char weights_name[] = "model.weights.h5";

static bool contains(const unsigned char *bytes, size_t size, const char *text)
{
    size_t length = strlen(text);
    while (size >= length) {
        const unsigned char *at = memchr(bytes, text[0], size - length + 1);
        if (at == NULL) return false;
        if (memcmp(at, text, length) == 0) return true;
        size -= (size_t)(at - bytes) + 1;
        bytes = at + 1;
    }
    return false;
}

/* Names of attributes and groups stand in an HDF5 file as they are. */
static int keras_probe(const unsigned char *bytes, size_t size)
{
    const char *name = NULL;
    size_t length = 0;
    if (snnconv_hdf5_probe(bytes, size)) {
        if (contains(bytes, size, "model_config")) return SURE;
        return contains(bytes, size, "keras_version") || contains(bytes, size, "layer_names")
                   ? LIKELY
                   : PERHAPS;
    }
    if (!snnconv_zip_probe(bytes, size, &name, &length)) return 0;
    static const char *const members[] = {metadata_name, config_name, weights_name};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (strlen(members[i]) == length && memcmp(members[i], name, length) == 0) return SURE;
    }
    return 0;
}

#if SNNCONV_HDF5

static void set_version(struct snnconv_keras *keras, const char *text)
{
    bool known = text != NULL && text[0] >= '1' && text[0] <= '9';
    keras->version = known ? (unsigned)(text[0] - '0') : 1; /* the first did not write it */
}

static int set_format(struct snnconv_keras *keras, const char *version, const char *container)
{
    char text[96];
    (void)snprintf(text, sizeof(text), "Keras (%.40s, %s)", version != NULL ? version : "1",
                   container);
    keras->program->format = snnbase_arena_string(&keras->program->arena, keras->context, text);
    return keras->program->format != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

static int read_config(struct snnconv_keras *keras, const char *text, size_t size)
{
    struct snnbase_json *json = NULL;
    int status = snnbase_json_parse(keras->context, text, size, &json);
    if (status != SNN_OK) {
        (void)snnbase_where(keras->context, "model configuration");
        return snnconv_problems_add(&keras->problems, NULL, SNNCONV_NO_OFFSET);
    }
    status = snnconv_keras_read_model(keras, snnbase_json_root(json));
    snnbase_json_destroy(keras->context, &json);
    return status;
}

/* A problem of the file as a whole. */
static int report(struct snnconv_keras *keras)
{
    return snnconv_problems_add(&keras->problems, NULL, SNNCONV_NO_OFFSET);
}

/* ---- HDF5 ---- */

static int read_hdf5(struct snnconv_keras *keras, struct snnbase_arena *tree)
{
    struct snnconv_hdf5_item *root = NULL;
    if (snnconv_hdf5_read(&root, keras->context, tree, keras->file->bytes, keras->file->size) !=
        SNN_OK)
        return report(keras);
    const char *config = snnconv_hdf5_text(snnconv_hdf5_attribute(root, "model_config"));
    const char *version = snnconv_hdf5_text(snnconv_hdf5_attribute(root, "keras_version"));
    const char *backend = snnconv_hdf5_text(snnconv_hdf5_attribute(root, "backend"));
    keras->weights = snnconv_hdf5_child(root, "model_weights");
    if (config == NULL) {
        (void)snnbase_fail(keras->context, SNN_ERR_UNSUPPORTED,
                           "an HDF5 file without attribute model_config: weights alone, or not of "
                           "Keras");
        (void)snnbase_hint(keras->context, "save the whole model: model.save(\"model.h5\")");
        return report(keras);
    }
    if (version == NULL)
        version = snnconv_hdf5_text(snnconv_hdf5_attribute(keras->weights, "keras_version"));
    set_version(keras, version);
    keras->flipped = backend != NULL && strcmp(backend, "theano") == 0;
    int status = set_format(keras, version, "HDF5");
    return status == SNN_OK ? read_config(keras, config, strlen(config)) : status;
}

/* ---- Archives ---- */

/* The member's bytes; *unpacked is to be freed. */
static int read_member(const struct snnconv_keras *keras, const struct snnconv_zip *zip,
                       const char *name, struct snnconv_file *out, unsigned char **unpacked)
{
    const struct snnconv_zip_member *member = snnconv_zip_find(zip, name, strlen(name));
    *unpacked = NULL;
    if (member == NULL)
        return snnbase_fail(keras->context, SNN_ERR_FORMAT, "a .keras archive without %s", name);
    return snnconv_zip_read(zip, keras->context, member, out, unpacked);
}

/* The version in metadata.json. What is wrong with that file does no harm: only Keras from 2.12 on
 * writes archives, all in one layout. */
static void read_metadata(const struct snnconv_keras *keras, const struct snnconv_zip *zip,
                          char version[VERSION_SIZE])
{
    struct snnconv_file file;
    unsigned char *unpacked = NULL;
    struct snnbase_json *json = NULL;
    const char *text = NULL;
    (void)snprintf(version, VERSION_SIZE, "3");
    if (read_member(keras, zip, metadata_name, &file, &unpacked) != SNN_OK) return;
    if (snnbase_json_parse(keras->context, (const char *)file.bytes, file.size, &json) == SNN_OK &&
        snnbase_json_read_string(keras->context, snnbase_json_root(json), "", "keras_version",
                                 &text) == SNN_OK)
        (void)snprintf(version, VERSION_SIZE, "%.40s", text);
    snnbase_json_destroy(keras->context, &json);
    snnbase_free(keras->context, unpacked);
}

/* The group of the layers in model.weights.h5; the tree outlives the member's bytes. */
static int read_weights(struct snnconv_keras *keras, const struct snnconv_zip *zip,
                        struct snnbase_arena *tree)
{
    struct snnconv_file file;
    unsigned char *unpacked = NULL;
    struct snnconv_hdf5_item *root = NULL;
    int status = read_member(keras, zip, weights_name, &file, &unpacked);
    if (status != SNN_OK) return status;
    status = snnconv_hdf5_read(&root, keras->context, tree, file.bytes, file.size);
    snnbase_free(keras->context, unpacked);
    if (status != SNN_OK) return snnbase_where(keras->context, "member '%s'", weights_name);
    keras->weights = snnconv_keras_archive_layers(root);
    return SNN_OK;
}

static int read_members(struct snnconv_keras *keras, const struct snnconv_zip *zip,
                        struct snnbase_arena *tree)
{
    char version[VERSION_SIZE];
    struct snnconv_file config;
    unsigned char *unpacked = NULL;
    read_metadata(keras, zip, version);
    set_version(keras, version);
    keras->archive = true;
    int status = set_format(keras, version, ".keras");
    if (status != SNN_OK) return status;
    if (read_weights(keras, zip, tree) != SNN_OK) return report(keras);
    if (read_member(keras, zip, config_name, &config, &unpacked) != SNN_OK) return report(keras);
    status = read_config(keras, (const char *)config.bytes, config.size);
    snnbase_free(keras->context, unpacked);
    return status;
}

static int read_archive(struct snnconv_keras *keras, struct snnbase_arena *tree)
{
    struct snnconv_zip zip;
    if (snnconv_zip_open(&zip, keras->context, keras->file) != SNN_OK) return report(keras);
    int status = read_members(keras, &zip, tree);
    snnconv_zip_close(&zip, keras->context);
    return status;
}

static int keras_read(struct snnconv_program *out, struct snn_context *context,
                      const struct snnconv_file *file, const struct snn_import_options *options)
{
    struct snn_import_options defaults = {.arch = NULL};
    struct snnbase_arena tree;
    struct snnconv_keras keras = {.context = context, .program = out, .file = file};
    keras.options = options != NULL ? options : &defaults;
    out->channels_last = true;
    snnconv_problems_init(&keras.problems, context, file);
    snnbase_arena_init(&tree, context);
    int status = snnconv_hdf5_probe(file->bytes, file->size) ? read_hdf5(&keras, &tree)
                                                             : read_archive(&keras, &tree);
    snnbase_arena_fini(&tree);
    int problem = snnconv_problems_end(&keras.problems);
    return status != SNN_OK ? status : problem;
}

#endif

const struct snnconv_model_reader snnconv_keras_reader = {
    .name = "keras",
    .summary = "Keras models (.h5 of Keras 1 to 3, .keras)",
    .probe = keras_probe,
    .supported = snnconv_keras_supported,
#if SNNCONV_HDF5
    .read = keras_read,
#else
    .missing = "libhdf5-dev",
#endif
};
