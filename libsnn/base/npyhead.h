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
    SNNBASE_NPY_TEXT_SIZE = 192   /* of a shape as text */
};

struct snnbase_npy_header {
    char dtype[8];      /* as in the file: "<f4" */
    char type;          /* 'b' bool, 'i' and 'u' integers, 'f' floats */
    uint32_t item_size; /* bytes: 1, 2, 4 or 8 */
    bool big_endian;
    bool fortran_order; /* the first index runs fastest */
    uint32_t rank;
    uint64_t shape[SNNBASE_NPY_RANK_MAX];
    size_t item_count; /* product of shape, at least 1 */
    size_t data_offset;
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

/* Writes a header of version 1.0 in C order, padded with spaces so that the data after it begin at
 * a multiple of 64 bytes. `dtype` as NumPy writes it ("<i4"); rank 1..SNNBASE_NPY_RANK_MAX.
 * Returns its size. */
size_t snnbase_npyhead_format(unsigned char out[SNNBASE_NPY_HEADER_MAX], const char *dtype,
                              const uint64_t *shape, uint32_t rank);

/* A shape or an index as Python writes it: "(500,)", "(500, 28, 28)". */
void snnbase_npyhead_text(char text[SNNBASE_NPY_TEXT_SIZE], const uint64_t *shape, uint32_t rank);

#endif
