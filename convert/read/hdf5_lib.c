/* The door of libhdf5, see hdf5_lib.h. Runs only in the child process of hdf5.c: it may crash, and
 * what it opens and allocates is gone with the process.
 *
 * A file is walked along its hard links, each object once, so that cycles and bombs of links end;
 * soft and external links are named, not followed. Counts and sizes of the file are held against
 * its bytes before memory is asked for.
 */
#define H5_USE_110_API

#include "convert/read/hdf5_lib.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"
#include "snn/status.h"

enum {
    PATH_SIZE = 512,
    /* Deflate packs at most 1032 bytes into one; a dataset of more is fill value, or a bomb. */
    RATIO_MAX = 1032,
    SMALL_BYTES = 1 << 16,
    VISITED_MIN = 256,
    CORE_STEP_BYTES = 1 << 20
};

struct walk {
    struct snnconv_child_pipe *pipe;
    struct snn_context *context;
    size_t file_size;
    uint64_t item_count;
    uint64_t offset;  /* of the object whose attributes come */
    uint64_t entries; /* of the group or attribute list that is being walked */
    unsigned depth;
    int status;
    char path[PATH_SIZE]; /* of the object, for messages */
    haddr_t *visited;     /* a hash table; HADDR_UNDEF: free */
    size_t visited_capacity, visited_count;
};

/* ---- Common ---- */

static int fail_object(struct walk *walk, int status, const char *what)
{
    walk->status = snnbase_fail(walk->context, status, "HDF5 object '%s' %s",
                                walk->path[0] == '\0' ? "/" : walk->path, what);
    return -1;
}

static int fail_nomem(struct walk *walk)
{
    return fail_object(walk, SNN_ERR_NOMEM, "is too large for the memory of the child process");
}

static size_t push_path(struct walk *walk, const char *separator, const char *name)
{
    size_t length = strlen(walk->path);
    (void)snprintf(walk->path + length, PATH_SIZE - length, "%s%s", separator, name);
    return length;
}

static size_t slot_of(const struct walk *walk, haddr_t address)
{
    uint64_t mixed = (uint64_t)address * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = (size_t)(mixed >> 32) & (walk->visited_capacity - 1);
    while (walk->visited[slot] != HADDR_UNDEF && walk->visited[slot] != address)
        slot = (slot + 1) & (walk->visited_capacity - 1);
    return slot;
}

static bool grow_visited(struct walk *walk)
{
    struct walk old = *walk;
    size_t capacity = old.visited_capacity == 0 ? VISITED_MIN : 2 * old.visited_capacity;
    walk->visited = malloc(capacity * sizeof(*walk->visited));
    if (walk->visited == NULL) return false;
    walk->visited_capacity = capacity;
    for (size_t i = 0; i < capacity; i++)
        walk->visited[i] = HADDR_UNDEF;
    for (size_t i = 0; i < old.visited_capacity; i++) {
        if (old.visited[i] != HADDR_UNDEF)
            walk->visited[slot_of(walk, old.visited[i])] = old.visited[i];
    }
    free(old.visited);
    return true;
}

/* Remembers an object; *again if it has been here before. */
static int visit(struct walk *walk, haddr_t address, bool *again)
{
    if (2 * walk->visited_count >= walk->visited_capacity && !grow_visited(walk))
        return fail_nomem(walk);
    size_t slot = slot_of(walk, address);
    *again = walk->visited[slot] == address;
    if (*again) return 0;
    walk->visited[slot] = address;
    walk->visited_count++;
    return 0;
}

static int put_head(struct walk *walk, enum snnconv_hdf5_kind kind, const char *name)
{
    uint32_t limit = snnbase_limits(walk->context)->json_node_count;
    if (walk->item_count++ >= limit) {
        walk->status = snnbase_fail(walk->context, SNN_ERR_LIMIT,
                                    "more than %" PRIu32 " objects in an HDF5 file", limit);
        return -1;
    }
    snnconv_child_put_number(walk->pipe, kind);
    snnconv_child_put_text(walk->pipe, name, strlen(name));
    snnconv_child_put_number(walk->pipe, walk->offset);
    return 0;
}

