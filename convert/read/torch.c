/* Weights as torch.save writes a state dictionary, in both forms.
 *
 * Zip (PyTorch 1.6 and later): one folder with data.pkl, the pickle, and data/KEY, the bytes of
 * each storage, all stored unpacked. Legacy: five pickles one after the other (magic, protocol,
 * system, object, keys of storages) and then for each key the number of elements and their bytes.
 *
 * A tensor is a view of a storage: offset, shape and strides, all held against the storage's size.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convert/ir/array.h"
#include "convert/read/pickle.h"
#include "convert/read/zip.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

/* The pickle of 0x1950a86a20f9469cfc6c, with which a file of the legacy form begins. */
static const unsigned char legacy_magic[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                             0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

enum { LEGACY_PROTOCOL = 1001, NAME_MAX_BYTES = 255 };

static const char pickle_member[] = "data.pkl";

/* What a persistent id of the pickle names. */
struct storage {
    const char *key; /* in the file's bytes, not terminated */
    size_t key_size;
    const struct snnconv_pickle_global *type;
    uint64_t count;             /* elements */
    const unsigned char *bytes; /* NULL: not met yet */
};

struct state {
    struct snn_context *context;
    const struct snnconv_file *file;
    struct snnconv_tensors *out;
    struct snnconv_pickle pickle;
    struct storage *storages; /* sorted by key, each once */
    size_t storage_count;
    bool big_endian;
};

#define KEY_SHOWN(storage) ((int)((storage)->key_size < 40 ? (storage)->key_size : 40))

/* ---- Storages ---- */

static int fail_storage(struct state *s)
{
    snnbase_fail(s->context, SNN_ERR_UNSUPPORTED, "a persistent id that names no storage");
    return snnbase_hint(s->context, "known are ('storage', type, key, location, count)");
}

/* ('storage', type, key, location, count), in the legacy form followed by a view, which is None.
 * The location ("cuda:0") says where the tensor was, and is of no concern here. */
static int read_storage(struct state *s, const struct snnconv_pickle_value *value,
                        struct storage *out)
{
    const struct snnconv_pickle_value *id = &s->pickle.values[value->first];
    const struct snnconv_pickle_value *item[6];
    for (uint32_t i = 0; i < 6; i++)
        item[i] = snnconv_pickle_item(&s->pickle, id, i);
    if (item[4] == NULL || id->count > 6 || !snnconv_pickle_is_text(item[0], "storage") ||
        item[1]->kind != SNNCONV_PICKLE_GLOBAL || item[1]->as.global->type == SNNCONV_TYPE_NONE ||
        item[2]->kind != SNNCONV_PICKLE_STRING || item[4]->kind != SNNCONV_PICKLE_INT ||
        item[4]->as.integer < 0)
        return fail_storage(s);
    if (item[5] != NULL && item[5]->kind != SNNCONV_PICKLE_NONE)
        return snnbase_fail(s->context, SNN_ERR_UNSUPPORTED, "a view of a storage is not read");
    *out = (struct storage){.key = item[2]->as.text.bytes,
                            .key_size = item[2]->as.text.size,
                            .type = item[1]->as.global,
                            .count = (uint64_t)item[4]->as.integer};
    return SNN_OK;
}

static int compare_keys(const struct storage *a, const struct storage *b)
{
    size_t shorter = a->key_size < b->key_size ? a->key_size : b->key_size;
    int order = memcmp(a->key, b->key, shorter);
    if (order != 0 || a->key_size == b->key_size) return order;
    return a->key_size < b->key_size ? -1 : 1;
}

static int compare_storages(const void *a, const void *b)
{
    return compare_keys(a, b);
}

/* Sorted by key; a storage that several tensors share stands there once. */
static int sort_storages(struct state *s)
{
    size_t kept = 0;
    if (s->storage_count > 0)
        qsort(s->storages, s->storage_count, sizeof(*s->storages), compare_storages);
    for (size_t i = 0; i < s->storage_count; i++) {
        const struct storage *storage = &s->storages[i];
        const struct storage *last = kept > 0 ? &s->storages[kept - 1] : NULL;
        if (last == NULL || compare_keys(last, storage) != 0)
            s->storages[kept++] = *storage;
        else if (last->type != storage->type || last->count != storage->count)
            return snnbase_fail(s->context, SNN_ERR_FORMAT, "storage '%.*s' has two types or sizes",
                                KEY_SHOWN(storage), storage->key);
    }
    s->storage_count = kept;
    return SNN_OK;
}

/* Every storage that the pickle names, by going through all of its values. */
static int list_storages(struct state *s)
{
    const struct snnconv_pickle *p = &s->pickle;
    size_t count = 0;
    for (size_t i = 1; i < p->value_count; i++)
        count += p->values[i].kind == SNNCONV_PICKLE_PERSISTENT ? 1 : 0;
    s->storages = snnbase_alloc(s->context, count, sizeof(*s->storages));
    if (s->storages == NULL) return SNN_ERR_NOMEM;
    for (size_t i = 1; i < p->value_count; i++) {
        if (p->values[i].kind != SNNCONV_PICKLE_PERSISTENT) continue;
        int status = read_storage(s, &p->values[i], &s->storages[s->storage_count++]);
        if (status != SNN_OK) return status;
    }
    return sort_storages(s);
}

static size_t item_size(const struct storage *storage)
{
    return snnconv_type_size(storage->type->type);
}

static struct storage *find_storage(struct state *s, const char *key, size_t key_size)
{
    const struct storage wanted = {.key = key, .key_size = key_size};
    if (s->storage_count == 0) return NULL;
    return bsearch(&wanted, s->storages, s->storage_count, sizeof(wanted), compare_storages);
}

/* ---- Tensors ---- */

/* A tensor as the pickle describes it. */
struct view {
    struct storage *storage;
    size_t offset; /* in elements, as are the strides */
    uint32_t rank;
    uint64_t dim[SNNCONV_TENSOR_RANK_MAX];
    uint64_t stride[SNNCONV_TENSOR_RANK_MAX];
    size_t count;
};

/* The arguments of _rebuild_tensor_v2, also where a parameter is wrapped around it; else NULL. */
static const struct snnconv_pickle_value *tensor_arguments(const struct state *s,
                                                           const struct snnconv_pickle_value *value)
{
    if (value->kind != SNNCONV_PICKLE_CALL) return NULL;
    if (value->as.global == &snnconv_pickle_rebuild_parameter) {
        value = snnconv_pickle_item(&s->pickle, &s->pickle.values[value->first], 0);
        if (value == NULL || value->kind != SNNCONV_PICKLE_CALL) return NULL;
    }
    if (value->as.global != &snnconv_pickle_rebuild_tensor) return NULL;
    return &s->pickle.values[value->first];
}

/* Whole numbers of a tuple; false if it holds anything else, or more than `out` takes. */
static bool read_extents(const struct state *s, const struct snnconv_pickle_value *tuple,
                         uint64_t out[SNNCONV_TENSOR_RANK_MAX])
{
    const struct snnconv_pickle *p = &s->pickle;
    if (tuple->kind != SNNCONV_PICKLE_TUPLE || tuple->count > SNNCONV_TENSOR_RANK_MAX) return false;
    for (uint32_t at = tuple->first; at != 0; at = p->links[at].next) {
        const struct snnconv_pickle_value *item = &p->values[p->links[at].value];
        if (item->kind != SNNCONV_PICKLE_INT || item->as.integer < 0) return false;
        *out++ = (uint64_t)item->as.integer;
    }
    return true;
}

/* (storage, offset, shape, strides, requires_grad, hooks[, metadata]) */
static int read_view(struct state *s, const struct snnconv_pickle_value *arguments,
                     struct view *out)
{
    const struct snnconv_pickle_value *item[4];
    struct storage like;
    for (uint32_t i = 0; i < 4; i++)
        item[i] = snnconv_pickle_item(&s->pickle, arguments, i);
    if (item[3] == NULL || item[0]->kind != SNNCONV_PICKLE_PERSISTENT ||
        item[1]->kind != SNNCONV_PICKLE_INT || item[1]->as.integer < 0 ||
        !read_extents(s, item[2], out->dim) || !read_extents(s, item[3], out->stride) ||
        item[2]->count != item[3]->count)
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "no storage, offset, shape and strides of at most %d dimensions",
                            (int)SNNCONV_TENSOR_RANK_MAX);
    int status = read_storage(s, item[0], &like);
    if (status != SNN_OK) return status;
    out->storage = find_storage(s, like.key, like.key_size);
    out->rank = item[2]->count;
    out->offset = (size_t)item[1]->as.integer;
    if (out->storage == NULL) return fail_storage(s);
    return SNN_OK;
}

