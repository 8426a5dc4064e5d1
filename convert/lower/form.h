/* The form of a chip's cores, which a net gets between lowering and quantising. */
#ifndef SNN_CONVERT_LOWER_FORM_H
#define SNN_CONVERT_LOWER_FORM_H

#include "convert/lower/lower.h"

/* Gives every population the form of a core of options->chip, as far as it has one: synapses
 * (form.c) and biases. Errors: NOMEM. */
int snnconv_form(struct snnconv_lowering *lowering);

/* One bias a channel where they differ by position (border.c), the median, which is the value that
 * most neurons of a map have, wherever they are half of it. Warns of what is lost. Errors: NOMEM.
 */
int snnconv_form_bias(struct snnconv_lowering *lowering, struct snn_population *population);

#endif
