/* The behaviours that a device on USB has to show: one list, for every bed (bed.h), as TAP.
 *
 * Each begins with nothing plugged in and ends so. None knows of the bed but by bed.h; what a bed
 * cannot do is skipped by name. Expected events are the simulator's: "chip:speck2f".
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/device/fixture.h"

enum { WATCHDOG_S = 60, GONE_MS = 100, CLOSE_MS = 1000, FLOOD = 100000 };

/* ---- Who is there ---- */

struct listed {
    unsigned count;
    struct snn_device_description description[4];
};

static void on_listed(const struct snn_device_description *description, void *user)
{
    struct listed *listed = user;
    if (listed->count < 4) listed->description[listed->count] = *description;
    listed->count++;
}

static const struct snn_device_description *find_listed(const struct listed *listed,
                                                        const char *uri)
{
    for (unsigned i = 0; i < listed->count && i < 4; i++) {
        if (strcmp(listed->description[i].uri, uri) == 0) return &listed->description[i];
    }
    return NULL;
}

static const char *enumeration(struct fixture *f)
{
    struct listed none = {0}, both = {0};
    NEED_OK(f, "list", snn_device_list(f->context, on_listed, &none));
    NEED_SEEN(plugged(0, NULL));
    NEED_SEEN(plugged(1, NULL));
    NEED_OK(f, "list", snn_device_list(f->context, on_listed, &both));
    NEED(none.count == 0, "%u devices before there was one", none.count);
    NEED(both.count == 2, "%u devices of 2", both.count);
    NEED(find_listed(&both, slot_uri(0)) && find_listed(&both, slot_uri(1)), "listed: %s, %s",
         both.description[0].uri, both.description[1].uri);
    return NULL;
}

static const char *descriptor_strings(struct fixture *f)
{
    struct listed listed = {0};
    NEED_SEEN(plugged(0, NULL));
    NEED_OK(f, "list", snn_device_list(f->context, on_listed, &listed));
    const struct snn_device_description *about = &listed.description[0];
    NEED(listed.count == 1, "%u devices", listed.count);
    NEED(strcmp(about->serial, "BED0") == 0, "serial number '%s'", about->serial);
    NEED(about->product[0] != '\0', "no product");
    NEED(strchr(about->port, '-') != NULL, "port '%s'", about->port);
    NEED(about->access == SNN_OK, "access: %s", snn_status_name(about->access));
    NEED(strncmp(about->access_path, "/dev/", 5) == 0, "path '%s'", about->access_path);
    return NULL;
}

static const char *no_device(struct fixture *f)
{
    struct snn_device *device = NULL;
    NEED_SEEN(plugged(0, NULL));
    NEED_STATUS(f, "another serial number", SNN_ERR_NOT_FOUND,
                snn_device_open(&device, f->context, "usb:1209:0001:BED7", NULL));
    NEED(strstr(snn_context_hint(f->context), slot_uri(0)), "hint: %s",
         snn_context_hint(f->context));
    bed.unplug(0);
    NEED_STATUS(f, "none at all", SNN_ERR_NOT_FOUND,
                snn_device_open(&device, f->context, "usb:", NULL));
    NEED(strstr(snn_context_hint(f->context), "lsusb"), "hint: %s", snn_context_hint(f->context));
    return NULL;
}

static const char *ambiguous_uri(struct fixture *f)
{
    struct snn_device *device = NULL;
    NEED_SEEN(plugged(0, NULL));
    NEED_SEEN(plugged(1, NULL));
    NEED_STATUS(f, "two match", SNN_ERR_INVALID,
                snn_device_open(&device, f->context, "usb:1209:0001", NULL));
    const char *message = snn_context_message(f->context);
    NEED(strstr(message, slot_uri(0)) && strstr(message, slot_uri(1)), "message: %s", message);
    NEED_STATUS(f, "two are there", SNN_ERR_INVALID,
                snn_device_open(&device, f->context, "usb:", NULL));
    bed.unplug(1);
    NEED_OK(f, "one is left", snn_device_open(&f->device[0], f->context, "usb:", NULL));
    return NULL;
}

