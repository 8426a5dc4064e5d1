/* HDF5 files as plain trees, see hdf5.h: the parent's side. It hands the bytes to a child process
 * (hdf5_lib.c), and decodes what comes back as if the file itself had written it: the child may
 * have been taken over.
 */
#include "convert/read/hdf5.h"

#include <string.h>

#include "convert/read/child.h"
#include "convert/read/cursor.h"
#include "convert/read/hdf5_lib.h"
#include "libsnn/base/control.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/size.h"

/* ---- Access ---- */

static const struct snnconv_hdf5_item *find(const struct snnconv_hdf5_item *items, size_t count,
                                            const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(items[i].name) == size && memcmp(items[i].name, name, size) == 0)
            return &items[i];
    }
    return NULL;
}

const struct snnconv_hdf5_item *snnconv_hdf5_child(const struct snnconv_hdf5_item *group,
                                                   const char *path)
{
    while (group != NULL && *path != '\0') {
        size_t size = strcspn(path, "/");
        if (size > 0) group = find(group->children, group->child_count, path, size);
        path += size;
        path += strspn(path, "/");
    }
    return group;
}

const struct snnconv_hdf5_item *snnconv_hdf5_attribute(const struct snnconv_hdf5_item *item,
                                                       const char *name)
{
    return item == NULL ? NULL : find(item->attributes, item->attribute_count, name, strlen(name));
}

const char *snnconv_hdf5_text(const struct snnconv_hdf5_item *item)
{
    return item != NULL && item->text != NULL && item->array.rank == 0 ? item->text[0] : NULL;
}

static const unsigned char signature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

bool snnconv_hdf5_probe(const unsigned char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && size - at >= sizeof(signature)) {
        if (memcmp(bytes + at, signature, sizeof(signature)) == 0) return true;
        at = at == 0 ? 512 : 2 * at;
    }
    return false;
}

/* ---- The child's message ---- */

struct decoder {
    struct snn_context *context;
    struct snnbase_arena *arena;
    struct snnconv_cursor cursor;
};

static int fail_message(struct decoder *decoder)
{
    return snnbase_fail(decoder->context, SNN_ERR_FORMAT,
                        "damaged HDF5 file: the library's answer makes no sense at its byte %zu",
                        decoder->cursor.at);
}

static bool take_number(struct decoder *decoder, uint64_t *out)
{
    return snnconv_cursor_read_le(&decoder->cursor, 8, out);
}

/* A copy of the text in the arena; what stands behind a NUL is cut off. */
static int take_text(struct decoder *decoder, const char **out)
{
    uint64_t size = 0;
    const unsigned char *bytes = NULL;
    if (!take_number(decoder, &size) || !snnconv_cursor_take(&decoder->cursor, size, &bytes))
        return fail_message(decoder);
    char *text = snnbase_arena_alloc(decoder->arena, decoder->context, (size_t)size + 1, 1);
    if (text == NULL) return SNN_ERR_NOMEM;
    memcpy(text, bytes, (size_t)size);
    *out = text;
    return SNN_OK;
}

/* Names go into messages. */
static int take_name(struct decoder *decoder, const char **out)
{
    int status = take_text(decoder, out);
    if (status == SNN_OK && snnbase_control_in(*out))
        status = snnbase_fail(decoder->context, SNN_ERR_FORMAT,
                              "an HDF5 object's name has control characters");
    return status;
}

static int take_shape(struct decoder *decoder, struct snnconv_array *array, size_t *count_out)
{
    uint64_t rank = 0, extent = 0;
    size_t count = 1;
    if (!take_number(decoder, &rank) || rank > SNNCONV_RANK_MAX) return fail_message(decoder);
    array->rank = (uint32_t)rank;
    for (uint32_t i = 0; i < array->rank; i++) {
        if (!take_number(decoder, &extent) || extent > INT64_MAX ||
            !snnbase_size_mul(count, (size_t)extent, &count))
            return fail_message(decoder);
        array->dim[i] = (int64_t)extent;
    }
    *count_out = count;
    return SNN_OK;
}

