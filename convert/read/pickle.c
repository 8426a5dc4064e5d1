/* The restricted pickle machine, see pickle.h.
 *
 * The stack holds indices of values; marks are kept apart, as the depths at which they were set.
 * Invariant: every index on the stack, in the memo and in links is that of a value that exists, and
 * no opcode takes more time than the bytes it reads or the values it moves.
 */
#include "convert/read/pickle.h"

#include <string.h>

#include "libsnn/base/error.h"

/* Of items moved by opcodes that fetch from the memo there may be more than values, but not many.
 */
enum { PROTOCOL_MAX = 5, NAME_SHOWN_MAX = 100, ITEMS_A_VALUE = 4 };

/* The machine while it runs. */
struct machine {
    struct snn_context *context;
    struct snnconv_cursor *cursor;
    struct snnconv_pickle *pickle;
    uint32_t *stack;
    size_t depth;
    size_t stack_capacity;
    size_t *marks;
    size_t mark_count;
    size_t mark_capacity;
    uint32_t *memo; /* 0: nothing stored */
    size_t memo_count;
    size_t memo_capacity;
    size_t memoized; /* how often MEMOIZE and PUT stored something new */
    size_t start;    /* of the pickle */
    size_t opcode_at;
    bool stopped;
};

/* ---- What is known by name ---- */

const struct snnconv_pickle_global snnconv_pickle_ordered_dict = {
    .module = "collections", .name = "OrderedDict", .callable = true};
const struct snnconv_pickle_global snnconv_pickle_rebuild_tensor = {
    .module = "torch._utils", .name = "_rebuild_tensor_v2", .callable = true};
const struct snnconv_pickle_global snnconv_pickle_rebuild_parameter = {
    .module = "torch._utils", .name = "_rebuild_parameter", .callable = true};

static const struct snnconv_pickle_global storages[] = {
    {"torch", "HalfStorage", false, SNNCONV_TYPE_F16},
    {"torch", "BFloat16Storage", false, SNNCONV_TYPE_BF16},
    {"torch", "FloatStorage", false, SNNCONV_TYPE_F32},
    {"torch", "DoubleStorage", false, SNNCONV_TYPE_F64},
    {"torch", "BoolStorage", false, SNNCONV_TYPE_BOOL},
    {"torch", "ByteStorage", false, SNNCONV_TYPE_U8},
    {"torch", "CharStorage", false, SNNCONV_TYPE_I8},
    {"torch", "ShortStorage", false, SNNCONV_TYPE_I16},
    {"torch", "IntStorage", false, SNNCONV_TYPE_I32},
    {"torch", "LongStorage", false, SNNCONV_TYPE_I64},
};

static const struct {
    unsigned char code;
    const char *name;
} refused_opcodes[] = {
    {'0', "POP"},         {'1', "POP_MARK"},     {'2', "DUP"},
    {'F', "FLOAT"},       {'I', "INT"},          {'L', "LONG"},
    {'P', "PERSID"},      {'S', "STRING"},       {'V', "UNICODE"},
    {'d', "DICT"},        {'g', "GET"},          {'i', "INST"},
    {'l', "LIST"},        {'o', "OBJ"},          {'p', "PUT"},
    {0x81, "NEWOBJ"},     {0x82, "EXT1"},        {0x83, "EXT2"},
    {0x84, "EXT4"},       {0x8e, "BINBYTES8"},   {0x8f, "EMPTY_SET"},
    {0x90, "ADDITEMS"},   {0x91, "FROZENSET"},   {0x92, "NEWOBJ_EX"},
    {0x96, "BYTEARRAY8"}, {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"},
};

/* ---- Messages ---- */

static int fail_truncated(struct machine *m)
{
    return snnbase_fail(m->context, SNN_ERR_FORMAT, "byte %zu: the pickle ends within an opcode",
                        m->opcode_at);
}

static int fail_stack(struct machine *m, const char *expected)
{
    return snnbase_fail(m->context, SNN_ERR_FORMAT, "byte %zu: %s expected on the pickle's stack",
                        m->opcode_at, expected);
}

static int fail_opcode(struct machine *m, unsigned char code)
{
    for (size_t i = 0; i < sizeof(refused_opcodes) / sizeof(refused_opcodes[0]); i++) {
        if (refused_opcodes[i].code != code) continue;
        snnbase_fail(m->context, SNN_ERR_UNSUPPORTED, "byte %zu: pickle opcode %s is not read",
                     m->opcode_at, refused_opcodes[i].name);
        return snnbase_hint(m->context, "save model.state_dict(), not the model");
    }
    return snnbase_fail(m->context, SNN_ERR_FORMAT, "byte %zu: 0x%02x is no pickle opcode",
                        m->opcode_at, code);
}

static bool is_printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e) return false;
    }
    return size > 0 && size <= NAME_SHOWN_MAX;
}

