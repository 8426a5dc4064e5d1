/* Between the option table of snnconvert and how its values are taken: the options by number.
 *
 * Those from OPT_NORM on say how the net is lowered and run (options.c).
 */
#ifndef TOOLS_SNNCONVERT_OPTIONS_TABLE_H
#define TOOLS_SNNCONVERT_OPTIONS_TABLE_H

#include "tools/cli/args.h"

enum snnconvert_option {
    OPT_OUTPUT = 1,
    OPT_ARCH,
    OPT_INPUT_SHAPE,
    OPT_PREPROCESS,
    OPT_NIR_RESET,
    OPT_VIEW,
    OPT_MAX_POOL,
    OPT_INFO,
    OPT_JSON,
    OPT_SUPPORTED,
    OPT_NO_VERIFY,
    OPT_DUMP_AFTER,
    OPT_CALIBRATE,
    OPT_SAMPLES,
    OPT_RECIPE,
    OPT_QUANTILE,
    OPT_CHECK,
    OPT_CORE,
    OPT_MAP,
    OPT_DATA,
    OPT_LABELS,
    OPT_TO,
    OPT_THREADS,
    OPT_NORM,
    OPT_CHANNELWISE,
    OPT_V0,
    OPT_V_MIN,
    OPT_RESET,
    OPT_OUTPUT_GAIN,
    OPT_QUANT,
    OPT_TIMESTEPS,
    OPT_ENCODING,
    OPT_SEED,
    OPT_DT,
    OPT_ARITH,
    OPT_TARGET,
    OPT_COUNT
};

extern const struct snncli_tool snnconvert_tool;

#endif
