/* Devices that lie about themselves, through the real libusb: on bed B, with the chip's numbers but
 * descriptors that are changed or random, and texts of every kind that a device should not send.
 *
 * Whatever a device says, listing, opening and closing it end within a second each, fail with a
 * status and a message if they fail, show printable ASCII only, and leave no memory and no open
 * file behind; what was listed as free can be opened by the URI that it was listed with. 300
 * devices, with SNN_SOAK 20,000, always the same ones. `descriptors KIND NUMBER` is one of them
 * alone.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/vchip/usbdevice.h"
#include "snn/context.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/device/bed.h"
#include "tests/device/bed_umock.h"
#include "tests/fuzz/mutate.h"

enum { DEVICES = 300, DEVICES_SOAK = 20000, STEP_MS = 1000, TIMEOUT_MS = 250, HANG_S = 30 };
enum { CONFIG_HEAD = 9, CONFIGURATIONS = 8, HEAD = 18, NUMBERS_AT = 8, NUMBERS = 4, STATUSES = 32 };

/* ---- Chance ---- */

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t count)
{
    return (size_t)(draw(state) % count);
}

static void fill(uint64_t *state, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)draw(state);
}

/* ---- A device ---- */

struct liar {
    struct umock_description description;
    uint64_t seed; /* of its texts: the same whenever it is asked */
    bool lies_in_texts;
};

/* What a device sends for a text. */
enum lie {
    HONEST,
    NOISE,
    NO_END,
    CONTROLS,
    TOO_LONG,
    HEADLESS,
    ODD,
    CUT,
    STALL,
    BABBLE,
    NEVER,
    LIES
};

static size_t write_text(uint8_t *out, size_t room, const char *text)
{
    size_t size = 2;
    for (; *text != '\0' && size + 2 <= room; text++) {
        out[size++] = (uint8_t)*text;
        out[size++] = 0;
    }
    out[0] = (uint8_t)size;
    out[1] = 3;
    return size;
}

/* 255 bytes in all, as they would be on the bus; the host takes what it asked for. */
static size_t write_lie(uint64_t *state, enum lie lie, uint8_t *out)
{
    size_t size = 2 + 2 * below(state, 127);
    fill(state, out, 255);
    out[0] = (uint8_t)size;
    out[1] = 3;
    switch (lie) {
    case CONTROLS:
        for (size_t i = 2; i < size; i += 2) {
            out[i] = (uint8_t)(below(state, 3) == 0 ? 127 : below(state, 34));
            out[i + 1] = 0;
        }
        break;
    case NO_END:
        size = 255;
        memset(out + 2, 'a', size - 2);
        out[0] = 255;
        break;
    case TOO_LONG:
        size = 2 + below(state, 20);
        out[0] = (uint8_t)(size + 1 + below(state, 200));
        break;
    case HEADLESS:
        out[below(state, 2)] = (uint8_t)draw(state);
        break;
    case ODD:
        out[0] = (uint8_t)(size |= 1);
        break;
    case CUT:
        size = below(state, 4);
        break;
    default:
        break;
    }
    return size;
}

static int tell(void *user, const uint8_t *setup, uint8_t *out, size_t room, size_t *size_out)
{
    static const uint8_t languages[] = {4, 3, 9, 4};
    const struct liar *liar = user;
    uint64_t state = liar->seed + setup[2];
    uint8_t bytes[256];
    enum lie lie = liar->lies_in_texts ? (enum lie)below(&state, LIES) : HONEST;
    /* Without languages nobody asks for the rest. */
    if (setup[2] == 0 && below(&state, 3) > 0) lie = HONEST;
    if (lie == NEVER) return UMOCK_NEVER;
    if (lie == STALL) return EPIPE;
    if (lie == BABBLE) return EOVERFLOW;
    size_t size = sizeof(languages);
    if (lie != HONEST)
        size = write_lie(&state, lie, bytes);
    else if (setup[2] == 0)
        memcpy(bytes, languages, size);
    else
        size = write_text(bytes, sizeof(bytes), "LIAR 1:2,x=\"3\"@4");
    *size_out = size < room ? size : room;
    memcpy(out, bytes, *size_out);
    return 0;
}