static const char *bad_uris(struct fixture *f)
{
    static const char *const bad[] = {"usb:12",         "usb:1209:",      "usb:xyz:0001",
                                      "usb:1209:00011", "usb:1209:0001:", "usb:1209:0001@"};
    struct snn_device *device = NULL;
    NEED_SEEN(plugged(0, NULL));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        NEED_STATUS(f, bad[i], SNN_ERR_INVALID, snn_device_open(&device, f->context, bad[i], NULL));
        NEED(strstr(snn_context_hint(f->context), "VID:PID"), "hint: %s",
             snn_context_hint(f->context));
    }
    return NULL;
}

static const char *by_port(struct fixture *f)
{
    struct listed listed = {0};
    char uri[96];
    NEED_SEEN(plugged(0, NULL));
    NEED_SEEN(plugged(1, NULL));
    NEED_OK(f, "list", snn_device_list(f->context, on_listed, &listed));
    const struct snn_device_description *about = find_listed(&listed, slot_uri(1));
    NEED(about, "the second one is not listed");
    (void)snprintf(uri, sizeof(uri), "usb:1209:0001@%s", about->port);
    NEED_OK(f, uri, snn_device_open(&f->device[1], f->context, uri, NULL));
    NEED(strcmp(snn_device_about(f->device[1])->serial, "BED1") == 0, "it is %s",
         snn_device_about(f->device[1])->serial);
    return NULL;
}

static const char *permission_denied(struct fixture *f)
{
    struct listed listed = {0};
    NEED_SEEN(plugged(0, NULL));
    NEED(bed.deny(0, true) == 0, "the bed cannot deny it");
    NEED_OK(f, "list", snn_device_list(f->context, on_listed, &listed));
    NEED(listed.count == 1 && listed.description[0].access == SNN_ERR_ACCESS,
         "listed with access: %s", snn_status_name(listed.description[0].access));
    NEED_STATUS(f, "open", SNN_ERR_ACCESS, open_slot(f, 0, NULL));
    NEED(strstr(snn_context_message(f->context), listed.description[0].access_path), "message: %s",
         snn_context_message(f->context));
    NEED(strstr(snn_context_hint(f->context), "70-libsnn.rules"), "hint: %s",
         snn_context_hint(f->context));
    NEED(bed.deny(0, false) == 0, "the bed cannot give it back");
    NEED_OK(f, "open, allowed", open_slot(f, 0, NULL));
    return NULL;
}

static const char *busy(struct fixture *f)
{
    struct listed listed = {0};
    struct snn_device *second = NULL;
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_STATUS(f, "opened twice", SNN_ERR_BUSY,
                snn_device_open(&second, f->context, slot_uri(0), NULL));
    NEED_OK(f, "list", snn_device_list(f->context, on_listed, &listed));
    NEED(listed.count == 1 && listed.description[0].access == SNN_ERR_BUSY,
         "listed with access: %s", snn_status_name(listed.description[0].access));
    /* The first one never noticed. */
    NEED_SEEN(plays_as_chip(f, 0, 1, 1));
    snn_device_close(&f->device[0]);
    NEED_OK(f, "open again", open_slot(f, 0, NULL));
    return NULL;
}

/* ---- Those who come and go ---- */

struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned arrived, left;
    struct snn_device_description last;
};

static void on_seen(const struct snn_device_description *description, bool arrived, void *user)
{
    struct seen *seen = user;
    pthread_mutex_lock(&seen->lock);
    if (arrived)
        seen->arrived++;
    else
        seen->left++;
    seen->last = *description;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static bool wait_seen(struct seen *seen, unsigned arrived, unsigned left)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += patient_ms(5);
    pthread_mutex_lock(&seen->lock);
    while ((seen->arrived < arrived || seen->left < left) &&
           pthread_cond_timedwait(&seen->changed, &seen->lock, &end) == 0)
        ;
    bool good = seen->arrived == arrived && seen->left == left;
    pthread_mutex_unlock(&seen->lock);
    return good;
}

