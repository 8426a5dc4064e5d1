/* A checkpoint as bytes. Whoever opens one with the same runs expects the same header to the bit;
 * only where that is not there the header is read, to say what differs.
 */
#include "libsnn/run_journal.h"

#include <inttypes.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/inflate.h"
#include "libsnn/run_identity.h"

enum { MAGIC_SIZE = 8, FIXED_SIZE = 20, VERSION = 1, HEAD_SIZE = 8, RUN_SIZE = 2 };

static const unsigned char magic[MAGIC_SIZE] = {'s', 'n', 'n', '.', 'c', 'k', 'p', 't'};

static void store(unsigned char *bytes, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> 8 * i & 0xFF);
}

static uint32_t load(const unsigned char *bytes, size_t size)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint32_t)bytes[i] << 8 * i;
    return value;
}

static int append_word(struct snn_context *context, struct snnbase_buffer *out, uint32_t value)
{
    unsigned char bytes[4];
    store(bytes, value, sizeof(bytes));
    return snnbase_buffer_append(context, out, bytes, sizeof(bytes));
}

/* --- Header ----------------------------------------------------------------------------------- */

int snnrun_journal_begin(struct snn_context *context, struct snn_partial *const *partials,
                         uint32_t count, struct snnbase_buffer *out)
{
    const size_t begin = out->size;
    int status = snnbase_buffer_append(context, out, magic, sizeof(magic));
    if (status == SNN_OK) status = append_word(context, out, VERSION);
    if (status == SNN_OK) status = append_word(context, out, 0); /* the size, when it is known */
    if (status == SNN_OK) status = append_word(context, out, count);
    for (uint32_t i = 0; i < count && status == SNN_OK; i++) {
        const char *text = partials[i]->identity;
        const size_t size = strlen(text);
        status =
            snnbase_buffer_append(context, out, partials[i]->fingerprint, SNN_FINGERPRINT_SIZE);
        if (status == SNN_OK) status = append_word(context, out, (uint32_t)size);
        if (status == SNN_OK) status = snnbase_buffer_append(context, out, text, size);
    }
    if (status != SNN_OK) return status;
    store(out->data + begin + MAGIC_SIZE + 4, (uint32_t)(out->size - begin + 4), 4);
    return append_word(context, out, snnbase_crc32(0, out->data + begin, out->size - begin));
}

/* One run of the header at `at`, whose text is made to end with a zero in a copy. */
static int compare_run(struct snn_context *context, const unsigned char *bytes, size_t size,
                       const char *identity, char *said, size_t said_size)
{
    char *there = snnbase_alloc(context, size + 1, 1);
    if (there == NULL) return SNN_ERR_NOMEM;
    memcpy(there, bytes, size);
    snnrun_identity_compare(there, identity, said, said_size);
    snnbase_free(context, there);
    return SNN_OK;
}

static int refuse_other_runs(struct snn_context *context, const unsigned char *bytes, size_t size,
                             struct snn_partial *const *partials, uint32_t count)
{
    const uint32_t there = load(bytes + 16, 4);
    char said[512] = "";
    if (there != count) {
        snnbase_fail(context, SNN_ERR_INVALID, "is of another run: of %u targets, not of %u", there,
                     count);
        return snnbase_hint(context, "give the targets that it was begun with, or another file");
    }
    size_t at = FIXED_SIZE;
    for (uint32_t i = 0; i < count && said[0] == '\0'; i++) {
        if (size - 4 - at < SNN_FINGERPRINT_SIZE + 4) break;
        const size_t length = load(bytes + at + SNN_FINGERPRINT_SIZE, 4);
        at += SNN_FINGERPRINT_SIZE + 4;
        if (length > size - 4 - at) break;
        int status =
            compare_run(context, bytes + at, length, partials[i]->identity, said, sizeof(said));
        if (status != SNN_OK) return status;
        at += length;
    }
    if (said[0] == '\0')
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %zu: the header does not hold together",
                            at);
    snnbase_fail(context, SNN_ERR_INVALID, "is of another run: %s", said);
    return snnbase_hint(context, "go on with the options and files that it was begun with, or name "
                                 "another checkpoint for this run");
}

