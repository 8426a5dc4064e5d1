/* A virtual chip at the end of a serial line: frames of the wire on a pty, whose other side any
 * program opens as "serial:/dev/pts/N@115200". Neither root nor modules of the kernel are needed.
 *
 * One loop, without threads: what waits to be written is written to its end before more is made, so
 * a host that does not read holds the device back, as it would on a line.
 */
/* For posix_openpt, cfmakeraw. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own */
#define _DEFAULT_SOURCE
/* NOLINTNEXTLINE(bugprone-reserved-identifier): likewise */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "device/vchip/emulator.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

/* Between two questions whether to go on. */
enum { ASK_MS = 100, OUT_ROOM = 4 * (int)SNNWIRE_FRAME_MAX };

struct process {
    struct snndev_port *port;
    const struct snn_emulate_options *options;
    int near, far; /* the pty: our side, and the host's, kept open so that hosts may come and go */
    const char *link; /* a name for the line; NULL: none was made */
    bool gone;
    struct snnwire_framer framer;
    uint8_t residue[SNNWIRE_WORD_BYTES]; /* of a word on its way to the host */
    size_t residue_size;
    uint8_t out[OUT_ROOM];
    size_t out_size, out_at;
    uint8_t data[SNNWIRE_PAYLOAD_MAX];
    uint8_t payload[SNNWIRE_FRAME_PAYLOAD_MAX];
};

static bool goes_on(const struct process *p)
{
    return p->options->go_on == NULL || p->options->go_on(p->options->user);
}

/* ---- The line ---- */

static int fail_pty(struct snn_context *context)
{
    snnbase_fail(context, SNN_ERR_NOT_FOUND, "no pseudo terminal to be had: %s", strerror(errno));
    return snnbase_hint(context, "is /dev/pts mounted?");
}

/* A link of that name that leads nowhere is one that an emulator left behind. */
static int name_line(struct process *p, struct snn_context *context, const char *path)
{
    struct stat about;
    const char *name = p->options->address;
    if (lstat(name, &about) == 0 && S_ISLNK(about.st_mode) && stat(name, &about) != 0)
        (void)unlink(name);
    if (symlink(path, name) == 0) {
        p->link = name;
        return SNN_OK;
    }
    if (errno != EEXIST) return snnbase_fail_errno(context, errno, name);
    snnbase_fail(context, SNN_ERR_BUSY, "%s: there is something of that name", name);
    return snnbase_hint(context, "give another --address");
}

static int open_line(struct process *p, struct snn_context *context)
{
    struct termios settings;
    char uri[192];
    p->near = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->near < 0 || grantpt(p->near) != 0 || unlockpt(p->near) != 0) return fail_pty(context);
    /* Of this process only: nobody else asks for a name at the same time in one. */
    const char *path = ptsname(p->near); /* NOLINT(concurrency-mt-unsafe): see the line above */
    if (path == NULL) return fail_pty(context);
    p->far = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->far < 0 || tcgetattr(p->far, &settings) != 0) return fail_pty(context);
    cfmakeraw(&settings);
    if (tcsetattr(p->far, TCSANOW, &settings) != 0 || fcntl(p->near, F_SETFL, O_NONBLOCK) != 0)
        return fail_pty(context);
    const int status = p->options->address != NULL ? name_line(p, context, path) : SNN_OK;
    if (status != SNN_OK) return status;
    (void)snprintf(uri, sizeof(uri), "serial:%s@115200", p->link != NULL ? p->link : path);
    if (p->options->ready != NULL) p->options->ready(uri, p->options->user);
    return SNN_OK;
}

static void close_line(struct process *p)
{
    if (p->link != NULL) (void)unlink(p->link);
    if (p->far >= 0) (void)close(p->far);
    if (p->near >= 0) (void)close(p->near);
}

/* ---- What the host sends ---- */

static void hold_back(struct process *p)
{
    unsigned left = snndev_port_delay(p->port);
    while (left > 0 && goes_on(p)) {
        const unsigned part = left < ASK_MS ? left : ASK_MS;
        const struct timespec time = {.tv_nsec = (long)part * 1000000};
        (void)nanosleep(&time, NULL);
        left -= part;
    }
}

static void append_frame(struct process *p, enum snnwire_frame_type type, const uint8_t *payload,
                         size_t size)
{
    p->out_size += snnwire_frame_write(type, payload, size, p->out + p->out_size);
}

/* A byte stream tells at once what STATUS would. */
static void answer(struct process *p, const struct snnwire_request *request, bool refused,
                   uint32_t size)
{
    static const struct snnwire_request ask = {
        .code = SNNWIRE_CODE_STATUS, .in = true, .size = SNNWIRE_STATUS_BYTES};
    const struct snnwire_status fine = {.code = request->code};
    uint32_t told = 0;
    snnwire_status_write(&fine, p->payload);
    if (refused && snndev_port_request(p->port, &ask, p->payload, &told) == SNNDEV_VANISHED)
        p->gone = true;
    if (refused || !request->in) size = 0;
    memcpy(p->payload + SNNWIRE_STATUS_BYTES, p->data, size);
    append_frame(p, SNNWIRE_FRAME_ANSWER, p->payload, SNNWIRE_STATUS_BYTES + size);
    if (request->code == SNNWIRE_CODE_RESET && !refused) p->residue_size = 0;
}

