/* Virtual chips in threads of their own, side by side: each caller opens one, loads the same
 * program and streams samples; all hear the same events. Others are unplugged, silent or closed in
 * the middle of it. Under ThreadSanitizer this program must stay silent.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/plain/support.h"

enum { CALLERS = 4, SAMPLES = 6, STEPS = 8, EVENTS = 64, ITEMS = 256 };

struct caller {
    const struct snn_program *program;
    char uri[96];
    struct snn_context *context;
    struct snn_device *device;
    uint64_t sum;    /* of what was heard, in its order */
    uint64_t events; /* how many those were */
    bool ended;      /* the sample under way */
    bool good;
};

static uint64_t stir(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * UINT64_C(1099511628211);
}

static void hear(struct caller *c, const struct snn_device_item *item)
{
    const struct snn_device_event *e = &item->event;
    c->sum = stir(c->sum, item->kind);
    if (item->kind != SNN_DEVICE_EVENT) {
        c->sum = stir(c->sum, item->value);
        if (item->kind == SNN_DEVICE_END) c->ended = true;
        if (item->kind == SNN_DEVICE_GAP) c->good = false;
        return;
    }
    c->events++;
    c->sum = stir(stir(c->sum, e->time_us), (uint64_t)e->layer << 40 | (uint64_t)e->feature << 16 |
                                                (uint64_t)e->y << 8 | e->x);
}

static int receive(struct caller *c)
{
    struct snn_device_item items[ITEMS];
    size_t count = 0;
    int status = snn_device_receive(c->device, c->context, items, ITEMS, &count, 5000);
    for (size_t i = 0; status == SNN_OK && i < count; i++)
        hear(c, &items[i]);
    return status;
}

static int send_step(struct caller *c, uint32_t sample, uint32_t step)
{
    const struct snn_shape in = c->program->input_shape;
    struct snn_device_event events[EVENTS];
    for (uint32_t i = 0; i < EVENTS; i++) {
        const uint32_t place = (i * 7 + step * 5 + sample * 3) % (in.height * in.width);
        events[i] = (struct snn_device_event){.time_us = 1000 * step + i,
                                              .y = (uint8_t)(place / in.width),
                                              .x = (uint8_t)(place % in.width)};
    }
    int status = snn_device_send(c->device, c->context, events, EVENTS);
    return status == SNN_OK ? snn_device_tick(c->device, c->context, step) : status;
}

static int run_sample(struct caller *c, uint32_t sample)
{
    int status = snn_device_begin(c->device, c->context, sample);
    for (uint32_t step = 0; status == SNN_OK && step < STEPS; step++)
        status = send_step(c, sample, step);
    if (status == SNN_OK) status = snn_device_end(c->device, c->context, sample);
    for (c->ended = false; status == SNN_OK && !c->ended;)
        status = receive(c);
    return status;
}

static int run(struct caller *c)
{
    int status = snn_context_create(&c->context, NULL);
    if (status == SNN_OK) status = snn_device_open(&c->device, c->context, c->uri, NULL);
    if (status == SNN_OK) status = snn_device_load(c->device, c->context, c->program, NULL);
    for (uint32_t sample = 0; status == SNN_OK && sample < SAMPLES; sample++)
        status = run_sample(c, sample);
    return status;
}

static uint64_t now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* The device goes within a second and a half, whatever it is at; sanitizers are slow. */
static void finish(struct caller *c)
{
    const uint64_t before = now_ms();
    snn_device_close(&c->device);
    if (now_ms() - before > 1500) c->good = false;
    snn_context_destroy(&c->context);
}

static void *call(void *user)
{
    struct caller *c = user;
    c->good = true;
    if (run(c) != SNN_OK) {
        tap_note("%s: %s", c->uri, c->context != NULL ? snn_context_message(c->context) : "");
        c->good = false;
    }
    finish(c);
    return NULL;
}