/* ---- The kernel ---- */

static size_t word_at(const uint8_t *bytes)
{
    return (size_t)bytes[0] | (size_t)bytes[1] << 8;
}

/* How much of a configuration the kernel keeps: up to a descriptor whose length cannot be. */
static size_t whole_pieces(const uint8_t *bytes, size_t size)
{
    size_t at = bytes[0];
    while (size - at >= 2 && bytes[at] >= 2 && bytes[at] <= size - at)
        at += bytes[at];
    return at;
}

/* Makes of the bytes what Linux has in sysfs once it has looked through them
 * (usb_parse_configuration and descriptors_read, drivers/usb/core/config.c and sysfs.c): a whole
 * device descriptor, as many configurations as it says, 8 at most, no piece with a length of 0 or
 * beyond the end. libusb relies on it: up to 1.0.26 it does not come back from libusb_init with a
 * length of 0 in that file (pull request 1308). Where there are several configurations it looks for
 * lengths right behind the first 9 bytes of each, even if its head is longer; to Linux that is
 * fine, so it is avoided here.
 */
static void pass_kernel(struct umock_description *out)
{
    uint8_t *bytes = out->descriptors;
    size_t from = HEAD, to = HEAD;
    uint8_t count = 0;
    while (count < bytes[HEAD - 1] && count < CONFIGURATIONS && out->size - from >= CONFIG_HEAD) {
        const size_t left = out->size - from;
        uint8_t *config = bytes + from;
        /* A device without these is none to the kernel. */
        if (config[0] < CONFIG_HEAD || config[0] > left || bytes[HEAD - 1] > 1)
            config[0] = CONFIG_HEAD;
        config[1] = 2;
        size_t total = word_at(config + 2);
        if (total < config[0] || total > left) total = left;
        const size_t kept = whole_pieces(config, total);
        memmove(bytes + to, config, kept);
        to += kept;
        from += total;
        count++;
    }
    bytes[HEAD - 1] = count;
    out->size = to;
}

/* ---- Kinds ---- */

static void append(struct umock_description *out, const uint8_t *bytes, size_t size)
{
    memcpy(out->descriptors + out->size, bytes, size);
    out->size += size;
}

static void append_own(struct umock_description *out, bool superspeed)
{
    size_t size = 0;
    const uint8_t *bytes = snndev_usb_config_descriptor(superspeed, &size);
    append(out, bytes, size);
}

/* Changes what stands from `start` on, to at most `room` bytes. */
static void change(struct umock_description *out, uint64_t *state, size_t start, size_t room)
{
    size_t size = 0;
    const uint8_t *donor = snndev_usb_config_descriptor(true, &size);
    out->size =
        start + mutate(out->descriptors + start, out->size - start, room, donor, size, draw(state));
}

/* The numbers of the device stay, by which it is known, and its length, which the kernel sees to.
 */
static void change_device(struct liar *liar, uint64_t *state)
{
    struct umock_description head = liar->description;
    uint8_t *bytes = liar->description.descriptors;
    head.size = HEAD;
    change(&head, state, 0, HEAD);
    memcpy(bytes, head.descriptors, NUMBERS_AT);
    memcpy(bytes + NUMBERS_AT + NUMBERS, head.descriptors + NUMBERS_AT + NUMBERS,
           HEAD - NUMBERS_AT - NUMBERS);
}

static void change_configuration(struct liar *liar, uint64_t *state)
{
    static const char *const values[] = {"0\\n",           "",    "-1\\n", "255\\n", "x",
                                         "99999999999\\n", "2\\n"};
    struct umock_description *out = &liar->description;
    const bool superspeed = below(state, 2) == 0;
    out->size = HEAD;
    append_own(out, superspeed);
    if (below(state, 4) == 0) {
        out->descriptors[HEAD - 1] = 2;
        append_own(out, !superspeed);
    }
    change(out, state, HEAD, UMOCK_DESCRIPTORS_MAX - HEAD);
    if (below(state, 6) == 0) out->configuration = values[below(state, 7)];
}

