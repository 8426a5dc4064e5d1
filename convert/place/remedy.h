/* Between the files that look for remedies: changes of a net, the nets that they make, their texts.
 *
 * remedy.c chooses changes, variant.c makes them in a copy of the net without its weights and
 * places that, recommend.c says what was done. A remedy is a variant that found cores.
 */
#ifndef SNN_CONVERT_PLACE_REMEDY_H
#define SNN_CONVERT_PLACE_REMEDY_H

#include "convert/place/finding.h"

enum snnconv_change_kind {
    SNNCONV_CHANGE_CHIP,     /* `chip` */
    SNNCONV_CHANGE_SHARE,    /* layers may be shared */
    SNNCONV_CHANGE_UNPIN,    /* the layer may lie anywhere */
    SNNCONV_CHANGE_READOUT,  /* the output fires */
    SNNCONV_CHANGE_GAIN,     /* it is read in one way */
    SNNCONV_CHANGE_CLIP,     /* lower clips are below 0 */
    SNNCONV_CHANGE_FULL,     /* groups and dilation are written out with zeros */
    SNNCONV_CHANGE_BIAS,     /* none */
    SNNCONV_CHANGE_PADDING,  /* `to`, at both ends of both axes */
    SNNCONV_CHANGE_REPOOL,   /* `to` x `to` in place of what is not the chip's */
    SNNCONV_CHANGE_FEATURES, /* `to` */
    SNNCONV_CHANGE_POOL,     /* `to` x `to` before the layer, behind what is there */
    SNNCONV_CHANGE_STRIDE,   /* `to`, of both axes */
    SNNCONV_CHANGE_KERNEL    /* `to` x `to`, with as much less padding as keeps the map */
};

struct snnconv_change {
    enum snnconv_change_kind kind;
    uint32_t layer;
    uint32_t to;
    const struct snn_chip *chip;
};

enum { SNNCONV_CHANGES_MAX = 8 };

/* A net with some changes, and where it lies. */
struct snnconv_variant {
    struct snnconv_change changes[SNNCONV_CHANGES_MAX];
    uint32_t change_count;
    double cost; /* how much they change: remedy.c */
    const struct snn_chip *chip;
    struct snn_net net; /* shapes and windows; of weights only the addresses */
    uint32_t *pins;
    bool split_off;
    bool possible; /* there is such a net */
    struct snnconv_stages stages;
    struct snnconv_attempt attempt; /* where it is possible */
};

/* Makes the variant with the changes that stand in it, of the net of an attempt that failed, and
 * attempts to place it. It must stay where it is, and lives as long as the arena. Errors: NOMEM. */
int snnconv_variant_make(struct snnconv_variant *variant, struct snn_context *context,
                         struct snnbase_arena *arena, const struct snnconv_attempt *failed);

/* Whether the window of a layer with one synapse is that of the graph: no pools are merged into its
 * kernel, and no zeros stand around it, but where it covers its map. */
bool snnconv_window_is_own(const struct snn_population *population);

/* Says what a variant that found cores changes and what that does for `layer`, which failed. Texts
 * and layers go into `arena`. Errors: NOMEM. */
int snnconv_recommend(struct snn_remedy *out, struct snn_context *context,
                      struct snnbase_arena *arena, struct snnconv_variant *variant,
                      const struct snnconv_attempt *failed, uint32_t layer);

#endif
