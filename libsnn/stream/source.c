/* Data sets: the start of the path that samples take, from a file to frames or recorded spikes.
 *
 * A source holds all frames and spikes, decoded and checked, from open to close; of recordings it
 * knows which files they are, and each is read as it is needed (recordings.c). It never changes in
 * between, and that makes reading it thread-safe. The formats themselves are behind
 * snn_source_table.
 */
#include "libsnn/stream/source.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/hash.h"
#include "libsnn/base/inflate.h"
#include "libsnn/base/memory.h"
#include "libsnn/base/reader.h"
#include "libsnn/stream/folder.h"
#include "libsnn/stream/recording.h"

enum { MAGIC_SHOWN = 8, SUMMARIES_SIZE = 400, RECORDINGS_SIZE = 800, HEAD_SIZE = 512 };

struct snn_source {
    struct snn_allocator allocator;
    enum snn_source_kind kind;
    struct snnstream_samples samples;       /* frames and spikes */
    struct snnstream_recordings recordings; /* events */
    int32_t *labels;                        /* [samples.count], or NULL */
};

unsigned char *snnstream_source_take(struct snnstream_file *file)
{
    unsigned char *data = file->bytes.data;
    file->bytes = (struct snnbase_buffer){.data = NULL};
    return data;
}

int snnstream_source_check_shape(struct snn_context *context, const char *path,
                                 struct snn_shape shape)
{
    uint64_t limit = snnbase_limits(context)->neuron_count;
    uint64_t plane = (uint64_t)shape.height * shape.width;
    if (plane <= limit / shape.channels) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_LIMIT,
                        "%s: samples of %" PRIu32 "x%" PRIu32 "x%" PRIu32
                        " values exceed the limit of %" PRIu64 " neurons",
                        path, shape.channels, shape.height, shape.width, limit);
}

/* --- Formats ---------------------------------------------------------------------------------- */

static const struct snnstream_source_ops *format_find(const struct snnstream_file *file)
{
    const struct snnstream_source_ops *best = NULL;
    int best_score = 0;
    for (size_t i = 0; snn_source_table[i]; i++) {
        int score = snn_source_table[i]->probe(file->bytes.data, file->bytes.size);
        if (score > best_score) {
            best = snn_source_table[i];
            best_score = score;
        }
    }
    return best;
}

static int fail_unknown(struct snn_context *context, const struct snnstream_file *file, bool frames)
{
    char magic[3 * MAGIC_SHOWN + 1] = "";
    for (size_t i = 0; i < MAGIC_SHOWN && i < file->bytes.size; i++) {
        snprintf(magic + 3 * i, sizeof(magic) - 3 * i, " %02x", file->bytes.data[i]);
    }
    char summaries[SUMMARIES_SIZE] = "";
    size_t length = 0;
    for (size_t i = 0; snn_source_table[i] && length < sizeof(summaries); i++) {
        int written = snprintf(summaries + length, sizeof(summaries) - length, "%s%s",
                               i > 0 ? "; " : "", snn_source_table[i]->summary);
        if (written > 0) length += (size_t)written;
    }
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a known data format: begins with%s", file->path,
                 magic);
    if (!frames) return snnbase_hint(context, "accepted are %s", summaries);
    char recordings[RECORDINGS_SIZE];
    snnstream_recording_summaries(recordings, sizeof(recordings));
    return snnbase_hint(context, "accepted are %s; to run, not to calibrate with, %s", summaries,
                        recordings);
}

/* Finds the format of a file that is at hand, of frames or of something else. */
static int file_know(const struct snnstream_file *file, const struct snnstream_source_ops **ops_out,
                     struct snn_context *context, bool frames)
{
    if (file->bytes.size == 0) {
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: the file is empty", file->path);
    }
    const struct snnstream_source_ops *ops = format_find(file);
    if (!ops) return fail_unknown(context, file, frames);
    *ops_out = ops;
    return SNN_OK;
}

/* What was read of a file before is unpacked, or else it is read. */
static int file_load(struct snnstream_file *file, struct snn_context *context,
                     struct snnbase_buffer *have)
{
    if (have->data == NULL) return snnbase_file_read_unpacked(context, file->path, &file->bytes);
    if (snnbase_gzip_probe(have->data, have->size)) {
        const uint64_t limit = snnbase_limits(context)->file_bytes;
        int status = snnbase_gzip_unpack(context, have->data, have->size,
                                         limit < SIZE_MAX ? (size_t)limit : SIZE_MAX, &file->bytes);
        return status == SNN_OK ? status : snnbase_where(context, "%s", file->path);
    }
    file->bytes = *have;
    *have = (struct snnbase_buffer){.data = NULL};
    return SNN_OK;
}

