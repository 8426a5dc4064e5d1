/* --core: LAYER=CORE or LAYER=CORE,CORE. A layer's name may have any character; the last '=' parts
 * it from the cores.
 */
#include "tools/cli/pins.h"

#include <stdlib.h>
#include <string.h>

static int fail_value(struct snncli_console *console, const struct snncli_option *option,
                      const char *value)
{
    char where[64];
    (void)snprintf(where, sizeof(where), "--%s", option->name);
    (void)snncli_fail(console, SNNCLI_EXIT_USAGE, where, "'%s' is not understood", value);
    snncli_hint(console, "write LAYER=CORE, or LAYER=CORE,CORE for a layer that two cores share");
    return SNNCLI_EXIT_USAGE;
}

/* "5" or "5,6" to its end. */
static bool parse_cores(const char *text, struct snn_pin *pin)
{
    for (pin->core_count = 0; pin->core_count < 2;) {
        char *end = NULL;
        if (*text < '0' || *text > '9') return false;
        const unsigned long core = strtoul(text, &end, 10);
        if (core >= SNN_NO_CORE) return false;
        pin->cores[pin->core_count++] = (uint32_t)core;
        if (*end != ',') return *end == '\0';
        text = end + 1;
    }
    return false;
}

int snncli_parse_pin(struct snncli_console *console, const struct snncli_option *option,
                     const char *value, struct snncli_pins *pins)
{
    char where[64];
    struct snn_pin pin = {.layer = NULL};
    const char *equals = strrchr(value, '=');
    const size_t length = equals != NULL ? (size_t)(equals - value) : 0;
    (void)snprintf(where, sizeof(where), "--%s", option->name);
    if (length == 0 || length >= SNNCLI_LAYER_NAME_MAX || !parse_cores(equals + 1, &pin))
        return fail_value(console, option, value);
    if (pins->count == SNN_CHIP_CORES_MAX)
        return snncli_fail(console, SNNCLI_EXIT_USAGE, where, "more than %d layers",
                           (int)SNN_CHIP_CORES_MAX);
    char *name = pins->names[pins->count];
    memcpy(name, value, length);
    name[length] = '\0';
    pin.layer = name;
    for (uint32_t i = 0; i < pins->count; i++) {
        if (strcmp(pins->pins[i].layer, name) == 0)
            return snncli_fail(console, SNNCLI_EXIT_USAGE, where, "%s is given twice", name);
    }
    pins->pins[pins->count++] = pin;
    return SNNCLI_EXIT_OK;
}
