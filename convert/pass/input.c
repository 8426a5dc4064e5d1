/* A scale and shift of the program's input alone (pixels divided by 255, less a mean) is taken out
 * of the net and becomes preprocessing, which the encoder does; the program's input is then what
 * has been scaled. Only with positive scales: others stay for `affine`.
 */
#include <string.h>

#include "convert/pass/edit.h"
#include "convert/pass/linear.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

static bool is_preprocessing(const struct snnconv_affine *a)
{
    bool fits = a->scale_count == a->channels && a->shift_count == a->channels;
    for (size_t c = 0; c < a->channels && fits; c++)
        fits = a->scale[c] > 0.0;
    return fits;
}

static int take_out(struct snnconv_edit *edit, struct snnconv_pass_state *state, uint32_t index,
                    const struct snnconv_affine *a)
{
    struct snnconv_program *program = edit->program;
    double *scale =
        snnbase_arena_alloc(&program->arena, edit->context, a->channels, sizeof(*scale));
    double *shift =
        snnbase_arena_alloc(&program->arena, edit->context, a->channels, sizeof(*shift));
    uint32_t output = snnconv_edit_node(edit, index)->outputs[0];
    if (scale == NULL || shift == NULL) return SNN_ERR_NOMEM;
    memcpy(scale, a->scale, a->channels * sizeof(*scale));
    memcpy(shift, a->shift, a->channels * sizeof(*shift));
    snnconv_edit_remove(edit, index);
    snnconv_edit_value(edit, output)->name = snnconv_edit_value(edit, a->input)->name;
    state->input_channels = (uint32_t)a->channels;
    state->input_scale = scale;
    state->input_shift = shift;
    return snnconv_program_set_inputs(program, edit->context, &output, 1);
}

static int input(struct snnconv_program *program, struct snn_context *context,
                 struct snnconv_pass_state *state)
{
    struct snnconv_edit edit;
    struct snnconv_affine a;
    bool found = false;
    if (program->input_count != 1) return SNN_OK;
    state->input = program->inputs[0];
    int status = snnconv_edit_begin(&edit, program, context);
    if (status != SNN_OK) return status;
    uint32_t reader = snnconv_edit_only_reader(&edit, program->inputs[0]);
    if (reader != SNNCONV_NONE)
        status = snnconv_affine_read(&a, &edit, snnconv_edit_node(&edit, reader), &found);
    bool taken = found && is_preprocessing(&a);
    if (taken) status = take_out(&edit, state, reader, &a);
    if (taken && status == SNN_OK)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "input: the net scales its input by %.6g and adds %.6g; this is part of "
                         "the preprocessing now",
                         a.scale[0], a.shift[0]);
    if (found) snnconv_affine_fini(&a, context);
    snnconv_edit_end(&edit);
    return status;
}

const struct snnconv_pass snnconv_pass_input = {
    "input", "takes scales and shifts of the input out of the net", input};