static int samples_load(struct snn_source *source, struct snn_context *context, const char *path,
                        struct snnbase_buffer *have)
{
    struct snnstream_file file = {.path = path};
    const struct snnstream_source_ops *ops = NULL;
    int status = file_load(&file, context, have);
    if (status == SNN_OK)
        status = file_know(&file, &ops, context, source->kind == SNN_SOURCE_FRAMES);
    if (status == SNN_OK) status = ops->open(&source->samples, context, &file, source->kind);
    snnbase_buffer_fini(context, &file.bytes);
    return status;
}

/* --- Labels ----------------------------------------------------------------------------------- */

/* The last occurrence of `word` in `text`, or NULL. */
static char *find_last(char *text, const char *word)
{
    char *last = NULL;
    for (char *at = strstr(text, word); at; at = strstr(at + 1, word))
        last = at;
    return last;
}

/* Turns the name of a file of images into that of its labels. All words keep their length. */
static bool name_labels(char *name)
{
    char *images = find_last(name, "images");
    if (!images) return false;
    memcpy(images, "labels", strlen("labels"));
    char *rank = find_last(name, "idx3");
    if (!rank) rank = find_last(name, "idx4");
    if (rank) memcpy(rank, "idx1", strlen("idx1"));
    return true;
}

/* Adds ".gz" to a path that has room for it, or takes it away. */
static void toggle_gz(char *path)
{
    size_t length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".gz") == 0) {
        path[length - 3] = '\0';
    } else {
        memcpy(path + length, ".gz", sizeof(".gz"));
    }
}

/* Finds labels in the folder of the images. *out is allocated; NULL if there are none. */
static int labels_beside(char **out, struct snn_context *context, const char *path)
{
    size_t length = strlen(path);
    char *beside = snnbase_alloc(context, length + sizeof(".gz"), 1);
    if (!beside) return SNN_ERR_NOMEM;
    memcpy(beside, path, length + 1);
    char *slash = strrchr(beside, '/');
    bool found = name_labels(slash ? slash + 1 : beside);
    if (found && !snnbase_file_exists(beside)) {
        toggle_gz(beside);
        found = snnbase_file_exists(beside);
    }
    if (!found) {
        snnbase_free(context, beside);
        beside = NULL;
    }
    *out = beside;
    return SNN_OK;
}

static int labels_check_count(struct snn_context *context, const char *path, uint64_t count,
                              uint64_t sample_count)
{
    if (count == sample_count) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: %" PRIu64 " labels for %" PRIu64 " samples",
                        path, count, sample_count);
}

static int labels_load(struct snn_source *source, struct snn_context *context, const char *path)
{
    struct snnstream_file file = {.path = path};
    const struct snnstream_source_ops *ops = NULL;
    int status = snnbase_file_read_unpacked(context, path, &file.bytes);
    if (status == SNN_OK) status = file_know(&file, &ops, context, false);
    if (status == SNN_OK && !ops->labels) {
        status = snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: %s files hold no labels", path,
                              ops->name);
    }
    uint64_t count = 0;
    if (status == SNN_OK) status = ops->labels(&source->labels, &count, context, &file);
    if (status == SNN_OK) {
        status = labels_check_count(context, path, count, source->samples.count);
    }
    snnbase_buffer_fini(context, &file.bytes);
    return status;
}

static int labels_open(struct snn_source *source, struct snn_context *context, const char *path,
                       const char *labels)
{
    if (labels) return labels_load(source, context, labels);
    char *beside = NULL;
    int status = labels_beside(&beside, context, path);
    if (status != SNN_OK || !beside) return status;
    status = labels_load(source, context, beside);
    if (status != SNN_OK && status != SNN_ERR_NOMEM) {
        snnbase_hint(context, "these labels were found beside the images: name others, or move "
                              "them away");
    }
    snnbase_free(context, beside);
    return status;
}

/* --- What a path holds ------------------------------------------------------------------------ */