static int put_foreign(struct walk *walk, const char *name, const char *what)
{
    if (put_head(walk, SNNCONV_HDF5_FOREIGN, name) != 0) return -1;
    snnconv_child_put_text(walk->pipe, what, strlen(what));
    return 0;
}

/* ---- Data: of a dataset or of an attribute ---- */

struct source {
    const char *name;
    bool is_attribute;
    hid_t id, type;
    int rank;
    hsize_t dim[SNNCONV_RANK_MAX];
    size_t count;
};

static const char *class_name(H5T_class_t class)
{
    switch (class) {
    case H5T_TIME:
        return "time";
    case H5T_BITFIELD:
        return "bitfield";
    case H5T_OPAQUE:
        return "opaque";
    case H5T_COMPOUND:
        return "compound";
    case H5T_REFERENCE:
        return "reference";
    case H5T_ENUM:
        return "enumeration";
    case H5T_VLEN:
        return "variable-length sequence";
    case H5T_ARRAY:
        return "array";
    default:
        return "number of a size that is not known";
    }
}

static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_NATIVE_FLOAT);
    if (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 ||
        H5Tset_ebias(type, 15) < 0)
        return -1;
    return type;
}

/* What the elements become in memory: `type` NONE where no array can hold them. */
struct element {
    enum snnconv_type type;
    hid_t memory;
    size_t size;
};

static struct element integer_element(hid_t type)
{
    bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
    switch (H5Tget_size(type)) {
    case 1:
        return is_signed ? (struct element){SNNCONV_TYPE_I8, H5T_NATIVE_INT8, 1}
                         : (struct element){SNNCONV_TYPE_U8, H5T_NATIVE_UINT8, 1};
    case 2:
        return is_signed ? (struct element){SNNCONV_TYPE_I16, H5T_NATIVE_INT16, 2}
                         : (struct element){SNNCONV_TYPE_U16, H5T_NATIVE_UINT16, 2};
    case 4:
        return is_signed ? (struct element){SNNCONV_TYPE_I32, H5T_NATIVE_INT32, 4}
                         : (struct element){SNNCONV_TYPE_U32, H5T_NATIVE_UINT32, 4};
    case 8:
        return is_signed ? (struct element){SNNCONV_TYPE_I64, H5T_NATIVE_INT64, 8}
                         : (struct element){SNNCONV_TYPE_U64, H5T_NATIVE_UINT64, 8};
    default:
        return (struct element){SNNCONV_TYPE_NONE, -1, 0};
    }
}

/* Floats of two bytes other than binary16 (bfloat16) widen to binary32. */
static struct element float_element(hid_t type)
{
    switch (H5Tget_size(type)) {
    case 2:
        if (H5Tget_ebias(type) == 15) return (struct element){SNNCONV_TYPE_F16, half_type(), 2};
        return (struct element){SNNCONV_TYPE_F32, H5T_NATIVE_FLOAT, 4};
    case 4:
        return (struct element){SNNCONV_TYPE_F32, H5T_NATIVE_FLOAT, 4};
    case 8:
        return (struct element){SNNCONV_TYPE_F64, H5T_NATIVE_DOUBLE, 8};
    default:
        return (struct element){SNNCONV_TYPE_NONE, -1, 0};
    }
}

/* h5py writes truth values as an enumeration of one byte with FALSE = 0 and TRUE = 1. */
static struct element enum_element(hid_t type)
{
    static const char *const names[] = {"FALSE", "TRUE"};
    struct element none = {SNNCONV_TYPE_NONE, -1, 0};
    if (H5Tget_size(type) != 1 || H5Tget_nmembers(type) != 2) return none;
    for (unsigned i = 0; i < 2; i++) {
        unsigned char value = 0;
        char *name = H5Tget_member_name(type, i);
        if (name == NULL || H5Tget_member_value(type, i, &value) < 0 || value > 1 ||
            strcmp(name, names[value]) != 0)
            return none;
    }
    return (struct element){SNNCONV_TYPE_BOOL, type, 1};
}

