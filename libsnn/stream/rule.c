/* Decision rules as people write them: "first", "first@4", "count:3", "softmax:0.95", "oracle".
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/number.h"
#include "snn/run.h"

struct rule_form {
    const char *name;
    enum snn_rule_kind kind;
    double low, high; /* of the parameter; high 0: none is taken */
};

static const struct rule_form forms[] = {
    {"first", SNN_RULE_FIRST, 0, 0},          {"count", SNN_RULE_COUNT, 1, 1e9},
    {"margin", SNN_RULE_MARGIN, 1, 1e9},      {"membrane", SNN_RULE_MEMBRANE, 1e-9, 1e9},
    {"softmax", SNN_RULE_SOFTMAX, 1e-9, 1.0}, {"entropy", SNN_RULE_ENTROPY, 1e-9, 1.0},
    {"oracle", SNN_RULE_ORACLE, 0, 0},        {"all", SNN_RULE_ALL, 0, 0},
};
#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

static int bad_rule(struct snn_context *context, const char *text, const char *why)
{
    snnbase_fail(context, SNN_ERR_INVALID, "decision rule '%s': %s", text, why);
    return snnbase_hint(context, "write first, count:N, margin:M, membrane:M, softmax:P, "
                                 "entropy:P, oracle or all, each with @GAIN behind it if wanted");
}

static int parse_parameter(struct snn_rule *rule, struct snn_context *context, const char *text,
                           const struct rule_form *form, const char *rest)
{
    if (form->high == 0) {
        return *rest == '\0' ? SNN_OK : bad_rule(context, text, "takes no number");
    }
    if (*rest != ':' || !snnbase_number_parse(rest + 1, &rule->parameter))
        return bad_rule(context, text, "needs a number after ':'");
    if (!(rule->parameter >= form->low && rule->parameter <= form->high))
        return bad_rule(context, text, "its number is out of range");
    if ((form->kind == SNN_RULE_COUNT || form->kind == SNN_RULE_MARGIN) &&
        rule->parameter != floor(rule->parameter))
        return bad_rule(context, text, "spikes are counted in whole numbers");
    return SNN_OK;
}

int snn_rule_parse(struct snn_rule *out, struct snn_context *context, const char *text)
{
    char head[64];
    struct snn_rule rule = {SNN_RULE_FIRST, 0, 0};
    const char *at = strchr(text, '@');
    size_t length = at != NULL ? (size_t)(at - text) : strlen(text);
    if (length >= sizeof(head)) return bad_rule(context, text, "too long");
    memcpy(head, text, length);
    head[length] = '\0';
    if (at != NULL) {
        double gain = 0;
        if (!snnbase_number_parse(at + 1, &gain) || !(gain > 0.0 && gain <= 1e6))
            return bad_rule(context, text, "the gain after '@' must be a positive number");
        rule.gain = (float)gain;
    }
    size_t name = strcspn(head, ":");
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strlen(forms[i].name) != name || strncmp(forms[i].name, head, name) != 0) continue;
        rule.kind = forms[i].kind;
        int status = parse_parameter(&rule, context, text, &forms[i], head + name);
        if (status == SNN_OK) *out = rule;
        return status;
    }
    return bad_rule(context, text, "not known");
}

void snn_rule_format(const struct snn_rule *rule, char *text, size_t size)
{
    char parameter[SNNBASE_NUMBER_SIZE] = "", gain[SNNBASE_NUMBER_SIZE] = "";
    const char *name = "?";
    bool has_parameter = false;
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (forms[i].kind != rule->kind) continue;
        name = forms[i].name;
        has_parameter = forms[i].high != 0;
    }
    if (has_parameter) snnbase_number_format(rule->parameter, parameter);
    if (rule->gain > 0.0f) snnbase_number_format_float(rule->gain, gain);
    snprintf(text, size, "%s%s%s%s%s", name, has_parameter ? ":" : "", parameter,
             rule->gain > 0.0f ? "@" : "", gain);
}
