/* What a person asked snnsim for: the option table, and the values it was given.
 */
#ifndef TOOLS_SNNSIM_OPTIONS_H
#define TOOLS_SNNSIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/calibrate.h"
#include "snn/chip.h"
#include "snn/net.h"
#include "snn/run.h"
#include "snn/stream.h"
#include "tools/cli/args.h"
#include "tools/cli/pins.h"
#include "tools/cli/preprocess.h"
#include "tools/snnsim/options_table.h"
#include "tools/snnsim/sweep.h"

#define SNNSIM_RULES_MAX 32
#define SNNSIM_TARGETS_MAX 8
#define SNNSIM_CORRECTS_MAX 4
#define SNNSIM_PROBE_FRAMES 2000 /* at most, for what is measured on the spiking net */

enum snnsim_semantics { SNNSIM_SYNC, SNNSIM_ASYNC, SNNSIM_BOTH };
enum snnsim_arithmetic { SNNSIM_FLOAT, SNNSIM_CHIP, SNNSIM_EITHER };

struct snnsim_options {
    struct snncli_console *console;
    struct snn_context *context;
    bool given[OPT_COUNT]; /* by enum snnsim_option */
    const char *model;
    const char *data;
    const char *labels;
    const char *view; /* of recordings; NULL: as they are */
    const char *input_spikes;
    const char *save_counts;
    const char *save_layer_counts;
    const char *calibrate;
    const char *energy;                      /* NULL: what is usual for a target */
    const char *targets[SNNSIM_TARGETS_MAX]; /* each once an arithmetic */
    enum snn_arith target_arith[SNNSIM_TARGETS_MAX];
    uint32_t target_count;
    char *uris[2 * SNNSIM_TARGETS_MAX]; /* targets that were completed, allocated */
    uint32_t uri_count;
    bool is_program;                   /* the model is a chip program; known before it is read */
    struct snncli_pins pins;           /* layers and their cores on a chip */
    enum snnsim_semantics semantics;   /* of the target "sim" */
    enum snnsim_arithmetic arithmetic; /* of the targets "sim..." */
    const char *order;                 /* as written; NULL: the default */
    char async_uri[96];                /* one of the targets, with semantics async or both */
    bool spiking;                      /* one of them at least; known when they are open */
    const char *json;
    const char *checkpoint;
    const char *report;                    /* file of the page */
    const char *csv;                       /* folder of tables */
    const char *raster;                    /* file of the picture */
    uint64_t raster_sample;                /* if given */
    const char *norm;                      /* as written; NULL: the default */
    const char *v_min;                     /* as written; NULL: the default */
    const char *compat;                    /* "sinabs" or NULL */
    uint32_t timesteps;                    /* up to SNNCLI_TIMESTEPS_MAX */
    bool own_reset, own_v_init, own_v_min; /* the net's layers have them all themselves */
    enum snn_reset nir_reset;              /* where a NIR file does not say */
    uint64_t samples;                      /* 0: all */
    uint64_t offset;
    uint64_t seed;
    double dt_us;
    enum snn_encoding encoding;
    enum snn_synop_accounting accounting;
    struct snn_lower_options lower;
    const char *corrects[SNNSIM_CORRECTS_MAX]; /* as written */
    uint32_t correct_count;
    const char *corrections[SNNSIM_CORRECTS_MAX]; /* names of recipes, some in correct_names */
    char correct_names[SNNSIM_CORRECTS_MAX][SNN_RECIPE_NAME_MAX];
    char norm_text[160]; /* norm and corrections, for the report */
    unsigned threads;
    struct snn_rule rules[SNNSIM_RULES_MAX];
    uint32_t rule_count;
    const char *sweep; /* the file; NULL: no sweep */
    struct snn_rule sweep_rules[SNNSIM_SWEEP_MAX];
    uint32_t sweep_count;
    float sweep_gain_max; /* of the sweep's own gains */
    bool until_decided;
    bool allow_loss;
    float extra_gains[SNNSIM_RULES_MAX + SNNSIM_SWEEP_MAX];
    double min_accuracy; /* fraction; negative: not checked */
    int64_t max_silent;  /* negative: not checked */
    const char *kernel;
    struct snncli_preprocess preprocess;
};

/* Reads the arguments. Returns SNNCLI_GO_ON or the exit status to end with. The context for error
 * texts of the library may be replaced later. */
int snnsim_options_read(struct snnsim_options *options, struct snncli_console *console, int argc,
                        char **argv);

/* The second half of reading them: what they make of each other. Exit status. */
int snnsim_options_join(struct snnsim_options *options);

/* Lets go of what reading them allocated. */
void snnsim_options_release(struct snnsim_options *options);

/* ---- options_chip.c ---- */

/* Whether a target's URI names a chip, simulated or a device; a device; whether one of them does
 * the first, or the model is a chip's program. */
bool snnsim_options_is_chip(const char *target);
bool snnsim_options_is_device(const char *target);
bool snnsim_options_has_chip(const struct snnsim_options *options);
/* What a chip's profile is called by whoever asks for the target: its name or file. `chip`: the
 * target's. */
void snnsim_options_chip_name(const char *target, const struct snn_chip *chip, char *name,
                              size_t size);

/* Refuse what no chip can do, and what a finished program leaves open no more. Exit status. */
int snnsim_options_check_chip(struct snnsim_options *options);
int snnsim_options_check_program(struct snnsim_options *options);

/* Puts --order into the URIs of chips that have none. Exit status. */
int snnsim_options_complete_chips(struct snnsim_options *options);

/* The model is a program: it runs on the chip that its file describes, unless a target is given.
 * Exit status. */
int snnsim_options_take_program(struct snnsim_options *options);

/* ---- Later, when the model is known ---- */

/* The sweep's own gains end at `gain_max`. */
void snnsim_options_limit_sweep(struct snnsim_options *options, float gain_max);

/* The net's output only integrates: rules on spikes get readouts of their own. */
void snnsim_options_set_membrane(struct snnsim_options *options);

/* The norm as text in the model's statistics: sets `lower` from `norm`. Exit status. */
int snnsim_options_set_norm(struct snnsim_options *options, const char *norm);

#endif
