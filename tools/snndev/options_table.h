/* Between the option table of snndev and how its values are taken: verbs and options by number.
 */
#ifndef TOOLS_SNNDEV_OPTIONS_TABLE_H
#define TOOLS_SNNDEV_OPTIONS_TABLE_H

#include "tools/cli/args.h"

/* As they stand in the table of verbs. */
enum snndev_verb {
    SNNDEV_LIST = 0,
    SNNDEV_INFO,
    SNNDEV_LOAD,
    SNNDEV_RUN,
    SNNDEV_MONITOR,
    SNNDEV_RECORD,
    SNNDEV_REPLAY,
    SNNDEV_RESET,
    SNNDEV_DOCTOR,
    SNNDEV_EMULATE,
    SNNDEV_VERB_COUNT
};

enum snndev_option {
    OPT_WATCH = 1,
    OPT_JSON,
    OPT_SECONDS,
    OPT_SERVE,
    OPT_OUTPUT,
    OPT_LAYER,
    OPT_SESSION,
    OPT_TO,
    OPT_NORM,
    OPT_MAX_POOL,
    OPT_CORE,
    OPT_DATA,
    OPT_LABELS,
    OPT_SAMPLES,
    OPT_OFFSET,
    OPT_TIMESTEPS,
    OPT_ENCODING,
    OPT_SEED,
    OPT_DT,
    OPT_ALLOW_LOSS,
    OPT_TIMEOUT,
    OPT_TRANSFERS,
    OPT_SLOT_BYTES,
    OPT_CHIP,
    OPT_AS,
    OPT_SERIAL,
    OPT_FAULT,
    OPT_ADDRESS,
    OPT_COUNT
};

extern const struct snncli_tool snndev_tool;

#endif
