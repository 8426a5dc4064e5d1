/* What the printing of one result and of several share.
 */
#ifndef TOOLS_SNNSIM_PRINT_PARTS_H
#define TOOLS_SNNSIM_PRINT_PARTS_H

#include <stdbool.h>

#include "snn/run.h"
#include "tools/cli/message.h"

#define SNNSIM_MAC_PROFILE "horowitz45_int8" /* has an energy of a MAC */

/* A result of a frame-based target knows no steps. */
bool snnsim_print_spiking(const struct snn_result *result);

/* Model, data and samples in a line; steps, encoding, target and semantics in another. */
void snnsim_print_subject(const struct snn_report *report, const struct snn_result *result);
void snnsim_print_options(const struct snncli_console *console, const struct snn_report *report,
                          const struct snn_result *result);

/* With -v: what each layer became in whole numbers. */
void snnsim_print_quantised(const struct snncli_console *console, const struct snn_result *result);

#endif
