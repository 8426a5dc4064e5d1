/* What came, decoded for the reader; the reader's thread. See link_parts.h.
 *
 * Slots are decoded where they lie and go back to the ring when they are used up. Behind a loss the
 * decoder begins with a new block, and only its count of words goes on.
 */
#include "device/link_parts.h"

#include <string.h>

#include "libsnn/base/error.h"

void snndev_receive_reset(struct snndev_link *link)
{
    struct snndev_receiver *r = &link->receiver;
    if (r->has_entry && r->entry.bytes != NULL) snndev_ring_give_slot(&link->ring, r->entry.bytes);
    *r = (struct snndev_receiver){0};
}

/* ---- Entries ---- */

/* Both with the lock held. */
static void publish(struct snndev_link *link)
{
    struct snndev_receiver *r = &link->receiver;
    link->counters.events_in += r->events;
    link->counters.faults += r->faults;
    link->counters.dropped_device += r->dropped_device;
    link->counters.dropped_transport += r->dropped_transport;
    r->events = r->faults = r->dropped_device = r->dropped_transport = 0;
}

static bool change_entry(struct snndev_link *link)
{
    struct snndev_receiver *r = &link->receiver;
    if (r->has_entry && r->entry.bytes != NULL) snndev_ring_give_slot(&link->ring, r->entry.bytes);
    r->has_entry = snndev_ring_pop(&link->ring, &r->entry);
    return r->has_entry;
}

/* Whether nothing can come any more: transfers that ended before the stream did may still be on
 * their way through the event thread. */
static bool is_over(const struct snndev_link *link, uint64_t now)
{
    return link->status != SNN_OK && (link->in.flying == 0 || now >= link->over_at);
}

/* Until something may have come; an error, without words for TIMEOUT: nothing will. With the lock
 * held. What came before the end of the stream counts, whatever ended it. */
static int wait_arrival(struct snndev_link *link, struct snn_context *context, uint64_t until)
{
    const uint64_t now = snndev_link_now();
    const bool ends = link->status != SNN_OK;
    if (is_over(link, now)) return snndev_link_explain(link, context);
    if (now >= until && !ends) return SNN_ERR_TIMEOUT;
    (void)snndev_link_wait(link, &link->arrived, ends ? link->over_at : until);
    return SNN_OK;
}

/* The next entry. */
static int next_entry(struct snndev_link *link, struct snn_context *context, uint64_t until)
{
    int status = SNN_OK;
    (void)pthread_mutex_lock(&link->lock);
    publish(link);
    while (status == SNN_OK && !change_entry(link))
        status = wait_arrival(link, context, until);
    (void)pthread_mutex_unlock(&link->lock);
    return status;
}

/* The same without waiting or telling. */
static bool try_entry(struct snndev_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    publish(link);
    const bool got = change_entry(link);
    (void)pthread_mutex_unlock(&link->lock);
    return got;
}

/* ---- Items ---- */

static void note_fault(struct snndev_receiver *r, enum snnwire_fault fault, bool is_item)
{
    /* A hole is an item of its own; without one, words came twice. */
    if (fault == SNNWIRE_FAULT_NONE || (fault == SNNWIRE_FAULT_SEQUENCE && is_item)) return;
    r->faults++;
}

/* Counts an item; false: it is not for the caller. */
static bool accept_item(struct snndev_receiver *r, const struct snnwire_item *item)
{
    if (!item->is_mark) {
        r->events++;
    } else if (item->mark == SNNWIRE_MARK_GAP) {
        if (item->argument == SNNWIRE_LOSS_DEVICE) r->dropped_device += item->value;
        if (item->argument == SNNWIRE_LOSS_TRANSPORT) r->dropped_transport += item->value;
    } else if (item->mark == SNNWIRE_MARK_ERROR) {
        r->has_error = true;
        r->error = *item;
        return false;
    }
    return !item->is_mark || item->mark != SNNWIRE_MARK_CREDIT;
}

/* Gives up the block that a loss cut off. */
static void leave_block(struct snnwire_reader *reader)
{
    reader->crc = reader->unchecked = reader->residue_size = 0;
}