/* ---- Values and the stack ---- */

static struct snnconv_pickle_value *value_of(const struct machine *m, uint32_t index)
{
    return &m->pickle->values[index];
}

/* How much the memo's references may multiply what the file holds. */
static int check_items(struct machine *m, size_t count)
{
    uint64_t limit = (uint64_t)ITEMS_A_VALUE * snnbase_limits(m->context)->json_node_count;
    if (count < limit && count < UINT32_MAX) return SNN_OK;
    return snnbase_fail(m->context, SNN_ERR_LIMIT,
                        "byte %zu: the pickle exceeds the limit of %llu items", m->opcode_at,
                        (unsigned long long)limit);
}

/* The depth at which the last mark was set. */
static size_t floor_of(const struct machine *m)
{
    return m->mark_count > 0 ? m->marks[m->mark_count - 1] : 0;
}

static int push_mark(struct machine *m)
{
    int status = check_items(m, m->mark_count);
    if (status == SNN_OK)
        status = snnbase_grow(m->context, (void **)&m->marks, &m->mark_capacity, m->mark_count + 1,
                              sizeof(*m->marks));
    if (status == SNN_OK) m->marks[m->mark_count++] = m->depth;
    return status;
}

static int push(struct machine *m, uint32_t index)
{
    int status = check_items(m, m->depth);
    if (status == SNN_OK)
        status = snnbase_grow(m->context, (void **)&m->stack, &m->stack_capacity, m->depth + 1,
                              sizeof(*m->stack));
    if (status == SNN_OK) m->stack[m->depth++] = index;
    return status;
}

/* A new value on the stack. */
static int push_new(struct machine *m, const struct snnconv_pickle_value *value)
{
    struct snnconv_pickle *p = m->pickle;
    uint32_t limit = snnbase_limits(m->context)->json_node_count;
    if (p->value_count > limit)
        return snnbase_fail(m->context, SNN_ERR_LIMIT,
                            "byte %zu: the pickle exceeds the limit of %u values", m->opcode_at,
                            limit);
    int status = snnbase_grow(m->context, (void **)&p->values, &p->value_capacity,
                              p->value_count + 1, sizeof(*p->values));
    if (status != SNN_OK) return status;
    p->values[p->value_count] = *value;
    return push(m, (uint32_t)p->value_count++);
}

static int push_kind(struct machine *m, enum snnconv_pickle_kind kind)
{
    const struct snnconv_pickle_value value = {.kind = kind};
    return push_new(m, &value);
}

static int push_int(struct machine *m, enum snnconv_pickle_kind kind, int64_t integer)
{
    const struct snnconv_pickle_value value = {.kind = kind, .as.integer = integer};
    return push_new(m, &value);
}

/* The top of the stack, if it is above the last mark. */
static bool pop(struct machine *m, uint32_t *out)
{
    if (m->depth == floor_of(m)) return false;
    *out = m->stack[--m->depth];
    return true;
}

/* Takes the last mark away: *out is where the values above it begin. False without a mark. */
static bool pop_mark(struct machine *m, size_t *out)
{
    if (m->mark_count == 0) return false;
    *out = m->marks[--m->mark_count];
    return true;
}

static int append(struct machine *m, uint32_t container, uint32_t key, uint32_t item)
{
    struct snnconv_pickle *p = m->pickle;
    int status = check_items(m, p->link_count);
    if (status == SNN_OK)
        status = snnbase_grow(m->context, (void **)&p->links, &p->link_capacity, p->link_count + 1,
                              sizeof(*p->links));
    if (status != SNN_OK) return status;
    struct snnconv_pickle_value *to = value_of(m, container);
    uint32_t index = (uint32_t)p->link_count++;
    p->links[index] = (struct snnconv_pickle_link){key, item, 0};
    if (to->last != 0)
        p->links[to->last].next = index;
    else
        to->first = index;
    to->last = index;
    to->count++;
    return SNN_OK;
}