/* The first bytes are surer to be frames than events: an array may be either. */
static bool looks_like_frames(const struct snnstream_file *file)
{
    const unsigned char *bytes = file->bytes.data;
    const struct snnstream_source_ops *ops = format_find(file);
    if (!ops) return false;
    return ops->probe(bytes, file->bytes.size) >=
           snnstream_recording_score(bytes, file->bytes.size);
}

/* The first bytes of a file are enough for the formats of frames, which have a magic. */
static bool begins_as_frames(struct snn_context *context, const char *path,
                             const struct snnbase_buffer *have)
{
    unsigned char head[HEAD_SIZE], unpacked[HEAD_SIZE];
    struct snnstream_file file = {.path = path, .bytes = {.data = head}};
    if (have) {
        file.bytes.size = have->size < HEAD_SIZE ? have->size : HEAD_SIZE;
        if (have->size > 0) memcpy(head, have->data, file.bytes.size);
    } else {
        file.bytes.size = snnbase_file_head(path, head, sizeof(head));
    }
    if (snnbase_gzip_probe(head, file.bytes.size)) {
        file.bytes.size =
            snnbase_gzip_head(context, head, file.bytes.size, unpacked, sizeof(unpacked));
        file.bytes.data = unpacked;
    }
    return file.bytes.size == 0 || looks_like_frames(&file);
}

/* A file's kind, by its bytes: those at hand, or, without any, those of the path. */
static enum snn_source_kind guess(struct snn_context *context, const char *path,
                                  const struct snnbase_buffer *have)
{
    struct snnstream_view view;
    struct snn_recording *recording = NULL;
    enum snn_source_kind kind = SNN_SOURCE_FRAMES;
    if (begins_as_frames(context, path, have)) return kind;
    if (snnstream_view_parse(&view, context, NULL) != SNN_OK) return kind;
    const struct snnstream_recording_spec spec = {.path = path,
                                                  .view = &view,
                                                  .bytes = have ? have->data : NULL,
                                                  .size = have ? have->size : 0};
    if (snnstream_recording_open(&recording, context, &spec) == SNN_OK) kind = SNN_SOURCE_EVENTS;
    snn_recording_close(&recording);
    return kind;
}

enum snn_source_kind snn_source_guess(struct snn_context *context, const char *path)
{
    if (snnstream_folder_is(path)) return SNN_SOURCE_EVENTS;
    if (!snnbase_reader_can_repeat(path)) return SNN_SOURCE_ANY;
    return guess(context, path, NULL);
}

/* --- The public noun -------------------------------------------------------------------------- */

static int open_kind(struct snn_source *source, struct snn_context *context, const char *path,
                     struct snnbase_buffer *have, const struct snn_source_options *options)
{
    if (source->kind == SNN_SOURCE_EVENTS)
        return snnstream_recordings_open(&source->recordings, context, path, have, options);
    int status = samples_load(source, context, path, have);
    if (status != SNN_OK) return status;
    return labels_open(source, context, path, options ? options->labels : NULL);
}

/* What kind of data a path holds; of a pipe by its bytes, which are kept. */
static int find_kind(enum snn_source_kind *kind, struct snn_context *context, const char *path,
                     struct snnbase_buffer *have)
{
    *kind = snn_source_guess(context, path);
    if (*kind != SNN_SOURCE_ANY) return SNN_OK;
    *kind = SNN_SOURCE_FRAMES;
    int status = snnbase_file_read(context, path, have);
    if (status == SNN_OK) *kind = guess(context, path, have);
    return status;
}

int snn_source_open(struct snn_source **out, struct snn_context *context, const char *path,
                    enum snn_source_kind kind, const struct snn_source_options *options)
{
    struct snnbase_buffer have = {.data = NULL};
    if (kind != SNN_SOURCE_FRAMES && kind != SNN_SOURCE_SPIKES && kind != SNN_SOURCE_EVENTS &&
        kind != SNN_SOURCE_ANY) {
        return snnbase_fail(context, SNN_ERR_INVALID, "unknown kind of source %d", (int)kind);
    }
    struct snn_source *source = snnbase_alloc(context, 1, sizeof(*source));
    if (!source) return SNN_ERR_NOMEM;
    source->allocator = *snnbase_allocator(context);
    source->kind = kind;
    int status = SNN_OK;
    if (kind == SNN_SOURCE_ANY) status = find_kind(&source->kind, context, path, &have);
    if (status == SNN_OK) status = open_kind(source, context, path, &have, options);
    snnbase_buffer_fini(context, &have);
    if (status != SNN_OK) {
        snn_source_close(&source);
        return status;
    }
    *out = source;
    return SNN_OK;
}