/* What a note has left to say. */
static bool next_of_note(struct snndev_receiver *r, struct snnwire_item *out)
{
    struct snndev_entry *note = &r->entry;
    if (note->cuts) leave_block(&r->reader);
    note->cuts = false;
    if (note->lost > 0 || note->thinned) {
        const uint32_t part = note->lost < UINT32_MAX ? (uint32_t)note->lost : UINT32_MAX;
        note->lost -= part;
        note->thinned = false;
        *out = (struct snnwire_item){.is_mark = true,
                                     .mark = SNNWIRE_MARK_GAP,
                                     .argument = SNNWIRE_LOSS_HOST,
                                     .value = part};
        return true;
    }
    if (note->mark.is_mark) {
        *out = note->mark;
        note->mark.is_mark = false;
        return true;
    }
    if (!note->resumes) return false;
    note->resumes = false;
    r->reader.words += note->skipped;
    leave_block(&r->reader);
    r->reader.residue_size = note->residue_size;
    memcpy(r->reader.residue, note->residue, note->residue_size);
    return false;
}

/* What the bytes have left. */
static bool next_of_bytes(struct snndev_receiver *r, struct snnwire_item *out)
{
    struct snndev_entry *entry = &r->entry;
    while (entry->begin < entry->size) {
        enum snnwire_fault fault;
        size_t used = 0;
        const bool is_item = snnwire_read(&r->reader, entry->bytes + entry->begin,
                                          entry->size - entry->begin, &used, out, &fault);
        entry->begin += used;
        note_fault(r, fault, is_item);
        if (is_item) return true;
    }
    return false;
}

/* The next item of the entry in work that is for the caller. */
static bool next_item(struct snndev_receiver *r, struct snnwire_item *out)
{
    while (!r->has_error &&
           (r->entry.bytes != NULL ? next_of_bytes(r, out) : next_of_note(r, out))) {
        if (accept_item(r, out)) return true;
    }
    return false;
}

static const char *error_text(uint32_t error)
{
    switch (error) {
    case SNNWIRE_ERROR_STATE:
        return "no configuration is in force";
    case SNNWIRE_ERROR_OVERRUN:
        return "more words came than it gave credit for";
    case SNNWIRE_ERROR_CORRUPT:
        return "words came corrupt";
    case SNNWIRE_ERROR_RANGE:
        return "an event has an address beyond the input";
    default:
        return "something went wrong in it";
    }
}

static int fail_error(struct snndev_link *link, struct snn_context *context)
{
    const struct snnwire_item *error = &link->receiver.error;
    link->receiver.has_error = false;
    return snnbase_fail(context, SNN_ERR_PROTOCOL,
                        "%s %s reports an error in the stream to it: %s (error %u, detail %u)",
                        link->hello.chip, link->hello.serial, error_text(error->argument),
                        error->argument, error->value);
}

static int fail_timeout(struct snndev_link *link, struct snn_context *context, unsigned timeout_ms)
{
    return snnbase_fail(context, SNN_ERR_TIMEOUT, "%s %s: nothing came within %u ms",
                        link->hello.chip, link->hello.serial, timeout_ms);
}

/* An entry to work on: the one there is, or the next one. */
static int get_entry(struct snndev_link *link, struct snn_context *context, unsigned timeout_ms,
                     uint64_t *until)
{
    if (link->receiver.has_error) return fail_error(link, context);
    if (*until == 0) {
        *until = snndev_link_now() + timeout_ms;
        if (link->receiver.has_entry) return SNN_OK;
    }
    const int status = next_entry(link, context, *until);
    return status == SNN_ERR_TIMEOUT ? fail_timeout(link, context, timeout_ms) : status;
}

static void publish_now(struct snndev_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    publish(link);
    (void)pthread_mutex_unlock(&link->lock);
}

static bool is_end(const struct snnwire_item *item)
{
    return item->is_mark && item->mark == SNNWIRE_MARK_END;
}

