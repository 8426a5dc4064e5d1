/* Norms and recipes by their names, as people write them.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/number.h"
#include "snn/net.h"

static int fail(struct snn_context *context, const char *text)
{
    snnbase_fail(context, SNN_ERR_INVALID, "'%s' is not a norm", text);
    return snnbase_hint(context, "write p99.9, max, mse:16, ltb, spike, auto or none");
}

int snn_norm_parse(struct snn_lower_options *options, struct snn_context *context, const char *text)
{
    enum snn_norm_kind norm = SNN_NORM_QUANTILE;
    double percent = 100.0;
    if (strcmp(text, "none") == 0) {
        norm = SNN_NORM_NONE;
    } else if (strcmp(text, "ltb") == 0 || strcmp(text, "spike") == 0 ||
               strcmp(text, "auto") == 0 || strncmp(text, "mse:", 4) == 0) {
        norm = SNN_NORM_RECIPE;
    } else if (strcmp(text, "max") != 0) {
        if (text[0] != 'p' || !snnbase_number_parse(text + 1, &percent)) return fail(context, text);
        if (!(percent > 0.0 && percent <= 100.0)) return fail(context, text);
    }
    options->norm = norm;
    options->quantile = percent / 100.0;
    options->recipe = norm == SNN_NORM_RECIPE ? text : NULL;
    return SNN_OK;
}

void snn_norm_format(const struct snn_lower_options *options, char *text, size_t size)
{
    const char *each = options->channelwise ? "/channel" : "";
    if (options->norm == SNN_NORM_NONE) {
        (void)snprintf(text, size, "none");
    } else if (options->norm == SNN_NORM_RECIPE) {
        (void)snprintf(text, size, "%s", options->recipe != NULL ? options->recipe : "");
    } else if (options->quantile >= 1.0) {
        (void)snprintf(text, size, "max%s", each);
    } else {
        char percent[SNNBASE_NUMBER_SIZE];
        snnbase_number_format(round(1e8 * options->quantile) / 1e6, percent);
        (void)snprintf(text, size, "p%s%s", percent, each);
    }
}
