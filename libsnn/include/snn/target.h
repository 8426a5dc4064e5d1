/* Targets: whatever executes a net, on this host or elsewhere, behind one interface.
 *
 * A spiking target is opened by URI ("sim"), loads a net, then takes samples: reset, and per chunk
 * of steps push (input spikes), advance, pull (what came out). The simulator is the reference for
 * all others. A frame-based target ("frame:int8") loads a graph and takes whole frames: infer.
 */
#ifndef SNN_TARGET_H
#define SNN_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/net.h"
#include "snn/program.h"
#include "snn/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Most steps that may be pushed at once. */
#define SNN_TARGET_STEPS_MAX 32u

/* What the steps advanced since the last pull produced. Arrays belong to the caller and have room
 * for SNN_TARGET_STEPS_MAX steps; step-major. */
struct snn_output {
    uint32_t step_count;          /* set by pull */
    uint32_t *spikes;             /* [step][readout][class] */
    float *potential;             /* [step][readout][class]: v after the step */
    uint64_t *population_spikes;  /* [step][population] */
    uint64_t *synapse_spikes;     /* [step][synapse]: spikes that arrived, after the pools */
    uint64_t *synapse_operations; /* [step][synapse]: SynOps, each weight added counted as spikes */
    uint64_t *synapse_macs;       /* [step][synapse]: MACs of analog (constant) input */
    uint64_t *input_spikes;       /* [step] */
};

struct snn_target;

/* Opens a target by URI: "sim", "frame:f32", "frame:int8", "chip:speck2f", or a device
 * (snn/device.h): "usb:", "serial:/dev/ttyUSB0", "vdev:speck2f", "replay:FILE". The simulator takes
 * arguments: "sim:sync", "sim:async,order=random,seed=7"; order is raster, interleave (default),
 * random or recorded. A chip is asynchronous and takes its profile's name or file and the same
 * order: "chip:speck2f,order=raster"; so does a device, with the seed behind it, and before them a
 * file for the session: "usb:,record=FILE,order=random,seed=7". Errors: NOT_FOUND (unknown; the
 * hint lists the known ones), INVALID (arguments), and the target's own. */
SNN_API int snn_target_open(struct snn_target **out, struct snn_context *context, const char *uri);
/* Loads a net, which must stay until close or the next load. Every function below gives INVALID on
 * a target without a net. Errors: BUSY (forks are open), INVALID (a decoded chip program whose
 * classes only the chip's readout tells apart), LIMIT, and the target's own. */
SNN_API int snn_target_load(struct snn_target *target, struct snn_context *context,
                            const struct snn_net *net);
/* Loads a chip program on a target that is a chip ("chip:speck2f", a device): what it then takes
 * and gives is that of the program's decoded net, by its populations and synapses, and classes as
 * the chip's readout tells them, without potentials (0). The program must stay until close or the
 * next load. The target "chip:NAME" loads a net in chip arithmetic, too, and runs it as it is, in
 * asynchronous integer semantics, not yet placed; a device does not (UNSUPPORTED). Errors: BUSY
 * (forks are open), UNSUPPORTED (the target is no chip), INVALID (a program for another chip),
 * LIMIT, NOMEM. */
SNN_API int snn_target_load_program(struct snn_target *target, struct snn_context *context,
                                    const struct snn_program *program);
/* What was loaded: the net, or the decoded net of a chip program, which belongs to the target and
 * goes with the next load; snn_run takes it. NULL: none is. */
SNN_API const struct snn_net *snn_target_net(const struct snn_target *target);
/* A further session on the same loaded net, for another thread; to be closed before this one.
 * Errors: UNSUPPORTED (the target has a single session). */
SNN_API int snn_target_fork(struct snn_target **out, struct snn_context *context,
                            struct snn_target *target);
/* Begins a sample: initial potentials, nothing pushed. */
SNN_API int snn_target_reset(struct snn_target *target, struct snn_context *context);
/* Hands over the input of the next steps, borrowed until all of them are advanced. Addresses ascend
 * strictly within a step and lie within the net's input; counts are whole, from 1 to
 * SNN_SPIKES_PER_STEP_MAX. Errors: INVALID; UNSUPPORTED (analog input, for which asynchronous
 * semantics have no events and chip arithmetic no numbers), LIMIT, NOMEM. */
