/* Transfers under way: SUBMITs wait here in their order until the port takes or gives their bytes;
 * the answers wait until they are sent. Descriptors, requests and stalls are usbdevice.c's, the
 * socket is serve.c's.
 */
#include "device/vchip/urbs.h"

#include <string.h>

#include "device/vchip/usbip.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

/* Of transfers to the device that wait: what usbfs lends all programs of a host together. */
#define WAITING_MAX ((size_t)SNNDEV_USBIP_LENGTH_MAX)
enum {
    URBS_MAX = 4096,
    CONTROL_BYTES = SNNDEV_USBIP_CONTROL_MAX + 1,
    PACKET_HIGH = 512,
    PACKET_SUPER = 1024
};

struct urb {
    struct snndev_usbip_command command;
    uint8_t *data;   /* of a transfer to the device */
    uint64_t due_ms; /* 0: at once */
    bool silent;     /* the device will never answer */
};

struct snndev_urbs {
    struct snn_context *context;
    struct snndev_usbdevice *device;
    struct urb *urbs; /* oldest first */
    size_t count, capacity;
    size_t waiting; /* bytes of their data */
    struct snnbase_buffer in, out;
    size_t out_sent;
    bool gone;
    uint8_t control[CONTROL_BYTES];
};

int snndev_urbs_create(struct snndev_urbs **out, struct snn_context *context,
                       struct snndev_usbdevice *device)
{
    struct snndev_urbs *urbs = snnbase_alloc(context, 1, sizeof *urbs);
    if (!urbs) return SNN_ERR_NOMEM;
    urbs->context = context;
    urbs->device = device;
    *out = urbs;
    return SNN_OK;
}

void snndev_urbs_destroy(struct snndev_urbs **urbs)
{
    struct snndev_urbs *gone = *urbs;
    *urbs = NULL;
    if (!gone) return;
    for (size_t i = 0; i < gone->count; i++)
        snnbase_free(gone->context, gone->urbs[i].data);
    snnbase_free(gone->context, gone->urbs);
    snnbase_buffer_fini(gone->context, &gone->in);
    snnbase_buffer_fini(gone->context, &gone->out);
    snnbase_free(gone->context, gone);
}

/* ---- Answers ---- */

const uint8_t *snndev_urbs_answers(const struct snndev_urbs *urbs, size_t *size_out)
{
    *size_out = urbs->out.size - urbs->out_sent;
    return *size_out == 0 ? NULL : urbs->out.data + urbs->out_sent;
}

void snndev_urbs_sent(struct snndev_urbs *urbs, size_t size)
{
    urbs->out_sent += size;
    if (urbs->out_sent < urbs->out.size) return;
    urbs->out_sent = urbs->out.size = 0;
}

/* Where the data of the next answer go: behind its header. NULL: no memory. */
static uint8_t *answer_room(struct snndev_urbs *urbs, struct snn_context *context, size_t size)
{
    if (snnbase_buffer_reserve(context, &urbs->out, SNNDEV_USBIP_HEADER_BYTES + size) != SNN_OK)
        return NULL;
    return urbs->out.data + urbs->out.size + SNNDEV_USBIP_HEADER_BYTES;
}

/* Completes the answer for which there is room; `size` bytes of data are there already. */
static void answer(struct snndev_urbs *urbs, const struct snndev_usbip_answer *message, size_t size)
{
    snndev_usbip_answer_write(message, urbs->out.data + urbs->out.size);
    urbs->out.size += SNNDEV_USBIP_HEADER_BYTES + size;
}

static int32_t status_of(enum snndev_outcome outcome)
{
    switch (outcome) {
    case SNNDEV_COMPLETED:
        return 0;
    case SNNDEV_STALLED:
        return SNNDEV_USBIP_STALL;
    case SNNDEV_OVERFLOWED:
        return SNNDEV_USBIP_OVERFLOW;
    default:
        return SNNDEV_USBIP_BUS_ERROR;
    }
}

/* ---- One transfer ---- */

enum verdict { WAITS, ENDED, NO_MEMORY };

static enum verdict end_urb(struct snndev_urbs *urbs, const struct urb *urb,
                            enum snndev_outcome outcome, size_t actual)
{
    const struct snndev_usbip_answer message = {
        .sequence = urb->command.sequence,
        .status = status_of(outcome),
        .actual = (uint32_t)actual,
    };
    answer(urbs, &message, urb->command.in ? actual : 0);
    return ENDED;
}