/* Items of the entry in work. True: the room or a sample ends. */
static bool take_items(struct snndev_receiver *r, struct snnwire_item *items, size_t room,
                       size_t *count)
{
    while (next_item(r, &items[*count])) {
        const bool ends = is_end(&items[*count]);
        if (++*count == room || ends) return true;
    }
    return false;
}

int snndev_link_receive(struct snndev_link *link, struct snn_context *context,
                        struct snnwire_item *items, size_t room, size_t *count_out,
                        unsigned timeout_ms)
{
    struct snndev_receiver *r = &link->receiver;
    uint64_t until = 0;
    size_t count = 0;
    while (count == 0 && room > 0) {
        const int status = get_entry(link, context, timeout_ms, &until);
        if (status != SNN_OK) return status;
        bool more = true;
        while (more && !take_items(r, items, room, &count))
            more = count > 0 && !r->has_error && try_entry(link);
    }
    publish_now(link);
    *count_out = count;
    return SNN_OK;
}

/* Events of the entry in work, up to a mark, which it returns true for. */
static bool take_events(struct snndev_receiver *r, struct snnwire_event *events, size_t room,
                        size_t *count, struct snnwire_item *mark)
{
    struct snndev_entry *entry = &r->entry;
    struct snnwire_item item;
    while (*count < room && !r->has_error) {
        if (entry->bytes != NULL && entry->begin < entry->size) {
            size_t used = 0;
            const size_t run = snnwire_read_events(&r->reader, entry->bytes + entry->begin,
                                                   entry->size - entry->begin, &used,
                                                   events + *count, room - *count);
            entry->begin += used;
            *count += run;
            r->events += run;
            if (*count == room) return false;
        }
        if (!next_item(r, &item)) return false;
        if (item.is_mark) {
            *mark = item;
            return true;
        }
        events[(*count)++] = item.event;
    }
    return false;
}

int snndev_link_receive_events(struct snndev_link *link, struct snn_context *context,
                               struct snnwire_event *events, size_t room, size_t *count_out,
                               struct snnwire_item *mark_out, unsigned timeout_ms)
{
    struct snndev_receiver *r = &link->receiver;
    struct snnwire_item mark = {.is_mark = false};
    uint64_t until = 0;
    size_t count = 0;
    while (count == 0 && !mark.is_mark && room > 0) {
        const int status = get_entry(link, context, timeout_ms, &until);
        if (status != SNN_OK) return status;
        bool more = true;
        while (more && !take_events(r, events, room, &count, &mark))
            more = count > 0 && count < room && !r->has_error && try_entry(link);
    }
    publish_now(link);
    *count_out = count;
    *mark_out = mark;
    return SNN_OK;
}

/* ---- Settling ---- */

static bool is_settled(const struct snndev_receiver *r)
{
    return r->reader.unchecked == 0 && r->reader.residue_size == 0;
}

/* One word, or what there is of it; the bytes that it took. */
static size_t read_word(struct snnwire_reader *reader, const uint8_t *bytes, size_t size,
                        struct snnwire_item *item, bool *is_item, enum snnwire_fault *fault)
{
    const size_t missing = SNNWIRE_WORD_BYTES - reader->residue_size;
    size_t used = 0;
    *is_item = snnwire_read(reader, bytes, size < missing ? size : missing, &used, item, fault);
    return used;
}

/* Takes the words of the entry in work that are nobody's item, up to the CHECK. False: an item
 * comes before it. */
static bool take_quiet(struct snndev_receiver *r)
{
    struct snndev_entry *entry = &r->entry;
    if (entry->bytes == NULL) {
        if (entry->cuts) leave_block(&r->reader);
        entry->cuts = false;
        return entry->lost == 0 && !entry->thinned && !entry->mark.is_mark && !entry->resumes;
    }
    while (entry->begin < entry->size && !is_settled(r)) {
        struct snnwire_reader ahead = r->reader;
        struct snnwire_item item;
        enum snnwire_fault fault;
        bool is_item;
        const size_t used = read_word(&ahead, entry->bytes + entry->begin,
                                      entry->size - entry->begin, &item, &is_item, &fault);
        if (is_item && (!item.is_mark || item.mark != SNNWIRE_MARK_CREDIT)) return false;
        r->reader = ahead;
        entry->begin += used;
        note_fault(r, fault, is_item);
    }
    return true;
}

