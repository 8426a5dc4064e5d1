/* What an import holds, shared between reading (import.c) and verification (verify.c).
 */
#ifndef SNN_CONVERT_IMPORT_H
#define SNN_CONVERT_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "convert/ir/program.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/sha256.h"
#include "snn/convert.h"

struct snn_import {
    struct snn_allocator allocator; /* of the struct, outliving the context that made it */
    struct snnbase_buffer bytes;    /* of the file: constants of the programs may lie in it */
    bool has_programs;              /* false for native files and files of weights */
    struct snnconv_program source;  /* as read, sorted */
    struct snnconv_program passed;  /* its copy after all passes */
    struct snn_graph *graph;        /* NULL once taken */
    uint32_t *layer_values;         /* [layers of the graph]: value of `passed`, or SNNCONV_NONE */
    uint32_t layer_count;
    uint32_t input_value; /* value of `passed` that stands for what is fed from outside */
    const char *format;
    char sha256[SNNBASE_SHA256_HEX_SIZE];
    struct snn_preprocess preprocess; /* between intensities and the program's input */
    double *preprocess_values;        /* means, then stds */
};

#endif
