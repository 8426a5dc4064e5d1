/* Every call of libusb, and every allocation, made to fail, one after another, with each error that
 * matters: while devices are listed and watched, opened, loaded, streamed to and closed. Whatever
 * fails, and wherever: no step takes longer than a second, nothing crashes, nothing is left behind,
 * and the same process opens the device again and gets the right events from it.
 */
#include <libusb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/device/fakeusb.h"
#include "tests/device/fixture.h"

enum { STEP_MS = 1000, TIMEOUT_MS = 500, SAMPLES = 2, HANG_S = 30, CALLS_MAX = 5000 };

/* ThreadSanitizer makes it many times slower, and looks for something else: it gets a part. */
#if defined(__SANITIZE_THREAD__)
enum { STRIDE = 5 };
#else
enum { STRIDE = 1 };
#endif

/* A passage, and what it came to. */
struct passage {
    struct fixture f;
    bool whole;      /* every step succeeded */
    int64_t slowest; /* step, in ms */
    const char *step;
};

/* Times one step. */
static int timed(struct passage *p, const char *name, int64_t begin, int status)
{
    int64_t took = clock_ms() - begin;
    if (took > p->slowest) {
        p->slowest = took;
        p->step = name;
    }
    if (status != SNN_OK && p->whole) {
        p->whole = false;
        printf("#   %s: %s: %s\n", name, snn_status_name(status),
               snn_context_message(p->f.context));
    }
    return status;
}

#define STEP(p, name, call) timed((p), (name), clock_ms(), (call))

static void on_change(const struct snn_device_description *description, bool arrived, void *user)
{
    (void)description;
    (void)arrived;
    (void)user;
}

static void on_listed(const struct snn_device_description *description, void *user)
{
    (void)description;
    (void)user;
}

/* ---- Memory ---- */

/* Shared with the threads of links and watches. */
static atomic_ulong allocations, fail_at;
static atomic_long blocks;

static void *allocate(size_t size, void *user)
{
    (void)user;
    if (atomic_fetch_add(&allocations, 1) + 1 == atomic_load(&fail_at)) return NULL;
    void *memory = malloc(size);
    if (memory) atomic_fetch_add(&blocks, 1);
    return memory;
}

static void release(void *memory, void *user)
{
    (void)user;
    if (memory) atomic_fetch_sub(&blocks, 1);
    free(memory);
}

static const struct snn_allocator counting = {allocate, release, NULL};

/* ---- Passages ---- */

static void pass_list(struct passage *p)
{
    (void)STEP(p, "list", snn_device_list(p->f.context, on_listed, NULL));
    (void)STEP(p, "watch", snn_device_watch_start(&p->f.watch, p->f.context, on_change, NULL));
    int64_t begin = clock_ms();
    snn_device_watch_stop(&p->f.watch);
    (void)timed(p, "stop", begin, SNN_OK);
}

static void pass_open(struct passage *p)
{
    const struct snn_device_options options = {
        .timeout_ms = TIMEOUT_MS, .transfers = 4, .slot_bytes = 4096};
    if (STEP(p, "open", open_slot(&p->f, 0, &options)) != SNN_OK) return;
    int64_t begin = clock_ms();
    snn_device_close(&p->f.device[0]);
    (void)timed(p, "close", begin, SNN_OK);
}

static void pass_stream(struct passage *p)
{
    const struct snn_device_options options = {
        .timeout_ms = TIMEOUT_MS, .transfers = 4, .slot_bytes = 4096};
    struct fixture *f = &p->f;
    int status = STEP(p, "open", open_slot(f, 0, &options));
    if (status == SNN_OK) status = STEP(p, "load", load_slot(f, 0, NULL));
    for (uint32_t i = 1; status == SNN_OK && i <= SAMPLES; i++) {
        status = STEP(p, "send", send_sample(f->device[0], f->context, i));
        if (status == SNN_OK)
            status = STEP(p, "take", take_output(f->device[0], f->context, &f->got, TIMEOUT_MS));
    }
    if (status == SNN_OK) (void)STEP(p, "reset", snn_device_reset(f->device[0], f->context));
    int64_t begin = clock_ms();
    snn_device_close(&f->device[0]);
    (void)timed(p, "close", begin, SNN_OK);
}