enum verdict { VERDICT_OPEN = 0, VERDICT_GOOD = 1, VERDICT_CORRUPT = 2 };

/* What becomes of the reader's block in an entry that is not taken yet. A block that a loss cut off
 * has no CHECK to wait for: the loss stands there as a GAP. */
static enum verdict judge(struct snnwire_reader *ahead, const struct snndev_entry *entry)
{
    if (entry->bytes == NULL) return entry->cuts || entry->resumes ? VERDICT_GOOD : VERDICT_OPEN;
    for (size_t at = entry->begin; at < entry->size;) {
        struct snnwire_item item;
        enum snnwire_fault fault;
        bool is_item;
        at += read_word(ahead, entry->bytes + at, entry->size - at, &item, &is_item, &fault);
        if (fault == SNNWIRE_FAULT_SEQUENCE && is_item) return VERDICT_GOOD;
        if (fault == SNNWIRE_FAULT_SEQUENCE || fault == SNNWIRE_FAULT_CHECK) return VERDICT_CORRUPT;
        if (ahead->unchecked == 0 && ahead->residue_size == 0) return VERDICT_GOOD;
    }
    return VERDICT_OPEN;
}

/* Looks for the CHECK behind items that nobody has received yet. With the lock held. */
static enum verdict look_ahead(const struct snndev_link *link)
{
    const struct snndev_receiver *r = &link->receiver;
    struct snnwire_reader ahead = r->reader;
    if (ahead.unchecked == 0) return VERDICT_GOOD; /* the items are of the next block */
    const struct snndev_entry *entry = &r->entry;
    enum verdict verdict = VERDICT_OPEN;
    for (uint32_t i = 0; verdict == VERDICT_OPEN && entry != NULL; i++) {
        verdict = judge(&ahead, entry);
        entry = snndev_ring_peek(&link->ring, i);
    }
    return verdict;
}

static int await_verdict(struct snndev_link *link, struct snn_context *context, uint64_t until,
                         bool *corrupt_out)
{
    enum verdict verdict;
    int status = SNN_OK;
    (void)pthread_mutex_lock(&link->lock);
    while ((verdict = look_ahead(link)) == VERDICT_OPEN && status == SNN_OK)
        status = wait_arrival(link, context, until);
    (void)pthread_mutex_unlock(&link->lock);
    *corrupt_out = verdict == VERDICT_CORRUPT;
    return verdict == VERDICT_OPEN ? status : SNN_OK;
}

/* By taking what is nobody's, or else by looking at what comes behind the next item. */
static int find_check(struct snndev_link *link, struct snn_context *context, uint64_t until,
                      bool *corrupt_out)
{
    struct snndev_receiver *r = &link->receiver;
    bool quiet = !r->has_entry || take_quiet(r);
    while (quiet && !is_settled(r)) {
        const int status = next_entry(link, context, until);
        if (status != SNN_OK) return status;
        quiet = take_quiet(r);
    }
    return quiet ? SNN_OK : await_verdict(link, context, until, corrupt_out);
}

int snndev_link_settle(struct snndev_link *link, struct snn_context *context, unsigned timeout_ms)
{
    struct snndev_receiver *r = &link->receiver;
    bool corrupt = false;
    const int status = find_check(link, context, snndev_link_now() + timeout_ms, &corrupt);
    publish_now(link);
    const uint64_t faults = link->counters.faults - r->settled_faults + (corrupt ? 1 : 0);
    if (status != SNN_OK && status != SNN_ERR_TIMEOUT) return status;
    if (status == SNN_ERR_TIMEOUT && faults == 0)
        return snnbase_fail(context, status, "%s %s: the end of a block is missing",
                            link->hello.chip, link->hello.serial);
    r->settled_faults = link->counters.faults;
    if (faults == 0) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_PROTOCOL,
                        "%s %s: %llu words or checks of what it sent are corrupt", link->hello.chip,
                        link->hello.serial, (unsigned long long)faults);
}