/* ---- Opcodes: numbers and texts ---- */

/* Two's complement, little-endian, of any length. */
static int run_long(struct machine *m, unsigned length_width)
{
    uint64_t size = 0, bits = 0;
    const unsigned char *bytes = NULL;
    if (!snnconv_cursor_read_le(m->cursor, length_width, &size) ||
        !snnconv_cursor_take(m->cursor, size, &bytes))
        return fail_truncated(m);
    if (size > 8) return push_kind(m, SNNCONV_PICKLE_BIG);
    if (size > 0 && bytes[size - 1] >= 0x80) bits = UINT64_MAX;
    for (size_t i = (size_t)size; i-- > 0;)
        bits = bits << 8 | bytes[i];
    int64_t integer;
    memcpy(&integer, &bits, sizeof(integer));
    return push_int(m, SNNCONV_PICKLE_INT, integer);
}

static int run_int(struct machine *m, unsigned width)
{
    uint64_t value = 0;
    if (!snnconv_cursor_read_le(m->cursor, width, &value)) return fail_truncated(m);
    int64_t integer = (int64_t)value;
    if (width == 4 && value > INT32_MAX) integer -= INT64_C(1) << 32;
    return push_int(m, SNNCONV_PICKLE_INT, integer);
}

static int run_float(struct machine *m)
{
    uint64_t bits = 0;
    if (!snnconv_cursor_read_be(m->cursor, 8, &bits)) return fail_truncated(m);
    return push_kind(m, SNNCONV_PICKLE_FLOAT);
}

static int run_text(struct machine *m, unsigned length_width, enum snnconv_pickle_kind kind)
{
    uint64_t size = 0;
    const unsigned char *bytes = NULL;
    if (!snnconv_cursor_read_le(m->cursor, length_width, &size) ||
        !snnconv_cursor_take(m->cursor, size, &bytes))
        return fail_truncated(m);
    const struct snnconv_pickle_value value = {.kind = kind,
                                               .as.text = {(const char *)bytes, (size_t)size}};
    return push_new(m, &value);
}

static int run_frame(struct machine *m)
{
    uint64_t size = 0;
    if (!snnconv_cursor_read_le(m->cursor, 8, &size) || size > snnconv_cursor_left(m->cursor))
        return fail_truncated(m);
    return SNN_OK;
}

static int run_proto(struct machine *m)
{
    uint64_t version = 0;
    if (!snnconv_cursor_read_le(m->cursor, 1, &version)) return fail_truncated(m);
    if (version >= 2 && version <= PROTOCOL_MAX) return SNN_OK;
    return snnbase_fail(m->context, SNN_ERR_UNSUPPORTED,
                        "byte %zu: pickle protocol %u; accepted are 2 to %d", m->opcode_at,
                        (unsigned)version, PROTOCOL_MAX);
}

/* ---- Opcodes: containers ---- */

/* A tuple of what lies above `from`, in place of it. */
static int run_tuple(struct machine *m, size_t from)
{
    size_t depth = m->depth;
    int status = push_kind(m, SNNCONV_PICKLE_TUPLE);
    if (status != SNN_OK) return status;
    uint32_t tuple = m->stack[depth];
    for (size_t i = from; i < depth && status == SNN_OK; i++)
        status = append(m, tuple, 0, m->stack[i]);
    m->depth = from;
    m->stack[m->depth++] = tuple;
    return status;
}

static int run_marked_tuple(struct machine *m)
{
    size_t from = 0;
    return pop_mark(m, &from) ? run_tuple(m, from) : fail_stack(m, "a mark");
}

static int run_short_tuple(struct machine *m, size_t count)
{
    if (m->depth - floor_of(m) < count) return fail_stack(m, "items of a tuple");
    return run_tuple(m, m->depth - count);
}

/* Items above `from` go into the list or dictionary below them. */
static int run_append(struct machine *m, size_t from, enum snnconv_pickle_kind kind)
{
    bool dict = kind == SNNCONV_PICKLE_DICT;
    if (from == floor_of(m) || value_of(m, m->stack[from - 1])->kind != kind)
        return fail_stack(m, dict ? "a dictionary" : "a list");
    if (dict && (m->depth - from) % 2 != 0) return fail_stack(m, "a value for each key");
    uint32_t container = m->stack[from - 1];
    int status = SNN_OK;
    for (size_t i = from; i < m->depth && status == SNN_OK; i += dict ? 2 : 1)
        status = append(m, container, dict ? m->stack[i] : 0, m->stack[dict ? i + 1 : i]);
    m->depth = from;
    return status;
}

