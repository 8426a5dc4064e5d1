/* Between the files of a printed placement; for placement*.c only.
 */
#ifndef TOOLS_CLI_PLACEMENT_PARTS_H
#define TOOLS_CLI_PLACEMENT_PARTS_H

#include <stdbool.h>

#include "tools/cli/placement.h"

/* Which layer a core holds, or a part of it. */
struct snncli_tenant {
    const struct snn_placed_layer *layer; /* NULL: the core is free */
    const struct snn_placed_part *part;
};

struct snncli_tenant snncli_placement_tenant(const struct snn_placement *placement, uint32_t core);

/* Whether what goes to `out` is to have colours. */
bool snncli_placement_color(const struct snncli_console *console, const FILE *out);

#endif