void snn_source_close(struct snn_source **source)
{
    if (!source || !*source) return;
    struct snn_allocator allocator = (*source)->allocator;
    snnbase_allocator_free(&allocator, (*source)->samples.storage);
    snnstream_recordings_fini(&(*source)->recordings, &allocator);
    snnbase_allocator_free(&allocator, (*source)->labels);
    snnbase_allocator_free(&allocator, *source);
    *source = NULL;
}

enum snn_source_kind snn_source_kind(const struct snn_source *source)
{
    return source->kind;
}

uint64_t snn_source_count(const struct snn_source *source)
{
    return source->kind == SNN_SOURCE_EVENTS ? source->recordings.count : source->samples.count;
}

struct snn_shape snn_source_shape(const struct snn_source *source)
{
    return source->kind == SNN_SOURCE_EVENTS ? source->recordings.shape : source->samples.shape;
}

uint32_t snn_source_steps(const struct snn_source *source)
{
    return source->samples.steps;
}

bool snn_source_has_labels(const struct snn_source *source)
{
    return source->labels != NULL || source->recordings.folder.labelled;
}

int32_t snn_source_label(const struct snn_source *source, uint64_t index)
{
    if (index >= snn_source_count(source)) return -1;
    if (source->kind == SNN_SOURCE_EVENTS) return source->recordings.entries[index].label;
    return source->labels ? source->labels[index] : -1;
}

static void bytes_to_intensity(const uint8_t *bytes, size_t count, float *intensity)
{
    for (size_t i = 0; i < count; i++)
        intensity[i] = (float)bytes[i] / 255.0f;
}

void snn_source_frame(const struct snn_source *source, uint64_t index, float *intensity)
{
    const struct snnstream_samples *samples = &source->samples;
    size_t size = snn_shape_size(snn_source_shape(source));
    if (source->kind != SNN_SOURCE_FRAMES || index >= samples->count) {
        memset(intensity, 0, size * sizeof(*intensity));
    } else if (samples->bytes) {
        bytes_to_intensity(samples->bytes + index * size, size, intensity);
    } else {
        memcpy(intensity, samples->values + index * size, size * sizeof(*intensity));
    }
}

const uint8_t *snn_source_counts(const struct snn_source *source, uint64_t index, uint32_t step)
{
    const struct snnstream_samples *samples = &source->samples;
    if (index >= samples->count || step >= samples->steps) return NULL;
    return samples->bytes + (index * samples->steps + step) * snn_shape_size(samples->shape);
}

int snn_source_recording(struct snn_recording **out, struct snn_context *context,
                         const struct snn_source *source, uint64_t index)
{
    if (source->kind != SNN_SOURCE_EVENTS)
        return snnbase_fail(context, SNN_ERR_INVALID, "the source holds no recordings");
    if (index >= source->recordings.count)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "recording %" PRIu64 " of a source with %" PRIu64, index,
                            source->recordings.count);
    return snnstream_recordings_read(out, context, &source->recordings, index);
}

const struct snnstream_recordings *snnstream_source_recordings(const struct snn_source *source)
{
    return &source->recordings;
}

uint64_t snn_source_duration_us(const struct snn_source *source)
{
    return source->recordings.duration_us;
}

uint64_t snn_source_digest(const struct snn_source *source)
{
    const struct snnstream_samples *samples = &source->samples;
    const struct snn_shape shape = snn_source_shape(source);
    const uint64_t numbers[] = {snn_source_count(source), samples->steps, shape.channels,
                                shape.height, shape.width};
    uint64_t digest = snnbase_hash(source->recordings.digest, (uint64_t)source->kind);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        digest = snnbase_hash(digest, numbers[i]);
    if (source->kind == SNN_SOURCE_EVENTS) return digest;
    /* The source holds them, so their sizes do fit. */
    const size_t values =
        (size_t)samples->count * (samples->steps > 0 ? samples->steps : 1) * snn_shape_size(shape);
    const uint32_t sum = samples->bytes ? snnbase_crc32(0, samples->bytes, values)
                                        : snnbase_crc32(0, samples->values, values * sizeof(float));
    digest = snnbase_hash(digest, sum);
    if (!source->labels) return digest;
    const size_t labels = (size_t)samples->count * sizeof(*source->labels);
    return snnbase_hash(digest, snnbase_crc32(1, source->labels, labels));
}