static struct element element_of(hid_t type)
{
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        return integer_element(type);
    case H5T_FLOAT:
        return float_element(type);
    case H5T_ENUM:
        return enum_element(type);
    default:
        return (struct element){SNNCONV_TYPE_NONE, -1, 0};
    }
}

/* Reads all elements, each of `size` bytes in memory. */
static int load(struct walk *walk, const struct source *source, hid_t memory, size_t size,
                void **out)
{
    size_t bytes = 0;
    uint64_t limit = snnbase_limits(walk->context)->tensor_bytes;
    if (!snnbase_size_mul(source->count, size, &bytes) || bytes > limit)
        return fail_object(walk, SNN_ERR_LIMIT, "is larger than the limit of a tensor");
    if (bytes > SMALL_BYTES && bytes / RATIO_MAX > walk->file_size)
        return fail_object(walk, SNN_ERR_FORMAT, "says it is larger than the file can hold");
    void *data = calloc(bytes > 0 ? bytes : 1, 1);
    if (data == NULL) return fail_nomem(walk);
    if (source->count > 0) {
        herr_t done = source->is_attribute
                          ? H5Aread(source->id, memory, data)
                          : H5Dread(source->id, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
        if (done < 0)
            return fail_object(walk, SNN_ERR_FORMAT,
                               "cannot be read: damaged, or packed by a filter that is not there");
    }
    *out = data;
    return 0;
}

static void put_shape(struct walk *walk, const struct source *source)
{
    snnconv_child_put_number(walk->pipe, (uint64_t)source->rank);
    for (int i = 0; i < source->rank; i++)
        snnconv_child_put_number(walk->pipe, source->dim[i]);
}

static int put_array(struct walk *walk, const struct source *source, struct element element)
{
    void *data = NULL;
    if (put_head(walk, SNNCONV_HDF5_ARRAY, source->name) != 0 ||
        load(walk, source, element.memory, element.size, &data) != 0)
        return -1;
    snnconv_child_put_number(walk->pipe, element.type);
    put_shape(walk, source);
    snnconv_child_put(walk->pipe, data, source->count * element.size);
    free(data);
    return 0;
}

/* Without the padding: everything from the first NUL on, or spaces at the end. */
static size_t fixed_length(const char *text, size_t size, H5T_str_t padding)
{
    const char *end = memchr(text, '\0', size);
    size_t length = end != NULL ? (size_t)(end - text) : size;
    while (padding == H5T_STR_SPACEPAD && length > 0 && text[length - 1] == ' ')
        length--;
    return length;
}

static int put_fixed_text(struct walk *walk, const struct source *source)
{
    size_t size = H5Tget_size(source->type);
    H5T_str_t padding = H5Tget_strpad(source->type);
    void *data = NULL;
    if (put_head(walk, SNNCONV_HDF5_TEXT, source->name) != 0 ||
        load(walk, source, source->type, size, &data) != 0)
        return -1;
    put_shape(walk, source);
    for (size_t i = 0; i < source->count; i++) {
        const char *text = (const char *)data + i * size;
        snnconv_child_put_text(walk->pipe, text, fixed_length(text, size, padding));
    }
    free(data);
    return 0;
}

static int put_variable_text(struct walk *walk, const struct source *source)
{
    hid_t memory = H5Tcopy(H5T_C_S1);
    void *data = NULL;
    if (memory < 0 || H5Tset_size(memory, H5T_VARIABLE) < 0 ||
        H5Tset_cset(memory, H5Tget_cset(source->type)) < 0)
        return fail_object(walk, SNN_ERR_FORMAT, "has a type that cannot be read");
    if (put_head(walk, SNNCONV_HDF5_TEXT, source->name) != 0 ||
        load(walk, source, memory, sizeof(char *), &data) != 0)
        return -1;
    put_shape(walk, source);
    char **texts = data;
    for (size_t i = 0; i < source->count; i++) {
        const char *text = texts[i] != NULL ? texts[i] : "";
        snnconv_child_put_text(walk->pipe, text, strlen(text));
        free(texts[i]);
    }
    free(data);
    (void)H5Tclose(memory);
    return 0;
}

static int put_data(struct walk *walk, const struct source *source)
{
    H5T_class_t class = H5Tget_class(source->type);
    if (source->rank > (int)SNNCONV_RANK_MAX)
        return put_foreign(walk, source->name, "array of too high a rank");
    if (class == H5T_STRING)
        return H5Tis_variable_str(source->type) > 0 ? put_variable_text(walk, source)
                                                    : put_fixed_text(walk, source);
    struct element element = element_of(source->type);
    if (element.type == SNNCONV_TYPE_NONE)
        return put_foreign(walk, source->name, class_name(class));
    return put_array(walk, source, element);
}

/* Shape and number of elements. An empty dataspace, as h5py.Empty writes, is of shape [0]. */
static int read_shape(struct walk *walk, struct source *source, hid_t space)
{
    H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    source->rank = class == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : 0;
    source->count = 1;
    if (class == H5S_NO_CLASS || source->rank < 0)
        return fail_object(walk, SNN_ERR_FORMAT, "has no shape that can be read");
    if (class == H5S_NULL) {
        source->rank = 1;
        source->dim[0] = 0;
        source->count = 0;
    }
    if (class != H5S_SIMPLE || source->rank > (int)SNNCONV_RANK_MAX) return 0;
    if (H5Sget_simple_extent_dims(space, source->dim, NULL) < 0)
        return fail_object(walk, SNN_ERR_FORMAT, "has no shape that can be read");
    for (int i = 0; i < source->rank; i++) {
        if (source->dim[i] > INT64_MAX ||
            !snnbase_size_mul(source->count, (size_t)source->dim[i], &source->count))
            return fail_object(walk, SNN_ERR_FORMAT, "has more elements than can be counted");
    }
    return 0;
}

static int put_source(struct walk *walk, struct source *source)
{
    hid_t space = source->is_attribute ? H5Aget_space(source->id) : H5Dget_space(source->id);
    source->type = source->is_attribute ? H5Aget_type(source->id) : H5Dget_type(source->id);
    if (source->type < 0) return fail_object(walk, SNN_ERR_FORMAT, "has no type that can be read");
    int failed = read_shape(walk, source, space);
    if (failed == 0) failed = put_data(walk, source);
    (void)H5Sclose(space);
    (void)H5Tclose(source->type);
    return failed;
}

/* ---- Objects ---- */

static herr_t put_attribute(hid_t object, const char *name, const H5A_info_t *info, void *user)
{
    struct walk *walk = user;
    struct source source = {.name = name, .is_attribute = true};
    size_t length = push_path(walk, "@", name);
    (void)info;
    walk->entries++;
    source.id = H5Aopen(object, name, H5P_DEFAULT);
    int failed = source.id < 0 ? fail_object(walk, SNN_ERR_FORMAT, "cannot be opened")
                               : put_source(walk, &source);
    if (failed == 0) { /* an attribute has neither */
        snnconv_child_put_number(walk->pipe, 0);
        snnconv_child_put_number(walk->pipe, 0);
        (void)H5Aclose(source.id);
        walk->path[length] = '\0';
    }
    return failed;
}

/* Whether an object keeps the order in which its attributes or links were made. */
static bool is_ordered(hid_t object, bool is_group, bool of_links)
{
    unsigned flags = 0;
    hid_t list = is_group ? H5Gget_create_plist(object) : H5Dget_create_plist(object);
    herr_t got = of_links ? H5Pget_link_creation_order(list, &flags)
                          : H5Pget_attr_creation_order(list, &flags);
    (void)H5Pclose(list);
    return got >= 0 && (flags & H5P_CRT_ORDER_TRACKED) != 0;
}

static int put_attributes(struct walk *walk, hid_t object, bool is_group, hsize_t count)
{
    bool ordered = is_ordered(object, is_group, false);
    uint64_t outer = walk->entries;
    snnconv_child_put_number(walk->pipe, count);
    walk->entries = 0;
    herr_t done = H5Aiterate2(object, ordered ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC,
                              NULL, put_attribute, walk);
    if (walk->status != SNN_OK) return -1;
    if (done < 0 || walk->entries != count)
        return fail_object(walk, SNN_ERR_FORMAT, "has attributes that cannot be read");
    walk->entries = outer;
    return 0;
}

static herr_t put_link(hid_t group, const char *name, const H5L_info_t *info, void *user);

static int put_children(struct walk *walk, hid_t group)
{
    H5G_info_t info;
    uint64_t outer = walk->entries;
    if (H5Gget_info(group, &info) < 0)
        return fail_object(walk, SNN_ERR_FORMAT, "is a group that cannot be read");
    if (walk->depth >= SNNCONV_HDF5_DEPTH_MAX)
        return fail_object(walk, SNN_ERR_LIMIT, "lies deeper than groups may");
    bool ordered = is_ordered(group, true, true);
    snnconv_child_put_number(walk->pipe, info.nlinks);
    walk->entries = 0;
    walk->depth++;
    herr_t done = H5Literate(group, ordered ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, H5_ITER_INC, NULL,
                             put_link, walk);
    if (walk->status != SNN_OK) return -1;
    if (done < 0 || walk->entries != info.nlinks)
        return fail_object(walk, SNN_ERR_FORMAT, "is a group whose links cannot be read");
    walk->depth--;
    walk->entries = outer;
    return 0;
}

static int put_opened(struct walk *walk, hid_t object, const char *name, const H5O_info_t *info)
{
    bool is_group = info->type == H5O_TYPE_GROUP;
    struct source source = {.name = name, .id = object};
    if (is_group ? put_head(walk, SNNCONV_HDF5_GROUP, name) : put_source(walk, &source)) return -1;
    if (put_attributes(walk, object, is_group, info->num_attrs) != 0) return -1;
    if (is_group) return put_children(walk, object);
    snnconv_child_put_number(walk->pipe, 0);
    return 0;
}

/* An item of which only the name is told. */
static int put_named(struct walk *walk, const char *name, const char *what)
{
    if (put_foreign(walk, name, what) != 0) return -1;
    snnconv_child_put_number(walk->pipe, 0);
    snnconv_child_put_number(walk->pipe, 0);
    return 0;
}

static int put_object(struct walk *walk, hid_t object, const char *name)
{
    H5O_info_t info;
    bool again = false;
    if (object < 0 || H5Oget_info(object, &info) < 0)
        return fail_object(walk, SNN_ERR_FORMAT, "cannot be opened: the file is damaged");
    if (visit(walk, info.addr, &again) != 0) return -1;
    walk->offset = info.addr;
    if (again) return put_named(walk, name, "second link to an object");
    if (info.type != H5O_TYPE_GROUP && info.type != H5O_TYPE_DATASET)
        return put_named(walk, name, "named type");
    return put_opened(walk, object, name, &info);
}

static herr_t put_link(hid_t group, const char *name, const H5L_info_t *info, void *user)
{
    struct walk *walk = user;
    size_t length = push_path(walk, "/", name);
    int failed = 0;
    walk->entries++;
    walk->offset = UINT64_MAX;
    if (info->type == H5L_TYPE_HARD) {
        hid_t object = H5Oopen(group, name, H5P_DEFAULT);
        failed = put_object(walk, object, name);
        (void)H5Oclose(object);
    } else {
        failed = put_named(walk, name,
                           info->type == H5L_TYPE_SOFT ? "soft link" : "link out of the file");
    }
    walk->path[length] = '\0';
    return failed;
}

/* The library without its messages, without plugins, without what it does at exit. */
static bool start_library(void)
{
    return H5dont_atexit() >= 0 && H5open() >= 0 && H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0 &&
           H5PLset_loading_state(0) >= 0;
}

/* The driver that keeps a file in memory. */
static hid_t memory_access(void)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0 || H5Pset_fapl_core(access, CORE_STEP_BYTES, false) < 0) return -1;
    return access;
}

