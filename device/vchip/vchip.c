/* The virtual chip as a state machine: requests to its memories (memory.h), stream words to what it
 * executes (execute.h), spikes to the buffer towards the host (outbox.h).
 *
 * Nothing that a host sends can fail here in another way than the wire says: a request is refused
 * and STATUS tells why, a stream gets an ERROR mark and is ignored until the next BEGIN.
 */
#include "device/vchip/vchip.h"

#include <string.h>

#include "device/vchip/execute.h"
#include "device/vchip/memory.h"
#include "device/vchip/outbox.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"
#include "libsnn/wire/bytes.h"

#define BUFFER_WORDS 65536u
#define OUTPUT_WORDS 262144u
#define BATCH 256u /* events that are decoded at once */

/* Where the stream from the host is. */
enum phase {
    PHASE_IDLE = 0,   /* no sample is under way */
    PHASE_SAMPLE = 1, /* BEGIN came, END did not yet */
    PHASE_FAILED = 2, /* an ERROR was sent: all is ignored until the next BEGIN */
    PHASE_DEAD = 3    /* the host overran its credit, or the chip was told to stop: all is ignored
                       * until RESET */
};

struct snndev_vchip {
    struct snn_allocator allocator;
    struct snn_context *context; /* its own, for whatever thread has the chip */
    const struct snn_chip *chip;
    struct snndev_memory memory;
    struct snndev_execute execute;
    struct snndev_outbox outbox;
    struct snnwire_hello hello;
    struct snnwire_status status;
    bool configuring, in_force;
    enum phase phase;
    uint32_t sample;
    bool ended; /* the step under way was cut short by END: no biases */
    struct snnwire_reader reader;
    uint64_t bytes_taken;
    uint64_t words_credited; /* words taken when credit was last given */
    uint64_t taken;          /* events */
    uint64_t core_spikes[SNNWIRE_STATISTICS_CORES];
    struct snnwire_event batch[BATCH];
};

/* ---- Its life ---- */

/* Whether HELLO has room for it: printable ASCII and a zero behind it. */
static bool is_tellable(const char *text, size_t room)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e) return false;
    return text[0] != '\0' && strlen(text) < room;
}

static int copy_text(struct snn_context *context, char *to, size_t room, const char *text,
                     const char *what)
{
    if (is_tellable(text, room)) {
        memcpy(to, text, strlen(text) + 1);
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_INVALID, "'%s' is no %s", text, what);
    return snnbase_hint(context, "1 to %zu printable characters of ASCII", room - 1);
}

/* What it says of itself. */
static int introduce(struct snndev_vchip *v, struct snn_context *context,
                     const struct snndev_vchip_options *options)
{
    const char *serial = options->serial != NULL ? options->serial : "VIRT0001";
    struct snnwire_hello *hello = &v->hello;
    *hello = (struct snnwire_hello){
        .version_major = SNNWIRE_VERSION_MAJOR,
        .version_minor = SNNWIRE_VERSION_MINOR,
        .firmware_major = 1,
        .buffer_words = options->buffer_words > 0 ? options->buffer_words : BUFFER_WORDS,
        .core_count = v->chip->core_count,
    };
    int status =
        copy_text(context, hello->chip, sizeof(hello->chip), v->chip->name, "chip of a device");
    if (status != SNN_OK) return status;
    return copy_text(context, hello->serial, sizeof(hello->serial), serial, "serial number");
}

static void fire(const struct snndev_firing *firing, void *user);

static int init(struct snndev_vchip *v, struct snn_context *context,
                const struct snndev_vchip_options *options)
{
    int status = snnbase_context_fork(&v->context, context);
    if (status != SNN_OK) return snnbase_fail(context, status, "out of memory");
    status = snndev_execute_init(&v->execute, context, options->chip, fire, v);
    if (status != SNN_OK) return status;
    v->chip = snn_target_chip(v->execute.target);
    status = introduce(v, context, options);
    if (status == SNN_OK) status = snndev_memory_init(&v->memory, context, v->chip);
    if (status != SNN_OK) return status;
    return snndev_outbox_init(&v->outbox, context,
                              options->output_words > 0 ? options->output_words : OUTPUT_WORDS,
                              v->hello.buffer_words);
}