/* ---- The walk ---- */

struct route {
    const char *name;
    void (*pass)(struct passage *p);
    const char *fault;
};

struct failure {
    const char *name;
    int error; /* libusb's; 0: no memory for the library itself */
};

/* The call-th call from now on fails; 0: none. */
static void set_failure(unsigned long call, const struct failure *failure)
{
    fakeusb_fail(failure->error != 0 ? call : 0, failure->error);
    atomic_store(&allocations, 0);
    atomic_store(&fail_at, failure->error == 0 ? call : 0);
}

/* The name of what failed, or NULL: the passage was over before. */
static const char *what_failed(const struct failure *failure)
{
    if (failure->error != 0) return fakeusb_failed();
    return atomic_load(&allocations) >= atomic_load(&fail_at) ? "an allocation" : NULL;
}

/* The device is as good as before: another program would get the right events. */
static const char *works_again(void)
{
    struct fixture f;
    fixture_begin(&f, NULL);
    const char *seen = NULL;
    int status = open_slot(&f, 0, NULL);
    if (status != SNN_OK) seen = why_status(&f, "open", status);
    if (!seen && (status = load_slot(&f, 0, NULL)) != SNN_OK) seen = why_status(&f, "load", status);
    if (!seen) seen = plays_as_chip(&f, 0, 1, 1);
    snn_device_close(&f.device[0]);
    output_free(&f.got);
    output_free(&f.expected);
    snn_program_destroy(&f.program);
    snn_context_destroy(&f.other);
    snn_context_destroy(&f.context);
    return seen;
}

/* One passage with that call failing; 0: none. NULL: as it should be. *name_out is the function
 * that failed, NULL if the passage was over before. */
static const char *walk_once(const struct route *route, unsigned long call,
                             const struct failure *failure, bool *whole, const char **name_out)
{
    struct passage p = {.whole = true, .step = ""};
    (void)alarm(HANG_S);
    fixture_begin(&p.f, &counting);
    const char *seen = plugged(0, route->fault);
    set_failure(call, failure);
    if (!seen) route->pass(&p);
    *name_out = what_failed(failure);
    *whole = p.whole;
    set_failure(0, failure);
    if (!seen && p.slowest > patient_ms(STEP_MS))
        seen = why("%s took %lld ms", p.step, (long long)p.slowest);
    if (!seen && fakeusb_held() != 0) seen = why("%ld things are still held", fakeusb_held());
    if (!seen && fakeusb_misuses() != 0) seen = why("libusb was used wrongly");
    if (!seen && !route->fault) seen = works_again();
    fixture_end(&p.f);
    if (!seen && atomic_load(&blocks) != 0) seen = why("%ld blocks leak", atomic_load(&blocks));
    return seen;
}

static bool walk(const struct route *route, const struct failure *failure, unsigned offset)
{
    const char *name = NULL;
    unsigned told = 0, survived = 0;
    bool whole = false;
    const char *seen = walk_once(route, 0, failure, &whole, &name);
    if (!seen && !whole) seen = "a step fails by itself";
    if (seen) printf("# without a failure: %s\n", seen);
    bool good = !seen;
    /* Until the passage is over before that call; how many there are depends on threads. */
    for (unsigned long call = 1 + offset % STRIDE; good && call < CALLS_MAX; call += STRIDE) {
        seen = walk_once(route, call, failure, &whole, &name);
        if (seen) printf("# call %lu, %s: %s\n", call, name ? name : "none", seen);
        if (seen) good = false;
        if (!name) break;
        if (whole)
            survived++;
        else
            told++;
    }
    printf("# %u failures: %u told, %u survived\n", told + survived, told, survived);
    return good && (told > 0 || STRIDE > 1);
}

/* A pipe that stalls while endpoint 0 says nothing: the halt cannot be cleared, and closing does
 * not wait until the kernel has given it up. */
