/* A stage against a core: the first constraint that keeps it off, and how many of its features
 * would fit. What exceeds the chip on every core comes before what one core is short of.
 *
 * Every need grows with the features of a layer, so that the most that fit are found by halving.
 */
#include "convert/place/place.h"

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- Sizes ---- */

static bool has_stride(const struct snn_chip *chip, uint32_t stride)
{
    for (uint32_t i = 0; i < chip->stride_count; i++) {
        if (chip->strides[i] == stride) return true;
    }
    return false;
}

uint32_t snnconv_stage_excesses(const struct snnconv_stage *stage, const struct snn_chip *chip,
                                struct snnconv_problem out[SNNCONV_EXCESS_MAX])
{
    const uint32_t stride = has_stride(chip, stage->stride_y) ? stage->stride_x : stage->stride_y;
    const struct {
        enum snn_constraint constraint;
        uint32_t need, limit;
    } sizes[] = {
        {SNN_CONSTRAINT_KERNEL_SIZE, stage->kernel_size, chip->kernel_size_max},
        {SNN_CONSTRAINT_STRIDE, stride, chip->strides[chip->stride_count - 1]},
        {SNN_CONSTRAINT_PADDING, larger(stage->pad_y, stage->pad_x), chip->padding_max},
        {SNN_CONSTRAINT_INPUT_SIZE, larger(stage->input.height, stage->input.width),
         chip->input_size_max},
        {SNN_CONSTRAINT_OUTPUT_SIZE, larger(stage->output.height, stage->output.width),
         chip->output_size_max},
        {SNN_CONSTRAINT_FEATURES, stage->input.channels, chip->feature_max},
    };
    uint32_t count = 0;
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        const bool is_stride = sizes[i].constraint == SNN_CONSTRAINT_STRIDE;
        if (is_stride ? has_stride(chip, stride) : sizes[i].need <= sizes[i].limit) continue;
        out[count++] =
            (struct snnconv_problem){sizes[i].constraint, sizes[i].need, sizes[i].limit, 0};
    }
    return count;
}

/* ---- Memories ---- */

uint32_t snnconv_stage_spread(const struct snnconv_stage *stage, const struct snn_chip *chip,
                              uint32_t features)
{
    if (!stage->readout || features == 0) return features;
    const uint64_t spread = (uint64_t)(features - 1) * chip->readout_spread + 1;
    return spread < UINT32_MAX ? (uint32_t)spread : UINT32_MAX;
}

struct snn_core_words snnconv_stage_words(const struct snnconv_stage *stage,
                                          const struct snn_chip *chip, uint32_t features)
{
    struct snn_shape output = stage->output;
    output.channels = snnconv_stage_spread(stage, chip, features);
    return snn_core_count_words(stage->input, output, stage->kernel_size, stage->has_bias);
}

/* What `features` of a stage lack on a core. */
static struct snnconv_problem shortage(const struct snnconv_stage *stage,
                                       const struct snn_chip *chip, uint32_t core,
                                       uint32_t features)
{
    const struct snn_chip_core *c = &chip->cores[core];
    const struct snn_core_words words = snnconv_stage_words(stage, chip, features);
    const struct snnconv_problem needs[] = {
        {SNN_CONSTRAINT_FEATURES, snnconv_stage_spread(stage, chip, features), chip->feature_max,
         0},
        {SNN_CONSTRAINT_KERNEL_MEMORY, words.kernel, c->kernel_words, 0},
        {SNN_CONSTRAINT_NEURON_MEMORY, words.neuron, c->neuron_words, 0},
        {SNN_CONSTRAINT_BIAS_MEMORY, words.bias, c->bias_words, 0},
    };
    for (uint32_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (needs[i].need > needs[i].limit) return needs[i];
    }
    return (struct snnconv_problem){.constraint = SNN_CONSTRAINT_NONE};
}

/* The most features that lack nothing; all of them do together. */
static uint32_t most_features(const struct snnconv_stage *stage, const struct snn_chip *chip,
                              uint32_t core)
{
    uint32_t fit = 0, beyond = stage->output.channels;
    while (beyond - fit > 1) {
        const uint32_t middle = fit + (beyond - fit) / 2;
        if (shortage(stage, chip, core, middle).constraint == SNN_CONSTRAINT_NONE)
            fit = middle;
        else
            beyond = middle;
    }
    return fit;
}

void snnconv_stage_fit(const struct snnconv_stage *stage, const struct snn_chip *chip,
                       uint32_t core, struct snn_fit *out)
{
    struct snnconv_problem excesses[SNNCONV_EXCESS_MAX], first;
    const bool formed = stage->problem_count == 0;
    if (!formed) {
        first = stage->problems[0];
    } else if (snnconv_stage_excesses(stage, chip, excesses) > 0) {
        first = excesses[0];
    } else {
        first = shortage(stage, chip, core, stage->output.channels);
        *out = (struct snn_fit){first.constraint, first.need, first.limit, stage->output.channels};
        if (first.constraint != SNN_CONSTRAINT_NONE)
            out->features_most = most_features(stage, chip, core);
        return;
    }
    *out = (struct snn_fit){first.constraint, first.need, first.limit, 0};
}
