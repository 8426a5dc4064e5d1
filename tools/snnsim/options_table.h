/* Between the option table and how its values are taken: the options by number.
 *
 * The groups of numbers up to OPT_NIR_RESET and up to OPT_COMPAT each have a function that takes
 * them (options.c).
 */
#ifndef TOOLS_SNNSIM_OPTIONS_TABLE_H
#define TOOLS_SNNSIM_OPTIONS_TABLE_H

#include "tools/cli/args.h"

enum snnsim_option {
    OPT_TIMESTEPS = 1,
    OPT_DATA,
    OPT_LABELS,
    OPT_VIEW,
    OPT_INPUT_SPIKES,
    OPT_SAMPLES,
    OPT_OFFSET,
    OPT_ENCODING,
    OPT_SEED,
    OPT_DT,
    OPT_PREPROCESS,
    OPT_NIR_RESET,
    OPT_NORM,
    OPT_CHANNELWISE,
    OPT_CALIBRATE,
    OPT_CORRECT,
    OPT_V0,
    OPT_V_MIN,
    OPT_RESET,
    OPT_N_MAX,
    OPT_OUTPUT_GAIN,
    OPT_READOUT,
    OPT_MAX_POOL,
    OPT_SEMANTICS,
    OPT_ORDER,
    OPT_ARITH,
    OPT_QUANT,
    OPT_COMPAT,
    OPT_RULE,
    OPT_SWEEP,
    OPT_UNTIL_DECIDED,
    OPT_SYNOPS,
    OPT_ENERGY,
    OPT_TARGET,
    OPT_CORE,
    OPT_ALLOW_LOSS,
    OPT_THREADS,
    OPT_KERNEL,
    OPT_JSON,
    OPT_REPORT,
    OPT_CSV,
    OPT_RASTER,
    OPT_RASTER_SAMPLE,
    OPT_CHECKPOINT,
    OPT_SAVE_COUNTS,
    OPT_SAVE_LAYER_COUNTS,
    OPT_MIN_ACCURACY,
    OPT_MAX_SILENT,
    OPT_COUNT
};

extern const struct snncli_tool snnsim_tool;

#endif
