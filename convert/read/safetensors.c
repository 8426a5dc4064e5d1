/* Weights as safetensors files.
 *
 *     header size, 8 bytes, little-endian | header, JSON | values, little-endian, C order
 *
 * The header names every tensor with dtype, shape and the bytes it takes of the values. They must
 * tile the values: a gap or an overlap is refused, as the format's own library does.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convert/ir/array.h"
#include "convert/read/cursor.h"
#include "convert/read/reader.h"
#include "libsnn/base/error.h"
#include "libsnn/base/json.h"
#include "libsnn/base/size.h"

#define HEADER_MAX 100000000u /* bytes, the format's own limit */
#define OFFSET_MAX (INT64_C(1) << 53)

/* A tensor of the header. */
struct entry {
    const char *name;
    const struct snnbase_json_value *value;
    uint64_t begin; /* bytes of the values */
    uint64_t end;
};

struct state {
    struct snn_context *context;
    const struct snnconv_file *file;
    const unsigned char *values;
    size_t values_size;
    struct entry *entries; /* in the order of the header */
    size_t count;
};

static int safetensors_probe(const unsigned char *bytes, size_t size)
{
    struct snnconv_cursor cursor;
    uint64_t header_size = 0;
    const unsigned char *header = NULL;
    snnconv_cursor_init(&cursor, bytes, size);
    if (!snnconv_cursor_read_le(&cursor, 8, &header_size) || header_size > HEADER_MAX ||
        !snnconv_cursor_take(&cursor, 1, &header) || header[0] != '{')
        return 0;
    return 90;
}

/* ---- The table of the header ---- */

static int read_entry(struct state *s, const struct snnbase_json_value *member)
{
    int64_t offsets[2];
    struct entry *entry = &s->entries[s->count];
    *entry = (struct entry){.name = snnbase_json_key(member), .value = member};
    int status = snnbase_json_read_ints(s->context, member, entry->name, "data_offsets", 0,
                                        OFFSET_MAX, 2, offsets);
    if (status != SNN_OK) return status;
    entry->begin = (uint64_t)offsets[0];
    entry->end = (uint64_t)offsets[1];
    if (entry->begin > entry->end || entry->end > s->values_size)
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "byte %zu: tensor '%s': bytes %" PRIu64 " to %" PRIu64 " of %zu",
                            (size_t)(s->values - s->file->bytes), entry->name, entry->begin,
                            entry->end, s->values_size);
    s->count++;
    return SNN_OK;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = *(const struct entry *const *)a;
    const struct entry *y = *(const struct entry *const *)b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end == y->end ? 0 : x->end < y->end ? -1 : 1;
}

/* The entries must follow one another from the first byte of the values to the last. */
static int check_tiling(struct state *s)
{
    const struct entry **sorted = snnbase_alloc(s->context, s->count, sizeof(*sorted));
    if (sorted == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < s->count; i++)
        sorted[i] = &s->entries[i];
    if (s->count > 0) qsort(sorted, s->count, sizeof(*sorted), compare_entries);
    uint64_t at = 0;
    int status = SNN_OK;
    for (size_t i = 0; i < s->count && status == SNN_OK; i++) {
        if (sorted[i]->begin != at)
            status = snnbase_fail(s->context, SNN_ERR_FORMAT,
                                  "tensor '%s' begins at byte %" PRIu64 " of the values, %s byte "
                                  "%" PRIu64,
                                  sorted[i]->name, sorted[i]->begin,
                                  sorted[i]->begin < at ? "overlapping the one that ends at"
                                                        : "leaving a gap from",
                                  at);
        at = sorted[i]->end;
    }
    if (status == SNN_OK && at != s->values_size)
        status = snnbase_fail(s->context, SNN_ERR_FORMAT,
                              "values of %zu bytes, the tensors end at byte %" PRIu64,
                              s->values_size, at);
    snnbase_free(s->context, (void *)sorted);
    return status;
}

static int read_entries(struct state *s, const struct snnbase_json_value *root)
{
    if (!snnbase_json_is_object(root))
        return snnbase_fail(s->context, SNN_ERR_FORMAT, "byte 8: the header is no JSON object");
    s->entries = snnbase_alloc(s->context, snnbase_json_count(root), sizeof(*s->entries));
    if (s->entries == NULL) return SNN_ERR_NOMEM;
    const struct snnbase_json_value *member = snnbase_json_first(root);
    for (; member != NULL; member = snnbase_json_next(member)) {
        if (strcmp(snnbase_json_key(member), "__metadata__") == 0) continue;
        int status = read_entry(s, member);
        if (status != SNN_OK) return status;
    }
    return check_tiling(s);
}

/* ---- Tensors ---- */

static int read_type(struct state *s, const struct entry *entry, enum snnconv_type *out)
{
    static const struct {
        const char *name;
        enum snnconv_type type;
    } rows[] = {{"F16", SNNCONV_TYPE_F16}, {"BF16", SNNCONV_TYPE_BF16}, {"F32", SNNCONV_TYPE_F32},
                {"F64", SNNCONV_TYPE_F64}, {"BOOL", SNNCONV_TYPE_BOOL}, {"U8", SNNCONV_TYPE_U8},
                {"I8", SNNCONV_TYPE_I8},   {"U16", SNNCONV_TYPE_U16},   {"I16", SNNCONV_TYPE_I16},
                {"U32", SNNCONV_TYPE_U32}, {"I32", SNNCONV_TYPE_I32},   {"U64", SNNCONV_TYPE_U64},
                {"I64", SNNCONV_TYPE_I64}};
    const char *text = NULL;
    int status = snnbase_json_read_string(s->context, entry->value, entry->name, "dtype", &text);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(text, rows[i].name) != 0) continue;
        *out = rows[i].type;
        return SNN_OK;
    }
    return snnbase_fail(s->context, SNN_ERR_UNSUPPORTED,
                        "tensor '%s': dtype '%s' is not read; accepted are F16, BF16, F32, F64",
                        entry->name, text);
}