static int take_array(struct decoder *decoder, struct snnconv_array *array)
{
    uint64_t type = 0;
    size_t count = 0, bytes = 0;
    const unsigned char *elements = NULL;
    if (!take_number(decoder, &type) || type == SNNCONV_TYPE_NONE || type >= SNNCONV_TYPE_COUNT)
        return fail_message(decoder);
    array->type = (enum snnconv_type)type;
    int status = take_shape(decoder, array, &count);
    if (status != SNN_OK) return status;
    if (!snnbase_size_mul(count, snnconv_type_size(array->type), &bytes) ||
        !snnconv_cursor_take(&decoder->cursor, bytes, &elements))
        return fail_message(decoder);
    unsigned char *data = snnbase_arena_alloc(decoder->arena, decoder->context, bytes, 1);
    if (data == NULL) return SNN_ERR_NOMEM;
    memcpy(data, elements, bytes);
    for (size_t i = 0; i < bytes && array->type == SNNCONV_TYPE_BOOL; i++)
        data[i] = data[i] != 0;
    array->data = data;
    return SNN_OK;
}

static int take_texts(struct decoder *decoder, struct snnconv_hdf5_item *item)
{
    size_t count = 0;
    int status = take_shape(decoder, &item->array, &count);
    if (status != SNN_OK) return status;
    if (count > snnconv_cursor_left(&decoder->cursor) / 8) return fail_message(decoder);
    const char **text =
        snnbase_arena_alloc(decoder->arena, decoder->context, count, sizeof(const char *));
    if (text == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < count && status == SNN_OK; i++)
        status = take_text(decoder, &text[i]);
    item->text = text;
    return status;
}

static int take_item(struct decoder *decoder, struct snnconv_hdf5_item *item, unsigned depth);

static int take_items(struct decoder *decoder, struct snnconv_hdf5_item **out, size_t *count_out,
                      unsigned depth)
{
    uint64_t count = 0;
    if (!take_number(decoder, &count) ||
        count > snnconv_cursor_left(&decoder->cursor) / SNNCONV_HDF5_ITEM_MIN)
        return fail_message(decoder);
    struct snnconv_hdf5_item *items =
        snnbase_arena_alloc(decoder->arena, decoder->context, (size_t)count, sizeof(*items));
    if (items == NULL) return SNN_ERR_NOMEM;
    *out = items;
    *count_out = (size_t)count;
    int status = SNN_OK;
    for (size_t i = 0; i < count && status == SNN_OK; i++)
        status = take_item(decoder, &items[i], depth);
    return status;
}

static int take_payload(struct decoder *decoder, struct snnconv_hdf5_item *item, uint64_t kind)
{
    switch (kind) {
    case SNNCONV_HDF5_GROUP:
        item->is_group = true;
        return SNN_OK;
    case SNNCONV_HDF5_ARRAY:
        return take_array(decoder, &item->array);
    case SNNCONV_HDF5_TEXT:
        return take_texts(decoder, item);
    case SNNCONV_HDF5_FOREIGN:
        return take_name(decoder, &item->foreign);
    default:
        return fail_message(decoder);
    }
}

static int take_item(struct decoder *decoder, struct snnconv_hdf5_item *item, unsigned depth)
{
    uint64_t kind = 0;
    if (depth > SNNCONV_HDF5_DEPTH_MAX + 2 || !take_number(decoder, &kind))
        return fail_message(decoder);
    int status = take_name(decoder, &item->name);
    if (status != SNN_OK) return status;
    if (!take_number(decoder, &item->offset)) return fail_message(decoder);
    status = take_payload(decoder, item, kind);
    if (status == SNN_OK)
        status = take_items(decoder, &item->attributes, &item->attribute_count, depth + 1);
    if (status == SNN_OK)
        status = take_items(decoder, &item->children, &item->child_count, depth + 1);
    return status;
}