static const char *hotplug(struct fixture *f)
{
    static struct seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER,
                               .changed = PTHREAD_COND_INITIALIZER};
    NEED_SEEN(plugged(0, NULL));
    NEED_OK(f, "watch", snn_device_watch_start(&f->watch, f->context, on_seen, &seen));
    NEED(wait_seen(&seen, 1, 0), "who is there already was not told of");
    NEED_SEEN(plugged(1, NULL));
    NEED(wait_seen(&seen, 2, 0), "%u arrivals of 2", seen.arrived);
    NEED(strcmp(seen.last.uri, slot_uri(1)) == 0, "arrived: %s", seen.last.uri);
    bed.unplug(1);
    NEED(wait_seen(&seen, 2, 1), "%u departures of 1", seen.left);
    NEED(strcmp(seen.last.uri, slot_uri(1)) == 0, "left: %s", seen.last.uri);
    snn_device_watch_stop(&f->watch);
    bed.unplug(0);
    NEED(seen.left == 1, "told after it was stopped");
    return NULL;
}

/* ---- Configuration ---- */

static const char *handshake(struct fixture *f)
{
    NEED_SEEN(opened(f, 0, NULL));
    const struct snn_device_info *about = snn_device_about(f->device[0]);
    NEED(strcmp(about->chip, "speck2f") == 0, "chip '%s'", about->chip);
    NEED(strcmp(about->serial, "BED0") == 0, "serial number '%s'", about->serial);
    NEED(about->protocol_major == SNNWIRE_VERSION_MAJOR, "version %u", about->protocol_major);
    NEED(about->core_count == 9, "%u cores", about->core_count);
    NEED(about->buffer_words > 0, "no credit");
    return NULL;
}

static const char *version_mismatch(struct fixture *f)
{
    NEED_SEEN(plugged(0, "version=9"));
    NEED_STATUS(f, "open", SNN_ERR_PROTOCOL, open_slot(f, 0, NULL));
    const char *message = snn_context_message(f->context);
    NEED(strstr(message, "9") && strstr(message, "1"), "message: %s", message);
    return NULL;
}

static const char *wrong_chip(struct fixture *f)
{
    NEED_SEEN(opened(f, 0, NULL));
    snn_program_destroy(&f->program);
    NEED_OK(f, "program", sample_program(&f->program, f->context, "speck2e"));
    NEED_STATUS(f, "load", SNN_ERR_INVALID, load_slot(f, 0, NULL));
    return NULL;
}

static const char *load_and_read_back(struct fixture *f)
{
    struct snn_device_load_report report = {0};
    uint8_t kernel[64] = {0};
    NEED_SEEN(opened(f, 0, NULL));
    NEED_OK(f, "load", load_slot(f, 0, &report));
    NEED(report.cores_written == 2 && report.cores_kept == 0, "%u cores written, %u kept",
         report.cores_written, report.cores_kept);
    NEED(report.bytes_written > 0 && report.bytes_verified >= report.bytes_written,
         "%llu bytes written, %llu verified", (unsigned long long)report.bytes_written,
         (unsigned long long)report.bytes_verified);
    snn_device_close(&f->device[0]);
    /* What lies there, byte by byte. */
    const struct snnwire_request read = {
        .code = SNNWIRE_CODE_READ, .in = true, .region = SNNWIRE_REGION_KERNEL, .size = 36};
    uint32_t size = 0;
    NEED_OK(f, "link", snndev_link_open(&f->link, f->context, slot_uri(0), NULL));
    NEED_OK(f, "read", snndev_link_request(f->link, f->context, &read, kernel, &size));
    NEED(size == 36, "%u bytes of 36", size);
    NEED(memcmp(kernel, f->program->cores[0].weights, 36) == 0, "other weights than written");
    return NULL;
}

static const char *second_load_keeps(struct fixture *f)
{
    struct snn_device_load_report report = {0};
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_OK(f, "load", load_slot(f, 0, &report));
    NEED(report.cores_written == 0 && report.cores_kept == 2, "%u cores written, %u kept",
         report.cores_written, report.cores_kept);
    return plays_as_chip(f, 0, 1, 1);
}

static const char *wrong_crc(struct fixture *f)
{
    NEED_SEEN(opened(f, 0, "wrong-crc"));
    NEED_STATUS(f, "load", SNN_ERR_PROTOCOL, load_slot(f, 0, NULL));
    NEED(strstr(snn_context_message(f->context), "CRC"), "message: %s",
         snn_context_message(f->context));
    return NULL;
}