static int run_marked_append(struct machine *m, enum snnconv_pickle_kind kind)
{
    size_t from = 0;
    return pop_mark(m, &from) ? run_append(m, from, kind) : fail_stack(m, "a mark");
}

static int run_short_append(struct machine *m, size_t count, enum snnconv_pickle_kind kind)
{
    if (m->depth - floor_of(m) < count + 1) return fail_stack(m, "a container and an item");
    return run_append(m, m->depth - count, kind);
}

/* ---- Opcodes: the memo ---- */

/* A put takes at least two bytes, so honest indices are below the bytes read so far. */
static int put(struct machine *m, uint64_t index)
{
    if (m->depth == floor_of(m)) return fail_stack(m, "a value");
    if (index > m->cursor->at - m->start || check_items(m, (size_t)index) != SNN_OK)
        return snnbase_fail(m->context, SNN_ERR_FORMAT,
                            "byte %zu: memo %llu within the first %zu bytes of a pickle",
                            m->opcode_at, (unsigned long long)index, m->cursor->at - m->start);
    size_t needed = (size_t)index + 1;
    int status =
        snnbase_grow(m->context, (void **)&m->memo, &m->memo_capacity, needed, sizeof(*m->memo));
    if (status != SNN_OK) return status;
    if (m->memo_count < needed) m->memo_count = needed;
    if (m->memo[index] == 0) m->memoized++;
    m->memo[index] = m->stack[m->depth - 1];
    return SNN_OK;
}

static int run_put(struct machine *m, unsigned width)
{
    uint64_t index = 0;
    if (!snnconv_cursor_read_le(m->cursor, width, &index)) return fail_truncated(m);
    return put(m, index);
}

static int run_get(struct machine *m, unsigned width)
{
    uint64_t index = 0;
    if (!snnconv_cursor_read_le(m->cursor, width, &index)) return fail_truncated(m);
    if (index >= m->memo_count || m->memo[index] == 0)
        return snnbase_fail(m->context, SNN_ERR_FORMAT, "byte %zu: memo %llu holds nothing",
                            m->opcode_at, (unsigned long long)index);
    return push(m, m->memo[index]);
}

/* ---- Opcodes: globals and what is done with them ---- */

static bool is_named(const struct snnconv_pickle_global *global, const char *module,
                     size_t module_size, const char *name, size_t name_size)
{
    return strlen(global->module) == module_size && strlen(global->name) == name_size &&
           memcmp(global->module, module, module_size) == 0 &&
           memcmp(global->name, name, name_size) == 0;
}

static int push_global(struct machine *m, const char *module, size_t module_size, const char *name,
                       size_t name_size)
{
    static const struct snnconv_pickle_global *const callables[] = {
        &snnconv_pickle_ordered_dict, &snnconv_pickle_rebuild_tensor,
        &snnconv_pickle_rebuild_parameter};
    struct snnconv_pickle_value value = {.kind = SNNCONV_PICKLE_GLOBAL, .as.global = NULL};
    for (size_t i = 0; i < sizeof(callables) / sizeof(callables[0]); i++) {
        if (is_named(callables[i], module, module_size, name, name_size))
            value.as.global = callables[i];
    }
    for (size_t i = 0; i < sizeof(storages) / sizeof(storages[0]); i++) {
        if (is_named(&storages[i], module, module_size, name, name_size))
            value.as.global = &storages[i];
    }
    if (value.as.global != NULL) return push_new(m, &value);
    if (is_printable(module, module_size) && is_printable(name, name_size))
        snnbase_fail(m->context, SNN_ERR_UNSUPPORTED, "byte %zu: calls %.*s.%.*s", m->opcode_at,
                     (int)module_size, module, (int)name_size, name);
    else
        snnbase_fail(m->context, SNN_ERR_UNSUPPORTED, "byte %zu: calls a name of %zu + %zu bytes",
                     m->opcode_at, module_size, name_size);
    return snnbase_hint(m->context, "only tensors are read, nothing is run: save "
                                    "model.state_dict(), not the model");
}