int snnconv_hdf5_lib_walk(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    const struct snnconv_hdf5_bytes *file = user;
    struct walk walk = {.pipe = pipe, .context = context, .file_size = file->size};
    if (!start_library()) return snnbase_fail(context, SNN_ERR_NOMEM, "libhdf5 does not start");
    /* The library copies the image before it touches it. */
    void *image = malloc(file->size);
    hid_t access = memory_access();
    if (image == NULL || access < 0) return fail_nomem(&walk), walk.status;
    memcpy(image, file->bytes, file->size);
    if (H5Pset_file_image(access, image, file->size) < 0) return fail_nomem(&walk), walk.status;
    free(image);
    hid_t id = H5Fopen("image", H5F_ACC_RDONLY, access);
    (void)H5Pclose(access);
    if (id < 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "damaged HDF5 file: it cannot be opened");
    hid_t root = H5Oopen(id, "/", H5P_DEFAULT);
    return put_object(&walk, root, "/") == 0 ? SNN_OK : walk.status;
}

/* ---- Writing ---- */

struct build {
    struct snn_context *context;
    hid_t group_list, data_list;
};

static int fail_build(struct build *build, const char *name)
{
    return snnbase_fail(build->context, SNN_ERR_INVALID, "'%s' cannot be written to HDF5", name);
}

