/* Passes: pure edits of a program, run in the order of one table (convert/pass/table.c).
 *
 * A pass leaves the values of the program's outputs as they are (or says in what way it does not:
 * a softmax dropped at the end), keeps value indices, and hands one line to the diagnostics sink
 * when it changed something ("batchnorm: folded 3 into the convolutions before them"). What it
 * cannot do it leaves to the next; only convert/emit.c decides that a program has no graph.
 */
#ifndef SNN_CONVERT_PASS_PASS_H
#define SNN_CONVERT_PASS_PASS_H

#include <stdint.h>

#include "convert/ir/program.h"
#include "snn/context.h"
#include "snn/convert.h"

/* What passes learn beside the program. */
struct snnconv_pass_state {
    const struct snn_import_options *options;
    /* The value that is fed from outside, SNNCONV_NONE before the pass `input`: where that has
     * taken a scale out, program->inputs[0] is what it is scaled to. */
    uint32_t input;
    /* x' = x * input_scale[c] + input_shift[c] on the program's input, taken out of the net by the
     * pass `input`; [input_channels], 0: nothing was taken out. */
    uint32_t input_channels;
    double *input_scale;
    double *input_shift;
};

struct snnconv_pass {
    const char *name;    /* for --dump-after: "batchnorm" */
    const char *summary; /* one phrase */
    int (*run)(struct snnconv_program *program, struct snn_context *context,
               struct snnconv_pass_state *state);
};

/* In the order they run, ended by NULL. */
extern const struct snnconv_pass *const snnconv_pass_table[];

/* Runs all passes over a copy of the program as read; between them nodes are sorted, unread ones
 * swept and options->dump is called. `state` is written here, its arrays lie in the program's
 * arena. Errors: those of passes and of the program (UNSUPPORTED, FORMAT, LIMIT, NOMEM, what dump
 * returned), each problem a diagnostic of its own. */
int snnconv_passes_run(struct snnconv_program *program, struct snn_context *context,
                       struct snnconv_pass_state *state, const struct snn_import_options *options);

#endif
