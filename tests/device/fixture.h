/* What the behaviours begin with: virtual chips plugged into the bed, opened, loaded and streamed
 * to. Everything that a behaviour opens stands in its fixture, which ends it, whatever came before.
 *
 * A behaviour gives NULL when it was seen, else a text that says what was seen instead.
 */
#ifndef TESTS_DEVICE_FIXTURE_H
#define TESTS_DEVICE_FIXTURE_H

#include <stdint.h>

#include "device/link.h"
#include "snn/device.h"
#include "snn/status.h"
#include "snn/target.h"
#include "tests/device/bed.h"
#include "tests/device/sample.h"

enum { ANSWER_MS = 2000 };

struct fixture {
    struct snn_context *context;
    struct snn_context *other; /* of a second thread or device */
    struct snn_program *program;
    struct snn_device *device[BED_SLOTS];
    struct snndev_link *link;
    struct snn_device_watch *watch;
    struct output got, expected;
};

/* The allocator may be NULL. */
void fixture_begin(struct fixture *f, const struct snn_allocator *allocator);
void fixture_end(struct fixture *f);

/* A text in a place of its own until the next call. */
const char *why(const char *format, ...) SNN_PRINTF(1, 2);
/* "<what>: <status>: <message of the context>" */
const char *why_status(const struct fixture *f, const char *what, int status);

int64_t clock_ms(void);
/* A deadline in the bed's patience. */
int64_t patient_ms(int64_t ms);
unsigned patient_timeout(unsigned ms);
void pause_ms(unsigned ms);

/* The slot's URI, by its serial number. */
const char *slot_uri(unsigned slot);

/* Plugs a chip in; opens it; loads the program. Each does what those before it do. */
const char *plugged(unsigned slot, const char *fault);
const char *opened(struct fixture *f, unsigned slot, const char *fault);
const char *loaded(struct fixture *f, unsigned slot, const char *fault);
/* Opens and loads what is plugged in. */
int open_slot(struct fixture *f, unsigned slot, const struct snn_device_options *options);
int load_slot(struct fixture *f, unsigned slot, struct snn_device_load_report *report);

/* Streams one sample to the device and takes what comes until its END. A status. */
int play(struct snn_device *device, struct snn_context *context, struct output *got,
         uint32_t number);
/* Only sends it, and only takes. */
int send_sample(struct snn_device *device, struct snn_context *context, uint32_t number);
int take_output(struct snn_device *device, struct snn_context *context, struct output *got,
                int64_t timeout_ms);
/* Plays samples and compares them with the chip's. */
const char *plays_as_chip(struct fixture *f, unsigned slot, uint32_t first, uint32_t count);

#define NEED(condition, ...)                       \
    do {                                           \
        if (!(condition)) return why(__VA_ARGS__); \
    } while (0)
#define NEED_OK(f, what, call)                                                    \
    do {                                                                          \
        int need_status_ = (call);                                                \
        if (need_status_ != SNN_OK) return why_status((f), (what), need_status_); \
    } while (0)
/* It fails so, and not otherwise. */
#define NEED_STATUS(f, what, expected, call)                                          \
    do {                                                                              \
        int need_status_ = (call);                                                    \
        if (need_status_ != (expected)) return why_status((f), (what), need_status_); \
    } while (0)
#define NEED_SEEN(call)                    \
    do {                                   \
        const char *need_text_ = (call);   \
        if (need_text_) return need_text_; \
    } while (0)

#endif