static const char *refused_request(struct fixture *f)
{
    const struct snnwire_request unknown = {.code = 77, .in = true, .size = 4};
    const struct snnwire_request hello = {
        .code = SNNWIRE_CODE_HELLO, .in = true, .size = SNNWIRE_HELLO_BYTES};
    uint8_t data[SNNWIRE_HELLO_BYTES];
    NEED_SEEN(plugged(0, NULL));
    NEED_OK(f, "link", snndev_link_open(&f->link, f->context, slot_uri(0), NULL));
    NEED_STATUS(f, "request 77", SNN_ERR_PROTOCOL,
                snndev_link_request(f->link, f->context, &unknown, data, NULL));
    struct snnwire_status reason = snndev_link_refusal(f->link);
    NEED(reason.code == 77 && reason.error == SNNWIRE_ERROR_UNKNOWN, "request %u, error %u",
         reason.code, reason.error);
    NEED_OK(f, "hello after it", snndev_link_request(f->link, f->context, &hello, data, NULL));
    return NULL;
}

static const char *refused_commit(struct fixture *f)
{
    NEED_SEEN(opened(f, 0, "refuse=commit"));
    NEED_STATUS(f, "load", SNN_ERR_PROTOCOL, load_slot(f, 0, NULL));
    return NULL;
}

static const char *delayed_answers(struct fixture *f)
{
    int64_t begin = clock_ms();
    NEED_SEEN(loaded(f, 0, "delay=10"));
    NEED(clock_ms() - begin >= 10, "nothing was delayed");
    return plays_as_chip(f, 0, 1, 1);
}

static const char *answer_that_never_comes(struct fixture *f)
{
    const struct snn_device_options options = {.timeout_ms = 200};
    NEED_SEEN(plugged(0, "silent=commit"));
    NEED_OK(f, "open", open_slot(f, 0, &options));
    int64_t begin = clock_ms();
    NEED_STATUS(f, "load", SNN_ERR_TIMEOUT, load_slot(f, 0, NULL));
    int64_t took = clock_ms() - begin;
    NEED(took >= 150 && took < patient_ms(1000), "after %lld ms of 200", (long long)took);
    return NULL;
}

static const char *reset(struct fixture *f)
{
    struct snn_device_statistics statistics;
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_OK(f, "stream", play(f->device[0], f->context, &f->got, 1));
    output_free(&f->got);
    NEED_OK(f, "reset", snn_device_reset(f->device[0], f->context));
    NEED_OK(f, "statistics", snn_device_read_statistics(f->device[0], f->context, &statistics));
    NEED(statistics.events_taken == 0 && statistics.events_sent == 0 &&
             statistics.host_events_out == 0 && statistics.host_events_in == 0,
         "counters are not 0");
    return plays_as_chip(f, 0, 1, 2);
}

/* ---- Streams ---- */

static const char *stream_both_ways(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, NULL));
    return plays_as_chip(f, 0, 1, 1);
}

static const char *several_samples(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, NULL));
    return plays_as_chip(f, 0, 1, 20);
}

/* Potentials of the sample before would make other events of the same input. */
static const char *per_sample_reset(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_SEEN(plays_as_chip(f, 0, 3, 1));
    return plays_as_chip(f, 0, 3, 1);
}

/* A target of the public interface, against the chip's counts. */
static const char *as_a_target(struct fixture *f)
{
    static uint64_t many[5][32 * 8];
    static uint32_t spikes[2][32 * 8];
    static float potential[32 * 8];
    const char *uris[2] = {slot_uri(0), "chip:speck2f"};
    struct sample sample;
    sample_make(&sample, 4);
    const struct snn_spikes input = {
        .step_count = SAMPLE_STEPS, .step_begin = sample.begin, .address = sample.address};
    NEED_SEEN(plugged(0, NULL));
    for (int i = 0; i < 2; i++) {
        struct snn_target *target = NULL;
        struct snn_output output = {0,       spikes[i], potential, many[0],
                                    many[1], many[2],   many[3],   many[4]};
        int status = snn_target_open(&target, f->context, uris[i]);
        if (status == SNN_OK) status = snn_target_load_program(target, f->context, f->program);
        if (status == SNN_OK) status = snn_target_reset(target, f->context);
        if (status == SNN_OK) status = snn_target_push(target, f->context, &input);
        if (status == SNN_OK) status = snn_target_advance(target, f->context, SAMPLE_STEPS);
        if (status == SNN_OK) status = snn_target_pull(target, f->context, &output);
        snn_target_close(&target);
        NEED_OK(f, uris[i], status);
        NEED(output.step_count == SAMPLE_STEPS, "%u steps", output.step_count);
    }
    NEED(memcmp(spikes[0], spikes[1], sizeof(uint32_t) * 3 * SAMPLE_STEPS) == 0,
         "other spikes of classes than the chip's");
    return NULL;
}

