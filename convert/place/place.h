/* Between the files of the placement: a net as stages, what each needs, and who may lie where.
 *
 * net -> stages (stage.c: geometry of cores, and what keeps a layer from having one) -> fit (fit.c:
 * stage against core) -> assignment (assign.c: cores for all stages) -> findings and remedies
 * (finding.c, remedy.c), or the program (build.c). Only build.c looks at weights. A remedy changes
 * a copy of the stages and attempts the same.
 */
#ifndef SNN_CONVERT_PLACE_PLACE_H
#define SNN_CONVERT_PLACE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/place.h"

/* How the spikes of one stage, or of the input, reach another. */
struct snnconv_edge {
    uint32_t source;        /* an earlier stage, or SNN_SOURCE_INPUT */
    uint32_t synapse;       /* of the stage's population */
    uint32_t pooling;       /* of the source's destination */
    uint32_t feature_shift; /* where the source's features begin in the stage's input */
    struct snn_shape shape; /* of the source's map behind the pooling */
};

/* What keeps a layer from having the form of a core, whichever core; that its numbers exceed the
 * chip's is for the fit to say, from the stage's fields. */
struct snnconv_problem {
    enum snn_constraint constraint;
    uint64_t need, limit;
    uint32_t synapse; /* which it is about, or 0 */
};

/* A layer of neurons as one core would hold it. */
struct snnconv_stage {
    const char *name;
    const struct snn_population *population;
    struct snn_shape input, output; /* output without the readout's spread */
    uint32_t kernel_size, stride_y, stride_x, pad_y, pad_x;
    /* The kernel covers the input map and there is one position of output: a kernel that follows
     * where the map before it changes. */
    bool dense;
    bool has_bias;
    bool readout;
    struct snnconv_edge *edges;
    uint32_t edge_count;
    const struct snnconv_problem *problems; /* of its form */
    uint32_t problem_count;
};

struct snnconv_stages {
    const struct snn_net *net;
    const struct snn_chip *chip;
    struct snnbase_arena *arena;
    struct snn_shape input_shape;
    struct snnconv_stage *stages; /* [count], in the order of the net's populations */
    uint32_t count;
};

/* Errors: NOMEM. */
int snnconv_stages_make(struct snnconv_stages *out, struct snn_context *context,
                        struct snnbase_arena *arena, const struct snn_net *net,
                        const struct snn_chip *chip);

/* Words that `features` of a stage take on a core, the readout's spread included. */
struct snn_core_words snnconv_stage_words(const struct snnconv_stage *stage,
                                          const struct snn_chip *chip, uint32_t features);

/* Features as they lie in memory: with the readout's spread, for the output. */
uint32_t snnconv_stage_spread(const struct snnconv_stage *stage, const struct snn_chip *chip,
                              uint32_t features);

/* Sizes of a stage that the chip has on no core, whatever its form: how many, and which. */
enum { SNNCONV_EXCESS_MAX = 6 };
uint32_t snnconv_stage_excesses(const struct snnconv_stage *stage, const struct snn_chip *chip,
                                struct snnconv_problem out[SNNCONV_EXCESS_MAX]);

/* A whole stage against a core: its form, then sizes, then memories. */
void snnconv_stage_fit(const struct snnconv_stage *stage, const struct snn_chip *chip,
                       uint32_t core, struct snn_fit *out);

/* The problem of finding cores, with all that matters for it. */
struct snnconv_link {
    uint32_t source; /* a layer, or layer_count for the input */
    uint32_t layer;
};

struct snnconv_assignment_problem {
    uint32_t layer_count, core_count; /* at most SNN_CHIP_CORES_MAX cores */
    const uint32_t *features;         /* [layer] of each */
    const uint32_t *features_most;    /* [layer][core] of it that fit the core */
    const struct snnconv_link *links;
    uint32_t link_count;
    uint32_t destination_max; /* parts of layers that one source may reach, over all its links */
    bool split_off;           /* nothing is shared but what is pinned so */
    const uint32_t *pins;     /* [layer][2] cores or SNN_NO_CORE: 5, NO: there; 5, 6: shared; NO:
                                 anywhere. NULL: none */
    uint32_t step_max;        /* of the search for layers to share; 0: SNNCONV_ASSIGN_STEPS */
};

/* Less than a second of a slow machine; a net of nine layers on nine cores takes some dozens. */
enum { SNNCONV_ASSIGN_STEPS = 1 << 18 };

struct snnconv_assigned {
    uint32_t part_count; /* 1, 2 */
    uint32_t core[2];
    uint32_t features[2]; /* lower, upper */
};

/* Finds cores for all layers, if there are any: no core twice, a layer whole on one core or its
 * features on two, each source within destination_max, and where that is possible nothing shared;
 * otherwise as few layers as possible. A layer is not shared that a source reaches by two links.
 * `out` [layer_count] is written only where they are found. `gave_up_out` (may be NULL) tells that
 * the steps did not last: nothing found then proves nothing, and what is found may share more
 * layers than it had to. Whether all fit without sharing is always decided. */
bool snnconv_assign(const struct snnconv_assignment_problem *problem, struct snnconv_assigned *out,
                    bool *gave_up_out);

/* All stages against all cores, and cores for them. */
struct snnconv_attempt {
    const struct snnconv_stages *stages;
    struct snn_fit *fits;                      /* [stage][core] */
    struct snnconv_assignment_problem problem; /* as it was given to snnconv_assign */
    bool found;
    bool gave_up;                      /* as snnconv_assign tells */
    struct snnconv_assigned *assigned; /* [stage], where found */
};

/* Everything goes into the arena of the stages, which must last as long; `pins` and `step_max` as
 * above. Errors: NOMEM. */
int snnconv_attempt_make(struct snnconv_attempt *out, struct snn_context *context,
                         const struct snnconv_stages *stages, const uint32_t *pins, bool split_off,
                         uint32_t step_max);

/* The layers of the report; of an attempt that found no cores, without parts. In the arena of the
 * stages. Errors: NOMEM. */
int snnconv_layers_make(const struct snnconv_attempt *attempt, struct snn_context *context,
                        const struct snn_placed_layer **out);

/* Why an attempt that found no cores found none: at least one finding. In the arena of the stages.
 * Errors: NOMEM. */
int snnconv_findings_make(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_finding **out, uint32_t *count_out);

/* What would make such a net fit, the smallest change first (remedy.c); may be none. In the arena
 * of the stages. Errors: NOMEM. */
int snnconv_remedies_find(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_remedy **out, uint32_t *count_out);

/* The program of an attempt that found cores (build.c). Errors: those of snn_program_create. */
int snnconv_program_build(const struct snnconv_attempt *attempt, struct snn_context *context,
                          const struct snn_place_options *options, struct snn_program **out);

#endif