int snndev_vchip_create(struct snndev_vchip **out, struct snn_context *context,
                        const struct snndev_vchip_options *options)
{
    struct snndev_vchip *vchip = snnbase_alloc(context, 1, sizeof(*vchip));
    if (vchip == NULL) return SNN_ERR_NOMEM;
    vchip->allocator = *snnbase_allocator(context);
    int status = init(vchip, context, options);
    if (status != SNN_OK) {
        snndev_vchip_destroy(&vchip);
        return status;
    }
    *out = vchip;
    return SNN_OK;
}

void snndev_vchip_destroy(struct snndev_vchip **vchip)
{
    if (vchip == NULL || *vchip == NULL) return;
    struct snndev_vchip *v = *vchip;
    struct snn_allocator allocator = v->allocator;
    snndev_execute_fini(&v->execute);
    snndev_memory_fini(&v->memory);
    snndev_outbox_fini(&v->outbox, &allocator);
    snn_context_destroy(&v->context);
    snnbase_allocator_free(&allocator, v);
    *vchip = NULL;
}

void snndev_vchip_ask(struct snndev_vchip *vchip, bool (*go_on)(void *user), void *user)
{
    vchip->execute.go_on = go_on;
    vchip->execute.go_on_user = user;
}

const struct snnwire_hello *snndev_vchip_hello(const struct snndev_vchip *vchip)
{
    return &vchip->hello;
}

/* ---- Requests ---- */

struct refusal {
    enum snnwire_error error;
    uint32_t detail;
};

static const struct refusal accepted = {SNNWIRE_ERROR_NONE, 0};

/* Hands a record out, or as much of it as was asked for. */
static struct refusal answer(const struct snnwire_request *request, uint8_t *data,
                             const uint8_t *record, uint32_t size, uint32_t *size_out)
{
    *size_out = request->size < size ? request->size : size;
    memcpy(data, record, *size_out);
    return accepted;
}

static struct refusal answer_hello(const struct snndev_vchip *v,
                                   const struct snnwire_request *request, uint8_t *data,
                                   uint32_t *size_out)
{
    uint8_t record[SNNWIRE_HELLO_BYTES];
    snnwire_hello_write(&v->hello, record);
    return answer(request, data, record, sizeof(record), size_out);
}

static struct refusal answer_status(const struct snndev_vchip *v,
                                    const struct snnwire_request *request, uint8_t *data,
                                    uint32_t *size_out)
{
    uint8_t record[SNNWIRE_STATUS_BYTES];
    snnwire_status_write(&v->status, record);
    return answer(request, data, record, sizeof(record), size_out);
}

static struct refusal answer_statistics(const struct snndev_vchip *v,
                                        const struct snnwire_request *request, uint8_t *data,
                                        uint32_t *size_out)
{
    uint8_t record[SNNWIRE_STATISTICS_BYTES];
    struct snnwire_statistics statistics = {
        .taken = v->taken,
        .produced = v->outbox.produced,
        .sent = v->outbox.sent,
        .dropped = v->outbox.dropped,
        .words_taken = v->bytes_taken / SNNWIRE_WORD_BYTES,
        .words_sent = v->outbox.words_sent,
        .faults = v->reader.faults,
    };
    memcpy(statistics.core_spikes, v->core_spikes, sizeof(v->core_spikes));
    snnwire_statistics_write(&statistics, record);
    return answer(request, data, record, sizeof(record), size_out);
}

static struct refusal answer_read(const struct snndev_vchip *v,
                                  const struct snnwire_request *request, uint8_t *data,
                                  uint32_t *size_out)
{
    const enum snnwire_error error = snndev_memory_read(&v->memory, request, data);
    if (error == SNNWIRE_ERROR_NONE) *size_out = request->size;
    return (struct refusal){error, 0};
}

static struct refusal answer_crc(const struct snndev_vchip *v,
                                 const struct snnwire_request *request, uint8_t *data,
                                 uint32_t *size_out)
{
    uint32_t crc = 0;
    uint8_t record[4];
    const enum snnwire_error error = snndev_memory_crc(&v->memory, request, &crc);
    if (error != SNNWIRE_ERROR_NONE) return (struct refusal){error, 0};
    snnwire_put32(record, crc);
    return answer(request, data, record, sizeof(record), size_out);
}

