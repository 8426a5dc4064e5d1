/* --core of every tool: layers that a person keeps on cores of a chip, as text.
 *
 * "conv1=2", "fc1=5,6": shared by two cores, the lower features on the first. What is no layer or
 * no core the placement says.
 */
#ifndef TOOLS_CLI_PINS_H
#define TOOLS_CLI_PINS_H

#include "snn/place.h"
#include "tools/cli/args.h"

#define SNNCLI_LAYER_NAME_MAX 128

/* To stay where it is once filled: pins point into it. */
struct snncli_pins {
    struct snn_pin pins[SNN_CHIP_CORES_MAX];
    char names[SNN_CHIP_CORES_MAX][SNNCLI_LAYER_NAME_MAX];
    uint32_t count;
};

/* Takes one more. Prints what is wrong; returns SNNCLI_EXIT_OK or SNNCLI_EXIT_USAGE. */
int snncli_parse_pin(struct snncli_console *console, const struct snncli_option *option,
                     const char *value, struct snncli_pins *pins);

#endif