/* A piece of some type, as long as that is to be, of random bytes; mostly. */
static void append_piece(struct umock_description *out, uint64_t *state, bool interface)
{
    static const uint8_t types[] = {2, 4, 5, 5, 5, 5, 11, 15, 33, 48};
    static const uint8_t addresses[] = {SNNWIRE_ENDPOINT_IN, SNNWIRE_ENDPOINT_OUT};
    const uint8_t type = interface ? 4 : types[below(state, sizeof(types))];
    const bool usual = below(state, 4) > 0;
    uint8_t piece[16];
    size_t size = 2 + below(state, 12);
    fill(state, piece, sizeof(piece));
    piece[1] = below(state, 16) > 0 ? type : (uint8_t)draw(state);
    if (type == 4 && usual) size = 9;
    if (type == 5 && usual) size = 7;
    piece[0] = (uint8_t)(below(state, 32) > 0 ? size : draw(state));
    /* So that some are of use. */
    if (type == 4 && usual) memset(piece + 2, 0, 2);
    if (type == 4 && usual) piece[4] = (uint8_t)below(state, 6);
    if (type == 5 && usual) piece[2] = addresses[below(state, 2)];
    if (type == 5 && usual) piece[3] = 2;
    append(out, piece, size);
}

static void write_random(struct liar *liar, uint64_t *state)
{
    struct umock_description *out = &liar->description;
    const size_t pieces = below(state, below(state, 2) == 0 ? 6 : 60);
    out->size = HEAD;
    append_own(out, false);
    if (below(state, 4) == 0) {
        out->size = HEAD + below(state, 2048);
        fill(state, out->descriptors + HEAD, out->size - HEAD);
        return;
    }
    out->size = HEAD + 9;
    for (size_t i = 0; i < pieces; i++)
        append_piece(out, state, i == 0);
    const size_t total = out->size - HEAD;
    out->descriptors[HEAD + 2] = (uint8_t)total;
    out->descriptors[HEAD + 3] = (uint8_t)(total >> 8);
    out->descriptors[HEAD + 4] = (uint8_t)below(state, below(state, 4) > 0 ? 4 : 256);
}

static void change_texts(struct liar *liar, uint64_t *state)
{
    (void)state;
    liar->lies_in_texts = true;
}

static void change_all(struct liar *liar, uint64_t *state)
{
    if (below(state, 2) == 0)
        change_configuration(liar, state);
    else
        write_random(liar, state);
    if (below(state, 3) == 0) change_device(liar, state);
    liar->lies_in_texts = true;
}

/* What the kernel has of its texts is all that is known of a device that may not be opened. */
static void close_up(struct liar *liar, uint64_t *state)
{
    struct umock_text *texts[] = {&liar->description.serial, &liar->description.product};
    for (size_t i = 0; i < 2; i++) {
        texts[i]->size = below(state, UMOCK_TEXT_MAX + 1);
        fill(state, texts[i]->bytes, texts[i]->size);
    }
    if (below(state, 2) == 0) change_configuration(liar, state);
}

struct kind {
    const char *name, *sentence;
    void (*make)(struct liar *liar, uint64_t *state);
    bool denied, opens; /* some of them can be opened */
};

static const struct kind kinds[] = {
    {"device", "device descriptors that are changed", change_device, false, true},
    {"configuration", "configurations that are changed", change_configuration, false, true},
    {"random", "configurations that are random", write_random, false, true},
    {"texts", "texts that are none, or never come", change_texts, false, true},
    {"all", "all of it at once", change_all, false, true},
    {"denied", "texts of the kernel's, without permission", close_up, true, false},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void make_liar(struct liar *out, const struct kind *kind, uint64_t number)
{
    uint64_t state = (uint64_t)(kind - kinds) << 32 | number;
    size_t size = 0;
    const uint8_t *device = snndev_usb_device_descriptor(false, &size);
    *out = (struct liar){.description = {.configuration = "1\\n", .tell = tell, .user = out}};
    out->seed = draw(&state);
    append(&out->description, device, size);
    append_own(&out->description, false);
    kind->make(out, &state);
    pass_kernel(&out->description);
}

/* ---- What it comes to ---- */

struct result {
    uint64_t opened, unlisted, failed[STATUSES]; /* by status, which is negative */
    int64_t slowest;
    const char *trouble; /* NULL: none */
    char said[256];      /* the text that the trouble is with */
};

static atomic_long blocks;

static void *allocate(size_t size, void *user)
{
    (void)user;
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

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder) (void)closedir(folder);
    return count;
}

