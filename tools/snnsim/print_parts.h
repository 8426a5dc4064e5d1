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

/* Samples a second, of those that this process did not find done. */
double snnsim_print_rate(const struct snn_result *result);

/* Model, data and samples in a line; steps, encoding, target and semantics in another. */
void snnsim_print_subject(const struct snn_report *report, const struct snn_result *result);
void snnsim_print_options(const struct snncli_console *console, const struct snn_report *report,
                          const struct snn_result *result);

/* With -v: what each layer became in whole numbers. */
void snnsim_print_quantised(const struct snncli_console *console, const struct snn_result *result);

/* ---- Chips (print_chip.c) ---- */

struct snnsim_target_text {
    char text[96];
};

/* "sim", "chip:speck2f". */
struct snnsim_target_text snnsim_print_target(const struct snn_result *result);

/* What the static power of its energy profile takes in a sample; "1 uJ dynamic, 2 uJ static (...)".
 */
double snnsim_print_static_uj(const struct snn_report *report, const struct snn_result *result);
void snnsim_print_energy_parts(const struct snn_report *report, const struct snn_result *result);

/* Of a result on a chip: a table of its cores; what its readout tells; how to get the gap to
 * synchronous steps. */
void snnsim_print_load(const struct snncli_console *console, const struct snn_report *report,
                       const struct snn_result *result);
void snnsim_print_readout(const struct snn_result *result);
void snnsim_print_no_gap(const struct snn_report *report, const struct snn_result *result);

/* ---- Devices (print_device.c) ---- */

/* Of a result on a device, a line each: what it is and was loaded with; events both ways and lost
 * ones; latency. */
void snnsim_print_device(const struct snn_result *result);
void snnsim_print_traffic(const struct snn_result *result);
void snnsim_print_round_trip(const struct snn_result *result);

#endif