int snnconv_hdf5_decode(struct snnconv_hdf5_item **root_out, struct snn_context *context,
                        struct snnbase_arena *arena, const unsigned char *bytes, size_t size)
{
    struct decoder decoder = {.context = context, .arena = arena};
    snnconv_cursor_init(&decoder.cursor, bytes, size);
    struct snnconv_hdf5_item *root = snnbase_arena_alloc(arena, context, 1, sizeof(*root));
    if (root == NULL) return SNN_ERR_NOMEM;
    int status = take_item(&decoder, root, 0);
    if (status != SNN_OK) return status;
    if (!root->is_group || snnconv_cursor_left(&decoder.cursor) > 0) return fail_message(&decoder);
    *root_out = root;
    return SNN_OK;
}

#if SNNCONV_HDF5

/* ---- The child ---- */

enum {
    MEMORY_MIN = 128 << 20, /* what the library takes for itself, and room */
    IMAGE_COPIES = 4,
    PROCESSOR_MS = 500,               /* fifty times what a small file takes */
    PROCESSOR_BYTES_PER_MS = 4 << 10, /* a tenth of what inflating reaches */
    WRITE_PROCESSOR_MS = 60000
};

int snnconv_hdf5_read(struct snnconv_hdf5_item **root_out, struct snn_context *context,
                      struct snnbase_arena *arena, const unsigned char *bytes, size_t size)
{
    const struct snn_limits *limits = snnbase_limits(context);
    struct snnconv_hdf5_bytes file = {bytes, size};
    struct snnbase_buffer message = {NULL, 0, 0};
    if (!snnconv_hdf5_probe(bytes, size))
        return snnbase_fail(context, SNN_ERR_FORMAT, "not an HDF5 file: its signature is missing");
    if (size > limits->file_bytes)
        return snnbase_fail(context, SNN_ERR_LIMIT, "an HDF5 file of %zu bytes", size);
    const struct snnconv_child_job job = {
        .run = snnconv_hdf5_lib_walk,
        .user = &file,
        .memory_bytes = MEMORY_MIN + IMAGE_COPIES * (uint64_t)size + 2 * limits->tensor_bytes,
        .output_bytes = limits->file_bytes,
        .processor_ms = PROCESSOR_MS + (unsigned)(size / PROCESSOR_BYTES_PER_MS),
        .blame = "damaged HDF5 file: the library gave up",
    };
    int status = snnconv_child_run(&message, context, &job);
    if (status == SNN_OK)
        status = snnconv_hdf5_decode(root_out, context, arena, message.data, message.size);
    snnbase_buffer_fini(context, &message);
    return status;
}

int snnconv_hdf5_write(struct snn_context *context, const char *path,
                       const struct snnconv_hdf5_item *root)
{
    struct snnbase_buffer image = {NULL, 0, 0};
    struct snnconv_hdf5_item tree = *root;
    uint64_t limit = snnbase_limits(context)->file_bytes;
    const struct snnconv_child_job job = {
        .run = snnconv_hdf5_lib_build,
        .user = &tree,
        .memory_bytes = MEMORY_MIN + 2 * limit,
        .output_bytes = limit,
        .processor_ms = WRITE_PROCESSOR_MS,
        .blame = "libhdf5 gave up on a file to be written",
    };
    int status = snnconv_child_run(&image, context, &job);
    if (status == SNN_OK) status = snnbase_file_save(context, path, image.data, image.size);
    snnbase_buffer_fini(context, &image);
    return status;
}

#else

int snnconv_hdf5_read(struct snnconv_hdf5_item **root_out, struct snn_context *context,
                      struct snnbase_arena *arena, const unsigned char *bytes, size_t size)
{
    (void)root_out;
    (void)arena;
    (void)bytes;
    (void)size;
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED, "built without libhdf5: no HDF5 files");
    return snnbase_hint(context, "install libhdf5-dev and build again");
}

int snnconv_hdf5_write(struct snn_context *context, const char *path,
                       const struct snnconv_hdf5_item *root)
{
    (void)path;
    (void)root;
    (void)snnbase_fail(context, SNN_ERR_UNSUPPORTED, "built without libhdf5: no HDF5 files");
    return snnbase_hint(context, "install libhdf5-dev and build again");
}

#endif
