/* What a check of a model against chips found: as a document for programs, and a placement as a
 * picture.
 */
#ifndef SNN_CHECK_H
#define SNN_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/net.h"
#include "snn/place.h"
#include "snn/run.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the net computes before and after it became whole numbers and a program, measured on the
 * same samples; NULL: not measured. */
enum snn_check_stage {
    SNN_CHECK_FLOAT = 0,   /* 32-bit floats, synchronous */
    SNN_CHECK_INTEGER = 1, /* 8 and 16 bits, synchronous */
    SNN_CHECK_PROGRAM = 2, /* the chip's program, event by event */
    SNN_CHECK_STAGES = 3
};

struct snn_check_chip {
    const struct snn_placement *placement;
    const struct snn_result *results[SNN_CHECK_STAGES];
};

/* One model against one or more chips. Strings may be NULL. */
struct snn_check {
    const char *tool;
    const char *file;
    const char *format;
    const char *sha256;
    const struct snn_graph *graph;
    const struct snn_lower_options *lower; /* as it was lowered; its chip is not read */
    const struct snn_pin *pins;
    uint32_t pin_count;
    const char *data; /* that accuracy was measured on; NULL: on none */
    const char *encoding;
    uint64_t seed;
    double dt_us;
    const struct snn_check_chip *chips;
    uint32_t chip_count;
};

/* The JSON document of schema "snn.check/1" (docs/formats/check.md) to a file, whole or not at all.
 * Errors: those of writing, NOMEM. */
SNN_API int snn_check_save(struct snn_context *context, const struct snn_check *check,
                           const char *path);
/* The same as text; free with snn_text_free (snn/run.h). */
SNN_API int snn_check_format(char **out, struct snn_context *context,
                             const struct snn_check *check);

/* A picture of the chip with the net on it, as SVG that needs nothing else: cores with what they
 * hold and how full their memories are, where spikes go, with which pooling and feature shift;
 * layers that lie nowhere; free cores. To a file, whole or not at all. Errors: those of writing,
 * NOMEM. */
SNN_API int snn_placement_save_map(const struct snn_placement *placement,
                                   struct snn_context *context, const char *path);

#ifdef __cplusplus
}
#endif
#endif