static bool side_by_side(const struct snn_program *program)
{
    static const char *const faults[CALLERS] = {"", ",fault=short", ",fault=odd,seed=3",
                                                ",fault=stall-in@3001,error-in@9001"};
    struct caller callers[CALLERS];
    pthread_t threads[CALLERS];
    bool good = true;
    memset(callers, 0, sizeof(callers));
    for (unsigned i = 0; i < CALLERS; i++) {
        callers[i].program = program;
        (void)snprintf(callers[i].uri, sizeof(callers[i].uri), "vdev:%s,serial=N%u%s",
                       program->chip.name, i, faults[i]);
        if (pthread_create(&threads[i], NULL, call, &callers[i]) != 0) return false;
    }
    for (unsigned i = 0; i < CALLERS; i++)
        good = pthread_join(threads[i], NULL) == 0 && callers[i].good && good;
    for (unsigned i = 1; i < CALLERS; i++)
        good = good && callers[i].sum == callers[0].sum && callers[i].events > 0;
    tap_note("%llu events a device", (unsigned long long)callers[0].events);
    return good;
}

/* What a caller gets from a device with this fault. */
static bool ends_with(const struct snn_program *program, const char *fault, int expected)
{
    struct caller c = {.program = program, .good = true};
    (void)snprintf(c.uri, sizeof(c.uri), "vdev:%s,fault=%s", program->chip.name, fault);
    const int status = run(&c);
    if (status != expected) tap_note("%s: status %s", fault, snn_status_name(status));
    finish(&c);
    return status == expected && c.good;
}

/* Closed while it computes and its answers are on their way. */
static bool closes_in_the_middle(const struct snn_program *program)
{
    bool good = true;
    for (unsigned round = 0; good && round < 10; round++) {
        struct caller c = {.program = program, .good = true};
        (void)snprintf(c.uri, sizeof(c.uri), "vdev:%s%s", program->chip.name,
                       round % 2 == 0 ? "" : ",fault=delay=2");
        int status = snn_context_create(&c.context, NULL);
        if (status == SNN_OK) status = snn_device_open(&c.device, c.context, c.uri, NULL);
        if (status == SNN_OK) status = snn_device_load(c.device, c.context, program, NULL);
        if (status == SNN_OK) status = snn_device_begin(c.device, c.context, 0);
        for (uint32_t step = 0; status == SNN_OK && step < round; step++)
            status = send_step(&c, 0, step);
        finish(&c);
        good = status == SNN_OK && c.good;
    }
    return good;
}

/* A program, as a passage makes one. */
static bool make_program(struct passage *p, const struct place *place)
{
    struct snn_energy_profile energy;
    struct snn_run_options options;
    int status = passage_load(p, NULL, place);
    if (status == SNN_OK) status = snn_energy_profile_load(&energy, p->context, "sinabs");
    if (status != SNN_OK) return false;
    passage_run_options(&options, &energy);
    options.count = 2;
    options.threads = 1;
    return passage_run(p, &options) == SNN_OK && p->program != NULL;
}

int main(void)
{
    struct tap tap = {0, false};
    struct place place;
    struct passage p = {.context = NULL};
    if (place_make(&place) && make_program(&p, &place)) {
        const struct snn_program *program = p.program;
        tap_check(&tap, side_by_side(program), "devices side by side tell the same");
        tap_check(&tap, ends_with(program, "gone@2000", SNN_ERR_GONE), "a device may be unplugged");
        tap_check(&tap, ends_with(program, "silent=commit", SNN_ERR_TIMEOUT), "and be silent");
        tap_check(&tap, ends_with(program, "refuse=commit", SNN_ERR_PROTOCOL), "and refuse");
        tap_check(&tap, ends_with(program, "wrong-crc", SNN_ERR_PROTOCOL), "and load wrong");
        tap_check(&tap, ends_with(program, "corrupt-out@500", SNN_ERR_PROTOCOL),
                  "and get corrupt words");
        tap_check(&tap, ends_with(program, "corrupt-in@500", SNN_ERR_PROTOCOL), "and send them");
        tap_check(&tap, closes_in_the_middle(program), "and is closed at any time");
    } else {
        tap_check(&tap, false, "a program to load");
    }
    passage_end(&p);
    place_remove(&place);
    return tap_end(&tap);
}
