/* Recipes: thresholds that calibration finds by looking at frames, see snn/calibrate.h.
 */
#ifndef SNN_CONVERT_THRESHOLD_H
#define SNN_CONVERT_THRESHOLD_H

#include <stdint.h>

#include "convert/batch.h"
#include "libsnn/base/memory.h"
#include "snn/graph.h"

/* Largest T of mse:T. */
#define SNNCONV_MSE_TIMESTEPS_MAX 65535u

/* mse:T for each of `timesteps` [count], all in one pass over the frames. `maximum` holds the
 * largest activation of each neuronal layer. Fills the entries of `recipes` [count], one threshold
 * a layer, from the arena. Errors: CANCELLED, NOMEM. */
int snnconv_threshold_mse(struct snnconv_batch *batch, struct snnbase_arena *arena,
                          const float *maximum, const uint32_t *timesteps, uint32_t count,
                          struct snn_recipe *recipes);

/* ltb, in one pass: one threshold a channel. The batch must have been made `whole`. */
int snnconv_threshold_ltb(struct snnconv_batch *batch, struct snnbase_arena *arena,
                          struct snn_recipe *recipe);

#endif