static int read_shape(struct state *s, const struct entry *entry, struct snnconv_tensor *out)
{
    const struct snnbase_json_value *shape = snnbase_json_get(entry->value, "shape");
    int64_t dim[SNNCONV_TENSOR_RANK_MAX];
    size_t rank = shape != NULL && snnbase_json_is_array(shape) ? snnbase_json_count(shape) : 0;
    if (rank > SNNCONV_TENSOR_RANK_MAX)
        return snnbase_fail(s->context, SNN_ERR_UNSUPPORTED,
                            "tensor '%s': %zu dimensions, at most %d", entry->name, rank,
                            (int)SNNCONV_TENSOR_RANK_MAX);
    int status = snnbase_json_read_ints(s->context, entry->value, entry->name, "shape", 0,
                                        OFFSET_MAX, rank, dim);
    if (status != SNN_OK) return status;
    out->rank = (uint32_t)rank;
    for (size_t i = 0; i < rank; i++)
        out->dim[i] = (uint64_t)dim[i];
    return SNN_OK;
}

static int read_tensor(struct state *s, struct snnconv_tensors *out, const struct entry *entry)
{
    struct snnconv_tensor like = {.name = entry->name}, *tensor = NULL;
    enum snnconv_type type = SNNCONV_TYPE_NONE;
    size_t bytes = 0;
    int status = read_type(s, entry, &type);
    if (status == SNN_OK) status = read_shape(s, entry, &like);
    if (status != SNN_OK) return status;
    const size_t item_size = snnconv_type_size(type);
    if (!snnconv_tensor_size(like.rank, like.dim, &like.count) ||
        !snnbase_size_mul(like.count, item_size, &bytes) || bytes != entry->end - entry->begin) {
        char shape[SNNCONV_SHAPE_TEXT_SIZE];
        snnconv_shape_format(shape, like.rank, like.dim);
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "tensor '%s': %s of %zu bytes each in %" PRIu64 " bytes", entry->name,
                            shape, item_size, entry->end - entry->begin);
    }
    if (!snnconv_type_is_float(type)) {
        snnbase_diagnose(s->context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "%s: tensor '%s' of integers is passed over", s->file->path, entry->name);
        return SNN_OK;
    }
    status = snnconv_tensors_add(out, s->context, &like, &tensor);
    if (status != SNN_OK) return status;
    const unsigned char *item = s->values + entry->begin;
    for (size_t i = 0; i < tensor->count; i++, item += item_size)
        tensor->values[i] = (float)snnconv_type_load_float(type, item, false);
    return SNN_OK;
}

/* ---- The file ---- */

static int read_header(struct state *s, struct snnbase_json **json)
{
    struct snnconv_cursor cursor;
    uint64_t size = 0;
    const unsigned char *header = NULL;
    snnconv_cursor_init(&cursor, s->file->bytes, s->file->size);
    if (!snnconv_cursor_read_le(&cursor, 8, &size))
        return snnbase_fail(s->context, SNN_ERR_FORMAT, "byte %zu: truncated", s->file->size);
    if (size > HEADER_MAX)
        return snnbase_fail(s->context, SNN_ERR_LIMIT,
                            "byte 0: a header of %" PRIu64 " bytes exceeds the limit of %u", size,
                            HEADER_MAX);
    if (!snnconv_cursor_take(&cursor, size, &header))
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "byte %zu: truncated: a header of %" PRIu64 " bytes, %zu are there",
                            s->file->size, size, snnconv_cursor_left(&cursor));
    s->values = s->file->bytes + cursor.at;
    s->values_size = snnconv_cursor_left(&cursor);
    int status = snnbase_json_parse(s->context, (const char *)header, (size_t)size, json);
    return status == SNN_OK ? SNN_OK : snnbase_where(s->context, "header");
}

static int safetensors_read_weights(struct snnconv_tensors *out, struct snn_context *context,
                                    const struct snnconv_file *file)
{
    struct state s = {.context = context, .file = file};
    struct snnbase_json *json = NULL;
    int status = read_header(&s, &json);
    if (status == SNN_OK) status = read_entries(&s, snnbase_json_root(json));
    for (size_t i = 0; i < s.count && status == SNN_OK; i++)
        status = read_tensor(&s, out, &s.entries[i]);
    snnbase_free(context, s.entries);
    snnbase_json_destroy(context, &json);
    /* Writers sort tensors by size of dtype and name: nothing follows from their order. */
    out->ordered = false;
    return status == SNN_OK ? SNN_OK : snnbase_where(context, "%s", file->path);
}

const struct snnconv_reader snnconv_safetensors_reader = {
    .name = "safetensors",
    .summary = "safetensors files (a size, a JSON header, values)",
    .kind = "a safetensors file",
    .with_topology = "safetensors file and a topology",
    .probe = safetensors_probe,
    .read_weights = safetensors_read_weights,
};