/* True if every element lies within the storage, and none is counted more often than it is there.
 */
static bool is_inside(struct view *view)
{
    size_t last = view->offset; /* the element with the largest index */
    if (!snnconv_tensor_size(view->rank, view->dim, &view->count)) return false;
    if (view->count == 0) return true;
    for (uint32_t i = 0; i < view->rank; i++) {
        size_t reach = 0;
        if (view->stride[i] > SIZE_MAX ||
            !snnbase_size_mul((size_t)view->dim[i] - 1, (size_t)view->stride[i], &reach) ||
            !snnbase_size_add(last, reach, &last))
            return false;
    }
    return last < view->storage->count && view->count <= view->storage->count;
}

static void load_values(const struct view *view, bool big_endian, float *values)
{
    const enum snnconv_type type = view->storage->type->type;
    const size_t size = snnconv_type_size(type);
    const unsigned char *bytes = view->storage->bytes;
    uint64_t index[SNNCONV_TENSOR_RANK_MAX] = {0};
    size_t at = view->offset;
    for (size_t i = 0; i < view->count; i++) {
        values[i] = (float)snnconv_type_load_float(type, bytes + at * size, big_endian);
        for (uint32_t d = view->rank; d-- > 0;) {
            at += (size_t)view->stride[d];
            if (++index[d] < view->dim[d]) break;
            at -= (size_t)(view->stride[d] * view->dim[d]);
            index[d] = 0;
        }
    }
}