static enum verdict try_control(struct snndev_urbs *urbs, struct snn_context *context,
                                struct urb *urb)
{
    const struct snndev_usbip_command *command = &urb->command;
    const size_t wanted = (size_t)(command->setup[6] | command->setup[7] << 8);
    size_t actual = 0;
    uint8_t *room = answer_room(urbs, context, command->length);
    if (!room) return NO_MEMORY;
    /* A host says the length twice; where it contradicts itself, no bus could carry it. */
    if ((command->setup[0] & 0x80) != (command->in ? 0x80 : 0) || command->length < wanted)
        return end_urb(urbs, urb, SNNDEV_STALLED, 0);
    if (!command->in && wanted > 0) memcpy(urbs->control, urb->data, wanted);
    const enum snndev_outcome outcome =
        snndev_usb_control(urbs->device, command->setup, urbs->control, &actual);
    urb->silent = outcome == SNNDEV_TIMED_OUT;
    urbs->gone = urbs->gone || outcome == SNNDEV_VANISHED;
    if (urb->silent || urbs->gone) return WAITS;
    if (outcome != SNNDEV_COMPLETED) return end_urb(urbs, urb, outcome, 0);
    if (!command->in) return end_urb(urbs, urb, outcome, wanted);
    if (actual > wanted) actual = wanted;
    memcpy(room, urbs->control, actual);
    return end_urb(urbs, urb, outcome, actual);
}

static enum verdict try_bulk(struct snndev_urbs *urbs, struct snn_context *context, struct urb *urb)
{
    struct snndev_port *port = urbs->device->port;
    const uint32_t packet = urbs->device->superspeed ? PACKET_SUPER : PACKET_HIGH;
    const size_t length = urb->command.length;
    size_t actual = 0;
    uint8_t *room = answer_room(urbs, context, urb->command.in ? length : 0);
    if (!room) return NO_MEMORY;
    const enum snndev_outcome outcome = urb->command.in
                                            ? snndev_port_give(port, room, length, packet, &actual)
                                            : snndev_port_take(port, urb->data, length, &actual);
    urbs->gone = urbs->gone || outcome == SNNDEV_VANISHED;
    if (urbs->gone) return WAITS;
    if (urb->command.in && outcome == SNNDEV_COMPLETED && actual == 0) return WAITS;
    if (urb->command.in && outcome != SNNDEV_COMPLETED) actual = 0;
    return end_urb(urbs, urb, outcome, actual);
}

static enum verdict try_urb(struct snndev_urbs *urbs, struct snn_context *context, struct urb *urb,
                            uint64_t now_ms)
{
    const uint8_t ours = urb->command.in ? SNNWIRE_ENDPOINT_IN & 15 : SNNWIRE_ENDPOINT_OUT;
    if (urb->silent || urb->due_ms > now_ms) return WAITS;
    urb->due_ms = 0;
    if (urb->command.endpoint == 0) return try_control(urbs, context, urb);
    if (urb->command.endpoint == ours) return try_bulk(urbs, context, urb);
    return answer_room(urbs, context, 0) ? end_urb(urbs, urb, SNNDEV_STALLED, 0) : NO_MEMORY;
}

/* ---- All of them ---- */

static void remove_urb(struct snndev_urbs *urbs, size_t index)
{
    struct urb *urb = &urbs->urbs[index];
    if (urb->data) urbs->waiting -= urb->command.length;
    snnbase_free(urbs->context, urb->data);
    urbs->count--;
    memmove(urb, urb + 1, (urbs->count - index) * sizeof *urb);
}

/* Tries each once, except behind one that waits at the same endpoint. True: some have ended. */
static enum verdict try_all(struct snndev_urbs *urbs, struct snn_context *context, uint64_t now_ms)
{
    uint32_t waiting[2] = {0, 0}; /* endpoints, a bit each; those of control transfers are one */
    enum verdict all = WAITS;
    for (size_t i = 0; i < urbs->count && !urbs->gone;) {
        struct urb *urb = &urbs->urbs[i];
        const unsigned side = urb->command.in && urb->command.endpoint != 0;
        const uint32_t bit = 1u << urb->command.endpoint;
        enum verdict one = WAITS;
        if (!(waiting[side] & bit)) one = try_urb(urbs, context, urb, now_ms);
        if (one == NO_MEMORY) return NO_MEMORY;
        if (one == ENDED) {
            remove_urb(urbs, i);
            all = ENDED;
            continue;
        }
        waiting[side] |= bit;
        i++;
    }
    return all;
}

