/* The forked child and its pipe, see child.h.
 *
 * What travels: the output of `run`, then a trailer that tells the parent how it ended:
 *
 *     output | text of the error | its length, 8 bytes | -status, 8 bytes
 *
 * A child that dies leaves no trailer that counts: the parent asks how it died before it looks.
 */
#include "convert/read/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsnn/base/error.h"
#include "snn/status.h"

/* Sanitizers map terabytes that nobody uses: a limit on the address space would stop them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum {
    PIPE_BYTES = 16384,
    TRAILER_SIZE = 16,
    SIGNAL_MAX = 64,       /* real-time signals included */
    DESCRIPTOR_MAX = 4096, /* closed in the child; more would take longer than the work */
    WAIT_FACTOR = 4,       /* a busy machine, */
    WAIT_EXTRA_S = 10      /* or a child that waits for a lock whose thread was not forked */
};

struct snnconv_child_pipe {
    int descriptor;
    size_t used;
    unsigned char bytes[PIPE_BYTES];
};

/* ---- In the child ---- */

static void flush(struct snnconv_child_pipe *pipe)
{
    size_t done = 0;
    while (done < pipe->used) {
        ssize_t written = write(pipe->descriptor, pipe->bytes + done, pipe->used - done);
        if (written > 0)
            done += (size_t)written;
        else if (errno != EINTR)
            _exit(1); /* of the child: nobody reads what it has to say */
    }
    pipe->used = 0;
}

void snnconv_child_put(struct snnconv_child_pipe *pipe, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    while (size > 0) {
        size_t part = PIPE_BYTES - pipe->used;
        if (part > size) part = size;
        memcpy(pipe->bytes + pipe->used, bytes, part);
        pipe->used += part;
        bytes += part;
        size -= part;
        if (pipe->used == PIPE_BYTES) flush(pipe);
    }
}

void snnconv_child_put_number(struct snnconv_child_pipe *pipe, uint64_t number)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    snnconv_child_put(pipe, bytes, sizeof(bytes));
}

void snnconv_child_put_text(struct snnconv_child_pipe *pipe, const char *text, size_t size)
{
    snnconv_child_put_number(pipe, size);
    snnconv_child_put(pipe, text, size);
}

static void limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit old, wanted = {.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)hard};
    if (getrlimit(resource, &old) != 0) return;
    if (wanted.rlim_max > old.rlim_max) wanted.rlim_max = old.rlim_max;
    if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
    (void)setrlimit(resource, &wanted);
}

/* Handlers of the parent would run on the child's crash, its masks would keep it from dying. */
static void reset_signals(void)
{
    struct sigaction action;
    sigset_t none;
    memset(&action, 0, sizeof(action));
    action.sa_handler = SIG_DFL;
    for (int i = 1; i <= SIGNAL_MAX; i++)
        (void)sigaction(i, &action, NULL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void close_descriptors(int kept)
{
    long count = sysconf(_SC_OPEN_MAX);
    if (count < 0 || count > DESCRIPTOR_MAX) count = DESCRIPTOR_MAX;
    for (int i = 0; i < (int)count; i++) {
        if (i != kept) (void)close(i);
    }
    limit(RLIMIT_NOFILE, 0, 0); /* external links, external data and plugins end here */
}

/* A limit on processor time counts whole seconds, a timer the rest; what a timer cannot, as where
 * there is none of that clock, the limit does. */
static void limit_processor(unsigned milliseconds)
{
    timer_t timer;
    struct sigevent event;
    const struct itimerspec once = {
        .it_value = {.tv_sec = milliseconds / 1000, .tv_nsec = 1000000L * (milliseconds % 1000)}};
    uint64_t seconds = (uint64_t)milliseconds / 1000 + 1;
    memset(&event, 0, sizeof(event));
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGXCPU;
    if (timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) == 0)
        (void)timer_settime(timer, 0, &once, NULL);
    limit(RLIMIT_CPU, seconds, seconds + 1);
}

static void cage(const struct snnconv_child_job *job, uint64_t mapped_bytes, int kept)
{
    reset_signals();
    close_descriptors(kept);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, 0, 0);
    limit_processor(job->processor_ms);
    if (!SANITIZED && mapped_bytes > 0) {
        uint64_t total = mapped_bytes + job->memory_bytes;
        limit(RLIMIT_AS, total, total);
    }
}

/* Ends the process: what its parent put off until exit must not happen twice. */
static void run_child(struct snn_context *context, const struct snnconv_child_job *job,
                      uint64_t mapped_bytes, int descriptor)
{
    struct snnconv_child_pipe pipe;
    pipe.descriptor = descriptor;
    pipe.used = 0;
    cage(job, mapped_bytes, descriptor);
    int status = job->run(&pipe, context, job->user);
    const char *text = status == SNN_OK ? "" : snn_context_message(context);
    snnconv_child_put(&pipe, text, strlen(text));
    snnconv_child_put_number(&pipe, strlen(text));
    snnconv_child_put_number(&pipe, (uint64_t)-status);
    flush(&pipe);
    _exit(0);
}

/* ---- In the parent ---- */