static int run_global(struct machine *m)
{
    const unsigned char *module = NULL, *name = NULL;
    size_t module_size = 0, name_size = 0;
    if (!snnconv_cursor_take_line(m->cursor, &module, &module_size) ||
        !snnconv_cursor_take_line(m->cursor, &name, &name_size))
        return fail_truncated(m);
    return push_global(m, (const char *)module, module_size, (const char *)name, name_size);
}

static int run_stack_global(struct machine *m)
{
    uint32_t name_index = 0, module_index = 0;
    if (!pop(m, &name_index) || !pop(m, &module_index)) return fail_stack(m, "module and name");
    const struct snnconv_pickle_value *module = value_of(m, module_index);
    const struct snnconv_pickle_value *name = value_of(m, name_index);
    if (module->kind != SNNCONV_PICKLE_STRING || name->kind != SNNCONV_PICKLE_STRING)
        return fail_stack(m, "module and name");
    return push_global(m, module->as.text.bytes, module->as.text.size, name->as.text.bytes,
                       name->as.text.size);
}

static int run_reduce(struct machine *m)
{
    uint32_t arguments = 0, callable = 0;
    if (!pop(m, &arguments) || !pop(m, &callable)) return fail_stack(m, "a call");
    const struct snnconv_pickle_value *called = value_of(m, callable);
    uint32_t argument_count = value_of(m, arguments)->count;
    if (called->kind != SNNCONV_PICKLE_GLOBAL ||
        value_of(m, arguments)->kind != SNNCONV_PICKLE_TUPLE)
        return fail_stack(m, "a global and a tuple");
    const struct snnconv_pickle_global *global = called->as.global;
    if (!global->callable)
        return snnbase_fail(m->context, SNN_ERR_UNSUPPORTED, "byte %zu: calls %s.%s", m->opcode_at,
                            global->module, global->name);
    if (global != &snnconv_pickle_ordered_dict) {
        const struct snnconv_pickle_value call = {
            .kind = SNNCONV_PICKLE_CALL, .first = arguments, .as.global = global};
        return push_new(m, &call);
    }
    if (argument_count > 0)
        return snnbase_fail(m->context, SNN_ERR_UNSUPPORTED,
                            "byte %zu: calls collections.OrderedDict with arguments", m->opcode_at);
    return push_kind(m, SNNCONV_PICKLE_DICT);
}

/* Attributes of a dictionary (torch keeps versions of modules there) are dropped. */
static int run_build(struct machine *m)
{
    uint32_t state = 0;
    if (!pop(m, &state) || m->depth == floor_of(m) ||
        value_of(m, m->stack[m->depth - 1])->kind != SNNCONV_PICKLE_DICT)
        return fail_stack(m, "a dictionary and its attributes");
    return SNN_OK;
}

static int run_persistent(struct machine *m)
{
    uint32_t id = 0;
    if (!pop(m, &id)) return fail_stack(m, "an id");
    const struct snnconv_pickle_value value = {.kind = SNNCONV_PICKLE_PERSISTENT, .first = id};
    return push_new(m, &value);
}

static int run_stop(struct machine *m)
{
    uint32_t root = 0;
    if (!pop(m, &root) || m->depth > 0 || m->mark_count > 0)
        return fail_stack(m, "one value, and no more,");
    m->pickle->root = root;
    m->stopped = true;
    return SNN_OK;
}

/* ---- The machine ---- */

/* Opcodes that push a scalar or a text. */
static int run_scalar(struct machine *m, unsigned char code, bool *known_out)
{
    *known_out = true;
    switch (code) {
    case 'N':
        return push_kind(m, SNNCONV_PICKLE_NONE);
    case 0x88:
    case 0x89:
        return push_int(m, SNNCONV_PICKLE_BOOL, code == 0x88);
    case 'K':
        return run_int(m, 1);
    case 'M':
        return run_int(m, 2);
    case 'J':
        return run_int(m, 4);
    case 0x8a:
        return run_long(m, 1);
    case 0x8b:
        return run_long(m, 4);
    case 'G':
        return run_float(m);
    case 0x8c:
    case 'U':
        return run_text(m, 1, SNNCONV_PICKLE_STRING);
    case 'X':
    case 'T':
        return run_text(m, 4, SNNCONV_PICKLE_STRING);
    case 0x8d:
        return run_text(m, 8, SNNCONV_PICKLE_STRING);
    case 'C':
        return run_text(m, 1, SNNCONV_PICKLE_BYTES);
    case 'B':
        return run_text(m, 4, SNNCONV_PICKLE_BYTES);
    default:
        *known_out = false;
        return SNN_OK;
    }
}

