/* The fixture of the behaviours; no behaviour here. */
#include "tests/device/fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ITEMS = 256 };

void fixture_begin(struct fixture *f, const struct snn_allocator *allocator)
{
    struct snn_context_options options = {.limits = {0}};
    if (allocator) options.allocator = *allocator;
    *f = (struct fixture){0};
    if (snn_context_create(&f->context, &options) != SNN_OK ||
        snn_context_create(&f->other, &options) != SNN_OK ||
        sample_program(&f->program, f->context, "speck2f") != SNN_OK) {
        fprintf(stderr, "behaviour: %s\n", f->context ? snn_context_message(f->context) : "");
        exit(EXIT_FAILURE);
    }
}

void fixture_end(struct fixture *f)
{
    snn_device_watch_stop(&f->watch);
    snndev_link_close(&f->link);
    for (unsigned i = 0; i < BED_SLOTS; i++) {
        snn_device_close(&f->device[i]);
        if (bed.deny) (void)bed.deny(i, false);
        bed.unplug(i);
    }
    output_free(&f->got);
    output_free(&f->expected);
    snn_program_destroy(&f->program);
    snn_context_destroy(&f->other);
    snn_context_destroy(&f->context);
}

const char *why(const char *format, ...)
{
    static char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return text;
}

const char *why_status(const struct fixture *f, const char *what, int status)
{
    return why("%s: %s: %s", what, snn_status_name(status), snn_context_message(f->context));
}

int64_t clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t patient_ms(int64_t ms)
{
    return bed.patience > 1 ? ms * bed.patience : ms;
}

unsigned patient_timeout(unsigned ms)
{
    return (unsigned)patient_ms(ms);
}

void pause_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&time, NULL);
}

const char *slot_uri(unsigned slot)
{
    return slot == 0 ? "usb:1209:0001:BED0" : "usb:1209:0001:BED1";
}

const char *plugged(unsigned slot, const char *fault)
{
    int status = bed.plug(slot, fault);
    return status == 0 ? NULL : why("the bed cannot plug '%s' in: %d", fault ? fault : "", status);
}

int open_slot(struct fixture *f, unsigned slot, const struct snn_device_options *options)
{
    const struct snn_device_options usual = {.timeout_ms = patient_timeout(1000)};
    return snn_device_open(&f->device[slot], f->context, slot_uri(slot),
                           options ? options : &usual);
}

int load_slot(struct fixture *f, unsigned slot, struct snn_device_load_report *report)
{
    return snn_device_load(f->device[slot], f->context, f->program, report);
}

const char *opened(struct fixture *f, unsigned slot, const char *fault)
{
    NEED_SEEN(plugged(slot, fault));
    NEED_OK(f, "open", open_slot(f, slot, NULL));
    return NULL;
}

const char *loaded(struct fixture *f, unsigned slot, const char *fault)
{
    NEED_SEEN(opened(f, slot, fault));
    NEED_OK(f, "load", load_slot(f, slot, NULL));
    return NULL;
}

/* ---- Streams ---- */

int send_sample(struct snn_device *device, struct snn_context *context, uint32_t number)
{
    struct sample sample;
    struct snn_device_event events[SAMPLE_EVENTS_MAX];
    sample_make(&sample, number);
    int status = snn_device_begin(device, context, number);
    for (uint32_t step = 0; status == SNN_OK && step < SAMPLE_STEPS; step++) {
        uint32_t count = 0;
        for (uint32_t i = sample.begin[step]; i < sample.begin[step + 1]; i++)
            events[count++] = sample_event(&sample, step, i);
        status = snn_device_send(device, context, events, count);
        if (status == SNN_OK) status = snn_device_tick(device, context, step);
    }
    return status == SNN_OK ? snn_device_end(device, context, number) : status;
}

static bool take_item(struct output *got, const struct snn_device_item *item)
{
    switch (item->kind) {
    case SNN_DEVICE_EVENT:
        return output_add(got, &item->event);
    case SNN_DEVICE_BEGIN:
        got->begins++;
        return true;
    case SNN_DEVICE_TICK:
        got->ticks++;
        return true;
    case SNN_DEVICE_END:
        got->ends++;
        return true;
    case SNN_DEVICE_GAP:
        got->gaps++;
        got->lost += item->value;
        return true;
    }
    return false;
}

int take_output(struct snn_device *device, struct snn_context *context, struct output *got,
                int64_t timeout_ms)
{
    struct snn_device_item items[ITEMS];
    uint32_t ends = got->ends;
    int64_t end = clock_ms() + timeout_ms;
    while (got->ends == ends) {
        size_t count = 0;
        int64_t left = end - clock_ms();
        int status = snn_device_receive(device, context, items, ITEMS, &count,
                                        left > 0 ? (unsigned)left : 1u);
        if (status != SNN_OK) return status;
        for (size_t i = 0; i < count; i++) {
            if (!take_item(got, &items[i])) return SNN_ERR_INTERNAL;
        }
    }
    return SNN_OK;
}

int play(struct snn_device *device, struct snn_context *context, struct output *got,
         uint32_t number)
{
    int status = send_sample(device, context, number);
    return status == SNN_OK ? take_output(device, context, got, patient_ms(ANSWER_MS)) : status;
}

const char *plays_as_chip(struct fixture *f, unsigned slot, uint32_t first, uint32_t count)
{
    for (uint32_t number = first; number < first + count; number++) {
        struct sample sample;
        sample_make(&sample, number);
        NEED_OK(f, "chip", output_expect(&f->expected, f->context, f->program, &sample));
        NEED_OK(f, "stream", play(f->device[slot], f->context, &f->got, number));
    }
    return output_differs(&f->got, &f->expected);
}
