/* The header of an NPY file, read and written: magic, version, and a Python dictionary as text.
 *
 * Specification: numpy/lib/format.py of NumPy ("A simple file format for NumPy arrays"). Of the
 * dictionary only what NumPy itself writes is accepted, nothing is evaluated.
 */
#ifndef SNN_BASE_NPYHEAD_H
#define SNN_BASE_NPYHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"

enum {
    SNNBASE_NPY_RANK_MAX = 8,
    SNNBASE_NPY_HEADER_MAX = 320, /* what snnbase_npyhead_format may write */
    SNNBASE_NPY_TEXT_SIZE = 192,  /* of a shape as text */
    SNNBASE_NPY_FIELDS_MAX = 16,  /* of a structured array */
    SNNBASE_NPY_NAME_SIZE = 24,
    SNNBASE_NPY_PARSED_MAX = 65536 /* bytes of a header that snnbase_npyhead_parse takes */
};

/* One field of a structured array. */
struct snnbase_npy_field {
    char name[SNNBASE_NPY_NAME_SIZE]; /* cut where it is longer */
    char dtype[8];                    /* "<i8"; "" of what has no plain number */
    char type;                        /* 'b', 'i', 'u', 'f'; 'V': something else */
    bool big_endian;
    uint32_t size;   /* bytes */
    uint32_t offset; /* within an element */
};

struct snnbase_npy_header {
    char dtype[8];      /* as in the file: "<f4" */
    char type;          /* 'b' bool, 'i' and 'u' integers, 'f' floats */
    uint32_t item_size; /* bytes: 1, 2, 4 or 8; of a structured array all its fields */
    bool big_endian;
    bool fortran_order; /* the first index runs fastest */
    uint32_t rank;
    uint64_t shape[SNNBASE_NPY_RANK_MAX];
    size_t item_count; /* product of shape, at least 1 */
    size_t data_offset;
    uint32_t field_count; /* of a structured array, whose type is 'V' */
    struct snnbase_npy_field fields[SNNBASE_NPY_FIELDS_MAX];
};

/* True if the bytes begin with the magic. */
bool snnbase_npyhead_probe(const unsigned char *bytes, size_t size);

/* The bytes of an array, header included. */
struct snnbase_npy_file {
    const char *path; /* for messages */
    const unsigned char *bytes;
    size_t size;
};

/* Reads the header and holds it against the size of the file. Errors: FORMAT (with the offset of
 * what is wrong; truncated or too long, with both sizes; empty arrays), UNSUPPORTED (version,
 * dtype, rank), LIMIT. */
int snnbase_npyhead_read(struct snnbase_npy_header *out, struct snn_context *context,
                         const struct snnbase_npy_file *file);

/* For readers that stream. Bytes up to the first element as far as the first `size` bytes tell; at
 * first only what is needed to tell it. */
size_t snnbase_npyhead_size(const unsigned char *bytes, size_t size);

/* The header alone, of a structured array too; `file` holds at least snnbase_npyhead_size of it,
 * and may end there. item_count stays 0: nothing is known of the elements. Without a context
 * nobody is told what is wrong. Errors: FORMAT, UNSUPPORTED, LIMIT. */
int snnbase_npyhead_parse(struct snnbase_npy_header *out, struct snn_context *context,
                          const struct snnbase_npy_file *file);

/* Writes a header of version 1.0 in C order, padded with spaces so that the data after it begin at
 * a multiple of 64 bytes. `dtype` as NumPy writes it ("<i4"); rank 1..SNNBASE_NPY_RANK_MAX.
 * Returns its size. */
size_t snnbase_npyhead_format(unsigned char out[SNNBASE_NPY_HEADER_MAX], const char *dtype,
                              const uint64_t *shape, uint32_t rank);

/* A shape or an index as Python writes it: "(500,)", "(500, 28, 28)". */
void snnbase_npyhead_text(char text[SNNBASE_NPY_TEXT_SIZE], const uint64_t *shape, uint32_t rank);

#endif
