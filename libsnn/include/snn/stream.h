/* What flows: frames and spikes, where they come from (sources) and how frames become spikes
 * (encoders).
 *
 * Addresses of input events are (y * width + x) * channels + channel, strictly ascending within a
 * step.
 */
#ifndef SNN_STREAM_H
#define SNN_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"
#include "snn/graph.h"
#include "snn/recording.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An event: which address and when, in microseconds since the first event of its recording, or
 * since the origin that whoever hands it out tells. */
struct snn_event {
    uint32_t time_us;
    uint32_t address;
};

/* Spikes of `step_count` consecutive steps. Borrowed from whoever made them, until its next call.
 */
struct snn_spikes {
    uint32_t step_count;
    bool constant; /* one list, the same in every step: analog input of the `current` encoding */
    const uint32_t *step_begin; /* [step_count + 1], or [2] if constant: offsets into the lists */
    const uint32_t *address;
    const float *count; /* spikes (whole numbers), or input values if constant; NULL: all 1 */
    uint64_t sample;    /* index in its source, which random orders of events depend on */
    /* Recordings of events: the same spikes one by one as they came, those of step t from
     * event_begin[t] to event_begin[t + 1]; NULL where nothing is known of that. */
    const struct snn_event *event;
    const uint64_t *event_begin; /* [step_count + 1] */
    uint64_t event_origin_us;    /* what their times count from, since the sample began */
};

/* A data set: labelled frames, or exact spike recordings. Reading is thread-safe. */
struct snn_source;

enum snn_source_kind {
    SNN_SOURCE_FRAMES = 0,
    SNN_SOURCE_SPIKES = 1, /* counts of every neuron in every step */
    SNN_SOURCE_EVENTS = 2, /* recordings of an event camera: address and time of each event */
    SNN_SOURCE_ANY = 3     /* to open: FRAMES or EVENTS, by the bytes */
};

struct snn_source_options {
    const char *labels; /* path; NULL: found beside (images-idx3 -> labels-idx1), or none */
    /* Of recordings that do not say how large their sensor was; channels are polarities. 0: what
     * the events take up. */
    struct snn_shape shape;
    /* How recordings of events are looked at: the words of struct snn_recording_options
     * (snn/recording.h); NULL: as they are. */
    const char *view;
    /* Asked now and then while recordings are gone through; false: stop, with CANCELLED. May be
     * NULL. Not asked any more once the source is open. */
    bool (*go_on)(void *user);
    void *user;
};

/* What a path seems to hold, by its bytes: EVENTS for a folder or a recording, else FRAMES. ANY for
 * a pipe, whose bytes come but once: opening it tells. */
SNN_API enum snn_source_kind snn_source_guess(struct snn_context *context, const char *path);

/* Opens IDX, IDX.gz (labels likewise) or NPY: uint8 or float frames of shape N,H,W or N,C,H,W (also
 * N,features); as `spikes` uint8 counts of shape N,T,C,H,W or T,C,H,W. Float frames are intensities
 * in 0..1. As `events` one recording (docs/formats/events.md), or a folder of them:
 * those that its labels.txt lists (a line "NAME LABEL" each), else all in the order of their names,
 * or one folder a class, named by its number. Errors: NOT_FOUND, ACCESS, IO, FORMAT (wrong magic,
 * truncated, labels of another length), UNSUPPORTED (dtype), INVALID (view), LIMIT, CANCELLED,
 * NOMEM. */
SNN_API int snn_source_open(struct snn_source **out, struct snn_context *context, const char *path,
                            enum snn_source_kind kind, const struct snn_source_options *options);
SNN_API void snn_source_close(struct snn_source **source);
SNN_API enum snn_source_kind snn_source_kind(const struct snn_source *source);
SNN_API uint64_t snn_source_count(const struct snn_source *source);
SNN_API struct snn_shape snn_source_shape(const struct snn_source *source);
/* Steps of a spike recording; 0 for frames. */
SNN_API uint32_t snn_source_steps(const struct snn_source *source);
SNN_API bool snn_source_has_labels(const struct snn_source *source);
/* -1 where there is none. */
SNN_API int32_t snn_source_label(const struct snn_source *source, uint64_t index);
/* Sample `index` as intensities 0..1, [channels][height][width]. Only for frames. */
SNN_API void snn_source_frame(const struct snn_source *source, uint64_t index, float *intensity);
/* The spike counts of one step of one sample, [channels][height][width]. Only for spikes. */
SNN_API const uint8_t *snn_source_counts(const struct snn_source *source, uint64_t index,
                                         uint32_t step);

/* Opens recording `index` of the source, to be read with the source's view; it is to be closed
 * before the source. Errors: INVALID (no such recording), IO (the file has changed since the
 * source was opened), NOT_FOUND, ACCESS, NOMEM. Only for events. */
SNN_API int snn_source_recording(struct snn_recording **out, struct snn_context *context,
                                 const struct snn_source *source, uint64_t index);
/* The microseconds that the longest recording takes. Only for events. */
SNN_API uint64_t snn_source_duration_us(const struct snn_source *source);

/* A number made of all that the source gives, samples, labels and view, which another source hardly
 * has: to tell that results belong to it. The same on every machine with this byte order. Frames
 * and spikes are gone through for it. */