static int read_tensor(struct state *s, const char *name,
                       const struct snnconv_pickle_value *arguments)
{
    struct view view = {.storage = NULL};
    struct snnconv_tensor like = {.name = name}, *tensor = NULL;
    int status = read_view(s, arguments, &view);
    if (status != SNN_OK) return snnbase_where(s->context, "tensor '%s'", name);
    if (!is_inside(&view)) {
        char shape[SNNCONV_SHAPE_TEXT_SIZE];
        snnconv_shape_format(shape, view.rank, view.dim);
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "tensor '%s': %s from element %zu on is not within a storage of "
                            "%" PRIu64 " elements",
                            name, shape, view.offset, view.storage->count);
    }
    if (!snnconv_type_is_float(view.storage->type->type)) {
        snnbase_diagnose(s->context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "%s: tensor '%s' of a %s is passed over", s->file->path, name,
                         view.storage->type->name);
        return SNN_OK;
    }
    like.rank = view.rank;
    like.count = view.count;
    memcpy(like.dim, view.dim, sizeof(like.dim));
    status = snnconv_tensors_add(s->out, s->context, &like, &tensor);
    if (status == SNN_OK) load_values(&view, s->big_endian, tensor->values);
    return status;
}

/* ---- The dictionary ---- */

/* True for a dictionary that holds tensors itself. One that is a single number (a loss beside the
 * weights) does not count. */
