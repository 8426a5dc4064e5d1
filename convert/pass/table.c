/* The passes in the order they run, and the run itself: behind each pass the program is sorted,
 * swept and its shapes inferred anew, so that a pass finds every node behind what it needs, nobody
 * unread, and every shape known.
 */
#include <string.h>

#include "convert/pass/edit.h"
#include "convert/pass/pass.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"

const struct snnconv_pass *const snnconv_pass_table[] = {
    &snnconv_pass_fold,
    &snnconv_pass_quantized,
    &snnconv_pass_drop,
    &snnconv_pass_layout,
    &snnconv_pass_pad,
    &snnconv_pass_batchnorm,
    &snnconv_pass_bias,
    &snnconv_pass_input,
    &snnconv_pass_affine,
    &snnconv_pass_activation,
    NULL,
};

static const struct snnconv_pass *pass_at(uint32_t index)
{
    for (uint32_t i = 0; snnconv_pass_table[i] != NULL; i++) {
        if (i == index) return snnconv_pass_table[i];
    }
    return NULL;
}

const char *snn_pass_name(uint32_t index)
{
    const struct snnconv_pass *pass = pass_at(index);
    return pass != NULL ? pass->name : NULL;
}

const char *snn_pass_summary(uint32_t index)
{
    const struct snnconv_pass *pass = pass_at(index);
    return pass != NULL ? pass->summary : NULL;
}

/* An error that nobody has handed to the diagnostics sink. */
static int report(const struct snnconv_program *program, struct snn_context *context, int status)
{
    if (status != SNN_ERR_NOMEM) snnbase_diagnose_error(context, NULL, program->path);
    return status;
}

/* Behind a pass: an error here is the pass's own, for it found a program that was in order. */
static int settle(struct snnconv_program *program, struct snn_context *context,
                  const struct snnconv_pass *pass)
{
    uint32_t removed = 0;
    int status = snnconv_program_sweep(program, context, &removed);
    if (status == SNN_OK) status = snnconv_program_sort(program, context);
    if (status == SNN_OK) status = snnconv_program_infer(program, context);
    if (status == SNN_OK) return SNN_OK;
    (void)snnbase_where(context, "behind pass '%s'", pass->name);
    return report(program, context, status);
}

static int dump(const struct snnconv_pass *pass, const struct snnconv_program *program,
                struct snn_context *context, const struct snn_import_options *options)
{
    char *text = NULL;
    if (options == NULL || options->dump == NULL) return SNN_OK;
    int status = snnconv_program_format(&text, context, program);
    if (status != SNN_OK) return status;
    status = options->dump(pass->name, text, options->user);
    snnbase_free(context, text);
    if (status != SNN_OK && snn_context_status(context) != status)
        return snnbase_fail(context, status, "the dump behind pass '%s' was refused", pass->name);
    return status;
}

int snnconv_passes_run(struct snnconv_program *program, struct snn_context *context,
                       struct snnconv_pass_state *state, const struct snn_import_options *options)
{
    *state = (struct snnconv_pass_state){.options = options, .input = SNNCONV_NONE};
    uint32_t removed = 0;
    int status = snnconv_program_sort(program, context);
    if (status == SNN_OK) status = snnconv_program_sweep(program, context, &removed);
    if (status != SNN_OK) return report(program, context, status);
    for (uint32_t i = 0; snnconv_pass_table[i] != NULL; i++) {
        const struct snnconv_pass *pass = snnconv_pass_table[i];
        status = pass->run(program, context, state);
        if (status == SNN_OK) status = settle(program, context, pass);
        if (status != SNN_OK) return status;
        status = dump(pass, program, context, options);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}
