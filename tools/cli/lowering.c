/* Values of the options that say how a net is lowered; see lowering.h.
 */
#include "tools/cli/lowering.h"

#include <math.h>
#include <string.h>

static int take_norm(const struct snncli_lowering *to, const char *value)
{
    if (snn_norm_parse(to->lower, to->context, value) == SNN_OK) return SNNCLI_EXIT_OK;
    return snncli_fail_context(to->console, to->context, "--norm");
}

static int take_choice(const struct snncli_lowering *to, const struct snncli_option *option,
                       const char *value)
{
    size_t choice = 0;
    const int status = snncli_parse_choice(to->console, option, value, &choice);
    if (status != SNNCLI_EXIT_OK) return status;
    if (strcmp(option->name, "reset") == 0)
        to->lower->reset = choice == 0 ? SNN_RESET_SUBTRACT : SNN_RESET_ZERO;
    else if (strcmp(option->name, "max-pool") == 0)
        to->lower->max_pool = choice == 0 ? SNN_MAX_POOL_AVG : SNN_MAX_POOL_OR;
    else
        to->lower->quantise_mse = choice == 1;
    return status;
}

int snncli_lowering_take(const struct snncli_lowering *to, const struct snncli_option *option,
                         const char *value)
{
    const struct {
        const char *name;
        double low, high;
        float *out;
    } numbers[] = {{"v0", -1e6, 1e6, &to->lower->v_init},
                   {"v-min", -1e6, 0.0, &to->lower->v_min},
                   {"output-gain", 1e-6, 1e6, &to->lower->output_gain}};
    const char *name = option->name;
    if (strcmp(name, "norm") == 0) return take_norm(to, value);
    if (strcmp(name, "channelwise") == 0) {
        to->lower->channelwise = true;
        return SNNCLI_EXIT_OK;
    }
    if (strcmp(name, "v-min") == 0 && strcmp(value, "none") == 0) {
        to->lower->v_min = -INFINITY;
        return SNNCLI_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        double number = 0.0;
        if (strcmp(name, numbers[i].name) != 0) continue;
        const int status = snncli_parse_double(to->console, option, value, numbers[i].low,
                                               numbers[i].high, &number);
        if (status == SNNCLI_EXIT_OK) *numbers[i].out = (float)number;
        return status;
    }
    if (strcmp(name, "reset") == 0 || strcmp(name, "max-pool") == 0 || strcmp(name, "quant") == 0)
        return take_choice(to, option, value);
    return SNNCLI_GO_ON;
}