SNN_API uint64_t snn_source_digest(const struct snn_source *source);

enum snn_encoding {
    SNN_ENCODING_RATE = 0, /* error diffusion: acc += p, spike where acc >= 1; acc starts at 1/2 */
    SNN_ENCODING_BERNOULLI = 1, /* spike where U < p, an independent draw a pixel and step */
    SNN_ENCODING_CURRENT = 2,   /* the value itself drives the first layer in every step */
    SNN_ENCODING_TTFS = 3       /* one spike at step floor((1 - p)(T - 1) + 1/2); none for p = 0 */
};

/* "rate", ...; NULL for an unknown value. */
SNN_API const char *snn_encoding_name(enum snn_encoding encoding);
/* Errors: INVALID. */
SNN_API int snn_encoding_parse(enum snn_encoding *out, struct snn_context *context,
                               const char *name);

struct snn_encoder_options {
    enum snn_encoding encoding;
    uint64_t seed;
    uint32_t timesteps;
    double dt_us; /* recordings: duration of a step, into which events are binned; 0: 1000 */
    bool singles; /* hand out a recording's single events too, which order `recorded` takes */
};

/* Turns one frame after another into spikes. One thread at a time. The same seed, sample index,
 * step and address give the same spikes in any order of calls, on any machine. */
struct snn_encoder;

SNN_API int snn_encoder_create(struct snn_encoder **out, struct snn_context *context,
                               const struct snn_encoder_options *options, struct snn_shape shape);
SNN_API void snn_encoder_destroy(struct snn_encoder **encoder);
/* Begins sample `index` with its intensities [channels][height][width] (copied). Errors: INVALID
 * for a value outside 0..1, naming it; NOMEM at the first sample. */
SNN_API int snn_encoder_begin(struct snn_encoder *encoder, struct snn_context *context,
                              uint64_t index, const float *intensity);
/* The same for recorded spikes or events of a source; events of one address in one step add up.
 * Errors: INVALID, NOMEM. */
SNN_API int snn_encoder_begin_recorded(struct snn_encoder *encoder, struct snn_context *context,
                                       const struct snn_source *source, uint64_t index);
/* The same for events at hand, in the order of time, which begins at 0; they stay with the caller
 * until the next begin. Errors: INVALID (an address outside of the input, time that goes back),
 * NOMEM. */
SNN_API int snn_encoder_begin_events(struct snn_encoder *encoder, struct snn_context *context,
                                     uint64_t index, const struct snn_event *events, size_t count);
/* The next `step_count` steps (at most SNN_ENCODER_STEPS_MAX). Fails only for recordings of a
 * source, which are read as their steps are asked for: IO (also: the file has changed since the
 * source was opened), FORMAT, NOMEM, LIMIT; each names the sample. Nothing else is allocated. */
SNN_API int snn_encoder_next(struct snn_encoder *encoder, struct snn_context *context,
                             uint32_t step_count, struct snn_spikes *out);

#define SNN_ENCODER_STEPS_MAX 32u

/* The order in which the events of a step come, for whoever takes them one by one
 * (docs/semantics.md, "Asynchronous semantics"). */
enum snn_order {
    SNN_ORDER_RASTER = 0,     /* all at once, by address */
    SNN_ORDER_INTERLEAVE = 1, /* spread over the step's time by a dither of their addresses */
    SNN_ORDER_RANDOM = 2,     /* at random times, which seed, sample, step and address decide */
    SNN_ORDER_RECORDED = 3    /* as in the recording */
};

/* "raster", ...; NULL for an unknown value. */
SNN_API const char *snn_order_name(enum snn_order order);
/* Errors: INVALID. */
SNN_API int snn_order_parse(enum snn_order *out, struct snn_context *context, const char *name);

struct snn_schedule_options {
    enum snn_order order;
    uint64_t seed; /* of the random order */
    double dt_us;  /* duration of a step; 0: 1000 */
};

/* One input event, on its own. */
struct snn_arrival {
    double time_us; /* since its step began, below dt_us; events of one time come together */
    uint32_t address;
};

/* Turns the spikes of steps into single events, one step after another, in the order and at the
 * times that asynchronous execution takes them. One thread at a time. */
struct snn_schedule;

/* Errors: INVALID, NOMEM. */
SNN_API int snn_schedule_create(struct snn_schedule **out, struct snn_context *context,
                                const struct snn_schedule_options *options, struct snn_shape shape);
SNN_API void snn_schedule_destroy(struct snn_schedule **schedule);
/* Begins a sample: the next step is its first. */
SNN_API void snn_schedule_begin(struct snn_schedule *schedule);
/* Takes the next steps of the sample, which stay with the caller until they were all asked for.
 * Errors: UNSUPPORTED (analog input), INVALID (an address outside of the input, order `recorded`
 * without single events), LIMIT (too many events in a step), NOMEM. */
SNN_API int snn_schedule_push(struct snn_schedule *schedule, struct snn_context *context,
                              const struct snn_spikes *spikes);
/* Events of the next step, ascending in time, until the next call; false when the steps that were
 * pushed are over. No allocation. */
SNN_API bool snn_schedule_next(struct snn_schedule *schedule, const struct snn_arrival **events_out,
                               size_t *count_out);

#ifdef __cplusplus
}
#endif
#endif