/* Whether they are no more than before; umockdev, in this process, closes its ends a little later.
 */
static bool files_closed(unsigned before)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const int64_t end = now_ms() + STEP_MS;
    while (count_files() > before && now_ms() < end)
        (void)nanosleep(&pause, NULL);
    return count_files() <= before;
}

static void complain(struct result *result, const char *trouble, const char *said)
{
    if (result->trouble) return;
    result->trouble = trouble;
    (void)snprintf(result->said, sizeof(result->said), "%s", said);
}

static void check_text(struct result *result, const char *text, size_t room)
{
    size_t size = 0;
    while (size < room && text[size] >= ' ' && text[size] <= '~')
        size++;
    if (size == room) complain(result, "a text without an end", "");
    if (size < room && text[size] != '\0') complain(result, "a text that cannot be printed", text);
}

static void check_time(struct result *result, const char *step, int64_t begin)
{
    const int64_t took = now_ms() - begin;
    if (took > result->slowest) result->slowest = took;
    if (took > STEP_MS) complain(result, "more than a second", step);
}

static void check_failure(struct result *result, const struct snn_context *context, int status)
{
    const char *message = snn_context_message(context), *hint = snn_context_hint(context);
    if (status < 0 && -status < STATUSES) result->failed[-status]++;
    if (!message || message[0] == '\0') complain(result, "no message", snn_status_name(status));
    if (message) check_text(result, message, SIZE_MAX);
    if (hint) check_text(result, hint, SIZE_MAX);
    if (status == SNN_ERR_INVALID || status == SNN_ERR_NOMEM || status == SNN_ERR_UNSUPPORTED)
        complain(result, "a status that does not fit", message);
}

struct listing {
    struct result *result;
    unsigned count;
    struct snn_device_description device;
};

static void on_listed(const struct snn_device_description *device, void *user)
{
    struct listing *listing = user;
    listing->count++;
    listing->device = *device;
    check_text(listing->result, device->uri, sizeof(device->uri));
    check_text(listing->result, device->serial, sizeof(device->serial));
    check_text(listing->result, device->product, sizeof(device->product));
    check_text(listing->result, device->port, sizeof(device->port));
    check_text(listing->result, device->access_path, sizeof(device->access_path));
}

static void open_and_close(struct result *result, struct snn_context *context,
                           const struct listing *listing)
{
    const struct snn_device_options options = {
        .timeout_ms = TIMEOUT_MS, .transfers = 4, .slot_bytes = 4096};
    const char *uri = listing->count > 0 ? listing->device.uri : "usb:1209:0001";
    struct snn_device *device = NULL;
    int64_t begin = now_ms();
    const int status = snn_device_open(&device, context, uri, &options);
    check_time(result, "open", begin);
    if (status != SNN_OK) check_failure(result, context, status);
    if (listing->count > 0 && status == SNN_ERR_NOT_FOUND)
        complain(result, "listed, but not found", uri);
    if (listing->count > 0 && listing->device.access == SNN_ERR_ACCESS && status != SNN_ERR_ACCESS)
        complain(result, "listed as closed", snn_status_name(status));
    if (status != SNN_OK) return;
    result->opened++;
    check_text(result, snn_device_about(device)->uri, sizeof(snn_device_about(device)->uri));
    begin = now_ms();
    snn_device_close(&device);
    check_time(result, "close", begin);
}