static bool is_state_dictionary(const struct state *s, const struct snnconv_pickle_value *value)
{
    const struct snnconv_pickle *p = &s->pickle;
    if (value->kind != SNNCONV_PICKLE_DICT) return false;
    for (uint32_t at = value->first; at != 0; at = p->links[at].next) {
        const struct snnconv_pickle_value *arguments =
            tensor_arguments(s, &p->values[p->links[at].value]);
        const struct snnconv_pickle_value *shape =
            arguments != NULL ? snnconv_pickle_item(p, arguments, 2) : NULL;
        if (shape != NULL && shape->count > 0 &&
            p->values[p->links[at].key].kind == SNNCONV_PICKLE_STRING)
            return true;
    }
    return false;
}

/* A key as text, without what may not be shown. */
static void format_key(const struct snnconv_pickle_value *key, char text[41])
{
    size_t size = 0;
    if (key->kind == SNNCONV_PICKLE_STRING) size = key->as.text.size < 40 ? key->as.text.size : 40;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)key->as.text.bytes[i];
        text[i] = '?';
        if (c >= 0x20 && c < 0x7f) text[i] = (char)c;
    }
    text[size] = '\0';
}

static int fail_dictionary(struct state *s, const struct snnconv_pickle_value *first,
                           const struct snnconv_pickle_value *second)
{
    char a[41], b[41];
    if (first == NULL) {
        snnbase_fail(s->context, SNN_ERR_FORMAT, "no dictionary of tensors");
        return snnbase_hint(s->context, "save model.state_dict()");
    }
    format_key(first, a);
    format_key(second, b);
    snnbase_fail(s->context, SNN_ERR_FORMAT, "two dictionaries of tensors, '%s' and '%s'", a, b);
    return snnbase_hint(s->context, "save one of them alone");
}

/* The only state dictionary among the values of `root`. `seen` [values] keeps apart what was looked
 * at: one dictionary under many keys is one, and costs time once. */
static int find_nested(struct state *s, const struct snnconv_pickle_value *root,
                       unsigned char *seen, const struct snnconv_pickle_value **out)
{
    const struct snnconv_pickle *p = &s->pickle;
    const struct snnconv_pickle_value *found = NULL, *key = NULL;
    uint32_t at = root->kind == SNNCONV_PICKLE_DICT ? root->first : 0;
    for (; at != 0; at = p->links[at].next) {
        const struct snnconv_pickle_value *value = &p->values[p->links[at].value];
        if (seen[p->links[at].value] != 0) continue;
        seen[p->links[at].value] = 1;
        if (!is_state_dictionary(s, value)) continue;
        if (found != NULL) return fail_dictionary(s, key, &p->values[p->links[at].key]);
        found = value;
        key = &p->values[p->links[at].key];
    }
    if (found == NULL) return fail_dictionary(s, NULL, NULL);
    *out = found;
    return SNN_OK;
}

/* The state dictionary: the root, or the only one in the root. What an optimizer keeps is no such
 * dictionary: its tensors lie deeper. */
static int find_dictionary(struct state *s, const struct snnconv_pickle_value **out)
{
    const struct snnconv_pickle_value *root = &s->pickle.values[s->pickle.root];
    if (is_state_dictionary(s, root)) {
        *out = root;
        return SNN_OK;
    }
    unsigned char *seen = snnbase_alloc(s->context, s->pickle.value_count, 1);
    if (seen == NULL) return SNN_ERR_NOMEM;
    int status = find_nested(s, root, seen, out);
    snnbase_free(s->context, seen);
    return status;
}

