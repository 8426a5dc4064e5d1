/* The tape's bytes (docs/formats/tape.md): written as a session goes by, and read again.
 *
 * Invariant of writing: records stand in the file in the order in which they were told, whichever
 * thread told them, their times never go back, and the file appears with its END or not at all.
 * What the records mean for a host is the business of replay.c.
 */
#include "device/transport/tape.h"

#include <pthread.h>
#include <string.h>

#include "device/transport/queue.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "libsnn/wire/bytes.h"
#include "libsnn/wire/word.h"

#define VERSION 1u
#define HEAD_BYTES 16u
#define RECORD_BYTES 16u
#define CRC_BYTES 4u
/* What is written to the disk at once. */
#define CHUNK_BYTES ((size_t)1 << 18)
#define STATUS_MAX 15u
#define TIME_MAX ((uint64_t)1 << 63)

static const uint8_t magic[8] = {'s', 'n', 'n', '.', 't', 'a', 'p', 'e'};

/* ---- Writing ---- */

struct snndev_tape {
    struct snn_allocator allocator;
    struct snn_context *context; /* its own: it is written from several threads */
    struct snnbase_file_writer file;
    struct snnbase_buffer chunk;
    uint64_t written;
    uint32_t crc;
    uint64_t began_us;
    int status; /* of the first thing that went wrong */
    pthread_mutex_t lock;
};

static void flush(struct snndev_tape *tape)
{
    if (tape->status == SNN_OK)
        tape->status =
            snnbase_file_write_at(&tape->file, tape->written, tape->chunk.data, tape->chunk.size);
    tape->written += tape->chunk.size;
    tape->chunk.size = 0;
}

static void append(struct snndev_tape *tape, const uint8_t *bytes, size_t size)
{
    if (tape->status != SNN_OK || size == 0) return;
    tape->crc = snnwire_crc32(tape->crc, bytes, size);
    tape->status = snnbase_buffer_append(tape->context, &tape->chunk, bytes, size);
    if (tape->status == SNN_OK && tape->chunk.size >= CHUNK_BYTES) flush(tape);
}

/* The head of a record whose data, of `size` bytes, is appended next. */
static void append_head(struct snndev_tape *tape, enum snndev_tape_kind kind, unsigned result,
                        size_t size)
{
    uint8_t head[RECORD_BYTES] = {(uint8_t)kind, (uint8_t)result};
    if (size > UINT32_MAX && tape->status == SNN_OK)
        tape->status = snnbase_fail(tape->context, SNN_ERR_LIMIT,
                                    "%s: a transfer of %zu bytes is too large for a recording",
                                    tape->file.path, size);
    snnwire_put32(head + 4, (uint32_t)size);
    snnwire_put64(head + 8, snndev_now_us() - tape->began_us);
    append(tape, head, sizeof(head));
}

static void append_header(struct snndev_tape *tape, const char *uri)
{
    const size_t length = strlen(uri);
    uint8_t head[HEAD_BYTES] = {0};
    memcpy(head, magic, sizeof(magic));
    snnwire_put16(head + 8, VERSION);
    snnwire_put16(head + 10, (uint16_t)length);
    append(tape, head, sizeof(head));
    append(tape, (const uint8_t *)uri, length);
}

static void destroy(struct snndev_tape *tape)
{
    const struct snn_allocator allocator = tape->allocator;
    snnbase_file_abandon(&tape->file);
    snnbase_buffer_fini(tape->context, &tape->chunk);
    snn_context_destroy(&tape->context);
    (void)pthread_mutex_destroy(&tape->lock);
    snnbase_allocator_free(&allocator, tape);
}

