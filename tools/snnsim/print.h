/* What snnsim shows on the terminal: the result as a few lines, tables and a small plot.
 */
#ifndef TOOLS_SNNSIM_PRINT_H
#define TOOLS_SNNSIM_PRINT_H

#include "snn/run.h"
#include "tools/cli/message.h"

/* Prints the result to stdout. */
void snnsim_print_result(const struct snncli_console *console, const struct snn_report *report,
                         const struct snn_result *result);

/* Prints the report's results as one table, a row a target. */
void snnsim_print_comparison(const struct snncli_console *console, const struct snn_report *report);

#endif
