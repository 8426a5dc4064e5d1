/* The passes by name, one file each; convert/pass/table.c puts them in order. What each takes for
 * granted of those before it stands at the head of its file.
 */
#ifndef SNN_CONVERT_PASS_PASSES_H
#define SNN_CONVERT_PASS_PASSES_H

#include "convert/pass/pass.h"

extern const struct snnconv_pass snnconv_pass_fold, snnconv_pass_quantized, snnconv_pass_drop,
    snnconv_pass_layout, snnconv_pass_pad, snnconv_pass_batchnorm, snnconv_pass_bias,
    snnconv_pass_input, snnconv_pass_affine, snnconv_pass_activation;

#endif
