/* Devices as targets: "usb:1209:0001", "serial:/dev/ttyUSB0", "vdev:speck2f", "replay:FILE", each
 * with ",record=FILE" and ",order=NAME[,seed=N]" behind it. They take a chip program and give what
 * the target "chip:NAME" gives for it: the same net, the same events in the same order, elsewhere.
 */
#include <stdio.h>
#include <string.h>

#include "device/dynapcnn/session.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

#define ARGUMENTS \
    "behind the device record=FILE, then order=raster|interleave|random|recorded, then seed=N"

/* ---- URIs ---- */

/* The last ",order=", from where on the words are the target's: a device's own may be called alike
 * (the seed of faults), and files have commas. The text's end where there is none. Before it the
 * same with ",record=". */
static const char *find_word(const char *arguments, const char *word)
{
    const char *found = NULL;
    for (const char *at = arguments; (at = strstr(at, word)) != NULL; at++)
        found = at;
    return found != NULL ? found : arguments + strlen(arguments);
}

static int take_seed(struct snndev_session *s, struct snn_context *context, const char *text)
{
    uint64_t seed = 0;
    bool good = *text != '\0';
    for (; good && *text != '\0'; text++) {
        const unsigned digit = (unsigned)(*text - '0');
        good = digit <= 9 && seed <= (UINT64_MAX - digit) / 10;
        if (good) seed = seed * 10 + digit;
    }
    if (!good) return snnbase_fail(context, SNN_ERR_INVALID, "the seed is no number");
    s->seed = seed;
    return SNN_OK;
}

/* Cuts ",record=FILE" off the URI. */
static int take_record(struct snndev_session *s, struct snn_context *context)
{
    static const char word[] = ",record=";
    char *at = s->uri + (find_word(s->uri, word) - s->uri);
    if (*at == '\0') return SNN_OK;
    const char *file = at + strlen(word);
    if (*file == '\0')
        return snnbase_fail(context, SNN_ERR_INVALID, "record= names no file for the session");
    s->record = snnbase_alloc(context, strlen(file) + 1, 1);
    if (s->record == NULL) return SNN_ERR_NOMEM;
    memcpy(s->record, file, strlen(file));
    *at = '\0';
    return SNN_OK;
}

/* "", or ",order=NAME[,seed=N]". */
static int parse(struct snndev_session *s, struct snn_context *context, const char *words)
{
    char name[32];
    s->order = SNN_ORDER_INTERLEAVE;
    if (*words == '\0') return SNN_OK;
    words += strlen(",order=");
    const size_t length = strcspn(words, ",");
    if (length >= sizeof(name))
        return snnbase_fail(context, SNN_ERR_INVALID, "unknown order '%s'", words);
    memcpy(name, words, length);
    name[length] = '\0';
    int status = snn_order_parse(&s->order, context, name);
    if (status != SNN_OK || words[length] == '\0') return status;
    words += length;
    if (strncmp(words, ",seed=", 6) == 0) return take_seed(s, context, words + 6);
    snnbase_fail(context, SNN_ERR_INVALID, "unknown argument '%s'", words + 1);
    return snnbase_hint(context, ARGUMENTS);
}

/* ---- Opening ---- */

static void session_close(void *session)
{
    struct snndev_session *s = session;
    struct snn_allocator allocator = s->allocator;
    snndev_tally_destroy(&s->tally);
    snn_schedule_destroy(&s->schedule);
    snn_device_close(&s->device);
    snnbase_allocator_free(&allocator, s->uri);
    snnbase_allocator_free(&allocator, s->record);
    snnbase_allocator_free(&allocator, s);
}

/* A virtual chip's profile may be a file; others are known by the name that the device tells. */
static int load_profile(struct snndev_session *s, struct snn_context *context)
{
    const struct snn_device_info *info = snn_device_about(s->device);
    char file[512];
    const char *name = info->chip;
    if (strncmp(s->uri, "vdev:", 5) == 0) {
        size_t length = 5;
        while (s->uri[length] != '\0' && strncmp(s->uri + length, ",serial=", 8) != 0 &&
               strncmp(s->uri + length, ",fault=", 7) != 0)
            length++;
        (void)snprintf(file, sizeof(file), "%.*s", (int)length - 5, s->uri + 5);
        name = file;
    }
    int status = snn_chip_load(&s->chip, context, name);
    if (status == SNN_ERR_NOT_FOUND && name == info->chip) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                     "%s: the device is a chip '%s', of which no profile is known", s->uri,
                     info->chip);
        return snnbase_hint(context, "its firmware may be that of another device");
    }
    return status;
}

static int open_device(struct snndev_session *s, struct snn_context *context)
{
    const struct snn_device_options options = {.record = s->record};
    int status = snn_device_open(&s->device, context, s->uri, &options);
    return status == SNN_OK ? load_profile(s, context) : status;
}

static int make_session(struct snndev_session **out, struct snn_context *context,
                        const char *scheme, const char *arguments, size_t length)
{
    const size_t prefix = strlen(scheme);
    struct snndev_session *s = snnbase_alloc(context, 1, sizeof(*s));
    if (s == NULL) return SNN_ERR_NOMEM;
    s->allocator = *snnbase_allocator(context);
    s->uri = snnbase_alloc(context, prefix + 1 + length + 1, 1);
    if (s->uri == NULL) {
        session_close(s);
        return SNN_ERR_NOMEM;
    }
    memcpy(s->uri, scheme, prefix);
    s->uri[prefix] = ':';
    memcpy(s->uri + prefix + 1, arguments, length);
    *out = s;
    return SNN_OK;
}