int snndev_tape_create(struct snndev_tape **out, struct snn_context *context, const char *path,
                       const char *uri)
{
    struct snndev_tape_reader limits;
    if (strlen(uri) >= sizeof(limits.uri))
        return snnbase_fail(context, SNN_ERR_INVALID, "a device's URI of %zu bytes, %zu at most",
                            strlen(uri), sizeof(limits.uri) - 1);
    struct snndev_tape *tape = snnbase_alloc(context, 1, sizeof(*tape));
    if (tape == NULL) return SNN_ERR_NOMEM;
    tape->allocator = *snnbase_allocator(context);
    int status = snnbase_context_fork(&tape->context, context);
    if (status != SNN_OK) {
        snnbase_free(context, tape);
        return snnbase_fail(context, status, "no memory for a recording");
    }
    (void)pthread_mutex_init(&tape->lock, NULL);
    tape->file.descriptor = -1;
    tape->began_us = snndev_now_us();
    status = snnbase_file_create(&tape->file, tape->context, path);
    if (status == SNN_OK) {
        append_header(tape, uri);
        status = tape->status;
    }
    if (status != SNN_OK) {
        snnbase_error_copy(context, tape->context);
        destroy(tape);
        return status;
    }
    *out = tape;
    return SNN_OK;
}

void snndev_tape_request(struct snndev_tape *tape, const struct snnwire_request *request,
                         const uint8_t *data, uint32_t size, int status)
{
    uint8_t setup[SNNWIRE_REQUEST_BYTES];
    snnwire_request_write(request, setup);
    if (!request->in) size = request->size;
    if (request->in && status != SNN_OK) size = 0;
    (void)pthread_mutex_lock(&tape->lock);
    append_head(tape, SNNDEV_TAPE_REQUEST, (unsigned)-status, sizeof(setup) + (size_t)size);
    append(tape, setup, sizeof(setup));
    append(tape, data, size);
    (void)pthread_mutex_unlock(&tape->lock);
}

void snndev_tape_out(struct snndev_tape *tape, const uint8_t *bytes, size_t size)
{
    (void)pthread_mutex_lock(&tape->lock);
    append_head(tape, SNNDEV_TAPE_OUT, 0, size);
    append(tape, bytes, size);
    (void)pthread_mutex_unlock(&tape->lock);
}

void snndev_tape_in(struct snndev_tape *tape, const uint8_t *bytes, size_t size,
                    enum snndev_outcome outcome)
{
    (void)pthread_mutex_lock(&tape->lock);
    append_head(tape, SNNDEV_TAPE_IN, (unsigned)outcome, size);
    append(tape, bytes, size);
    (void)pthread_mutex_unlock(&tape->lock);
}

int snndev_tape_close(struct snndev_tape **tape, struct snn_context *context)
{
    struct snndev_tape *self = *tape;
    uint8_t crc[CRC_BYTES];
    *tape = NULL;
    if (self == NULL) return SNN_OK;
    append_head(self, SNNDEV_TAPE_END, 0, sizeof(crc));
    snnwire_put32(crc, self->crc);
    append(self, crc, sizeof(crc));
    flush(self);
    int status = self->status;
    if (status == SNN_OK) status = snnbase_file_commit(&self->file);
    if (status != SNN_OK) snnbase_error_copy(context, self->context);
    destroy(self);
    return status;
}

void snndev_tape_abandon(struct snndev_tape **tape)
{
    if (*tape != NULL) destroy(*tape);
    *tape = NULL;
}

/* ---- Reading ---- */

