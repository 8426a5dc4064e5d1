/* A transport that does what a test says: each transfer ends when and as the test wants, requests
 * are answered or not, and what the host sent is kept as bytes.
 *
 * One device, in statics; open it as &fake_transport. Functions here may be called from any thread
 * but the link's own.
 */
#ifndef TESTS_DEVICE_FAKE_H
#define TESTS_DEVICE_FAKE_H

#include "device/transport.h"
#include "libsnn/wire/word.h"

extern const struct snndev_transport_ops fake_transport;

struct fake_plan {
    struct snnwire_hello hello;
    uint32_t hello_bytes; /* of the answer */
    uint32_t lend;        /* transfers at once, the host has memory for no more; 0: any */
    int open_status;      /* of the open */
    int request_status;   /* of all requests but HELLO, RESET, and STATUS; 0: by `refused` */
    uint8_t refused;      /* this one is refused */
    struct snnwire_status reason;
    bool deaf;   /* cancelled transfers do not end before the close */
    bool manual; /* transfers to the device end by fake_end_out only */
    bool silent; /* no CREDIT by itself */
};

/* A device as it should be: credit for 4096 words. Not open. */
void fake_begin(void);
struct fake_plan *fake_plan(void);

/* Ends the oldest transfer to the host so. Waits for one, for five seconds: false. */
bool fake_give(const uint8_t *bytes, size_t size, enum snndev_outcome outcome);
/* Events, counting up in time; a mark; both into the bytes that fake_send gives, with their CHECK,
 * in transfers of at most `most` bytes. */
void fake_write_events(uint32_t count);
void fake_write_mark(enum snnwire_mark mark, uint32_t argument, uint32_t value);
bool fake_send(size_t most);
/* The bytes that are written, without sending them. */
uint8_t *fake_written(size_t *size_out);
/* As if the CREDIT of all that came so far were written. */
void fake_write_credit(void);

/* Ends the oldest transfer to the device so; all of it is taken if `taken` is SIZE_MAX. */
bool fake_end_out(size_t taken, enum snndev_outcome outcome);
/* Waits until so many bytes of words came from the host. */
bool fake_came(size_t size);
const uint8_t *fake_taken(size_t *size_out);

/* Waits until so many transfers wait, to the host or to the device. */
bool fake_waiting(uint32_t count);
bool fake_waiting_out(uint32_t count);
uint32_t fake_halts_cleared(bool out);
/* The plug is pulled: all ends as VANISHED, submissions are GONE. */
void fake_vanish(void);
/* Transfers that were not reaped when it was closed; closes so far. */
uint32_t fake_left_over(void);
uint32_t fake_closes(void);

#endif
