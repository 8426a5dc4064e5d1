/* The last step of the front end: an edited program is written down as a graph, one layer a node
 * (an activation and a map of biases join the layer they follow). Pure: decides nothing but
 * whether there is a layer for what it finds; changing the program is what passes are for.
 */
#ifndef SNN_CONVERT_EMIT_H
#define SNN_CONVERT_EMIT_H

#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/pass/pass.h"
#include "snn/context.h"
#include "snn/graph.h"

/* Makes the graph of a program that all passes have edited, sorted, every shape known.
 * `origins_out` (may be NULL) receives for each layer the value of `passed` that it equals or
 * SNNCONV_NONE; allocated, to be freed with snnbase_free. Every node that has no layer is a
 * diagnostic naming node, operator and cause, the first is the error. Large constants that lie in
 * the arena of `passed` move to the graph, uncopied: the program's constants are good as long as
 * the graph is, and void on errors. Errors: UNSUPPORTED, LIMIT, INVALID (a weight that is not
 * finite), NOMEM. */
int snnconv_emit(struct snn_graph **out, struct snn_context *context,
                 struct snnconv_program *passed, const struct snnconv_pass_state *state,
                 uint32_t **origins_out);

#endif