/* Events at the corner of the map, which the program's cores make little of. */
static int flood(struct fixture *f, unsigned slot, uint32_t count, uint32_t sample)
{
    struct snn_device_event events[100];
    struct snn_device *device = f->device[slot];
    int status = snn_device_begin(device, f->context, sample);
    for (uint32_t sent = 0; status == SNN_OK && sent < count; sent += 100) {
        for (uint32_t i = 0; i < 100; i++)
            events[i] = (struct snn_device_event){.time_us = sent + i};
        status = snn_device_send(device, f->context, events, 100);
    }
    if (status == SNN_OK) status = snn_device_tick(device, f->context, 0);
    return status == SNN_OK ? snn_device_end(device, f->context, sample) : status;
}

struct taker {
    struct fixture *f;
    unsigned slot;
    struct output got;
    int status;
    int64_t ended_ms;
};

static void *take_main(void *argument)
{
    struct taker *taker = argument;
    taker->status =
        take_output(taker->f->device[taker->slot], taker->f->other, &taker->got, patient_ms(20000));
    taker->ended_ms = clock_ms();
    return NULL;
}

static const char *credit(struct fixture *f)
{
    struct snn_device_statistics statistics;
    NEED_SEEN(loaded(f, 0, NULL));
    uint32_t buffer = snn_device_about(f->device[0])->buffer_words;
    uint32_t count = buffer / 100u * 100u + 10000u; /* more than there is credit for at once */
    NEED_OK(f, "send", flood(f, 0, count, 1));
    NEED_OK(f, "take", take_output(f->device[0], f->context, &f->got, patient_ms(20000)));
    NEED_OK(f, "statistics", snn_device_read_statistics(f->device[0], f->context, &statistics));
    NEED(statistics.host_words_out > buffer, "%llu words for a credit of %u",
         (unsigned long long)statistics.host_words_out, buffer);
    NEED(statistics.events_taken == count, "%llu events taken of %u",
         (unsigned long long)statistics.events_taken, count);
    NEED(statistics.faults == 0, "%llu faults", (unsigned long long)statistics.faults);
    return NULL;
}

static const char *statistics_conserve(struct fixture *f)
{
    struct snn_device_statistics s;
    uint64_t of_cores = 0;
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_SEEN(plays_as_chip(f, 0, 1, 5));
    NEED_OK(f, "statistics", snn_device_read_statistics(f->device[0], f->context, &s));
    for (unsigned i = 0; i < SNN_DEVICE_CORES_MAX; i++)
        of_cores += s.core_spikes[i];
    NEED(s.events_taken == s.host_events_out, "%llu taken of %llu",
         (unsigned long long)s.events_taken, (unsigned long long)s.host_events_out);
    NEED(s.events_produced == s.events_sent + s.events_dropped, "%llu made, %llu sent",
         (unsigned long long)s.events_produced, (unsigned long long)s.events_sent);
    NEED(s.events_sent == s.host_events_in, "%llu sent, %llu came",
         (unsigned long long)s.events_sent, (unsigned long long)s.host_events_in);
    NEED(s.host_events_in == f->got.count, "%llu came, %zu were had",
         (unsigned long long)s.host_events_in, f->got.count);
    NEED(s.words_taken == s.host_words_out && s.words_sent == s.host_words_in,
         "words of both sides differ");
    NEED(of_cores > 0 && of_cores <= s.events_produced, "%llu spikes of cores",
         (unsigned long long)of_cores);
    return NULL;
}

