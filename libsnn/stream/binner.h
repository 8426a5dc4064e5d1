/* Events to the spikes of time steps: those of one address in one step add up.
 *
 * The events are at hand, or are read from a source's recording as steps are asked for, a batch at
 * a time. Time 0 is the recording's first event.
 */
#ifndef SNN_STREAM_BINNER_H
#define SNN_STREAM_BINNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "snn/recording.h"
#include "snn/stream.h"

#define SNNSTREAM_BINNER_BATCH 1024u

struct snnstream_binner {
    struct snn_allocator allocator;
    struct snn_shape shape;
    uint32_t *bin;  /* [pixels] events of the step at each address, else 0 */
    uint64_t *seen; /* a bit an address: in the step */
    uint64_t *some; /* a bit a word of `seen`: it is not 0 */
    size_t some_count;
    uint32_t distinct; /* addresses in the step */

    uint32_t *address; /* lists of the steps since begin, one behind the other */
    float *count;
    size_t address_room, count_room;
    uint32_t length;
    uint32_t most; /* events of one address in one step, of these steps */

    const struct snn_event *event, *event_end; /* at hand */
    const struct snn_event *event_first;

    const struct snn_source *source; /* NULL: events at hand */
    uint64_t index;                  /* in it */
    struct snn_recording *recording; /* NULL: read to its end */
    struct snn_camera_event *batch;  /* [SNNSTREAM_BINNER_BATCH], of which [at, held) are to come */
    size_t at, held;
    uint64_t start_us;   /* time of the first event */
    uint64_t read_count; /* events so far */

    bool keeps; /* single events of a recording */
    struct snn_event *single;
    size_t single_count, single_capacity;
    uint64_t origin_us;
    uint32_t step_count; /* since begin */
    uint64_t event_begin[SNN_ENCODER_STEPS_MAX + 1];
};

/* Zeroed before. Arrays come from `arena`. Errors: NOMEM. */
int snnstream_binner_init(struct snnstream_binner *binner, struct snn_context *context,
                          struct snnbase_arena *arena, struct snn_shape shape, bool keeps);
/* Accepts what is only zeroed. */
void snnstream_binner_fini(struct snnstream_binner *binner);

/* A sample: events at hand, whose addresses lie in the shape and whose times ascend; or recording
 * `index` of a source of this shape. Errors: those of snn_source_recording. */
void snnstream_binner_take(struct snnstream_binner *binner, const struct snn_event *events,
                           size_t count);
int snnstream_binner_open(struct snnstream_binner *binner, struct snn_context *context,
                          const struct snn_source *source, uint64_t index);

/* Begins a chunk of steps, the first of which begins at this time. */
void snnstream_binner_begin(struct snnstream_binner *binner, double time_us);
/* Takes the events of the next step, which ends at `end_us`, and lists its addresses, ascending,
 * and how many events each has. Errors: IO, FORMAT, LIMIT, NOMEM. */
int snnstream_binner_step(struct snnstream_binner *binner, struct snn_context *context,
                          double end_us);
/* Ends the chunk: sets lists, counts and, where they are kept, single events. */
void snnstream_binner_end(struct snnstream_binner *binner, struct snn_spikes *out);

#endif
