/* The checkpoint: a file that finished samples are appended to by a thread of its own, so that no
 * worker ever waits for a disk.
 *
 * Invariant: the file is a whole header and whole records, at any time, but for the last record,
 * which a kill may cut. Its lock is held as long as it is open. What was written last is dropped
 * where it is not whole. Records that were damaged since are skipped, with a warning; the header's
 * damage is an error. Neither changes what is there.
 */
/* For flock. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/run_journal.h"
#include "libsnn/run_pool.h"

enum { WINDOW_SIZE = 1 << 20 };

/* So many bytes of a file are summed up in search of whole records behind one that is none: about a
 * second's work. Bytes that look like the sizes of very long records could take days. A look at a
 * place where there is none takes as long as some bytes. */
#define SEARCH_MAX (UINT64_C(1) << 28)
#define LOOK_BYTES 16

#define WRITE_EVERY_S 0.05 /* records that come together are written together */

struct listener {
    struct snn_checkpoint *checkpoint;
    uint32_t run;
};

struct snn_checkpoint {
    struct snnbase_arena arena;
    const char *path;
    int descriptor;
    uint64_t end; /* of the whole records in the file */
    double interval_s;
    struct snn_partial **partials;
    struct listener *listeners; /* [partial_count] */
    uint32_t partial_count;
    bool ready; /* lock and signal are made */
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t signal;
    struct snnbase_buffer pending; /* records that nobody writes yet */
    bool closing;
    int failed;                    /* errno of what went wrong; 0: nothing */
    struct snnbase_buffer writing; /* the thread's alone */
};

/* --- Writing ---------------------------------------------------------------------------------- */

/* Adds what was written to *written. Returns 0, or errno. */
static int write_all(int descriptor, const struct snnbase_buffer *bytes, uint64_t offset,
                     size_t *written)
{
    while (*written < bytes->size) {
        const ssize_t took = pwrite(descriptor, bytes->data + *written, bytes->size - *written,
                                    (off_t)(offset + *written));
        if (took < 0 && errno == EINTR) continue;
        if (took < 0) return errno;
        *written += (size_t)took;
    }
    return 0;
}

/* Where the disk takes only a part of it, the file ends with the last record that is whole. */
static int write_batch(struct snn_checkpoint *c, bool sync)
{
    size_t written = 0;
    const int error = write_all(c->descriptor, &c->writing, c->end, &written);
    c->end += snnrun_journal_whole(c->writing.data, written);
    if (error != 0) {
        (void)ftruncate(c->descriptor, (off_t)c->end);
        return error;
    }
    c->writing.size = 0;
    return sync && fdatasync(c->descriptor) != 0 ? errno : 0;
}

/* Waits until then, or until something comes. With the lock held. */
static void wait_until(struct snn_checkpoint *c, double seconds)
{
    struct timespec when = {.tv_sec = (time_t)seconds};
    when.tv_nsec = (long)((seconds - (double)when.tv_sec) * 1e9);
    (void)pthread_cond_timedwait(&c->signal, &c->lock, &when);
}

/* Until there is something to write and others had time to join it, or what was written is due to
 * be synced. With the lock held. */
static void wait_for_records(struct snn_checkpoint *c, bool unsynced, double due)
{
    while (c->pending.size == 0 && !c->closing) {
        if (!unsynced) {
            (void)pthread_cond_wait(&c->signal, &c->lock);
            continue;
        }
        if (snnrun_seconds() >= due) return;
        wait_until(c, due);
    }
    const double until =
        snnrun_seconds() + (c->interval_s < WRITE_EVERY_S ? c->interval_s : WRITE_EVERY_S);
    while (!c->closing && snnrun_seconds() < until)
        wait_until(c, until);
}

