/* The thread of a serial line: frames out of requests and stream bytes, and back.
 *
 * Invariant: a frame that has begun is written to its end before anything else is, and stream bytes
 * go out and come in in their order. What comes in while nobody waits for it is kept in `came`;
 * when that is full nothing is read, and the device has to wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device/transport/serial.h"
#include "libsnn/base/error.h"

enum { PROBE_MS = 200 };

void snndev_line_nudge(struct snndev_line *line)
{
    const uint8_t byte = 0;
    /* A full pipe nudges, too. */
    if (write(line->wake[1], &byte, 1) < 0) return;
}

/* ---- Out ---- */

/* The next frame of stream bytes: whole words of what was submitted. */
static void frame_words(struct snndev_line *line)
{
    uint8_t payload[SNNWIRE_PAYLOAD_MAX];
    struct snndev_transfer *transfer = line->desk.out.first;
    const size_t room = sizeof(payload) - line->residue_size;
    const size_t left = transfer->size - line->out_at;
    const size_t taken = left < room ? left : room;
    memcpy(payload, line->residue, line->residue_size);
    if (taken > 0) memcpy(payload + line->residue_size, transfer->bytes + line->out_at, taken);
    const size_t size = line->residue_size + taken;
    const size_t whole = size - size % SNNWIRE_WORD_BYTES;
    line->out_at += taken;
    line->residue_size = size - whole;
    memcpy(line->residue, payload + whole, line->residue_size);
    if (whole > 0)
        line->written_size =
            snnwire_frame_write(SNNWIRE_FRAME_WORDS, payload, whole, line->written);
}

/* Puts the next bytes that are to be written into `written`, if there are any. */
static void prepare(struct snndev_line *line)
{
    while (line->written_at == line->written_size) {
        line->written_at = line->written_size = 0;
        if (line->ask_size > 0) {
            const size_t left = line->ask_size - line->ask_at;
            line->written_size = left < sizeof(line->written) ? left : sizeof(line->written);
            memcpy(line->written, line->ask + line->ask_at, line->written_size);
            line->ask_at += line->written_size;
            if (line->ask_at == line->ask_size) line->ask_at = line->ask_size = 0;
            return;
        }
        struct snndev_transfer *transfer = line->desk.out.first;
        if (transfer == NULL) return;
        if (line->out_at < transfer->size) {
            frame_words(line);
            continue;
        }
        (void)snndev_queue_take(&line->desk.out);
        transfer->actual = line->out_at;
        line->out_at = 0;
        snndev_desk_end(&line->desk, transfer, SNNDEV_COMPLETED);
    }
}

static void write_out(struct snndev_line *line)
{
    const ssize_t count = write(line->descriptor, line->written + line->written_at,
                                line->written_size - line->written_at);
    if (count > 0) line->written_at += (size_t)count;
    if (count < 0 && errno != EAGAIN && errno != EINTR) line->gone = true;
}

/* ---- In ---- */

/* Hands what came to who waits for it. */
static void deliver(struct snndev_line *line)
{
    size_t at = 0;
    while (at < line->came_size && line->desk.in.first != NULL) {
        struct snndev_transfer *transfer = snndev_queue_take(&line->desk.in);
        const size_t left = line->came_size - at;
        transfer->actual = left < transfer->size ? left : transfer->size;
        memcpy(transfer->bytes, line->came + at, transfer->actual);
        at += transfer->actual;
        snndev_desk_end(&line->desk, transfer, SNNDEV_COMPLETED);
    }
    line->came_size -= at;
    memmove(line->came, line->came + at, line->came_size);
}

/* An answer that nobody awaits came too late, and is passed over. */
static void take_answer(struct snndev_line *line, const struct snnwire_frame *frame)
{
    struct snnwire_status status;
    if (frame->size < SNNWIRE_STATUS_BYTES ||
        !snnwire_status_read(&status, frame->payload, SNNWIRE_STATUS_BYTES))
        return;
    if (status.code != line->awaited || line->answered) return;
    /* What the streams still hold is of the time before. */
    if (status.code == SNNWIRE_CODE_RESET && status.error == SNNWIRE_ERROR_NONE)
        line->came_size = 0;
    line->answer = status;
    line->data_size = frame->size - SNNWIRE_STATUS_BYTES;
    memcpy(line->data, frame->payload + SNNWIRE_STATUS_BYTES, line->data_size);
    line->answered = true;
    (void)pthread_cond_broadcast(&line->desk.changed);
}

static void take(struct snndev_line *line, const uint8_t *bytes, size_t size)
{
    struct snnwire_frame frame;
    size_t used = 0;
    while (snnwire_frame_read(&line->framer, bytes, size, &used, &frame)) {
        bytes += used;
        size -= used;
        line->frames++;
        if (frame.type == SNNWIRE_FRAME_ANSWER) take_answer(line, &frame);
        if (frame.type != SNNWIRE_FRAME_WORDS || frame.size > sizeof(line->came) - line->came_size)
            continue;
        memcpy(line->came + line->came_size, frame.payload, frame.size);
        line->came_size += frame.size;
    }
}

