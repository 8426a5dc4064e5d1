/* Options that say how a net is lowered, the same in every tool: what is in their rows of the
 * option table, and how their values are taken.
 *
 * A row adds what differs: {SNNCLI_ROW_V0, .id = OPT_V0, .group = "Neurons"}.
 */
#ifndef TOOLS_CLI_LOWERING_H
#define TOOLS_CLI_LOWERING_H

#include "snn/net.h"
#include "tools/cli/args.h"

#define SNNCLI_ROW_CHANNELWISE .name = "channelwise", .help = "a threshold for each channel"
#define SNNCLI_ROW_V0 .name = "v0", .metavar = "F", .help = "initial potential in thresholds (0.5)"
#define SNNCLI_ROW_V_MIN \
    .name = "v-min", .metavar = "F", .help = "lower clip in thresholds, or none (-1)"
#define SNNCLI_ROW_RESET                                         \
    .name = "reset", .metavar = "R", .choices = "subtract|zero", \
    .help = "subtract or zero (subtract)"
#define SNNCLI_ROW_OUTPUT_GAIN \
    .name = "output-gain", .metavar = "K", .help = "factor on the output threshold (1)"
#define SNNCLI_ROW_MAX_POOL                                                                        \
    .name = "max-pool", .metavar = "P", .choices = "avg|or",                                       \
    .help = "avg or or: stands in for max pooling",                                                \
    .text = "avg: average pooling. or: a neuron that fires once a step if any of its window did. " \
            "Without it a model with max pooling is refused."
#define SNNCLI_ROW_QUANT                                                                          \
    .name = "quant", .metavar = "Q", .choices = "max|mse",                                        \
    .help = "scales for a chip: max or mse (max)",                                                \
    .text = "How a layer's scale is chosen where weights become whole numbers. max: the largest " \
            "at which nothing saturates. mse: that of the least squared error, at which some "    \
            "weights may."
#define SNNCLI_ROW_CORE                                                                            \
    .name = "core", .metavar = "LAYER=CORE", .repeatable = true,                                   \
    .help = "keep a layer on this core (CORE,CORE: on two)",                                       \
    .text = "LAYER is a layer of neurons by its name, or by its index, counted from 0. Two cores " \
            "share it, the lower features on the first. Layers that are not named go where they "  \
            "fit."

struct snncli_lowering {
    struct snncli_console *console;
    struct snn_context *context; /* for error texts of the library */
    struct snn_lower_options *lower;
};

/* Takes --norm and the options above, but for --core, into `lower`, found by their names. Returns
 * an exit status; SNNCLI_GO_ON for any other option, of which nothing is taken. */
int snncli_lowering_take(const struct snncli_lowering *to, const struct snncli_option *option,
                         const char *value);

#endif