/* The reader sleeps until its buffers are full. */
static const char *loss_is_marked(struct fixture *f)
{
    const struct snn_device_options options = {
        .timeout_ms = patient_timeout(3000), .transfers = 1, .slot_bytes = 1024};
    struct snn_device_statistics s;
    NEED_SEEN(plugged(0, NULL));
    NEED_OK(f, "open", open_slot(f, 0, &options));
    NEED_OK(f, "load", load_slot(f, 0, NULL));
    NEED_OK(f, "send", flood(f, 0, FLOOD, 1));
    pause_ms(200);
    NEED_OK(f, "take", take_output(f->device[0], f->context, &f->got, patient_ms(20000)));
    NEED_OK(f, "statistics", snn_device_read_statistics(f->device[0], f->context, &s));
    NEED(s.host_dropped > 0 && f->got.gaps > 0, "nothing was lost (%llu events)",
         (unsigned long long)s.events_produced);
    NEED(f->got.lost == s.host_dropped + s.events_dropped, "gaps of %llu, %llu dropped",
         (unsigned long long)f->got.lost, (unsigned long long)(s.host_dropped + s.events_dropped));
    NEED(s.events_produced == f->got.count + f->got.lost, "%llu made, %zu had, %llu lost",
         (unsigned long long)s.events_produced, f->got.count, (unsigned long long)f->got.lost);
    return NULL;
}

static const char *two_at_once(struct fixture *f)
{
    struct output second = {0};
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_SEEN(loaded(f, 1, NULL));
    for (uint32_t number = 1; number < 6; number++) {
        struct sample sample;
        sample_make(&sample, number);
        NEED_OK(f, "chip", output_expect(&f->expected, f->context, f->program, &sample));
        NEED_OK(f, "send", send_sample(f->device[0], f->context, number));
        NEED_OK(f, "send", send_sample(f->device[1], f->context, number));
        NEED_OK(f, "take", take_output(f->device[1], f->context, &second, patient_ms(ANSWER_MS)));
        NEED_OK(f, "take", take_output(f->device[0], f->context, &f->got, patient_ms(ANSWER_MS)));
    }
    const char *differs = output_differs(&second, &f->expected);
    output_free(&second);
    return differs ? differs : output_differs(&f->got, &f->expected);
}

/* ---- Streams that are disturbed ---- */

/* The same events come, whatever the bus does. */
static const char *same_in_spite_of(struct fixture *f, const char *fault,
                                    struct snn_device_statistics *s)
{
    NEED_SEEN(loaded(f, 0, fault));
    NEED_SEEN(plays_as_chip(f, 0, 1, 10));
    NEED_OK(f, "statistics", snn_device_read_statistics(f->device[0], f->context, s));
    NEED(s->transport_dropped == 0 && s->host_faults == 0 && s->faults == 0,
         "something was lost or wrong");
    return NULL;
}

static const char *short_packets(struct fixture *f)
{
    struct snn_device_statistics s;
    NEED_SEEN(same_in_spite_of(f, "short", &s));
    NEED(s.short_packets > 0, "no packet was short");
    return NULL;
}

static const char *odd_packets(struct fixture *f)
{
    struct snn_device_statistics s;
    return same_in_spite_of(f, "odd", &s);
}

static const char *stall_in(struct fixture *f)
{
    struct snn_device_statistics s;
    NEED_SEEN(same_in_spite_of(f, "stall-in@700", &s));
    NEED(s.stalls > 0, "it never stalled");
    return NULL;
}

static const char *stall_out(struct fixture *f)
{
    struct snn_device_statistics s;
    NEED_SEEN(same_in_spite_of(f, "stall-out@700", &s));
    NEED(s.stalls > 0, "it never stalled");
    return NULL;
}

static const char *bus_error_once(struct fixture *f)
{
    struct snn_device_statistics s;
    NEED_SEEN(same_in_spite_of(f, "error-in@700", &s));
    NEED(s.retries > 0, "it never failed");
    return NULL;
}

static const char *everything_at_once(struct fixture *f)
{
    struct snn_device_statistics s;
    return same_in_spite_of(f, "odd,stall-in@300,stall-out@500,error-in@900", &s);
}

