/* The link's parts, for its own files only: what one open device holds.
 *
 * Three threads meet here: the sender's, the reader's, and the event thread, which alone reaps and
 * decides what becomes of a transfer that ended. `lock` is around everything but what is said to
 * belong to one thread. Buffers change hands under it; their bytes are touched without it.
 */
#ifndef SNN_DEVICE_LINK_PARTS_H
#define SNN_DEVICE_LINK_PARTS_H

#include <pthread.h>

#include "device/link.h"
#include "device/link_ring.h"
#include "device/link_scan.h"
#include "device/transport/tape.h"
#include "snn/status.h"

/* Transfers to the device. */
#define SNNDEV_OUT_MAX 16u
/* Bus errors in a row before the stream fails; each waits twice as long as the one before. */
#define SNNDEV_RETRY_MAX 8u
/* How long transfers behind a stall may take to come home by themselves. */
#define SNNDEV_DRAIN_MS 100u
/* How long what came before the end of the stream may take to get through. */
#define SNNDEV_END_MS 50u
/* And how long all of them may, when the link is closed. */
#define SNNDEV_CLOSE_MS 500u
#define SNNDEV_NO_TIME UINT64_MAX

/* What has gone wrong in one direction, and when to go on. */
struct snndev_trouble {
    bool halted;       /* stalled: all transfers come home, then clear_halt */
    unsigned failures; /* in a row */
    uint64_t retry_at; /* ms; nothing is submitted before. NO_TIME: no trouble */
    uint64_t drain_by; /* ms; NO_TIME: nothing to wait for */
};

struct snndev_in {
    struct snndev_transfer *transfers;
    struct snndev_transfer **parked; /* not submitted */
    uint32_t parked_count, flying;
    struct snndev_trouble trouble;
    struct snndev_scan scan;
    uint32_t words;   /* so far, those that are missing included */
    bool losing;      /* from a transfer without a slot to the next block */
    uint32_t skipped; /* words since then */
};

enum snndev_out_state { SNNDEV_OUT_QUEUED = 0, SNNDEV_OUT_FLYING = 1, SNNDEV_OUT_DONE = 2 };

/* Packets in the order of the stream: `count` of them from `head` on; the one behind the last is
 * the sender's, to fill. */
struct snndev_out {
    uint8_t *memory;
    struct snndev_transfer transfers[SNNDEV_OUT_MAX];
    enum snndev_out_state states[SNNDEV_OUT_MAX];
    uint32_t head, count, flying;
    bool recalled; /* all were called home: none goes out before the last one is */
    struct snndev_trouble trouble;
    uint32_t sent, credited; /* words, modulo 2^32 */
};

struct snndev_sender { /* the sender's thread */
    struct snnwire_writer writer;
    uint8_t *packet; /* being filled; NULL: none */
    size_t filled;   /* bytes of it */
};

struct snndev_receiver { /* the reader's thread */
    struct snnwire_reader reader;
    struct snndev_entry entry; /* in work */
    bool has_entry;
    bool has_error; /* an ERROR mark that is yet to be told */
    struct snnwire_item error;
    uint64_t settled_faults;
    uint64_t faults, events, dropped_device, dropped_transport; /* since the last publication */
};

struct snndev_link {
    struct snn_allocator allocator;
    const struct snndev_transport_ops *transport;
    void *self;
    struct snnwire_hello hello;
    uint32_t transfer_count, transfer_bytes, ring_slots;
    uint32_t packet_bytes; /* of a packet to the device: within half the credit */
    unsigned timeout_ms;

    pthread_mutex_t requests; /* one at a time; with it: */
    struct snnwire_status refusal;

    pthread_mutex_t lock;
    pthread_cond_t arrived, room, work, idle;
    pthread_t thread;
    bool started;
    bool pausing, closing; /* nothing is submitted */
    uint64_t close_by;
    int status;       /* SNN_OK, or why the stream has ended */
    uint64_t over_at; /* then: when nothing more is waited for */
    const char *reason;
    struct snndev_tape *tape;
    struct snn_context *own; /* of a tape that is closed with the link */
    struct snndev_ring ring;
    struct snndev_in in;
    struct snndev_out out;
    struct snndev_link_counters counters;
    uint64_t arrived_events;

    struct snndev_sender sender;
    struct snndev_receiver receiver;
};

/* ---- link_wait.c: time, and waiting with the lock held ---- */

uint64_t snndev_link_now(void); /* ms */
int snndev_link_locks_init(struct snndev_link *link, struct snn_context *context);
void snndev_link_locks_fini(struct snndev_link *link);
/* False: the time has come. NO_TIME: for ever. */
bool snndev_link_wait(struct snndev_link *link, pthread_cond_t *condition, uint64_t until);
/* Ends the stream; the first reason stays. */
void snndev_link_fail(struct snndev_link *link, int status, const char *reason);
/* The stream's end as an error. */
int snndev_link_explain(struct snndev_link *link, struct snn_context *context);

/* ---- link_trouble.c: what stalls and bus errors ask for ---- */

void snndev_trouble_init(struct snndev_trouble *trouble);
/* Of a transfer that ended so; VANISHED ends the stream. */
void snndev_trouble_note(struct snndev_link *link, struct snndev_trouble *trouble,
                         enum snndev_outcome outcome);
/* A submission that failed; NOMEM may pass. */
void snndev_trouble_submit(struct snndev_link *link, struct snndev_trouble *trouble, int status);
/* Whether transfers may be submitted now; clears the halt first. `flying` is of that direction. */
bool snndev_trouble_over(struct snndev_link *link, struct snndev_trouble *trouble, bool out,
                         const uint32_t *flying);
/* When to look again. */
uint64_t snndev_trouble_due(const struct snndev_trouble *trouble, uint32_t flying);

/* ---- link_in.c, link_out.c: one direction; the event thread ---- */

int snndev_in_init(struct snndev_link *link, struct snn_context *context);
/* As at word 0, with all transfers parked. */
void snndev_in_reset(struct snndev_link *link);
/* The first submission of all, which finds how many the host has memory for. */
int snndev_in_start(struct snndev_link *link, struct snn_context *context);
void snndev_in_home(struct snndev_link *link, struct snndev_transfer *transfer);
void snndev_in_service(struct snndev_link *link);

int snndev_out_init(struct snndev_link *link, struct snn_context *context);
void snndev_out_reset(struct snndev_link *link);
void snndev_out_home(struct snndev_link *link, struct snndev_transfer *transfer);
void snndev_out_service(struct snndev_link *link);
/* The packet to fill, once there is a free one, and the same when it is filled. */
uint8_t *snndev_out_packet(struct snndev_link *link);
void snndev_out_push(struct snndev_link *link, size_t size);
/* The device has taken so many words. */
void snndev_out_credit(struct snndev_link *link, uint32_t taken);

/* ---- link_thread.c ---- */

int snndev_thread_start(struct snndev_link *link, struct snn_context *context);
/* All transfers home, at the latest at that time. */
bool snndev_thread_pause(struct snndev_link *link, uint64_t until);
void snndev_thread_resume(struct snndev_link *link);
void snndev_thread_stop(struct snndev_link *link);

/* ---- link_send.c, link_receive.c ---- */

void snndev_send_reset(struct snndev_link *link);
void snndev_receive_reset(struct snndev_link *link);

#endif