static int read_dictionary(struct state *s)
{
    const struct snnconv_pickle *p = &s->pickle;
    const struct snnconv_pickle_value *dictionary = NULL;
    int status = find_dictionary(s, &dictionary);
    if (status != SNN_OK) return status;
    for (uint32_t at = dictionary->first; at != 0 && status == SNN_OK; at = p->links[at].next) {
        char name[NAME_MAX_BYTES + 1];
        const struct snnconv_pickle_value *key = &p->values[p->links[at].key];
        const struct snnconv_pickle_value *arguments =
            tensor_arguments(s, &p->values[p->links[at].value]);
        if (arguments == NULL || key->kind != SNNCONV_PICKLE_STRING) continue;
        if (key->as.text.size > NAME_MAX_BYTES ||
            memchr(key->as.text.bytes, '\0', key->as.text.size) != NULL)
            return snnbase_fail(s->context, SNN_ERR_FORMAT,
                                "the name of a tensor has %zu bytes, at most %d, or a zero byte",
                                key->as.text.size, NAME_MAX_BYTES);
        memcpy(name, key->as.text.bytes, key->as.text.size);
        name[key->as.text.size] = '\0';
        status = read_tensor(s, name, arguments);
    }
    return status;
}

/* ---- The zip form ---- */

/* The bytes of a member that torch wrote: stored, never deflated. */
static int read_member(struct state *s, const struct snnconv_zip *zip,
                       const struct snnconv_zip_member *member, struct snnconv_file *out)
{
    unsigned char *unpacked = NULL;
    if (member->method != 0) {
        snnbase_fail(s->context, SNN_ERR_UNSUPPORTED, "%s: member '%.*s' is deflated",
                     s->file->path, (int)(member->name_size < 100 ? member->name_size : 100),
                     member->name);
        return snnbase_hint(s->context, "torch.save stores its members unpacked");
    }
    int status = snnconv_zip_read(zip, s->context, member, out, &unpacked);
    return status == SNN_OK ? SNN_OK : snnbase_where(s->context, "%s", s->file->path);
}

/* The member `folder`NAME, where folder is what stands before data.pkl; NULL if there is none. */
static const struct snnconv_zip_member *find_member(const struct snnconv_zip *zip,
                                                    const struct snnconv_zip_member *root,
                                                    const char *name, const char *key,
                                                    size_t key_size)
{
    char path[512];
    size_t folder = root->name_size - strlen(pickle_member), length = strlen(name);
    if (folder + length + key_size > sizeof(path)) return NULL;
    memcpy(path, root->name, folder);
    memcpy(path + folder, name, length);
    if (key_size > 0) memcpy(path + folder + length, key, key_size);
    return snnconv_zip_find(zip, path, folder + length + key_size);
}

/* The one member called data.pkl, in whatever folder. */
static int find_pickle(struct state *s, const struct snnconv_zip *zip,
                       const struct snnconv_zip_member **out)
{
    size_t length = strlen(pickle_member), found = 0;
    for (size_t i = 0; i < zip->count; i++) {
        const struct snnconv_zip_member *member = &zip->members[i];
        if (member->name_size < length ||
            memcmp(member->name + member->name_size - length, pickle_member, length) != 0)
            continue;
        if (member->name_size > length && member->name[member->name_size - length - 1] != '/')
            continue;
        *out = member;
        found++;
    }
    if (found != 1)
        return snnbase_fail(s->context, SNN_ERR_FORMAT, "%s: %zu members data.pkl, 1 expected",
                            s->file->path, found);
    if (find_member(zip, *out, "constants.pkl", NULL, 0) != NULL) {
        snnbase_fail(s->context, SNN_ERR_UNSUPPORTED, "%s: a TorchScript program", s->file->path);
        return snnbase_hint(s->context, "save model.state_dict()");
    }
    return SNN_OK;
}

static int read_byte_order(struct state *s, const struct snnconv_zip *zip,
                           const struct snnconv_zip_member *root)
{
    const struct snnconv_zip_member *member = find_member(zip, root, "byteorder", NULL, 0);
    struct snnconv_file text;
    if (member == NULL) return SNN_OK;
    int status = read_member(s, zip, member, &text);
    if (status != SNN_OK) return status;
    s->big_endian = text.size == 3 && memcmp(text.bytes, "big", 3) == 0;
    if (s->big_endian || (text.size == 6 && memcmp(text.bytes, "little", 6) == 0)) return SNN_OK;
    return snnbase_fail(s->context, SNN_ERR_FORMAT,
                        "%s: member 'byteorder' says neither little nor big", s->file->path);
}

