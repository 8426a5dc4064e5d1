/* A placement as a person reads it: does the net fit the chip, where does each layer lie, what
 * fails on which core and by how much, how full are the memories, and what would make it fit.
 *
 * The report goes to any stream (stdout of a check, stderr of a run that finds no room), within 80
 * columns for nets of ordinary names; findings are diagnostics and go through the console. Cells of
 * the table of layers and cores are single letters, explained below it.
 */
#ifndef TOOLS_CLI_PLACEMENT_H
#define TOOLS_CLI_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "snn/place.h"
#include "tools/cli/message.h"

/* Verdict, layers, the quantiser's report, cores, memory, a blank line between them; what prints
 * them all adds the remedies. Return SNN_OK or SNN_ERR_NOMEM. */
int snncli_placement_tables(const struct snncli_console *console, FILE *out,
                            const struct snn_placement *placement);
int snncli_placement_print(const struct snncli_console *console, FILE *out,
                           const struct snn_placement *placement);

/* "lenet fits speck2f: 5 of 9 cores", "lenet does not fit speck2f: 1 problem". */
void snncli_placement_verdict(const struct snncli_console *console, FILE *out,
                              const struct snn_placement *placement);

/* Geometry, cores and words of memory, a row a layer. SNN_OK or SNN_ERR_NOMEM. */
int snncli_placement_layers(const struct snncli_console *console, FILE *out,
                            const struct snn_placement *placement);

/* Layer against core, a letter a cell. */
void snncli_placement_cores(const struct snncli_console *console, FILE *out,
                            const struct snn_placement *placement);

/* Kernel and neuron memory, a bar each a core; of layers that lie nowhere what they would take of
 * the largest. */
void snncli_placement_memory(const struct snncli_console *console, FILE *out,
                             const struct snn_placement *placement);

/* Remedies, numbered, each with the cores it was found to fit on. Nothing for a net that fits. */
void snncli_placement_remedies(const struct snncli_console *console, FILE *out,
                               const struct snn_placement *placement);

/* Findings as diagnostics of the console, errors and warnings. */
void snncli_placement_findings(struct snncli_console *console,
                               const struct snn_placement *placement);

/* What a layer became in whole numbers; NULL is left out. */
struct snncli_quantised {
    const char *layer;
    const struct snn_quantised *quantised;
};

/* The quantiser's report, a row a layer. SNN_OK or SNN_ERR_NOMEM. */
int snncli_quantised_print(const struct snncli_console *console, FILE *out,
                           const struct snncli_quantised *rows, size_t count);

/* Cores that a placement uses. */
uint32_t snncli_placement_core_count(const struct snn_placement *placement);

/* The core with the fullest memory. */
struct snncli_fullest {
    double share; /* of that memory; 0: no core is used */
    bool neurons; /* it is neuron memory, else kernel memory */
    uint32_t core;
};

struct snncli_fullest snncli_placement_fullest(const struct snn_placement *placement);

#endif