static hid_t bool_type(void)
{
    static const signed char no = 0, yes = 1;
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    if (H5Tenum_insert(type, "FALSE", &no) < 0 || H5Tenum_insert(type, "TRUE", &yes) < 0) return -1;
    return type;
}

/* Text of variable length in UTF-8, as h5py writes it. */
static hid_t text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0) return -1;
    return type;
}

static hid_t written_type(enum snnconv_type type)
{
    switch (type) {
    case SNNCONV_TYPE_NONE:
        return text_type();
    case SNNCONV_TYPE_F32:
        return H5T_NATIVE_FLOAT;
    case SNNCONV_TYPE_F64:
        return H5T_NATIVE_DOUBLE;
    case SNNCONV_TYPE_F16:
        return half_type();
    case SNNCONV_TYPE_I8:
        return H5T_NATIVE_INT8;
    case SNNCONV_TYPE_U8:
        return H5T_NATIVE_UINT8;
    case SNNCONV_TYPE_I16:
        return H5T_NATIVE_INT16;
    case SNNCONV_TYPE_U16:
        return H5T_NATIVE_UINT16;
    case SNNCONV_TYPE_I32:
        return H5T_NATIVE_INT32;
    case SNNCONV_TYPE_U32:
        return H5T_NATIVE_UINT32;
    case SNNCONV_TYPE_I64:
        return H5T_NATIVE_INT64;
    case SNNCONV_TYPE_U64:
        return H5T_NATIVE_UINT64;
    case SNNCONV_TYPE_BOOL:
        return bool_type();
    default:
        return -1; /* bfloat16 has no type that others would know */
    }
}