/* What a program does with a device that is there. */
static void use(struct result *result)
{
    const struct snn_context_options options = {.allocator = {allocate, release, NULL}};
    struct listing listing = {.result = result};
    struct snn_context *context = NULL;
    if (snn_context_create(&context, &options) != SNN_OK) {
        complain(result, "no context", "");
        return;
    }
    const int64_t begin = now_ms();
    const int status = snn_device_list(context, on_listed, &listing);
    check_time(result, "list", begin);
    if (status != SNN_OK) complain(result, "the list fails", snn_context_message(context));
    if (listing.count == 0) result->unlisted++;
    if (listing.count > 1) complain(result, "more than one device", listing.device.uri);
    open_and_close(result, context, &listing);
    snn_context_destroy(&context);
}

static bool try_one(struct result *result, const struct kind *kind, uint64_t number)
{
    struct liar liar;
    make_liar(&liar, kind, number);
    (void)alarm(HANG_S);
    if (umock_plug(0, &liar.description) != 0) {
        complain(result, "cannot be plugged in", "");
    } else {
        if (kind->denied) (void)bed.deny(0, true);
        const unsigned files = count_files();
        use(result);
        if (!files_closed(files)) complain(result, "files are left open", "");
        if (atomic_load(&blocks) != 0) complain(result, "memory is left", "");
    }
    umock_unplug(0);
    (void)alarm(0);
    if (result->trouble)
        printf("# %s %" PRIu64 ": %s: %s\n", kind->name, number, result->trouble, result->said);
    return result->trouble == NULL;
}

static void report(const struct result *result, uint64_t count)
{
    printf("#   %" PRIu64 " devices: %" PRIu64 " opened, %" PRIu64 " not listed", count,
           result->opened, result->unlisted);
    for (int i = 0; i < STATUSES; i++)
        if (result->failed[i] > 0)
            printf(", %" PRIu64 " %s", result->failed[i], snn_status_name(-i));
    printf("; slowest step %" PRId64 " ms\n", result->slowest);
}

static bool try_kind(const struct kind *kind, uint64_t count)
{
    struct result result = {.trouble = NULL};
    bool good = true;
    for (uint64_t i = 0; i < count && good; i++)
        good = try_one(&result, kind, i);
    report(&result, count);
    /* Else this has tried nothing. */
    if (good && kind->opens && result.opened == 0) printf("# none could be opened\n");
    return good && (!kind->opens || result.opened > 0);
}

/* After all of them, the same process has an honest device. */
static bool try_honest(void)
{
    struct result result = {.trouble = NULL};
    if (bed.plug(1, NULL) != 0) return false;
    use(&result);
    bed.unplug(1);
    if (result.trouble) printf("# %s: %s\n", result.trouble, result.said);
    return !result.trouble && result.opened == 1;
}

static bool try_all(void)
{
    const uint64_t count = (getenv("SNN_SOAK") ? DEVICES_SOAK : DEVICES) / KINDS + 1;
    bool good = true;
    printf("1..%d\n", KINDS + 1);
    for (int i = 0; i < KINDS; i++) {
        const bool fine = try_kind(&kinds[i], count);
        printf("%s %d - %s\n", fine ? "ok" : "not ok", i + 1, kinds[i].sentence);
        good = good && fine;
    }
    const bool fine = try_honest();
    printf("%s %d - an honest device after them\n", fine ? "ok" : "not ok", KINDS + 1);
    return good && fine;
}

static bool try_named(const char *name, const char *number)
{
    struct result result = {.trouble = NULL};
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) != 0) continue;
        const bool good = try_one(&result, &kinds[i], strtoull(number, NULL, 10));
        report(&result, 1);
        return good;
    }
    fprintf(stderr, "descriptors: no kind %s\n", name);
    return false;
}

int main(int count, char **names)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    const int status = bed.start();
    if (status == BED_SKIP) {
        printf("1..0 # SKIP bed %s\n", bed.name);
        return EXIT_SUCCESS;
    }
    if (status != 0) return EXIT_FAILURE;
    const bool good = count > 2 ? try_named(names[1], names[2]) : try_all();
    bed.stop();
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
