/* What frames are made of: intensities 0..1. Encoders, frame-based targets and calibration refuse
 * anything else, since a net fed with raw or normalised pixels only looks as if it worked.
 */
#ifndef SNN_MODEL_INTENSITY_H
#define SNN_MODEL_INTENSITY_H

#include "snn/context.h"
#include "snn/graph.h"

/* Checks one frame [channels][height][width]. Errors: INVALID naming place and value; the caller
 * says which frame it is, where there are several. */
int snnmodel_intensity_check(struct snn_context *context, struct snn_shape shape,
                             const float *intensity);

/* Adds a remedy to the error that frames of shape `have` are not what a net takes, where they only
 * stand in another order. Returns the error's status. */
int snnmodel_frame_shape_hint(struct snn_context *context, struct snn_shape have,
                              struct snn_shape wanted);

#endif