/* Bytes that this process has mapped, which a limit on the child's has to leave room for; 0 where
 * the system does not say. */
static uint64_t read_mapped_bytes(void)
{
    unsigned long long pages = 0;
    long page_bytes = sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    int fields = fscanf(file, "%llu", &pages);
    (void)fclose(file);
    return fields == 1 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : 0;
}

static int64_t now_ms(void)
{
    struct timespec time = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* One piece of the output; *ended at its end. */
static int pump_some(struct snnbase_buffer *out, struct snn_context *context, int descriptor,
                     uint64_t limit_bytes, bool *ended)
{
    int status = snnbase_buffer_reserve(context, out, PIPE_BYTES);
    if (status != SNN_OK) return status;
    ssize_t got = read(descriptor, out->data + out->size, PIPE_BYTES);
    if (got < 0 && errno == EINTR) return SNN_OK;
    if (got < 0) return snnbase_fail_errno(context, errno, "pipe of a child process");
    *ended = got == 0;
    out->size += (size_t)got;
    if (out->size > limit_bytes)
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "more than %" PRIu64 " bytes come out of the file", limit_bytes);
    return SNN_OK;
}

/* Everything the child has to say. *late where it takes too long. */
static int pump(struct snnbase_buffer *out, struct snn_context *context,
                const struct snnconv_child_job *job, int descriptor, bool *late)
{
    int64_t deadline = now_ms() + 1000 * WAIT_EXTRA_S + WAIT_FACTOR * (int64_t)job->processor_ms;
    bool ended = false;
    int status = SNN_OK;
    while (status == SNN_OK && !ended) {
        struct pollfd ready = {.fd = descriptor, .events = POLLIN};
        int64_t left = deadline - now_ms();
        *late = left <= 0;
        if (*late) break;
        int count = poll(&ready, 1, left > 1000 ? 1000 : (int)left);
        if (count < 0 && errno != EINTR)
            status = snnbase_fail_errno(context, errno, "pipe of a child process");
        else if (count > 0)
            status = pump_some(out, context, descriptor,
                               job->output_bytes + TRAILER_SIZE + PIPE_BYTES, &ended);
    }
    return status;
}

/* How the child died; 0 where it did not, or where somebody else has reaped it. */
static int reap(pid_t child)
{
    int how = 0;
    pid_t got;
    do {
        got = waitpid(child, &how, 0);
    } while (got < 0 && errno == EINTR);
    return got == child && WIFSIGNALED(how) ? WTERMSIG(how) : 0;
}

static uint64_t number_at(const unsigned char *bytes)
{
    uint64_t number = 0;
    for (size_t i = 8; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

/* Takes the trailer off the output and gives the status that it tells. */
static int take_trailer(struct snnbase_buffer *out, struct snn_context *context,
                        const struct snnconv_child_job *job)
{
    size_t left = out->size < TRAILER_SIZE ? 0 : out->size - TRAILER_SIZE;
    uint64_t text_size = 0, code = 0;
    if (out->size >= TRAILER_SIZE) {
        text_size = number_at(out->data + left);
        code = number_at(out->data + left + 8);
    }
    if (out->size < TRAILER_SIZE || text_size > left || code > (uint64_t)-SNN_ERR_INTERNAL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s (without a word)", job->blame);
    out->size = left - (size_t)text_size;
    if (code == 0) return SNN_OK;
    return snnbase_fail(context, -(int)code, "%.*s", (int)(text_size < 1000 ? text_size : 1000),
                        (const char *)out->data + out->size);
}

static int judge(struct snnbase_buffer *out, struct snn_context *context,
                 const struct snnconv_child_job *job, int signal_number, bool late)
{
    if (late) return snnbase_fail(context, SNN_ERR_FORMAT, "%s (it did not end)", job->blame);
    if (signal_number == SIGXCPU || signal_number == SIGKILL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s (more than %.1f s of processor time)",
                            job->blame, 0.001 * job->processor_ms);
    if (signal_number != 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s (signal %d)", job->blame, signal_number);
    return take_trailer(out, context, job);
}

int snnconv_child_run(struct snnbase_buffer *out, struct snn_context *context,
                      const struct snnconv_child_job *job)
{
    int ends[2];
    uint64_t mapped_bytes = read_mapped_bytes();
    bool late = false;
    if (pipe(ends) != 0) return snnbase_fail_errno(context, errno, "pipe to a child process");
    for (int i = 0; i < 2; i++)
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    pid_t child = fork();
    if (child == 0) run_child(context, job, mapped_bytes, ends[1]);
    (void)close(ends[1]);
    if (child < 0) {
        (void)close(ends[0]);
        return snnbase_fail(context, SNN_ERR_NOMEM, "no child process to be had: %s",
                            errno == EAGAIN ? "too many are running" : "out of memory");
    }
    int status = pump(out, context, job, ends[0], &late);
    if (status != SNN_OK || late) (void)kill(child, SIGKILL);
    (void)close(ends[0]);
    int signal_number = reap(child);
    return status != SNN_OK ? status : judge(out, context, job, signal_number, late);
}