/* Plays samples until one fails; its status. */
static int play_until(struct fixture *f, unsigned count)
{
    int status = SNN_OK;
    for (uint32_t i = 1; i <= count && status == SNN_OK; i++)
        status = play(f->device[0], f->context, &f->got, i);
    return status;
}

static const char *bus_error_for_ever(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, "broken-in@700"));
    int64_t begin = clock_ms();
    NEED_STATUS(f, "stream", SNN_ERR_IO, play_until(f, 10));
    NEED(clock_ms() - begin < patient_ms(5000), "after %lld ms", (long long)(clock_ms() - begin));
    return NULL;
}

static const char *corrupt_in(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, "corrupt-in@700"));
    NEED_STATUS(f, "stream", SNN_ERR_PROTOCOL, play_until(f, 10));
    return NULL;
}

static const char *corrupt_out(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, "corrupt-out@700"));
    NEED_STATUS(f, "stream", SNN_ERR_PROTOCOL, play_until(f, 10));
    return NULL;
}

/* ---- Ends ---- */

static const char *gone_at_a_byte(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, "gone@700"));
    NEED_STATUS(f, "stream", SNN_ERR_GONE, play_until(f, 10));
    return NULL;
}

static const char *unplug_mid_stream(struct fixture *f)
{
    struct taker taker = {.f = f};
    pthread_t thread;
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_OK(f, "stream", play(f->device[0], f->context, &f->got, 1));
    NEED(pthread_create(&thread, NULL, take_main, &taker) == 0, "no thread");
    pause_ms(50);
    int64_t begin = clock_ms();
    bed.unplug(0);
    (void)pthread_join(thread, NULL);
    output_free(&taker.got);
    NEED(taker.status == SNN_ERR_GONE, "take: %s: %s", snn_status_name(taker.status),
         snn_context_message(f->other));
    NEED(taker.ended_ms - begin <= patient_ms(GONE_MS), "told after %lld ms",
         (long long)(taker.ended_ms - begin));
    NEED_STATUS(f, "send after it", SNN_ERR_GONE, send_sample(f->device[0], f->context, 1));
    return NULL;
}

static const char *reopen_by_serial(struct fixture *f)
{
    NEED_SEEN(plugged(1, NULL));
    NEED_SEEN(loaded(f, 0, NULL));
    for (unsigned turn = 0; turn < 3; turn++) {
        NEED_OK(f, "send", send_sample(f->device[0], f->context, 1));
        bed.unplug(0);
        snn_device_close(&f->device[0]);
        NEED_STATUS(f, "open what left", SNN_ERR_NOT_FOUND, open_slot(f, 0, NULL));
        NEED_SEEN(loaded(f, 0, NULL));
        NEED_SEEN(plays_as_chip(f, 0, 1, 2));
    }
    return NULL;
}

static const char *closed_in_time(struct fixture *f, int64_t begin)
{
    snn_device_close(&f->device[0]);
    int64_t took = clock_ms() - begin;
    NEED(took < patient_ms(CLOSE_MS), "closing took %lld ms", (long long)took);
    NEED_OK(f, "open again", open_slot(f, 0, NULL));
    return NULL;
}

/* Transfers wait for data that never comes. */
static const char *cancel(struct fixture *f)
{
    struct snn_device_item item;
    size_t count = 0;
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_OK(f, "stream", play(f->device[0], f->context, &f->got, 1));
    NEED_STATUS(f, "receive", SNN_ERR_TIMEOUT,
                snn_device_receive(f->device[0], f->context, &item, 1, &count, 50));
    return closed_in_time(f, clock_ms());
}

static const char *close_while_streaming(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_OK(f, "send", flood(f, 0, FLOOD / 4, 1));
    NEED_SEEN(closed_in_time(f, clock_ms()));
    NEED_OK(f, "load", load_slot(f, 0, NULL));
    return plays_as_chip(f, 0, 1, 2);
}

