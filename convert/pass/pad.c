/* A Pad of rows and columns goes into what reads it: convolutions, pools that count zeros, max
 * pools of values that are never negative, for which a zero cannot win.
 *
 * Takes for granted what `layout` leaves: N,C,H,W, windows explicit, pads a list of 8.
 */
#include <float.h>
#include <inttypes.h>

#include "convert/pass/edit.h"
#include "convert/pass/linear.h"
#include "convert/pass/passes.h"
#include "libsnn/base/error.h"

struct padding {
    int64_t begin[2], end[2];
    bool zero;   /* what is put in */
    bool lowest; /* it loses against every value */
};

/* False for a node that is no Pad of rows and columns alone. */
static bool read_pad(const struct snnconv_edit *edit, const struct snnconv_node *node,
                     struct padding *out)
{
    const struct snnconv_array *list = snnconv_edit_constant(edit, node, 1);
    double fill = 0.0;
    if (node->op != SNNCONV_OP_PAD || node->attributes.pad != SNNCONV_PAD_CONSTANT ||
        list == NULL || snnconv_array_count(list) != 8 ||
        snnconv_node_input(node, 3) != SNNCONV_NONE)
        return false;
    if (snnconv_node_input(node, 2) != SNNCONV_NONE &&
        !snnconv_array_scalar(snnconv_edit_constant(edit, node, 2), &fill))
        return false;
    *out = (struct padding){.zero = fill == 0.0, .lowest = fill <= -(double)FLT_MAX};
    for (size_t i = 0; i < 8; i++) {
        int64_t count = snnconv_array_load_integer(list, i);
        if (count < 0 || (count > 0 && i % 4 < 2)) return false;
        if (i % 4 >= 2) (i < 4 ? out->begin : out->end)[i % 4 - 2] = count;
    }
    return true;
}

/* Pools of the graph pad by less than their kernel. */
static bool fits_kernel(const struct snnconv_attributes *a, const struct padding *p)
{
    for (int i = 0; i < 2; i++) {
        if (a->pad_begin[i] + p->begin[i] >= a->kernel[i] ||
            a->pad_end[i] + p->end[i] >= a->kernel[i])
            return false;
    }
    return true;
}

static bool takes(const struct snnconv_edit *edit, const struct snnconv_node *reader,
                  uint32_t before, const struct padding *p)
{
    const struct snnconv_attributes *a = &reader->attributes;
    if (a->spatial != 2 || a->ceil_mode || a->auto_pad != SNNCONV_AUTO_PAD_NOTSET) return false;
    switch (reader->op) {
    case SNNCONV_OP_CONV:
        return p->zero;
    case SNNCONV_OP_SUM_POOL:
        return p->zero && fits_kernel(a, p);
    case SNNCONV_OP_AVERAGE_POOL:
        return p->zero && fits_kernel(a, p) && (a->count_include_pad || !snnconv_node_pads(reader));
    case SNNCONV_OP_MAX_POOL:
        if (!fits_kernel(a, p)) return false;
        return p->lowest || (p->zero && snnconv_edit_is_positive(edit, before));
    default:
        return false;
    }
}

static int pad_readers(struct snnconv_edit *edit, uint32_t index, uint32_t *folded)
{
    const struct snnconv_node pad = *snnconv_edit_node(edit, index);
    uint32_t before = pad.inputs[0], padded = pad.outputs[0];
    struct padding p;
    if (snnconv_node_is_blank(&pad) || !read_pad(edit, &pad, &p)) return SNN_OK;
    for (uint32_t i = 0; i < edit->program->node_count && edit->readers[padded] > 0; i++) {
        struct snnconv_node *reader = snnconv_edit_node(edit, i);
        if (snnconv_node_is_blank(reader) || snnconv_node_input(reader, 0) != padded ||
            !takes(edit, reader, before, &p))
            continue;
        for (int k = 0; k < 2; k++) {
            reader->attributes.pad_begin[k] += p.begin[k];
            reader->attributes.pad_end[k] += p.end[k];
        }
        if (reader->op == SNNCONV_OP_AVERAGE_POOL) reader->attributes.count_include_pad = true;
        int status = snnconv_edit_set_input(edit, i, 0, before);
        if (status != SNN_OK) return status;
    }
    if (edit->readers[padded] > 0) return SNN_OK;
    snnconv_edit_remove(edit, index);
    (*folded)++;
    return SNN_OK;
}

static int pad(struct snnconv_program *program, struct snn_context *context,
               struct snnconv_pass_state *state)
{
    (void)state;
    struct snnconv_edit edit;
    uint32_t folded = 0;
    int status = snnconv_edit_begin(&edit, program, context);
    if (status != SNN_OK) return status;
    /* From the last on, so that pads before pads join. */
    for (uint32_t i = program->node_count; i-- > 0 && status == SNN_OK;)
        status = pad_readers(&edit, i, &folded);
    snnconv_edit_end(&edit);
    if (status == SNN_OK && folded > 0)
        snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL,
                         "pad: moved %" PRIu32 " into the layers behind them", folded);
    return status;
}

const struct snnconv_pass snnconv_pass_pad = {
    "pad", "moves padding into the convolutions and pools that read it", pad};
