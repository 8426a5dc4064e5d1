/* What a person asked snnconvert for: the option table, and the values it was given.
 */
#ifndef TOOLS_SNNCONVERT_OPTIONS_H
#define TOOLS_SNNCONVERT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/graph.h"
#include "snn/net.h"
#include "snn/stream.h"
#include "tools/cli/args.h"
#include "tools/cli/pins.h"
#include "tools/cli/preprocess.h"
#include "tools/snnconvert/options_table.h"

/* At most, for what is measured on the spiking net. */
#define SNNCONVERT_PROBE_FRAMES 2000

enum {
    SNNCONVERT_RECIPES_MAX = 32,
    SNNCONVERT_QUANTILES_MAX = 32,
    SNNCONVERT_DUMPS_MAX = 16,
    SNNCONVERT_CHIPS_MAX = 16
};

struct snnconvert_options {
    struct snncli_console *console;
    struct snn_context *context; /* for error texts of the library */
    const char *model;
    const char *arch;
    const char *output;
    const char *calibrate;
    const char *json;
    const char *view; /* of recordings; NULL: as they are */
    const char *recipes[SNNCONVERT_RECIPES_MAX];
    uint32_t recipe_count;
    double quantiles[SNNCONVERT_QUANTILES_MAX];
    uint32_t quantile_count;
    const char *dumps[SNNCONVERT_DUMPS_MAX]; /* names of passes, or "all" */
    uint32_t dump_count;
    struct snncli_preprocess preprocess;
    struct snn_shape input_shape; /* 0: as in the file */
    enum snn_reset nir_reset;
    enum snn_max_pool max_pool;
    uint64_t samples;   /* 0: all */
    unsigned threads;   /* 0: one a processor */
    const char *target; /* that recipes are measured on */
    /* How the net is lowered and run, for those and for a check. */
    struct snn_lower_options lower;
    uint32_t timesteps;
    enum snn_encoding encoding;
    uint64_t seed;
    double dt_us;
    /* Chips to check against: names, files, "all". */
    const char *chips[SNNCONVERT_CHIPS_MAX];
    uint32_t chip_count;
    struct snncli_pins pins;
    const char *map;
    bool samna;       /* --to: the output is a folder for the vendor's library */
    const char *data; /* NULL: the model's own sample */
    const char *labels;
    bool given[OPT_COUNT]; /* by enum snnconvert_option */
    bool info;
    bool supported;
    bool verify_off;
};

/* Reads the arguments. Returns SNNCLI_GO_ON or the exit status to end with. */
int snnconvert_options_read(struct snnconvert_options *options, struct snncli_console *console,
                            struct snn_context *context, int argc, char **argv);

/* Whether the output is what becomes of the model on a chip, not the model. */
bool snnconvert_writes_chip(const struct snnconvert_options *options);

/* Whether a file of that name holds a chip program: "*.chip.json". */
bool snnconvert_is_program_name(const char *path);

#endif