static int find_zip_storage(struct state *s, const struct snnconv_zip *zip,
                            const struct snnconv_zip_member *root, struct storage *storage)
{
    struct snnconv_file bytes;
    const struct snnconv_zip_member *member =
        find_member(zip, root, "data/", storage->key, storage->key_size);
    if (member == NULL)
        return snnbase_fail(s->context, SNN_ERR_FORMAT, "%s: no member for storage '%.*s'",
                            s->file->path, KEY_SHOWN(storage), storage->key);
    int status = read_member(s, zip, member, &bytes);
    if (status != SNN_OK) return status;
    if (storage->count > bytes.size / item_size(storage))
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "%s: storage '%.*s' of %" PRIu64 " elements of %zu bytes has %zu bytes",
                            s->file->path, KEY_SHOWN(storage), storage->key, storage->count,
                            item_size(storage), bytes.size);
    storage->bytes = bytes.bytes;
    return SNN_OK;
}

static int read_zip(struct state *s, const struct snnconv_zip *zip)
{
    const struct snnconv_zip_member *root = NULL;
    struct snnconv_file pickle;
    struct snnconv_cursor cursor;
    int status = find_pickle(s, zip, &root);
    if (status == SNN_OK) status = read_byte_order(s, zip, root);
    if (status == SNN_OK) status = read_member(s, zip, root, &pickle);
    if (status != SNN_OK) return status;
    snnconv_cursor_init(&cursor, pickle.bytes, pickle.size);
    status = snnconv_pickle_load(&s->pickle, s->context, &cursor);
    if (status == SNN_OK) status = list_storages(s);
    if (status != SNN_OK) return snnbase_where(s->context, "%s: data.pkl", s->file->path);
    for (size_t i = 0; i < s->storage_count && status == SNN_OK; i++)
        status = find_zip_storage(s, zip, root, &s->storages[i]);
    if (status != SNN_OK) return status;
    status = read_dictionary(s);
    return status == SNN_OK ? SNN_OK : snnbase_where(s->context, "%s", s->file->path);
}

/* ---- The legacy form ---- */

/* Passes over a pickle whose contents do not matter, but for the protocol's number. */
static int read_preamble(struct state *s, struct snnconv_cursor *cursor)
{
    for (int i = 0; i < 2; i++) {
        struct snnconv_pickle pickle;
        int status = snnconv_pickle_load(&pickle, s->context, cursor);
        if (status != SNN_OK) return status;
        struct snnconv_pickle_value root = pickle.values[pickle.root];
        snnconv_pickle_fini(&pickle, s->context);
        if (i == 0 && (root.kind != SNNCONV_PICKLE_INT || root.as.integer != LEGACY_PROTOCOL))
            return snnbase_fail(s->context, SNN_ERR_UNSUPPORTED,
                                "not protocol %d of PyTorch's legacy files", (int)LEGACY_PROTOCOL);
    }
    return SNN_OK;
}

/* The number of elements, and the elements. */
static int take_storage(struct state *s, struct snnconv_cursor *cursor,
                        const struct snnconv_pickle_value *key)
{
    uint64_t count = 0;
    struct storage *storage = NULL;
    if (key->kind == SNNCONV_PICKLE_STRING)
        storage = find_storage(s, key->as.text.bytes, key->as.text.size);
    if (storage == NULL || storage->bytes != NULL)
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "byte %zu: a storage that no tensor has, or that was there before",
                            cursor->at);
    if (!snnconv_cursor_read_le(cursor, 8, &count) || count != storage->count ||
        count > snnconv_cursor_left(cursor) / item_size(storage))
        return snnbase_fail(s->context, SNN_ERR_FORMAT,
                            "byte %zu: storage '%.*s' of %" PRIu64
                            " elements of %zu bytes, %" PRIu64 " announced, %zu bytes left",
                            cursor->at, KEY_SHOWN(storage), storage->key, storage->count,
                            item_size(storage), count, snnconv_cursor_left(cursor));
    (void)snnconv_cursor_take(cursor, count * item_size(storage), &storage->bytes);
    return SNN_OK;
}