void snndev_line_clear(struct snndev_line *line)
{
    static const uint8_t zeros[SNNWIRE_FRAME_MAX];
    const uint64_t before = line->framer.skipped;
    take(line, zeros, sizeof(zeros));
    /* The zeros themselves have not come. */
    const uint64_t passed = line->framer.skipped - before;
    line->framer.skipped = before + (passed > sizeof(zeros) ? passed - sizeof(zeros) : 0);
    deliver(line);
}

/* Whether all the frames that may be in so many bytes have room. */
static bool has_room(const struct snndev_line *line)
{
    return sizeof(line->came) - line->came_size >= 2 * (size_t)SNNWIRE_FRAME_MAX;
}

/* An unplugged port reads as one on which nothing comes. */
static bool is_alive(const struct snndev_line *line)
{
    int waiting = 0;
    return ioctl(line->descriptor, FIONREAD, &waiting) == 0;
}

static void read_in(struct snndev_line *line)
{
    uint8_t bytes[SNNWIRE_FRAME_MAX];
    while (!line->gone && has_room(line)) {
        const ssize_t count = read(line->descriptor, bytes, sizeof(bytes));
        if (count > 0) take(line, bytes, (size_t)count);
        if (count == 0 && !is_alive(line)) line->gone = true;
        if (count < 0 && errno != EAGAIN && errno != EINTR) line->gone = true;
        if (count < (ssize_t)sizeof(bytes)) break;
    }
    deliver(line);
}

/* ---- The thread ---- */

/* Waits, without the lock, until something can be done; what it is. */
static short wait_for(struct snndev_line *line)
{
    uint8_t nudges[64];
    const bool writes = line->written_at < line->written_size;
    struct pollfd files[2] = {{.fd = line->wake[0], .events = POLLIN},
                              {.fd = line->descriptor, .events = 0}};
    if (has_room(line)) files[1].events |= POLLIN;
    if (writes) files[1].events |= POLLOUT;
    (void)pthread_mutex_unlock(&line->desk.lock);
    const int ready = poll(files, 2, PROBE_MS);
    if (ready > 0 && (files[0].revents & POLLIN) != 0) {
        while (read(line->wake[0], nudges, sizeof(nudges)) == (ssize_t)sizeof(nudges)) {
        }
    }
    (void)pthread_mutex_lock(&line->desk.lock);
    if (ready == 0 && !is_alive(line)) return POLLHUP;
    return ready > 0 ? files[1].revents : 0;
}

static void *run(void *user)
{
    struct snndev_line *line = user;
    (void)pthread_mutex_lock(&line->desk.lock);
    while (!line->stop && !line->gone) {
        deliver(line);
        prepare(line);
        const short ready = wait_for(line);
        if ((ready & POLLOUT) != 0) write_out(line);
        if ((ready & (POLLIN | POLLHUP)) != 0) read_in(line);
        if ((ready & (POLLHUP | POLLERR | POLLNVAL)) != 0) line->gone = true;
    }
    if (line->gone) {
        snndev_desk_end_all(&line->desk, &line->desk.in, SNNDEV_VANISHED);
        snndev_desk_end_all(&line->desk, &line->desk.out, SNNDEV_VANISHED);
        (void)pthread_cond_broadcast(&line->desk.changed);
    }
    (void)pthread_mutex_unlock(&line->desk.lock);
    return NULL;
}

int snndev_line_start(struct snndev_line *line, struct snn_context *context, int descriptor)
{
    int status = snndev_desk_init(&line->desk, context);
    if (status != SNN_OK) return status;
    line->descriptor = descriptor;
    if (pipe(line->wake) != 0) {
        snndev_desk_fini(&line->desk);
        return snnbase_fail(context, SNN_ERR_IO, "no more files may be open in this process");
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(line->wake[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(line->wake[i], F_SETFD, FD_CLOEXEC);
    }
    if (pthread_create(&line->thread, NULL, run, line) == 0) return SNN_OK;
    (void)close(line->wake[0]);
    (void)close(line->wake[1]);
    snndev_desk_fini(&line->desk);
    return snnbase_fail(context, SNN_ERR_NOMEM, "no memory for a thread");
}

void snndev_line_stop(struct snndev_line *line)
{
    (void)pthread_mutex_lock(&line->desk.lock);
    line->stop = true;
    snndev_line_nudge(line);
    (void)pthread_mutex_unlock(&line->desk.lock);
    (void)pthread_join(line->thread, NULL);
    (void)close(line->wake[0]);
    (void)close(line->wake[1]);
    snndev_desk_fini(&line->desk);
}