static void take_request(struct process *p, const struct snnwire_frame *frame)
{
    struct snnwire_request request;
    if (frame->size < SNNWIRE_REQUEST_BYTES ||
        !snnwire_request_read(&request, frame->payload, SNNWIRE_REQUEST_BYTES))
        return;
    const size_t size = frame->size - SNNWIRE_REQUEST_BYTES;
    if (size != (request.in ? 0 : request.size)) return;
    memcpy(p->data, frame->payload + SNNWIRE_REQUEST_BYTES, size);
    uint32_t told = 0;
    const enum snndev_outcome outcome = snndev_port_request(p->port, &request, p->data, &told);
    hold_back(p);
    if (outcome == SNNDEV_VANISHED) p->gone = true;
    if (outcome == SNNDEV_COMPLETED || outcome == SNNDEV_STALLED)
        answer(p, &request, outcome == SNNDEV_STALLED, told);
}

/* A line has no endpoints that could stay halted: a fault that halts one only holds it up. */
static void take_words(struct process *p, const struct snnwire_frame *frame)
{
    size_t at = 0;
    while (at < frame->size && !p->gone) {
        size_t taken = 0;
        const enum snndev_outcome outcome =
            snndev_port_take(p->port, frame->payload + at, frame->size - at, &taken);
        at += taken;
        if (outcome == SNNDEV_STALLED) snndev_port_clear_halt(p->port, true);
        if (outcome == SNNDEV_VANISHED) p->gone = true;
    }
}

static void read_in(struct process *p)
{
    uint8_t bytes[SNNWIRE_FRAME_MAX];
    struct snnwire_frame frame;
    size_t at = 0, used = 0;
    const ssize_t count = read(p->near, bytes, sizeof(bytes));
    if (count <= 0) return;
    while (!p->gone &&
           snnwire_frame_read(&p->framer, bytes + at, (size_t)count - at, &used, &frame)) {
        at += used;
        if (frame.type == SNNWIRE_FRAME_REQUEST && p->out_size <= OUT_ROOM - SNNWIRE_FRAME_MAX)
            take_request(p, &frame);
        if (frame.type == SNNWIRE_FRAME_WORDS) take_words(p, &frame);
    }
}

/* ---- What the chip sends ---- */

/* The next frame of stream bytes, if there are any. */
static void make_words(struct process *p)
{
    uint8_t *bytes = p->payload;
    size_t given = 0;
    memcpy(bytes, p->residue, p->residue_size);
    const enum snndev_outcome outcome = snndev_port_give(
        p->port, bytes + p->residue_size, SNNWIRE_PAYLOAD_MAX - p->residue_size, 0, &given);
    if (outcome == SNNDEV_STALLED) snndev_port_clear_halt(p->port, false);
    if (outcome == SNNDEV_VANISHED) p->gone = true;
    if (outcome != SNNDEV_COMPLETED || given == 0) return;
    const size_t size = p->residue_size + given, whole = size - size % SNNWIRE_WORD_BYTES;
    p->residue_size = size - whole;
    memcpy(p->residue, bytes + whole, p->residue_size);
    if (whole > 0) append_frame(p, SNNWIRE_FRAME_WORDS, bytes, whole);
}

static void write_out(struct process *p)
{
    const ssize_t count = write(p->near, p->out + p->out_at, p->out_size - p->out_at);
    if (count > 0) p->out_at += (size_t)count;
    if (p->out_at < p->out_size) return;
    p->out_at = p->out_size = 0;
}

/* Nothing more is made of the chip's events than what a frame holds while nobody reads. */
static void serve_line(struct process *p)
{
    while (!p->gone && goes_on(p)) {
        struct pollfd file = {.fd = p->near, .events = 0};
        if (p->out_size == 0) make_words(p);
        if (p->out_size > 0) file.events |= POLLOUT;
        if (p->out_size <= OUT_ROOM - 2 * (int)SNNWIRE_FRAME_MAX) file.events |= POLLIN;
        if (poll(&file, 1, ASK_MS) <= 0) continue;
        if ((file.revents & POLLIN) != 0) read_in(p);
        if ((file.revents & POLLOUT) != 0) write_out(p);
    }
}

static int serve(struct snn_context *context, struct snndev_port *port,
                 const struct snn_emulate_options *options)
{
    struct process *p = snnbase_alloc(context, 1, sizeof(*p));
    if (p == NULL) return SNN_ERR_NOMEM;
    p->port = port;
    p->options = options;
    p->near = p->far = -1;
    const int status = open_line(p, context);
    if (status == SNN_OK) serve_line(p);
    close_line(p);
    snnbase_free(context, p);
    return status;
}

const struct snndev_emulator_ops snndev_process_emulator = {
    .name = "process",
    .summary = "a serial line of its own, for this user's programs",
    .serve = serve,
};