bool snndev_tape_probe(const uint8_t *bytes, size_t size)
{
    return size >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

/* What is wrong with the record at the reader's offset, in words; NULL: nothing, and *out is it. */
static const char *parse(const struct snndev_tape_reader *reader, struct snndev_tape_record *out)
{
    const uint8_t *head = reader->bytes + reader->offset;
    const size_t left = reader->size - reader->offset;
    if (left == 0) return "the recording ends without its end record";
    if (left < RECORD_BYTES) return "a record is cut off";
    *out = (struct snndev_tape_record){.kind = (enum snndev_tape_kind)head[0],
                                       .offset = reader->offset,
                                       .time_us = snnwire_get64(head + 8),
                                       .data = head + RECORD_BYTES,
                                       .size = snnwire_get32(head + 4)};
    if (head[0] < SNNDEV_TAPE_REQUEST || head[0] > SNNDEV_TAPE_END) return "no such record";
    if (snnwire_get16(head + 2) != 0) return "reserved bytes are not 0";
    if (out->size > left - RECORD_BYTES) return "a record's data is cut off";
    if (out->time_us >= TIME_MAX || out->time_us < reader->time_us) return "time runs backwards";
    if (head[1] > (out->kind == SNNDEV_TAPE_REQUEST ? STATUS_MAX
                   : out->kind == SNNDEV_TAPE_IN    ? (unsigned)SNNDEV_VANISHED
                                                    : 0u))
        return "no such result";
    out->outcome = (enum snndev_outcome)head[1];
    if (out->kind != SNNDEV_TAPE_REQUEST) return NULL;
    out->outcome = SNNDEV_COMPLETED;
    out->status = -(int)head[1];
    if (!snnwire_request_read(&out->request, out->data,
                              out->size < SNNWIRE_REQUEST_BYTES ? out->size
                                                                : SNNWIRE_REQUEST_BYTES))
        return "no such request";
    out->data += SNNWIRE_REQUEST_BYTES;
    out->size -= SNNWIRE_REQUEST_BYTES;
    if (out->request.in ? out->size > out->request.size : out->size != out->request.size)
        return "a request's data has another size";
    return NULL;
}

static int fail(struct snn_context *context, const char *path, size_t offset, const char *what)
{
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: byte %zu: %s", path, offset, what);
}

static int check_header(struct snndev_tape_reader *reader, struct snn_context *context,
                        const char *path)
{
    const uint8_t *bytes = reader->bytes;
    if (!snndev_tape_probe(bytes, reader->size)) {
        snnbase_fail(context, SNN_ERR_FORMAT, "%s: not a recorded session", path);
        return snnbase_hint(context, "snndev record makes one");
    }
    if (reader->size < HEAD_BYTES) return fail(context, path, 0, "the header is cut off");
    const unsigned version = snnwire_get16(bytes + 8), length = snnwire_get16(bytes + 10);
    if (version != VERSION)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "%s: a recording of version %u, %u is known", path, version, VERSION);
    if (snnwire_get32(bytes + 12) != 0) return fail(context, path, 12, "reserved bytes are not 0");
    if (length >= sizeof(reader->uri) || length > reader->size - HEAD_BYTES)
        return fail(context, path, 10, "the device's URI is too long");
    for (unsigned i = 0; i < length; i++) {
        if (bytes[HEAD_BYTES + i] < ' ' || bytes[HEAD_BYTES + i] > '~')
            return fail(context, path, HEAD_BYTES + i, "the device's URI is no plain text");
    }
    memcpy(reader->uri, bytes + HEAD_BYTES, length);
    reader->offset = HEAD_BYTES + length;
    return SNN_OK;
}

static int check_end(const struct snndev_tape_record *end, struct snn_context *context,
                     const char *path, const struct snndev_tape_reader *reader)
{
    if (end->size != CRC_BYTES) return fail(context, path, end->offset, "no such end record");
    if (end->data + end->size != reader->bytes + reader->size)
        return fail(context, path, (size_t)(end->data + end->size - reader->bytes),
                    "bytes behind the end record");
    const uint32_t crc = snnwire_crc32(0, reader->bytes, end->offset + RECORD_BYTES);
    if (crc == snnwire_get32(end->data)) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "%s: CRC-32 %08x at its end, %08x of what it holds: the file is damaged",
                        path, snnwire_get32(end->data), crc);
}

int snndev_tape_open(struct snndev_tape_reader *out, struct snn_context *context, const char *path,
                     const uint8_t *bytes, size_t size)
{
    struct snndev_tape_reader reader = {.bytes = bytes, .size = size};
    struct snndev_tape_record record;
    int status = check_header(&reader, context, path);
    if (status != SNN_OK) return status;
    const size_t first = reader.offset;
    do {
        const char *wrong = parse(&reader, &record);
        if (wrong != NULL) return fail(context, path, reader.offset, wrong);
        reader.time_us = record.time_us;
        reader.offset = (size_t)(record.data - bytes) + record.size;
    } while (record.kind != SNNDEV_TAPE_END);
    status = check_end(&record, context, path, &reader);
    if (status != SNN_OK) return status;
    reader.offset = first;
    reader.time_us = 0;
    *out = reader;
    return SNN_OK;
}

bool snndev_tape_next(struct snndev_tape_reader *reader, struct snndev_tape_record *out)
{
    struct snndev_tape_record record;
    if (parse(reader, &record) != NULL || record.kind == SNNDEV_TAPE_END) return false;
    reader->time_us = record.time_us;
    reader->offset = (size_t)(record.data - reader->bytes) + record.size;
    *out = record;
    return true;
}
