/* Brings dense layers into one form, Gemm with weights [out][in] and a bias or none, and puts a
 * constant that is added behind a Conv or Gemm into its bias. One that differs from position to
 * position stays an Add, constant second and of a whole frame: convert/emit.c makes a map of biases
 * of it.
 */
#include <inttypes.h>

#include "convert/pass/edit.h"
#include "convert/pass/linear.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"

static int add_bias(struct snnconv_edit *edit, uint32_t index, uint32_t *folded)
{
    struct snnconv_affine a;
    bool found = false;
    int status = snnconv_affine_read(&a, edit, snnconv_edit_node(edit, index), &found);
    if (status != SNN_OK || !found) return status;
    uint32_t writer = edit->writer[a.input];
    bool alone = snnconv_edit_only_reader(edit, a.input) == index;
    if (a.shifts_only && alone && writer != SNNCONV_NONE &&
        snnconv_linear_is(edit, snnconv_edit_node(edit, writer))) {
        uint32_t output = snnconv_edit_node(edit, index)->outputs[0];
        if (a.shift_count == a.channels) {
            status = snnconv_linear_shift_outputs(edit, writer, a.shift);
            snnconv_edit_remove(edit, index);
            if (status == SNN_OK) status = snnconv_edit_set_output(edit, writer, output);
        } else {
            status = snnconv_affine_write(edit, index, &a);
        }
        (*folded)++;
    }
    snnconv_affine_fini(&a, edit->context);
    return status;
}

static int bias(struct snnconv_program *program, struct snn_context *context,
                struct snnconv_pass_state *state)
{
    (void)state;
    struct snnconv_edit edit;
    uint32_t folded = 0, turned = 0;
    const uint32_t node_count = program->node_count;
    int status = snnconv_edit_begin(&edit, program, context);
    if (status != SNN_OK) return status;
    for (uint32_t i = 0; i < node_count && status == SNN_OK; i++) {
        const struct snnconv_node *node = snnconv_edit_node(&edit, i);
        if (snnconv_linear_is(&edit, node) && node->op != SNNCONV_OP_CONV) {
            turned += node->op == SNNCONV_OP_MAT_MUL ? 1 : 0;
            status = snnconv_linear_normalize(&edit, i);
        }
        if (status == SNN_OK) status = add_bias(&edit, i, &folded);
    }
    snnconv_edit_end(&edit);
    if (status == SNN_OK && folded + turned > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "bias: %" PRIu32 " constants are biases now; %" PRIu32
                         " matrix products are dense layers",
                         folded, turned);
    return status;
}

const struct snnconv_pass snnconv_pass_bias = {
    "bias", "turns added constants into biases, matrix products into dense layers", bias};
