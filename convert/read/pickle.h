/* A pickle as plain data: what torch.save writes for a state dictionary, and nothing else.
 *
 * Pickle is a program for a stack machine that may call anything. This one calls nothing: opcodes
 * come from a short list, the few globals that a state dictionary mentions are known by name, and
 * their application is only recorded. Everything else is refused by name. Nothing here recurses,
 * and every opcode makes at most one value, so memory is linear in the bytes read; values are
 * shared, never copied, and may form cycles, which readers of them must not follow without a bound.
 *
 * Protocols 2 to 5. Specification: Lib/pickletools.py of CPython.
 */
#ifndef SNN_CONVERT_READ_PICKLE_H
#define SNN_CONVERT_READ_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/ir/array.h"
#include "convert/read/cursor.h"
#include "convert/read/reader.h"
#include "snn/context.h"

enum snnconv_pickle_kind {
    SNNCONV_PICKLE_NONE = 0,
    SNNCONV_PICKLE_BOOL,
    SNNCONV_PICKLE_INT,
    SNNCONV_PICKLE_BIG,   /* an integer beyond 64 bits; its value is not kept */
    SNNCONV_PICKLE_FLOAT, /* its value is not kept */
    SNNCONV_PICKLE_STRING,
    SNNCONV_PICKLE_BYTES,
    SNNCONV_PICKLE_GLOBAL,
    SNNCONV_PICKLE_TUPLE,
    SNNCONV_PICKLE_LIST,
    SNNCONV_PICKLE_DICT,
    SNNCONV_PICKLE_CALL,      /* a global applied to a tuple */
    SNNCONV_PICKLE_PERSISTENT /* something kept outside of the pickle, by its id */
};

/* The globals that are known: module and name, and for storages what they hold. */
struct snnconv_pickle_global {
    const char *module;
    const char *name;
    bool callable;
    enum snnconv_type type; /* of a storage's elements; NONE: no storage */
};

extern const struct snnconv_pickle_global snnconv_pickle_ordered_dict;
extern const struct snnconv_pickle_global snnconv_pickle_rebuild_tensor;
extern const struct snnconv_pickle_global snnconv_pickle_rebuild_parameter;

struct snnconv_pickle_value {
    enum snnconv_pickle_kind kind;
    uint32_t count; /* of TUPLE, LIST, DICT */
    uint32_t first; /* link of TUPLE, LIST, DICT; value: arguments of CALL, id of PERSISTENT */
    uint32_t last;
    union {
        int64_t integer; /* BOOL, INT */
        struct {
            const char *bytes; /* in the file, not terminated */
            size_t size;
        } text;                                     /* STRING, BYTES */
        const struct snnconv_pickle_global *global; /* GLOBAL, CALL */
    } as;
};

/* One item of a container; next is 0 at the end. Key is 0 but in a DICT. */
struct snnconv_pickle_link {
    uint32_t key;
    uint32_t value;
    uint32_t next;
};

struct snnconv_pickle {
    struct snnconv_pickle_value *values; /* [0] is no value */
    size_t value_count;
    size_t value_capacity;
    struct snnconv_pickle_link *links; /* [0] is no link */
    size_t link_count;
    size_t link_capacity;
    uint32_t root;
};

/* Runs the pickle at the cursor up to its STOP. Strings are borrowed from the bytes. Errors, which
 * name the byte: FORMAT, UNSUPPORTED, LIMIT (json_node_count values), NOMEM. */
int snnconv_pickle_load(struct snnconv_pickle *out, struct snn_context *context,
                        struct snnconv_cursor *cursor);
void snnconv_pickle_fini(struct snnconv_pickle *pickle, struct snn_context *context);

/* True for a STRING of exactly this text. */
bool snnconv_pickle_is_text(const struct snnconv_pickle_value *value, const char *text);

/* Item `index` of a TUPLE, NULL beyond its end. */
const struct snnconv_pickle_value *snnconv_pickle_item(const struct snnconv_pickle *pickle,
                                                       const struct snnconv_pickle_value *tuple,
                                                       uint32_t index);

#endif