static struct refusal take_begin(struct snndev_vchip *v)
{
    v->configuring = true;
    v->in_force = false;
    v->phase = v->phase == PHASE_DEAD ? PHASE_DEAD : PHASE_IDLE;
    return accepted;
}

static struct refusal take_write(struct snndev_vchip *v, const struct snnwire_request *request,
                                 const uint8_t *data)
{
    if (!v->configuring) return (struct refusal){SNNWIRE_ERROR_STATE, 0};
    const enum snnwire_error error = snndev_memory_write(&v->memory, request, data);
    return (struct refusal){error, error == SNNWIRE_ERROR_INVALID ? request->core : 0};
}

static struct refusal take_commit(struct snndev_vchip *v)
{
    struct snn_program *program = NULL;
    uint32_t core = SNNWIRE_CHIP;
    if (!v->configuring) return (struct refusal){SNNWIRE_ERROR_STATE, 0};
    int status = snndev_memory_program(&v->memory, v->context, &program, &core);
    if (status == SNN_OK) status = snndev_execute_load(&v->execute, v->context, program);
    if (status == SNN_ERR_INVALID || status == SNN_ERR_LIMIT)
        return (struct refusal){SNNWIRE_ERROR_INVALID, core};
    if (status != SNN_OK) return (struct refusal){SNNWIRE_ERROR_INTERNAL, 0};
    v->configuring = false;
    v->in_force = true;
    return accepted;
}

static struct refusal take_reset(struct snndev_vchip *v)
{
    snndev_outbox_clear(&v->outbox);
    v->reader = (struct snnwire_reader){0};
    v->bytes_taken = v->words_credited = v->taken = 0;
    memset(v->core_spikes, 0, sizeof(v->core_spikes));
    v->phase = PHASE_IDLE; /* the next BEGIN sets the potentials */
    return accepted;
}

static struct refusal execute_in(struct snndev_vchip *v, const struct snnwire_request *request,
                                 uint8_t *data, uint32_t *size_out)
{
    switch (request->code) {
    case SNNWIRE_CODE_HELLO:
        return answer_hello(v, request, data, size_out);
    case SNNWIRE_CODE_STATUS:
        return answer_status(v, request, data, size_out);
    case SNNWIRE_CODE_READ:
        return answer_read(v, request, data, size_out);
    case SNNWIRE_CODE_CRC:
        return answer_crc(v, request, data, size_out);
    case SNNWIRE_CODE_STATISTICS:
        return answer_statistics(v, request, data, size_out);
    default:
        return (struct refusal){SNNWIRE_ERROR_UNKNOWN, 0};
    }
}

static struct refusal execute_out(struct snndev_vchip *v, const struct snnwire_request *request,
                                  const uint8_t *data)
{
    if (request->code == SNNWIRE_CODE_WRITE) return take_write(v, request, data);
    const bool known = request->code == SNNWIRE_CODE_BEGIN ||
                       request->code == SNNWIRE_CODE_COMMIT || request->code == SNNWIRE_CODE_RESET;
    if (!known) return (struct refusal){SNNWIRE_ERROR_UNKNOWN, 0};
    if (request->size > 0) return (struct refusal){SNNWIRE_ERROR_RANGE, 0};
    if (request->code == SNNWIRE_CODE_BEGIN) return take_begin(v);
    return request->code == SNNWIRE_CODE_COMMIT ? take_commit(v) : take_reset(v);
}

int snndev_vchip_request(struct snndev_vchip *v, const struct snnwire_request *request,
                         uint8_t *data, uint32_t *size_out)
{
    struct refusal refusal = {SNNWIRE_ERROR_RANGE, 0};
    *size_out = 0;
    if (request->size <= SNNWIRE_PAYLOAD_MAX)
        refusal =
            request->in ? execute_in(v, request, data, size_out) : execute_out(v, request, data);
    const bool asks = request->in && request->code == SNNWIRE_CODE_STATUS;
    if (!asks)
        v->status = (struct snnwire_status){request->code, (uint16_t)refusal.error, refusal.detail};
    return refusal.error == SNNWIRE_ERROR_NONE ? SNN_OK : SNN_ERR_PROTOCOL;
}