int snndev_urbs_advance(struct snndev_urbs *urbs, struct snn_context *context, uint64_t now_ms)
{
    enum verdict verdict = ENDED;
    /* What the device took may make it speak, so that an older transfer ends. */
    while (verdict == ENDED && !urbs->gone)
        verdict = try_all(urbs, context, now_ms);
    if (verdict == NO_MEMORY) return SNN_ERR_NOMEM;
    if (urbs->gone) return snnbase_fail(context, SNN_ERR_GONE, "the virtual device has vanished");
    return SNN_OK;
}

uint64_t snndev_urbs_due(const struct snndev_urbs *urbs)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < urbs->count; i++)
        if (urbs->urbs[i].due_ms > 0 && urbs->urbs[i].due_ms < due) due = urbs->urbs[i].due_ms;
    return due;
}

/* ---- Commands ---- */

static int unlink_urb(struct snndev_urbs *urbs, struct snn_context *context,
                      const struct snndev_usbip_command *command)
{
    struct snndev_usbip_answer message = {.unlink = true, .sequence = command->sequence};
    if (!answer_room(urbs, context, 0)) return SNN_ERR_NOMEM;
    for (size_t i = 0; i < urbs->count; i++) {
        if (urbs->urbs[i].command.sequence != command->unlinked) continue;
        remove_urb(urbs, i);
        message.status = SNNDEV_USBIP_UNLINKED;
        break;
    }
    answer(urbs, &message, 0);
    return SNN_OK;
}

static int submit_urb(struct snndev_urbs *urbs, struct snn_context *context,
                      const struct snndev_usbip_command *command, const uint8_t *data,
                      uint64_t now_ms)
{
    const unsigned delay = snndev_port_delay(urbs->device->port);
    if (urbs->count == URBS_MAX)
        return snnbase_fail(context, SNN_ERR_PROTOCOL, "more than %d transfers at once", URBS_MAX);
    const size_t data_size = command->in ? 0 : command->length;
    if (data_size > WAITING_MAX - urbs->waiting)
        return snnbase_fail(context, SNN_ERR_PROTOCOL,
                            "more than %zu bytes wait for the device at once", WAITING_MAX);
    void *array = urbs->urbs;
    const int status =
        snnbase_grow(context, &array, &urbs->capacity, urbs->count + 1, sizeof(struct urb));
    urbs->urbs = array;
    if (status != SNN_OK) return status;
    struct urb *urb = &urbs->urbs[urbs->count];
    *urb = (struct urb){.command = *command, .due_ms = delay > 0 ? now_ms + delay : 0};
    if (data_size > 0) {
        urb->data = snnbase_alloc(context, data_size, 1);
        if (!urb->data) return SNN_ERR_NOMEM;
        memcpy(urb->data, data, data_size);
    }
    urbs->waiting += data_size;
    urbs->count++;
    return SNN_OK;
}

/* The command that `bytes` begin with, if it is whole: *used_out is its bytes, else 0. */
static int take_command(struct snndev_urbs *urbs, struct snn_context *context, const uint8_t *bytes,
                        size_t size, uint64_t now_ms, size_t *used_out)
{
    struct snndev_usbip_command command;
    *used_out = 0;
    if (size < SNNDEV_USBIP_HEADER_BYTES) return SNN_OK;
    if (!snndev_usbip_command_read(&command, bytes))
        return snnbase_fail(context, SNN_ERR_PROTOCOL,
                            "what the host sent is no SUBMIT or UNLINK of USB/IP");
    const size_t data = command.unlink || command.in ? 0 : command.length;
    if (size - SNNDEV_USBIP_HEADER_BYTES < data) return SNN_OK;
    *used_out = SNNDEV_USBIP_HEADER_BYTES + data;
    if (command.unlink) return unlink_urb(urbs, context, &command);
    return submit_urb(urbs, context, &command, bytes + SNNDEV_USBIP_HEADER_BYTES, now_ms);
}

int snndev_urbs_take(struct snndev_urbs *urbs, struct snn_context *context, const uint8_t *bytes,
                     size_t size, uint64_t now_ms)
{
    size_t at = 0, used = 1;
    int status = snnbase_buffer_append(context, &urbs->in, bytes, size);
    while (status == SNN_OK && used > 0) {
        status = take_command(urbs, context, urbs->in.data + at, urbs->in.size - at, now_ms, &used);
        at += used;
        /* After each: a later UNLINK finds what ended before it came as ended. */
        if (status == SNN_OK && used > 0) status = snndev_urbs_advance(urbs, context, now_ms);
    }
    if (at > 0) {
        urbs->in.size -= at;
        memmove(urbs->in.data, urbs->in.data + at, urbs->in.size);
    }
    return status;
}