/* Opcodes that make and fill containers. */
static int run_container(struct machine *m, unsigned char code, bool *known_out)
{
    *known_out = true;
    switch (code) {
    case '(':
        return push_mark(m);
    case ']':
        return push_kind(m, SNNCONV_PICKLE_LIST);
    case '}':
        return push_kind(m, SNNCONV_PICKLE_DICT);
    case ')':
        return push_kind(m, SNNCONV_PICKLE_TUPLE);
    case 't':
        return run_marked_tuple(m);
    case 0x85:
    case 0x86:
    case 0x87:
        return run_short_tuple(m, (size_t)code - 0x84);
    case 'a':
        return run_short_append(m, 1, SNNCONV_PICKLE_LIST);
    case 'e':
        return run_marked_append(m, SNNCONV_PICKLE_LIST);
    case 's':
        return run_short_append(m, 2, SNNCONV_PICKLE_DICT);
    case 'u':
        return run_marked_append(m, SNNCONV_PICKLE_DICT);
    default:
        *known_out = false;
        return SNN_OK;
    }
}

static int run_other(struct machine *m, unsigned char code)
{
    switch (code) {
    case 0x80:
        return run_proto(m);
    case 0x95:
        return run_frame(m);
    case 'q':
        return run_put(m, 1);
    case 'r':
        return run_put(m, 4);
    case 0x94:
        return put(m, m->memoized);
    case 'h':
        return run_get(m, 1);
    case 'j':
        return run_get(m, 4);
    case 'c':
        return run_global(m);
    case 0x93:
        return run_stack_global(m);
    case 'R':
        return run_reduce(m);
    case 'b':
        return run_build(m);
    case 'Q':
        return run_persistent(m);
    case '.':
        return run_stop(m);
    default:
        return fail_opcode(m, code);
    }
}

static int step(struct machine *m)
{
    const unsigned char *code = NULL;
    bool known = false;
    m->opcode_at = m->cursor->at;
    if (!snnconv_cursor_take(m->cursor, 1, &code))
        return snnbase_fail(m->context, SNN_ERR_FORMAT, "byte %zu: the pickle has no end",
                            m->opcode_at);
    int status = run_scalar(m, code[0], &known);
    if (!known) status = run_container(m, code[0], &known);
    return known ? status : run_other(m, code[0]);
}

int snnconv_pickle_load(struct snnconv_pickle *out, struct snn_context *context,
                        struct snnconv_cursor *cursor)
{
    struct snnconv_pickle pickle = {.value_count = 1, .link_count = 1}; /* 0 is nothing */
    struct machine m = {
        .context = context, .cursor = cursor, .pickle = &pickle, .start = cursor->at};
    int status = SNN_OK;
    while (status == SNN_OK && !m.stopped)
        status = step(&m);
    snnbase_free(context, m.stack);
    snnbase_free(context, m.memo);
    snnbase_free(context, m.marks);
    if (status == SNN_OK)
        *out = pickle;
    else
        snnconv_pickle_fini(&pickle, context);
    return status;
}

void snnconv_pickle_fini(struct snnconv_pickle *pickle, struct snn_context *context)
{
    snnbase_free(context, pickle->values);
    snnbase_free(context, pickle->links);
    *pickle = (struct snnconv_pickle){.values = NULL};
}

bool snnconv_pickle_is_text(const struct snnconv_pickle_value *value, const char *text)
{
    return value != NULL && value->kind == SNNCONV_PICKLE_STRING &&
           value->as.text.size == strlen(text) &&
           memcmp(value->as.text.bytes, text, value->as.text.size) == 0;
}

const struct snnconv_pickle_value *snnconv_pickle_item(const struct snnconv_pickle *pickle,
                                                       const struct snnconv_pickle_value *tuple,
                                                       uint32_t index)
{
    if (tuple->kind != SNNCONV_PICKLE_TUPLE || index >= tuple->count) return NULL;
    uint32_t at = tuple->first;
    while (index-- > 0)
        at = pickle->links[at].next;
    return &pickle->values[pickle->links[at].value];
}