static const char *close_after_unplug(struct fixture *f)
{
    NEED_SEEN(loaded(f, 0, NULL));
    NEED_OK(f, "send", send_sample(f->device[0], f->context, 1));
    bed.unplug(0);
    int64_t begin = clock_ms();
    snn_device_close(&f->device[0]);
    NEED(clock_ms() - begin < patient_ms(CLOSE_MS), "closing took %lld ms",
         (long long)(clock_ms() - begin));
    return NULL;
}

/* ---- The list ---- */

static const struct behaviour {
    const char *name;
    const char *(*show)(struct fixture *f);
} behaviours[] = {
    {"enumeration", enumeration},
    {"descriptor strings", descriptor_strings},
    {"no device", no_device},
    {"ambiguous URI", ambiguous_uri},
    {"bad URIs", bad_uris},
    {"opened by port", by_port},
    {"permission denied", permission_denied},
    {"busy", busy},
    {"hotplug", hotplug},
    {"handshake", handshake},
    {"version mismatch", version_mismatch},
    {"wrong chip", wrong_chip},
    {"load and read-back", load_and_read_back},
    {"second load keeps cores", second_load_keeps},
    {"wrong CRC", wrong_crc},
    {"refused request", refused_request},
    {"refused commit", refused_commit},
    {"delayed answers", delayed_answers},
    {"answer that never comes", answer_that_never_comes},
    {"reset", reset},
    {"stream both ways", stream_both_ways},
    {"several samples", several_samples},
    {"per-sample reset", per_sample_reset},
    {"as a target", as_a_target},
    {"credit exhausted and resumed", credit},
    {"statistics conserve", statistics_conserve},
    {"loss is marked", loss_is_marked},
    {"two devices at once", two_at_once},
    {"short packets", short_packets},
    {"odd packets", odd_packets},
    {"stall in", stall_in},
    {"stall out", stall_out},
    {"bus error once", bus_error_once},
    {"bus error for ever", bus_error_for_ever},
    {"everything at once", everything_at_once},
    {"corrupt word in", corrupt_in},
    {"corrupt word out", corrupt_out},
    {"gone at a byte", gone_at_a_byte},
    {"unplug mid-stream", unplug_mid_stream},
    {"reopen by serial number", reopen_by_serial},
    {"cancel", cancel},
    {"close while streaming", close_while_streaming},
    {"close after unplug", close_after_unplug},
};

enum { COUNT = sizeof(behaviours) / sizeof(behaviours[0]) };

/* Why the bed cannot show it, or NULL. */
static const char *hindrance(const struct behaviour *behaviour)
{
    if (behaviour->show == permission_denied && !bed.deny) return "the bed cannot deny";
    if (behaviour->show == hotplug && !bed.hotplug) return "the bed has no hotplug";
    for (const char *const *name = bed.cannot; name && *name; name++) {
        if (strcmp(*name, behaviour->name) == 0) return "not on this bed";
    }
    return NULL;
}

/* False: it was not seen. */
static bool show(unsigned number, const struct behaviour *behaviour)
{
    const char *skip = hindrance(behaviour);
    if (skip) {
        printf("ok %u - %s # SKIP %s\n", number, behaviour->name, skip);
        return true;
    }
    struct fixture f;
    int64_t begin = clock_ms();
    (void)alarm((unsigned)patient_ms(WATCHDOG_S)); /* what hangs is ended, and named by the next */
    fixture_begin(&f, NULL);
    const char *seen = behaviour->show(&f);
    fixture_end(&f);
    printf("%sok %u - %s\n", seen ? "not " : "", number, behaviour->name);
    if (seen) printf("# %s\n", seen);
    if (clock_ms() - begin > 1000) printf("# took %lld ms\n", (long long)(clock_ms() - begin));
    return !seen;
}

/* All, or those named. */
int main(int count, char **names)
{
    bool good = true;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    int status = bed.start();
    if (status == BED_SKIP) {
        printf("1..0 # SKIP bed %s\n", bed.name);
        return 0;
    }
    if (status != 0) return EXIT_FAILURE;
    if (count < 2) printf("1..%d\n", COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        bool wanted = count < 2;
        for (int k = 1; k < count; k++)
            wanted = wanted || strcmp(names[k], behaviours[i].name) == 0;
        if (wanted && !show(i + 1, &behaviours[i])) good = false;
    }
    bed.stop();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