/* ---- Output ---- */

static void fire(const struct snndev_firing *firing, void *user)
{
    struct snndev_vchip *v = user;
    const struct snn_core *core = firing->core;
    struct snnwire_event event = {
        .time_us = firing->time_us,
        .layer = (uint16_t)core->index,
        .feature = (uint16_t)firing->channel,
        .y = (uint8_t)firing->y,
        .x = (uint8_t)firing->x,
    };
    if (firing->bias && v->ended) return;
    if (core->index < SNNWIRE_STATISTICS_CORES) v->core_spikes[core->index]++;
    if (v->memory.cores[core->index].core.monitor_enable) snndev_outbox_event(&v->outbox, &event);
    for (uint32_t d = 0; d < core->destination_count; d++) {
        const struct snn_destination *to = &core->destinations[d];
        if (to->layer != v->chip->readout_layer) continue;
        event.layer = (uint16_t)to->layer;
        event.feature = (uint16_t)(firing->channel + to->feature_shift);
        snndev_outbox_event(&v->outbox, &event);
    }
}

static void fail(struct snndev_vchip *v, enum snnwire_error error, uint32_t detail)
{
    if (v->phase >= PHASE_FAILED) return;
    v->phase = PHASE_FAILED;
    snndev_outbox_mark(&v->outbox, SNNWIRE_MARK_ERROR, error, detail);
}

/* ---- Input ---- */

static uint32_t low_word(const struct snnwire_event *event)
{
    return (uint32_t)event->layer << 24 | (uint32_t)event->feature << 14 | (uint32_t)event->y << 7 |
           event->x;
}

static void take_event(struct snndev_vchip *v, const struct snnwire_event *event)
{
    v->taken++;
    if (v->phase == PHASE_IDLE) fail(v, SNNWIRE_ERROR_STATE, low_word(event));
    if (v->phase != PHASE_SAMPLE) return;
    const struct snn_shape in = v->execute.program->input_shape;
    if (event->feature >= in.channels || event->y >= in.height || event->x >= in.width) {
        fail(v, SNNWIRE_ERROR_RANGE, low_word(event));
        return;
    }
    const uint32_t address = (event->y * in.width + event->x) * in.channels + event->feature;
    int status = snndev_execute_event(&v->execute, v->context, event->time_us, address);
    if (status == SNN_ERR_LIMIT) fail(v, SNNWIRE_ERROR_RANGE, low_word(event));
    if (status != SNN_OK) fail(v, SNNWIRE_ERROR_INTERNAL, 0);
}

static void take_begin_mark(struct snndev_vchip *v, uint32_t sample)
{
    if (v->phase == PHASE_DEAD) return;
    v->phase = PHASE_IDLE;
    if (!v->in_force) {
        fail(v, SNNWIRE_ERROR_STATE, SNNWIRE_MARK_BEGIN);
        return;
    }
    if (snndev_execute_begin(&v->execute, v->context) != SNN_OK) {
        fail(v, SNNWIRE_ERROR_INTERNAL, 0);
        return;
    }
    v->sample = sample;
    v->phase = PHASE_SAMPLE;
    snndev_outbox_mark(&v->outbox, SNNWIRE_MARK_BEGIN, 0, sample);
}

/* The events so far take effect; false: that went wrong. */
static bool finish_step(struct snndev_vchip *v)
{
    const struct snndev_execute *execute = &v->execute;
    const bool stopped = execute->go_on != NULL && !execute->go_on(execute->go_on_user);
    const int status = stopped ? SNN_ERR_CANCELLED : snndev_execute_tick(&v->execute, v->context);
    if (status == SNN_OK) return true;
    if (status == SNN_ERR_CANCELLED)
        v->phase = PHASE_DEAD;
    else
        fail(v, SNNWIRE_ERROR_INTERNAL, 0);
    return false;
}

static void take_tick(struct snndev_vchip *v, uint32_t step)
{
    if (v->phase == PHASE_IDLE || (v->phase == PHASE_SAMPLE && step != v->execute.step))
        fail(v, SNNWIRE_ERROR_STATE, SNNWIRE_MARK_TICK);
    if (v->phase != PHASE_SAMPLE || !finish_step(v)) return;
    snndev_outbox_mark(&v->outbox, SNNWIRE_MARK_TICK, 0, step);
}

