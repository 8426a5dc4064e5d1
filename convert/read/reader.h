/* Readers of foreign files, and the list of named tensors that a file of weights becomes.
 *
 * A format is one const struct in a table of libsnn/registry.c, chosen by the file's bytes, never
 * by its name. A reader sees nothing but bytes in memory; it executes nothing and opens nothing.
 */
#ifndef SNN_CONVERT_READ_READER_H
#define SNN_CONVERT_READ_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/context.h"

enum { SNNCONV_TENSOR_RANK_MAX = 8, SNNCONV_SHAPE_TEXT_SIZE = 192 };

struct snnconv_tensor {
    const char *name; /* without control characters; unique in its list */
    uint32_t rank;
    uint64_t dim[SNNCONV_TENSOR_RANK_MAX];
    size_t count;  /* product of dim; 1 for rank 0 */
    float *values; /* [count], C order; what is wider is rounded to nearest, beyond the range to
                    * infinity, which no layer accepts */
};

/* Everything in a list lives in its arena. */
struct snnconv_tensors {
    struct snnbase_arena arena;
    struct snnconv_tensor *items;
    size_t count;
    size_t capacity;
    bool ordered; /* the file keeps the order in which its writer listed the tensors */
};

struct snnconv_file {
    const char *path; /* for messages */
    const unsigned char *bytes;
    size_t size;
};

struct snnconv_reader {
    const char *name;
    const char *summary;       /* what is accepted, for messages: one phrase */
    const char *kind;          /* what such a file is: "a PyTorch file" */
    const char *with_topology; /* what it is with one: "PyTorch state dictionary and a topology" */

    /* How sure the format is that these bytes are its own: 0 (not at all) to 100. */
    int (*probe)(const unsigned char *bytes, size_t size);

    /* Appends the floating-point tensors of the file to `out`, which the caller destroys even after
     * an error; others are passed over with a note. Errors: FORMAT, UNSUPPORTED, LIMIT, NOMEM; each
     * names the file and the place. */
    int (*read_weights)(struct snnconv_tensors *out, struct snn_context *context,
                        const struct snnconv_file *file);
};

/* All formats that hold weights, ended by NULL. */
extern const struct snnconv_reader *const snn_weight_reader_table[];

void snnconv_tensors_init(struct snnconv_tensors *tensors, const struct snn_context *context);
void snnconv_tensors_fini(struct snnconv_tensors *tensors, struct snn_context *context);

/* Product of the extents. False if it does not fit. */
bool snnconv_tensor_size(uint32_t rank, const uint64_t *dim, size_t *out);

/* Appends a tensor whose values are to be filled in: *out is valid until the next one. The caller
 * has held the shape against the bytes at hand. Errors, which name the tensor: LIMIT (tensor_bytes;
 * all together: file_bytes), FORMAT (a name of control characters), NOMEM. */
int snnconv_tensors_add(struct snnconv_tensors *tensors, struct snn_context *context,
                        const struct snnconv_tensor *like, struct snnconv_tensor **out);

/* Once all are there: refuses two of one name. Errors: FORMAT, NOMEM. */
int snnconv_tensors_check_names(const struct snnconv_tensors *tensors, struct snn_context *context);

/* A shape as "[6, 1, 5, 5]". */
void snnconv_shape_format(char text[SNNCONV_SHAPE_TEXT_SIZE], uint32_t rank, const uint64_t *dim);

#endif