static hid_t written_space(const struct snnconv_array *array)
{
    hsize_t dim[SNNCONV_RANK_MAX];
    if (array->rank == 0) return H5Screate(H5S_SCALAR);
    if (array->rank > SNNCONV_RANK_MAX) return -1;
    for (uint32_t i = 0; i < array->rank; i++)
        dim[i] = (hsize_t)array->dim[i];
    return H5Screate_simple((int)array->rank, dim, NULL);
}

static bool is_empty(const struct snnconv_array *array)
{
    for (uint32_t i = 0; i < array->rank; i++) {
        if (array->dim[i] == 0) return true;
    }
    return false;
}

static int build_attribute(struct build *build, hid_t parent, const struct snnconv_hdf5_item *item)
{
    const void *data = item->text != NULL ? (const void *)item->text : item->array.data;
    hid_t type = written_type(item->text != NULL ? SNNCONV_TYPE_NONE : item->array.type);
    hid_t space = written_space(&item->array);
    hid_t id = H5Acreate2(parent, item->name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (id < 0 || data == NULL) return fail_build(build, item->name);
    if (!is_empty(&item->array) && H5Awrite(id, type, data) < 0)
        return fail_build(build, item->name);
    return H5Aclose(id) < 0 ? fail_build(build, item->name) : SNN_OK;
}

static int build_attributes(struct build *build, hid_t object, const struct snnconv_hdf5_item *item)
{
    int status = SNN_OK;
    for (size_t i = 0; i < item->attribute_count && status == SNN_OK; i++)
        status = build_attribute(build, object, &item->attributes[i]);
    return status;
}

static int build_dataset(struct build *build, hid_t parent, const struct snnconv_hdf5_item *item)
{
    const void *data = item->text != NULL ? (const void *)item->text : item->array.data;
    hid_t type = written_type(item->text != NULL ? SNNCONV_TYPE_NONE : item->array.type);
    hid_t space = written_space(&item->array);
    hid_t id =
        H5Dcreate2(parent, item->name, type, space, H5P_DEFAULT, build->data_list, H5P_DEFAULT);
    if (id < 0 || data == NULL) return fail_build(build, item->name);
    if (!is_empty(&item->array) && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        return fail_build(build, item->name);
    int status = build_attributes(build, id, item);
    if (H5Dclose(id) < 0 && status == SNN_OK) status = fail_build(build, item->name);
    return status;
}

static int build_children(struct build *build, hid_t group, const struct snnconv_hdf5_item *item,
                          unsigned depth)
{
    int status = build_attributes(build, group, item);
    if (depth >= SNNCONV_HDF5_DEPTH_MAX) return fail_build(build, item->name);
    for (size_t i = 0; i < item->child_count && status == SNN_OK; i++) {
        const struct snnconv_hdf5_item *child = &item->children[i];
        if (!child->is_group) {
            status = build_dataset(build, group, child);
            continue;
        }
        hid_t id = H5Gcreate2(group, child->name, H5P_DEFAULT, build->group_list, H5P_DEFAULT);
        if (id < 0) return fail_build(build, child->name);
        status = build_children(build, id, child, depth + 1);
        (void)H5Gclose(id);
    }
    return status;
}

/* Lists that keep the order of making and leave the time of it out: equal trees, equal bytes. */
static hid_t creation_list(hid_t class)
{
    unsigned order = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
    hid_t list = H5Pcreate(class);
    if (list < 0) return -1;
    if (class != H5P_DATASET_CREATE && H5Pset_link_creation_order(list, order) < 0) return -1;
    return H5Pset_obj_track_times(list, false) < 0 ? -1 : list;
}

static int put_image(struct build *build, struct snnconv_child_pipe *pipe, hid_t file)
{
    ssize_t size = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
    void *image = size > 0 ? malloc((size_t)size) : NULL;
    if (image == NULL || H5Fget_file_image(file, image, (size_t)size) != size)
        return snnbase_fail(build->context, SNN_ERR_NOMEM, "no memory for the bytes of a file");
    snnconv_child_put(pipe, image, (size_t)size);
    return SNN_OK;
}

int snnconv_hdf5_lib_build(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    const struct snnconv_hdf5_item *item = user;
    struct build build = {.context = context};
    if (!start_library()) return snnbase_fail(context, SNN_ERR_NOMEM, "libhdf5 does not start");
    build.group_list = creation_list(H5P_GROUP_CREATE);
    build.data_list = creation_list(H5P_DATASET_CREATE);
    hid_t file = H5Fcreate("image", H5F_ACC_TRUNC, creation_list(H5P_FILE_CREATE), memory_access());
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    if (root < 0) return fail_build(&build, "/");
    int status = build_children(&build, root, item, 0);
    (void)H5Gclose(root);
    return status == SNN_OK ? put_image(&build, pipe, file) : status;
}