static int open_scheme(void **session_out, struct snn_context *context, const char *scheme,
                       const char *arguments)
{
    const char *words = find_word(arguments, ",order=");
    struct snndev_session *s = NULL;
    int status = make_session(&s, context, scheme, arguments, (size_t)(words - arguments));
    if (status != SNN_OK) return status;
    status = parse(s, context, words);
    if (status == SNN_OK) status = take_record(s, context);
    if (status == SNN_OK) status = open_device(s, context);
    if (status != SNN_OK) {
        session_close(s);
        return status;
    }
    *session_out = s;
    return SNN_OK;
}

static int usb_open(void **session_out, struct snn_context *context, const char *arguments)
{
    return open_scheme(session_out, context, "usb", arguments);
}

static int serial_open(void **session_out, struct snn_context *context, const char *arguments)
{
    return open_scheme(session_out, context, "serial", arguments);
}

static int vdev_open(void **session_out, struct snn_context *context, const char *arguments)
{
    return open_scheme(session_out, context, "vdev", arguments);
}

static int replay_open(void **session_out, struct snn_context *context, const char *arguments)
{
    return open_scheme(session_out, context, "replay", arguments);
}

/* ---- Loading ---- */

static const struct snn_chip *session_chip(const void *session)
{
    const struct snndev_session *s = session;
    return &s->chip;
}

static void session_timing(const void *session, const char **semantics_out, const char **order_out)
{
    const struct snndev_session *s = session;
    *semantics_out = "async";
    *order_out = snn_order_name(s->order);
}

static int session_load(void *session, struct snn_context *context, const struct snn_net *net)
{
    const struct snndev_session *s = session;
    (void)net;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED,
                 "%s: a device takes chip programs, and the net is not placed", s->uri);
    return snnbase_hint(context, "place it for %s (snn_place) and load the program", s->chip.name);
}

static int session_load_program(void *session, struct snn_context *context,
                                const struct snn_program *program, const struct snn_net *net)
{
    struct snndev_session *s = session;
    const struct snn_schedule_options schedule = {s->order, s->seed, program->dt_us};
    snndev_tally_destroy(&s->tally);
    snn_schedule_destroy(&s->schedule);
    s->program = program;
    s->net = net;
    int status = snn_device_load(s->device, context, program, &s->load);
    if (status == SNN_OK) status = snndev_tally_create(&s->tally, context, program, net);
    if (status == SNN_OK)
        status = snn_schedule_create(&s->schedule, context, &schedule, program->input_shape);
    if (status != SNN_OK) return status;
    s->place = (struct snndev_place){.fresh = true};
    s->told = (struct snn_device_statistics){.events_taken = 0};
    s->trips_told = (struct snnstream_trips){.count = 0};
    return SNN_OK;
}

/* Another virtual chip like this one. */
static int session_fork(void **session_out, struct snn_context *context, void *session)
{
    const struct snndev_session *parent = session;
    const char *arguments = strchr(parent->uri, ':') + 1;
    struct snndev_session *s = NULL;
    if (parent->record != NULL) {
        snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: a session that is recorded is a single one",
                     parent->uri);
        return snnbase_hint(context, "run it on one thread (--threads 1)");
    }
    int status = make_session(&s, context, "vdev", arguments, strlen(arguments));
    if (status != SNN_OK) return status;
    s->order = parent->order;
    s->seed = parent->seed;
    s->allow_loss = parent->allow_loss;
    status = open_device(s, context);
    if (status == SNN_OK) status = session_load_program(s, context, parent->program, parent->net);
    if (status != SNN_OK) {
        session_close(s);
        return status;
    }
    *session_out = s;
    return SNN_OK;
}

static void session_allow_loss(void *session, bool allow)
{
    struct snndev_session *s = session;
    s->allow_loss = allow;
}

/* ---- The table ---- */

#define DEVICE_TARGET(SCHEME, SUMMARY, PARALLEL_MAX, FORK)                                \
    {                                                                                     \
        .name = #SCHEME, .summary = SUMMARY, .kind = SNN_TARGET_SPIKING,                  \
        .parallel_max = PARALLEL_MAX, .open = SCHEME##_open, .timing = session_timing,    \
        .chip = session_chip, .load = session_load, .load_program = session_load_program, \
        .fork = FORK, .reset = snndev_session_reset, .push = snndev_session_push,         \
        .advance = snndev_session_advance, .pull = snndev_session_pull,                   \
        .counts = snndev_session_counts, .watch = snndev_session_watch,                   \
        .allow_loss = session_allow_loss, .telemetry = snndev_session_telemetry,          \
        .close = session_close                                                            \
    }

extern const struct snn_target_ops snndev_usb_target;
extern const struct snn_target_ops snndev_serial_target;
extern const struct snn_target_ops snndev_vdev_target;
extern const struct snn_target_ops snndev_replay_target;

const struct snn_target_ops snndev_usb_target = DEVICE_TARGET(usb, "a chip on the USB", 1, NULL);
const struct snn_target_ops snndev_serial_target =
    DEVICE_TARGET(serial, "a chip on a serial line", 1, NULL);
const struct snn_target_ops snndev_vdev_target =
    DEVICE_TARGET(vdev, "a virtual chip in this process, behind the wire", 0, session_fork);
const struct snn_target_ops snndev_replay_target =
    DEVICE_TARGET(replay, "a recorded session", 1, NULL);
