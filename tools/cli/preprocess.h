/* --preprocess of every tool: what a net was trained on, as text.
 *
 * "scale=1/255,mean=0.1307,std=0.3081"; one value a channel as mean=0.485:0.456:0.406.
 */
#ifndef TOOLS_CLI_PREPROCESS_H
#define TOOLS_CLI_PREPROCESS_H

#include <stdbool.h>

#include "snn/graph.h"
#include "tools/cli/args.h"

#define SNNCLI_CHANNELS_MAX 16

struct snncli_preprocess {
    bool given;
    double scale;
    double mean[SNNCLI_CHANNELS_MAX], std[SNNCLI_CHANNELS_MAX];
    uint32_t channel_count;
};

/* Prints what is wrong; returns SNNCLI_EXIT_OK or SNNCLI_EXIT_USAGE. */
int snncli_parse_preprocess(struct snncli_console *console, const struct snncli_option *option,
                            const char *value, struct snncli_preprocess *out);

/* As the library takes it; the arrays stay those of `preprocess`. */
struct snn_preprocess snncli_preprocess_view(const struct snncli_preprocess *preprocess);

#endif