/* Events behind the last tick take effect, too, but no biases come. */
static void take_end(struct snndev_vchip *v, uint32_t sample)
{
    if (v->phase == PHASE_IDLE || (v->phase == PHASE_SAMPLE && sample != v->sample))
        fail(v, SNNWIRE_ERROR_STATE, SNNWIRE_MARK_END);
    if (v->phase != PHASE_SAMPLE) return;
    v->ended = true;
    const bool done = v->execute.count == 0 || finish_step(v);
    v->ended = false;
    if (!done) return;
    snndev_outbox_mark(&v->outbox, SNNWIRE_MARK_END, 0, sample);
    v->phase = PHASE_IDLE;
}

static void take_item(struct snndev_vchip *v, const struct snnwire_item *item)
{
    if (!item->is_mark) {
        take_event(v, &item->event);
        return;
    }
    switch (item->mark) {
    case SNNWIRE_MARK_BEGIN:
        take_begin_mark(v, item->value);
        break;
    case SNNWIRE_MARK_TICK:
        take_tick(v, item->value);
        break;
    case SNNWIRE_MARK_END:
        take_end(v, item->value);
        break;
    default:
        fail(v, SNNWIRE_ERROR_UNKNOWN, item->mark);
        break;
    }
}

static void take_bytes(struct snndev_vchip *v, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        struct snnwire_item item;
        enum snnwire_fault fault = SNNWIRE_FAULT_NONE;
        size_t used = 0;
        const size_t count = snnwire_read_events(&v->reader, bytes, size, &used, v->batch, BATCH);
        for (size_t i = 0; i < count; i++)
            take_event(v, &v->batch[i]);
        bytes += used;
        size -= used;
        if (count == BATCH || size == 0) continue;
        const bool is_item = snnwire_read(&v->reader, bytes, size, &used, &item, &fault);
        bytes += used;
        size -= used;
        if (fault != SNNWIRE_FAULT_NONE) fail(v, SNNWIRE_ERROR_CORRUPT, fault);
        if (is_item) take_item(v, &item);
    }
}

void snndev_vchip_take(struct snndev_vchip *v, const uint8_t *bytes, size_t size)
{
    if (v->phase == PHASE_DEAD) return;
    const uint64_t end = (v->words_credited + v->hello.buffer_words) * SNNWIRE_WORD_BYTES;
    const size_t most = end - v->bytes_taken < size ? (size_t)(end - v->bytes_taken) : size;
    v->bytes_taken += most;
    take_bytes(v, bytes, most);
    if (most == size) return;
    snndev_outbox_mark(&v->outbox, SNNWIRE_MARK_ERROR, SNNWIRE_ERROR_OVERRUN,
                       (uint32_t)((size - most + SNNWIRE_WORD_BYTES - 1) / SNNWIRE_WORD_BYTES));
    v->phase = PHASE_DEAD;
}

/* ---- Giving ---- */

/* Credit goes out when half of it is used up, and where both streams rest. */
static void give_credit(struct snndev_vchip *v, bool rests)
{
    const uint64_t words = v->bytes_taken / SNNWIRE_WORD_BYTES, owed = words - v->words_credited;
    const bool host_rests = v->reader.unchecked == 0 && v->reader.residue_size == 0;
    if (v->phase == PHASE_DEAD || owed == 0 || !snndev_outbox_has_room(&v->outbox)) return;
    if (2 * owed < v->hello.buffer_words && !(rests && host_rests)) return;
    v->words_credited = words;
    snndev_outbox_mark(&v->outbox, SNNWIRE_MARK_CREDIT, 0, v->reader.words);
}

size_t snndev_vchip_ready(struct snndev_vchip *v, size_t room)
{
    const bool rests = v->outbox.used <= room;
    give_credit(v, rests);
    if (rests) snndev_outbox_rest(&v->outbox);
    return v->outbox.used < room ? v->outbox.used : room;
}

size_t snndev_vchip_give(struct snndev_vchip *v, uint8_t *bytes, size_t room)
{
    return snndev_outbox_give(&v->outbox, bytes, snndev_vchip_ready(v, room));
}
