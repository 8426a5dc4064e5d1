/* --preprocess: numbers and lists of numbers, in any locale with a decimal point.
 */
#include "tools/cli/preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "0.485:0.456:0.406" into an array; false if it is not that. */
static bool parse_channels(const char *text, double *values, uint32_t *count_out)
{
    uint32_t count = 0;
    char part[64];
    while (count < SNNCLI_CHANNELS_MAX) {
        size_t length = strcspn(text, ":");
        if (length == 0 || length >= sizeof(part)) return false;
        memcpy(part, text, length);
        part[length] = '\0';
        char *end = NULL;
        values[count++] = strtod(part, &end);
        if (*end != '\0' || !isfinite(values[count - 1])) return false;
        text += length;
        if (*text == '\0') break;
        text++;
    }
    *count_out = count;
    return *text == '\0';
}

/* A number, or a fraction such as 1/255. */
static bool parse_scale(const char *text, double *out)
{
    char *end = NULL;
    double value = strtod(text, &end), divisor = 1.0;
    if (end == text) return false;
    if (*end == '/') {
        const char *rest = end + 1;
        divisor = strtod(rest, &end);
        if (end == rest) return false;
    }
    *out = value / divisor;
    return *end == '\0' && isfinite(*out) && *out > 0.0;
}

static int fail_value(struct snncli_console *console, const struct snncli_option *option,
                      const char *value)
{
    char where[64];
    (void)snprintf(where, sizeof(where), "--%s", option->name);
    (void)snncli_fail(console, SNNCLI_EXIT_USAGE, where, "'%s' is not understood", value);
    snncli_hint(console, "write scale=1/255,mean=0.1307,std=0.3081; channels as mean=M1:M2:M3");
    return SNNCLI_EXIT_USAGE;
}

/* One value stands for all channels. */
static bool spread(double *values, uint32_t count, uint32_t channels)
{
    for (uint32_t c = count; c < channels; c++)
        values[c] = values[0];
    return count == 1 || count == channels;
}

int snncli_parse_preprocess(struct snncli_console *console, const struct snncli_option *option,
                            const char *value, struct snncli_preprocess *out)
{
    char text[512];
    uint32_t means = 1, stds = 1;
    struct snncli_preprocess p = {.given = true, .scale = 1.0 / 255.0, .mean = {0.0}, .std = {1.0}};
    if (strlen(value) >= sizeof(text)) return fail_value(console, option, value);
    memcpy(text, value, strlen(value) + 1);
    for (char *part = text, *next; part != NULL; part = next) {
        next = strchr(part, ',');
        if (next != NULL) *next++ = '\0';
        bool ok = false;
        if (strncmp(part, "scale=", 6) == 0) ok = parse_scale(part + 6, &p.scale);
        if (strncmp(part, "mean=", 5) == 0) ok = parse_channels(part + 5, p.mean, &means);
        if (strncmp(part, "std=", 4) == 0) ok = parse_channels(part + 4, p.std, &stds);
        if (!ok) return fail_value(console, option, value);
    }
    p.channel_count = means > stds ? means : stds;
    if (!spread(p.mean, means, p.channel_count) || !spread(p.std, stds, p.channel_count))
        return fail_value(console, option, value);
    *out = p;
    return SNNCLI_EXIT_OK;
}

struct snn_preprocess snncli_preprocess_view(const struct snncli_preprocess *preprocess)
{
    return (struct snn_preprocess){preprocess->scale, preprocess->channel_count, preprocess->mean,
                                   preprocess->std};
}
