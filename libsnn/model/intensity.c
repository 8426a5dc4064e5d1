/* The range of intensities, and the likely reason where it is left.
 */
#include "libsnn/model/intensity.h"

#include "libsnn/base/error.h"

static const char *remedy(float value)
{
    if (value < 0.0f)
        return "undo the normalisation: mean and std belong to the model's preprocessing";
    if (value <= 255.0f) return "divide the frames by 255, or keep them as bytes";
    return "divide the frames by their greatest value";
}

int snnmodel_intensity_check(struct snn_context *context, struct snn_shape shape,
                             const float *intensity)
{
    size_t size = snn_shape_size(shape), plane = (size_t)shape.height * shape.width;
    for (size_t i = 0; i < size; i++) {
        if (intensity[i] >= 0.0f && intensity[i] <= 1.0f) continue;
        snnbase_fail(context, SNN_ERR_INVALID,
                     "the intensity %g at channel %zu, row %zu, column %zu is outside 0..1",
                     (double)intensity[i], i / plane, i % plane / shape.width,
                     i % plane % shape.width);
        return snnbase_hint(context, "%s", remedy(intensity[i]));
    }
    return SNN_OK;
}

/* Rows, columns, channels are read as channels, rows, columns. */
int snnmodel_frame_shape_hint(struct snn_context *context, struct snn_shape have,
                              struct snn_shape wanted)
{
    if (have.channels != wanted.height || have.height != wanted.width ||
        have.width != wanted.channels)
        return snn_context_status(context);
    return snnbase_hint(context, "transpose to N,C,H,W: numpy.transpose(frames, (0, 3, 1, 2))");
}