SNN_API int snn_target_push(struct snn_target *target, struct snn_context *context,
                            const struct snn_spikes *spikes);
/* Runs some or all of the steps that were pushed. Errors: INVALID (more than those); LIMIT and
 * NOMEM (asynchronous semantics: too many spikes on their way), which spoil the sample until the
 * next reset. */
SNN_API int snn_target_advance(struct snn_target *target, struct snn_context *context,
                               uint32_t step_count);
/* What came out since the last pull; out->step_count may be 0. */
SNN_API int snn_target_pull(struct snn_target *target, struct snn_context *context,
                            struct snn_output *out);
/* Spikes of each neuron of a population since the reset, [channels][height][width], as advanced so
 * far; they stop at UINT32_MAX. A session that nobody asks does not count: the first call after a
 * load is to be made before the first step of a sample (it gives zeros) and makes it count from
 * then on, through all resets, every population. Errors: UNSUPPORTED (the target does not tell),
 * INVALID (no such population, the first call came after a step), NOMEM. */
SNN_API int snn_target_counts(struct snn_target *target, struct snn_context *context,
                              uint32_t population, uint32_t *counts);

/* A spike as it happens. */
struct snn_spike {
    uint32_t population; /* of the net, or of the program's decoded net: a core */
    uint32_t channel, y, x;
    uint32_t step;  /* of the sample */
    uint32_t event; /* input event of that step that set it off, in their order from 0, the last of
                     * those that came together; of a bias tick the number of events of the step */
};
typedef void (*snn_spike_fn)(const struct snn_spike *spike, void *user);

/* Has every spike of this session told as it happens, within advance; NULL ends that. Errors:
 * UNSUPPORTED (the target does not tell; synchronous semantics have no order of spikes). */
SNN_API int snn_target_watch(struct snn_target *target, struct snn_context *context,
                             snn_spike_fn watch, void *user);

/* A device may lose events where a reader lags or its buffer is full. Then advance gives IO, unless
 * that is allowed: losses are then counted (snn_result.device). Other targets lose nothing. Forks
 * that are made later do as their parent. */
SNN_API void snn_target_allow_loss(struct snn_target *target, bool allow);

/* Frame-based targets. Functions of the other kind of target give INVALID. */
enum snn_target_kind { SNN_TARGET_SPIKING = 0, SNN_TARGET_FRAME = 1 };
SNN_API enum snn_target_kind snn_target_kind(const struct snn_target *target);
/* Loads a graph, which must stay until close or the next load. Errors: BUSY (forks are open),
 * UNSUPPORTED (a layer, spiking nets), NOT_FOUND (int8 without ranges: the graph is neither
 * quantised nor calibrated; the hint says how to calibrate), LIMIT, NOMEM. */
SNN_API int snn_target_load_graph(struct snn_target *target, struct snn_context *context,
                                  const struct snn_graph *graph);
/* One frame, intensities [channels][height][width] in 0..1, to the values of the graph's output
 * layer, which integer targets give as the real numbers that their integers stand for. Errors:
 * INVALID (a value outside 0..1, naming it). */
SNN_API int snn_target_infer(struct snn_target *target, struct snn_context *context,
                             const float *intensity, float *output);
SNN_API void snn_target_close(struct snn_target **target);
SNN_API const char *snn_target_name(const struct snn_target *target);
/* "sync" or "async", and for the latter the order of a step's input events ("interleave"); NULL for
 * what has none. Strings are static. */
SNN_API const char *snn_target_semantics(const struct snn_target *target);
SNN_API const char *snn_target_order(const struct snn_target *target);
/* The profile of a target that is a chip, as long as it is open; NULL of any other. */
SNN_API const struct snn_chip *snn_target_chip(const struct snn_target *target);
SNN_API uint32_t snn_target_parallel_max(const struct snn_target *target);

#ifdef __cplusplus
}
#endif
#endif