int snnrun_journal_refuse(struct snn_context *context, const unsigned char *bytes, size_t size,
                          struct snn_partial *const *partials, uint32_t count)
{
    const size_t known = size < MAGIC_SIZE ? size : MAGIC_SIZE;
    if (memcmp(bytes, magic, known) != 0) {
        snnbase_fail(context, SNN_ERR_FORMAT, "byte 0: no checkpoint");
        return snnbase_hint(context, "name a file that does not exist yet, or a checkpoint");
    }
    if (size >= MAGIC_SIZE + 4 && load(bytes + MAGIC_SIZE, 4) != VERSION)
        return snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                            "a checkpoint of version %u; this libsnn knows version %u",
                            load(bytes + MAGIC_SIZE, 4), VERSION);
    const size_t whole = size >= FIXED_SIZE ? load(bytes + MAGIC_SIZE + 4, 4) : SIZE_MAX;
    if (whole < FIXED_SIZE + 4)
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %d: a header of %zu bytes",
                            MAGIC_SIZE + 4, whole);
    if (size < whole) {
        snnbase_fail(context, SNN_ERR_FORMAT, "byte %zu: the file ends within its header", size);
        return snnbase_hint(context, "it holds no sample: remove it");
    }
    if (snnbase_crc32(0, bytes, whole - 4) != load(bytes + whole - 4, 4))
        return snnbase_fail(context, SNN_ERR_FORMAT, "byte %zu: the header's checksum is wrong",
                            whole - 4);
    return refuse_other_runs(context, bytes, whole, partials, count);
}

/* --- Records ---------------------------------------------------------------------------------- */

int snnrun_journal_append(struct snn_context *context, struct snnbase_buffer *out, uint32_t run,
                          const void *record, size_t size)
{
    unsigned char head[HEAD_SIZE + RUN_SIZE];
    if (size > UINT32_MAX - RUN_SIZE)
        return snnbase_fail(context, SNN_ERR_LIMIT, "a sample's record of %zu bytes", size);
    store(head, (uint32_t)size + RUN_SIZE, 4);
    store(head + HEAD_SIZE, run, RUN_SIZE);
    uint32_t crc = snnbase_crc32(0, head, 4);
    crc = snnbase_crc32(crc, head + HEAD_SIZE, RUN_SIZE);
    store(head + 4, snnbase_crc32(crc, record, size), 4);
    int status = snnbase_buffer_reserve(context, out, sizeof(head) + size);
    if (status == SNN_OK) status = snnbase_buffer_append(context, out, head, sizeof(head));
    return status == SNN_OK ? snnbase_buffer_append(context, out, record, size) : status;
}

size_t snnrun_journal_whole(const unsigned char *bytes, size_t size)
{
    size_t at = 0;
    while (size - at >= HEAD_SIZE && load(bytes + at, 4) <= size - at - HEAD_SIZE)
        at += HEAD_SIZE + load(bytes + at, 4);
    return at;
}

uint64_t snnrun_journal_size_max(struct snn_partial *const *partials, uint32_t count)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t size = snnmodel_outcome_size_max(&partials[i]->layout);
        if (size > most) most = size;
    }
    return most + HEAD_SIZE + RUN_SIZE;
}

void snnrun_journal_take(const unsigned char *bytes, size_t size, uint64_t size_max,
                         struct snnrun_journal_record *out)
{
    *out = (struct snnrun_journal_record){.used = 0};
    if (size < HEAD_SIZE) return;
    const uint32_t length = load(bytes, 4);
    if (length < RUN_SIZE || length > size_max - HEAD_SIZE) {
        out->bad = "a record of a size that none has";
        return;
    }
    if (length > size - HEAD_SIZE) return;
    out->used = HEAD_SIZE + (size_t)length;
    out->run = load(bytes + HEAD_SIZE, RUN_SIZE);
    out->bytes = bytes + HEAD_SIZE + RUN_SIZE;
    out->size = length - RUN_SIZE;
    const uint32_t crc = snnbase_crc32(snnbase_crc32(0, bytes, 4), bytes + HEAD_SIZE, length);
    if (crc != load(bytes + 4, 4)) out->bad = "a record's checksum is wrong";
}
