/* What the fuzz targets of whole models share: a graph that was read is evaluated, lowered in three
 * ways and for a chip, simulated for a few steps, inferred by the frame executor. What each says of
 * it does not matter.
 */
#ifndef TESTS_FUZZ_WHOLE_H
#define TESTS_FUZZ_WHOLE_H

#include "snn/context.h"
#include "snn/graph.h"
#include "snn/program.h"

/* For nets so small that any mutant is done in no time. */
extern const struct snn_limits whole_limits;

void whole_run(struct snn_context *context, struct snn_graph *graph);

/* A chip program, decoded and run on the chip that it is for, and written again. */
void whole_run_program(struct snn_context *context, const struct snn_program *program);

#endif