static int take_storages(struct state *s, struct snnconv_cursor *cursor)
{
    struct snnconv_pickle keys;
    int status = snnconv_pickle_load(&keys, s->context, cursor);
    if (status != SNN_OK) return status;
    const struct snnconv_pickle_value *list = &keys.values[keys.root];
    if (list->kind != SNNCONV_PICKLE_LIST)
        status = snnbase_fail(s->context, SNN_ERR_FORMAT, "no list of storages");
    uint32_t at = status == SNN_OK ? list->first : 0;
    for (; at != 0 && status == SNN_OK; at = keys.links[at].next)
        status = take_storage(s, cursor, &keys.values[keys.links[at].value]);
    snnconv_pickle_fini(&keys, s->context);
    for (size_t i = 0; i < s->storage_count && status == SNN_OK; i++) {
        if (s->storages[i].bytes == NULL)
            status = snnbase_fail(s->context, SNN_ERR_FORMAT, "storage '%.*s' is not in the file",
                                  KEY_SHOWN(&s->storages[i]), s->storages[i].key);
    }
    return status;
}

static int read_legacy(struct state *s)
{
    struct snnconv_cursor cursor;
    snnconv_cursor_init(&cursor, s->file->bytes, s->file->size);
    (void)snnconv_cursor_seek(&cursor, sizeof(legacy_magic));
    int status = read_preamble(s, &cursor);
    if (status == SNN_OK) status = snnconv_pickle_load(&s->pickle, s->context, &cursor);
    if (status == SNN_OK) status = list_storages(s);
    if (status == SNN_OK) status = take_storages(s, &cursor);
    if (status == SNN_OK) status = read_dictionary(s);
    return status == SNN_OK ? SNN_OK : snnbase_where(s->context, "%s", s->file->path);
}

/* ---- The reader ---- */

static bool is_legacy(const unsigned char *bytes, size_t size)
{
    return size >= sizeof(legacy_magic) && memcmp(bytes, legacy_magic, sizeof(legacy_magic)) == 0;
}

static int torch_probe(const unsigned char *bytes, size_t size)
{
    const char *name = NULL;
    size_t name_size = 0, length = strlen(pickle_member);
    if (is_legacy(bytes, size)) return 100;
    if (!snnconv_zip_probe(bytes, size, &name, &name_size)) return 0;
    bool pickle =
        name_size >= length && memcmp(name + name_size - length, pickle_member, length) == 0;
    return pickle ? 100 : 20;
}

static int torch_read_weights(struct snnconv_tensors *out, struct snn_context *context,
                              const struct snnconv_file *file)
{
    struct state s = {.context = context, .file = file, .out = out};
    int status;
    out->ordered = true;
    if (is_legacy(file->bytes, file->size)) {
        status = read_legacy(&s);
    } else {
        struct snnconv_zip zip;
        status = snnconv_zip_open(&zip, context, file);
        if (status != SNN_OK) return snnbase_where(context, "%s", file->path);
        status = read_zip(&s, &zip);
        snnconv_zip_close(&zip, context);
    }
    snnbase_free(context, s.storages);
    snnconv_pickle_fini(&s.pickle, context);
    return status;
}

const struct snnconv_reader snnconv_torch_reader = {
    .name = "torch",
    .summary = "state dictionaries of PyTorch (.pt, .pth)",
    .kind = "a PyTorch file",
    .with_topology = "PyTorch state dictionary and a topology",
    .probe = torch_probe,
    .read_weights = torch_read_weights,
};