static void *write_on(void *user)
{
    struct snn_checkpoint *c = user;
    double synced = snnrun_seconds();
    bool unsynced = false;
    pthread_mutex_lock(&c->lock);
    while (c->failed == 0 && (!c->closing || unsynced || c->pending.size > 0)) {
        wait_for_records(c, unsynced, synced + c->interval_s);
        const struct snnbase_buffer batch = c->pending;
        const bool sync = c->closing || snnrun_seconds() >= synced + c->interval_s;
        c->pending = c->writing;
        c->writing = batch;
        pthread_mutex_unlock(&c->lock);
        const int error = write_batch(c, sync);
        unsynced = !sync;
        if (sync) synced = snnrun_seconds();
        pthread_mutex_lock(&c->lock);
        c->failed = error;
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static int fail_write(const struct snn_checkpoint *c, struct snn_context *context, int error)
{
    snnbase_fail_errno(context, error, c->path);
    if (error != ENOSPC && error != EDQUOT && error != EFBIG)
        return snnbase_error_recode(context, SNN_ERR_IO);
    snnbase_hint(context, "what is in the checkpoint stays; make room and give the same command");
    return snnbase_error_recode(context, SNN_ERR_IO);
}

/* The watcher of a partial. */
static int keep(struct snn_context *context, const void *record, size_t size, void *user)
{
    const struct listener *listener = user;
    struct snn_checkpoint *c = listener->checkpoint;
    pthread_mutex_lock(&c->lock);
    const int failed = c->failed;
    int status = SNN_OK;
    if (failed == 0) {
        status = snnrun_journal_append(context, &c->pending, listener->run, record, size);
        pthread_cond_signal(&c->signal);
    }
    pthread_mutex_unlock(&c->lock);
    return failed != 0 ? fail_write(c, context, failed) : status;
}

/* --- Reading ---------------------------------------------------------------------------------- */

/* A look at the file from the front to the end. */
struct scan {
    struct snn_checkpoint *checkpoint;
    struct snn_context *context;
    struct snnbase_buffer window;
    size_t at;       /* in the window */
    uint64_t offset; /* of the window in the file */
    uint64_t size;   /* of the file */
    uint64_t record_max;
    uint64_t searched;      /* bytes, of SEARCH_MAX */
    uint64_t skipped;       /* bytes that hold no record, in all */
    uint64_t first_skipped; /* where they begin */
    const char *first_bad;  /* what was wrong there */
};

static size_t left(const struct scan *s)
{
    return s->window.size - s->at;
}

/* Has `wanted` bytes, or all that are left of the file, in the window. */
static int fill(struct scan *s, uint64_t wanted)
{
    const uint64_t rest = s->size - s->offset - s->at;
    if (wanted > rest) wanted = rest;
    if (left(s) >= wanted) return SNN_OK;
    if (s->at > 0) memmove(s->window.data, s->window.data + s->at, left(s));
    s->window.size -= s->at;
    s->offset += s->at;
    s->at = 0;
    wanted = wanted + WINDOW_SIZE < rest ? wanted + WINDOW_SIZE : rest;
    int status = snnbase_buffer_reserve(s->context, &s->window, (size_t)(wanted - s->window.size));
    while (status == SNN_OK && s->window.size < wanted) {
        const ssize_t got =
            pread(s->checkpoint->descriptor, s->window.data + s->window.size,
                  (size_t)(wanted - s->window.size), (off_t)(s->offset + s->window.size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return snnbase_fail_errno(s->context, errno, s->checkpoint->path);
        if (got == 0)
            return snnbase_fail(s->context, SNN_ERR_IO, "%s: became shorter while it was read",
                                s->checkpoint->path);
        s->window.size += (size_t)got;
    }
    return status;
}

/* Looks at the record here. */
static int look(struct scan *s, struct snnrun_journal_record *out)
{
    int status = fill(s, s->record_max);
    if (status != SNN_OK) return status;
    snnrun_journal_take(s->window.data + s->at, left(s), s->record_max, out);
    if (out->bad == NULL && out->used > 0 && out->run >= s->checkpoint->partial_count)
        out->bad = "a record of a target that is none";
    return SNN_OK;
}

static bool is_whole(const struct snnrun_journal_record *record)
{
    return record->bad == NULL && record->used > 0;
}

/* Goes to a place in the file. */
static void go_to(struct scan *s, uint64_t offset)
{
    if (offset >= s->offset && offset - s->offset <= s->window.size) {
        s->at = (size_t)(offset - s->offset);
        return;
    }
    s->offset = offset;
    s->window.size = s->at = 0;
}

/* Goes from a record that is none to the next that is one: where its size says, else anywhere
 * behind. If there is none, it stays where it is. */
static int find_next(struct scan *s, const struct snnrun_journal_record *bad, bool *found_out)
{
    const uint64_t from = s->offset + s->at;
    struct snnrun_journal_record next = {.used = 0};
    int status = SNN_OK;
    *found_out = false;
    if (bad->used > 0) {
        s->at += bad->used;
        status = look(s, &next);
        *found_out = status == SNN_OK && is_whole(&next);
    }
    if (!*found_out) go_to(s, from);
    while (status == SNN_OK && !*found_out && s->searched < SEARCH_MAX && left(s) > 0) {
        s->at++;
        status = look(s, &next);
        s->searched += LOOK_BYTES + next.used;
        *found_out = status == SNN_OK && is_whole(&next);
    }
    if (!*found_out) go_to(s, from);
    return status;
}

/* Whether the rest, in which there is no record, is what the end of a file looks like that was
 * being written when the process or the machine died: cut, or zeros to the end, or the last record
 * with pages that never reached the disk. */
static int is_torn(struct scan *s, const struct snnrun_journal_record *record, bool *torn_out)
{
    const uint64_t rest = s->size - s->offset - s->at;
    *torn_out = record->bad == NULL || record->used == rest;
    if (*torn_out || rest > s->record_max) return SNN_OK;
    int status = fill(s, rest);
    for (size_t i = 0; status == SNN_OK && i < rest; i++) {
        if (s->window.data[s->at + i] != 0) return SNN_OK;
    }
    *torn_out = status == SNN_OK;
    return status;
}

/* Notes that bytes up to here were skipped. */
static void note_skipped(struct scan *s, uint64_t from, const char *bad)
{
    if (s->skipped == 0) {
        s->first_skipped = from;
        s->first_bad = bad;
    }
    s->skipped += s->offset + s->at - from;
}

static int skip_damage(struct scan *s, const struct snnrun_journal_record *bad, bool *torn_out)
{
    const uint64_t from = s->offset + s->at;
    const uint64_t rest = s->size - from;
    const char *said = bad->bad != NULL ? bad->bad : "a record of a size that is wrong";
    bool found = false;
    int status = find_next(s, bad, &found);
    if (status == SNN_OK && !found && s->searched < SEARCH_MAX) status = is_torn(s, bad, torn_out);
    if (status != SNN_OK || *torn_out) return status;
    if (!found && rest > s->record_max) {
        snnbase_fail(s->context, SNN_ERR_FORMAT, "%s: byte %" PRIu64 ": %s", s->checkpoint->path,
                     from, said);
        return snnbase_hint(s->context, "the file was damaged from here to its end: cut it off "
                                        "here to keep what is before, or begin anew");
    }
    if (!found) go_to(s, s->size);
    note_skipped(s, from, said);
    return SNN_OK;
}

static int take_record(struct scan *s, bool *torn_out)
{
    struct snn_checkpoint *c = s->checkpoint;
    struct snnrun_journal_record record;
    int status = look(s, &record);
    if (status != SNN_OK) return status;
    if (!is_whole(&record)) return skip_damage(s, &record, torn_out);
    status = snn_partial_add(c->partials[record.run], s->context, record.bytes, record.size);
    if (status != SNN_OK)
        return snnbase_where(s->context, "%s: record at byte %" PRIu64, c->path, s->offset + s->at);
    s->at += record.used;
    return SNN_OK;
}

/* Behind the header: all records, and what is not whole at the end goes. */
static int read_records(struct scan *s)
{
    struct snn_checkpoint *c = s->checkpoint;
    bool torn = false;
    int status = SNN_OK;
    s->record_max = snnrun_journal_size_max(c->partials, c->partial_count);
    while (status == SNN_OK && !torn && s->offset + s->at < s->size)
        status = take_record(s, &torn);
    if (status != SNN_OK) return status;
    if (s->skipped > 0)
        snnbase_diagnose(s->context, SNN_SEVERITY_WARNING, NULL,
                         "the samples that were there are run again",
                         "%s: byte %" PRIu64 ": %s; skipped %" PRIu64 " bytes", c->path,
                         s->first_skipped, s->first_bad, s->skipped);
    c->end = s->offset + s->at;
    if (torn && ftruncate(c->descriptor, (off_t)c->end) != 0)
        return snnbase_fail_errno(s->context, errno, c->path);
    return SNN_OK;
}

static int write_header(struct snn_checkpoint *c, struct snn_context *context,
                        const struct snnbase_buffer *header)
{
    size_t written = 0;
    int error = write_all(c->descriptor, header, 0, &written);
    if (error == 0 && fsync(c->descriptor) != 0) error = errno;
    if (error != 0) return fail_write(c, context, error);
    c->end = header->size;
    return SNN_OK;
}

/* A file that is there already begins with the same header, or with a part of it that was all that
 * could be written. */
static int read_all(struct snn_checkpoint *c, struct snn_context *context,
                    const struct snnbase_buffer *header, uint64_t size)
{
    struct scan s = {.checkpoint = c, .context = context, .size = size};
    int status = fill(&s, header->size);
    const size_t held = left(&s) < header->size ? left(&s) : header->size;
    if (status == SNN_OK && (held == 0 || memcmp(s.window.data, header->data, held) == 0)) {
        s.at = held;
        status = held < header->size ? write_header(c, context, header) : read_records(&s);
    } else if (status == SNN_OK) {
        status =
            snnrun_journal_refuse(context, s.window.data, left(&s), c->partials, c->partial_count);
        snnbase_where(context, "%s", c->path);
    }
    snnbase_buffer_fini(context, &s.window);
    return status;
}

/* --- Opening and closing ---------------------------------------------------------------------- */

static int open_file(struct snn_checkpoint *c, struct snn_context *context, uint64_t *size_out)
{
    struct stat info;
    c->descriptor = open(c->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    if (c->descriptor < 0) return snnbase_fail_errno(context, errno, c->path);
    if (fstat(c->descriptor, &info) != 0) return snnbase_fail_errno(context, errno, c->path);
    if (!S_ISREG(info.st_mode))
        return snnbase_fail(context, SNN_ERR_INVALID, "%s: a checkpoint is a regular file",
                            c->path);
    if (flock(c->descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return snnbase_fail_errno(context, errno, c->path);
        snnbase_fail(context, SNN_ERR_BUSY, "%s: another process writes to it", c->path);
        return snnbase_hint(context, "wait until it is through, or name another file");
    }
    /* It may have grown until the lock was had. */
    if (fstat(c->descriptor, &info) != 0) return snnbase_fail_errno(context, errno, c->path);
    *size_out = (uint64_t)info.st_size;
    return SNN_OK;
}

static int open_journal(struct snn_checkpoint *c, struct snn_context *context)
{
    struct snnbase_buffer header = {.data = NULL};
    uint64_t size = 0;
    int status = snnrun_journal_begin(context, c->partials, c->partial_count, &header);
    if (status == SNN_OK) status = open_file(c, context, &size);
    if (status == SNN_OK) status = read_all(c, context, &header, size);
    snnbase_buffer_fini(context, &header);
    return status;
}

/* The signal's times are those of snnrun_seconds. */
static int make_signal(struct snn_checkpoint *c)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return -1;
    int failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (failed == 0) failed = pthread_cond_init(&c->signal, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (failed != 0) return failed;
    failed = pthread_mutex_init(&c->lock, NULL);
    if (failed != 0) (void)pthread_cond_destroy(&c->signal);
    return failed;
}

static int start(struct snn_checkpoint *c, struct snn_context *context)
{
    c->ready = make_signal(c) == 0;
    if (!c->ready || pthread_create(&c->thread, NULL, write_on, c) != 0)
        return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: no thread");
    for (uint32_t i = 0; i < c->partial_count; i++) {
        c->listeners[i] = (struct listener){c, i};
        snn_partial_watch(c->partials[i], keep, &c->listeners[i]);
    }
    return SNN_OK;
}

static int check(struct snn_context *context, struct snn_partial *const *partials, uint32_t count,
                 double interval_s)
{
    if (count == 0 || count > SNNRUN_JOURNAL_PARTIALS_MAX)
        return snnbase_fail(context, SNN_ERR_INVALID, "a checkpoint of %u runs is not of 1..%d",
                            count, SNNRUN_JOURNAL_PARTIALS_MAX);
    if (!(interval_s >= 0.0) || interval_s > 1e6)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "an interval of %g seconds is not within 0..1e6", interval_s);
    for (uint32_t i = 0; i < count; i++) {
        if (partials[i]->watch != NULL)
            return snnbase_fail(context, SNN_ERR_INVALID, "a partial result is watched already");
    }
    return SNN_OK;
}

static void release(struct snn_checkpoint *c)
{
    const struct snn_allocator allocator = c->arena.allocator;
    if (c->ready) {
        (void)pthread_mutex_destroy(&c->lock);
        (void)pthread_cond_destroy(&c->signal);
    }
    if (c->descriptor >= 0) (void)close(c->descriptor);
    snnbase_allocator_free(&allocator, c->pending.data);
    snnbase_allocator_free(&allocator, c->writing.data);
    snnbase_arena_fini(&c->arena);
    snnbase_allocator_free(&allocator, c);
}

int snn_checkpoint_open(struct snn_checkpoint **out, struct snn_context *context, const char *path,
                        struct snn_partial *const *partials, uint32_t partial_count,
                        double interval_s)
{
    int status = check(context, partials, partial_count, interval_s);
    if (status != SNN_OK) return status;
    struct snn_checkpoint *c = snnbase_alloc(context, 1, sizeof(*c));
    if (c == NULL) return SNN_ERR_NOMEM;
    snnbase_arena_init(&c->arena, context);
    c->descriptor = -1;
    c->interval_s = interval_s > 0.0 ? interval_s : 1.0;
    c->partial_count = partial_count;
    c->path = snnbase_arena_string(&c->arena, context, path);
    c->partials = snnbase_arena_alloc(&c->arena, context, partial_count, sizeof(*c->partials));
    c->listeners = snnbase_arena_alloc(&c->arena, context, partial_count, sizeof(*c->listeners));
    if (c->path == NULL || c->partials == NULL || c->listeners == NULL) {
        status = SNN_ERR_NOMEM;
    } else {
        memcpy(c->partials, partials, partial_count * sizeof(struct snn_partial *));
        status = open_journal(c, context);
    }
    if (status == SNN_OK) status = start(c, context);
    if (status != SNN_OK)
        release(c);
    else
        *out = c;
    return status;
}

int snn_checkpoint_close(struct snn_checkpoint **checkpoint, struct snn_context *context)
{
    if (checkpoint == NULL || *checkpoint == NULL) return SNN_OK;
    struct snn_checkpoint *c = *checkpoint;
    for (uint32_t i = 0; i < c->partial_count; i++)
        snn_partial_watch(c->partials[i], NULL, NULL);
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_signal(&c->signal);
    pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    const int failed = c->failed;
    const int status = failed != 0 ? fail_write(c, context, failed) : SNN_OK;
    release(c);
    *checkpoint = NULL;
    return status;
}
