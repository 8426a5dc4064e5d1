/* Placement: does a net fit a chip, on which cores, and if not, why and what would make it fit?
 *
 * Every layer of neurons takes a core, or two that share its features. The finding is a table of
 * layers and cores, all problems as a compiler lists them, and remedies that were tried.
 */
#ifndef SNN_PLACE_H
#define SNN_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/chip.h"
#include "snn/context.h"
#include "snn/export.h"
#include "snn/net.h"
#include "snn/program.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a core or the chip asks of a layer. */
enum snn_constraint {
    SNN_CONSTRAINT_NONE = 0, /* it fits */
    SNN_CONSTRAINT_KERNEL_MEMORY = 1,
    SNN_CONSTRAINT_NEURON_MEMORY = 2,
    SNN_CONSTRAINT_BIAS_MEMORY = 3,
    SNN_CONSTRAINT_KERNEL_SIZE = 4,
    SNN_CONSTRAINT_STRIDE = 5,
    SNN_CONSTRAINT_PADDING = 6,
    SNN_CONSTRAINT_DILATION = 7,
    SNN_CONSTRAINT_GROUPS = 8,
    SNN_CONSTRAINT_POOLING = 9, /* overlapping, padded, or not to be merged into the kernel */
    SNN_CONSTRAINT_INPUT_SIZE = 10,
    SNN_CONSTRAINT_OUTPUT_SIZE = 11,
    SNN_CONSTRAINT_FEATURES = 12,
    SNN_CONSTRAINT_DESTINATIONS = 13,
    SNN_CONSTRAINT_WINDOW = 14,        /* branches into one layer that no one kernel holds */
    SNN_CONSTRAINT_THRESHOLD = 15,     /* neurons of one layer differ */
    SNN_CONSTRAINT_THRESHOLD_LOW = 16, /* differ, or 0 where the chip cannot */
    SNN_CONSTRAINT_BIAS = 17,          /* differs by position */
    SNN_CONSTRAINT_READOUT = 18,       /* an output that does not fire, or is read twice */
    SNN_CONSTRAINT_CORES = 19,         /* each layer fits some core, all together do not */
    SNN_CONSTRAINT_PIN = 20            /* the user's map */
};

/* "kernel memory", ...: as messages have it; NULL for an unknown value. */
SNN_API const char *snn_constraint_name(enum snn_constraint constraint);

/* A layer kept on a core by its user. `layer` is a name, or an index of layers of neurons. */
struct snn_pin {
    const char *layer;
    uint32_t core_count; /* 1; 2: shared, the lower features on the first */
    uint32_t cores[2];
};

struct snn_place_options {
    const struct snn_pin *pins;
    uint32_t pin_count;
    bool split_off;           /* layers are not shared by two cores */
    bool remedies_off;        /* none are looked for */
    double dt_us;             /* for the program; 0: 1000 */
    const char *model_sha256; /* likewise; NULL: "" */
    const char *tool;
};

/* A layer, or one of the two parts of one. */
struct snn_placed_part {
    uint32_t core; /* SNN_NO_CORE: none */
    uint32_t feature_first, feature_count;
    struct snn_core_words words;
};

struct snn_placed_layer {
    const char *name;
    struct snn_shape input, output; /* of a core; output without the readout's spread */
    uint32_t kernel_size, stride_y, stride_x, pad_y, pad_x;
    uint32_t pooling; /* behind its neurons, towards the first destination; 1: none */
    bool readout;     /* it is the output; its features are spread as the chip has it */
    bool has_bias;
    struct snn_core_words words; /* of the whole layer on one core */
    uint32_t part_count;         /* 0: not placed; 1; 2: shared */
    struct snn_placed_part parts[2];
    const struct snn_quantised *quantised;
};

/* Layer against core: the first constraint that keeps the whole layer off the core. */
struct snn_fit {
    enum snn_constraint constraint; /* NONE: it fits */
    uint64_t need, limit;           /* 0 where the constraint has no number */
    uint32_t features_most;         /* of it that fit the core; 0: not even one */
};

/* One problem. The texts are those of a diagnostic: `text` names need, limit and core. */
struct snn_finding {
    enum snn_severity severity;
    enum snn_constraint constraint;
    uint32_t layer; /* SNN_PLACE_NO_LAYER: the whole net */
    uint32_t core;  /* SNN_NO_CORE: any */
    uint64_t need, limit;
    const char *text;
    const char *hint; /* "" for none */
};

#define SNN_PLACE_NO_LAYER UINT32_MAX

/* A change of the net or another chip with which everything was found to fit. */
struct snn_remedy {
    const char *text;  /* "fc1 with 128 features in place of 500, shared by cores 5 and 6" */
    const char *layer; /* "" where it is not about one */
    const char *chip;  /* on which it fits */
    uint32_t layer_count;
    const struct snn_placed_layer *layers; /* as they would lie then */
};

struct snn_placement {
    struct snn_chip chip;
    const char *name; /* of the net */
    bool fits;
    const struct snn_placed_layer *layers; /* [layer_count], populations of the net */
    uint32_t layer_count;
    const struct snn_fit *fits_on; /* [layer_count][chip.core_count] */
    const struct snn_finding *findings;
    uint32_t finding_count;
    const struct snn_remedy *remedies; /* only where it does not fit */
    uint32_t remedy_count;
    const struct snn_program *program; /* NULL where it does not fit */
};

/* Places a net that was lowered for `chip` (snn_lower_options.chip) in chip arithmetic. The search
 * is deterministic: an assignment of layers to cores by augmenting paths, layers and cores in the
 * order of their indices; where there is none, with the fewest layers shared by two cores. A net
 * that does not fit is no error: see `fits`. Errors: INVALID (a net in float arithmetic, a pin that
 * names no layer or core), NOMEM. */
SNN_API int snn_place(struct snn_placement **out, struct snn_context *context,
                      const struct snn_net *net, const struct snn_chip *chip,
                      const struct snn_place_options *options);
SNN_API void snn_placement_destroy(struct snn_placement **placement);

/* Takes the program out of a placement that fits, to be destroyed by the caller; the placement then
 * has none. NULL where there is none. */
SNN_API struct snn_program *snn_placement_take_program(struct snn_placement *placement);

/* Writes a program as the configuration objects of the vendor's library (docs/formats/samna.md),
 * whole or not at all. Errors: those of writing, NOMEM. */
SNN_API int snn_program_save_samna(const struct snn_program *program, struct snn_context *context,
                                   const char *path);

#ifdef __cplusplus
}
#endif
#endif