static const char *silent_halt(void)
{
    struct passage p = {.whole = true, .step = ""};
    (void)alarm(HANG_S);
    fixture_begin(&p.f, &counting);
    const char *seen = loaded(&p.f, 0, "stall-in@200");
    fakeusb_mute(0, true);
    if (!seen && send_sample(p.f.device[0], p.f.context, 0) != SNN_OK) seen = "nothing is sent";
    pause_ms(100);
    const int64_t begin = clock_ms();
    snn_device_close(&p.f.device[0]);
    const int64_t took = clock_ms() - begin;
    if (!seen && took > patient_ms(STEP_MS)) seen = why("close took %lld ms", (long long)took);
    fakeusb_mute(0, false);
    fixture_end(&p.f);
    if (!seen && fakeusb_held() != 0) seen = why("%ld things are still held", fakeusb_held());
    return seen;
}

struct stopper {
    struct snn_device_watch *watch;
    atomic_int told;
    atomic_bool started, stopped;
};

static void stop_watch(const struct snn_device_description *description, bool arrived, void *user)
{
    struct stopper *stopper = user;
    (void)description;
    (void)arrived;
    stopper->told++;
    while (!stopper->started)
        pause_ms(1);
    snn_device_watch_stop(&stopper->watch);
    stopper->stopped = true;
}

/* A watch that is stopped by its own callback, at the first of two devices, ends and is freed. */
static const char *stopped_by_callback(void)
{
    struct fixture f;
    struct stopper stopper = {.watch = NULL};
    (void)alarm(HANG_S);
    fixture_begin(&f, &counting);
    const char *seen = plugged(0, NULL);
    if (!seen) seen = plugged(1, NULL);
    if (!seen && snn_device_watch_start(&stopper.watch, f.context, stop_watch, &stopper) != SNN_OK)
        seen = "no watch";
    stopper.started = true;
    const int64_t until = clock_ms() + patient_ms(STEP_MS);
    while (!seen && (!stopper.stopped || fakeusb_held() != 0) && clock_ms() < until)
        pause_ms(1);
    if (!seen && !stopper.stopped) seen = "it waits for itself";
    if (!seen && stopper.told != 1) seen = why("told %d times", stopper.told);
    if (!seen && fakeusb_held() != 0) seen = why("%ld things are still held", fakeusb_held());
    fixture_end(&f);
    fakeusb_unplug(1);
    return seen;
}

static bool report(int number, const char *name, const char *seen)
{
    if (seen) printf("# %s\n", seen);
    printf("%sok %d - %s\n", seen ? "not " : "", number, name);
    return !seen;
}

int main(void)
{
    static const struct route routes[] = {
        {"list and watch", pass_list, NULL},
        {"open and close", pass_open, NULL},
        {"load, stream and reset", pass_stream, NULL},
        {"stream with stalls and a bus error", pass_stream,
         "stall-in@200,stall-out@300,error-in@500"},
    };
    static const struct failure failures[] = {
        {"no memory", LIBUSB_ERROR_NO_MEM},       {"no device", LIBUSB_ERROR_NO_DEVICE},
        {"an error of the bus", LIBUSB_ERROR_IO}, {"a time-out", LIBUSB_ERROR_TIMEOUT},
        {"no memory for the library", 0},
    };
    enum {
        ROUTES = sizeof(routes) / sizeof(routes[0]),
        FAILURES = sizeof(failures) / sizeof(failures[0])
    };
    bool good = true;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    printf("1..%d\n", ROUTES * FAILURES + 2);
    for (unsigned i = 0; i < ROUTES * FAILURES; i++) {
        const struct route *route = &routes[i / FAILURES];
        const struct failure *failure = &failures[i % FAILURES];
        int64_t begin = clock_ms();
        bool passed = walk(route, failure, i);
        printf("%sok %u - %s, with %s at every call\n", passed ? "" : "not ", i + 1, route->name,
               failure->name);
        printf("# %lld ms\n", (long long)(clock_ms() - begin));
        good = good && passed;
    }
    const int last = ROUTES * FAILURES;
    good &= report(last + 1, "close while a halt cannot be cleared", silent_halt());
    good &= report(last + 2, "a watch stopped from its callback", stopped_by_callback());
    fakeusb_unplug(0);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
