/* The tape: a whole session in a file (docs/formats/tape.md), as the link saw it go by, and the
 * transport "replay:FILE", which answers as the device did.
 *
 * A tape that is not closed leaves no file. One thread writes requests and what goes out, another
 * what came in; the tape keeps them in one order.
 */
#ifndef SNN_DEVICE_TAPE_H
#define SNN_DEVICE_TAPE_H

#include "device/transport.h"

struct snndev_tape;

int snndev_tape_create(struct snndev_tape **out, struct snn_context *context, const char *path,
                       const char *uri);
/* Never fail by themselves; what went wrong comes out of the close. */
void snndev_tape_request(struct snndev_tape *tape, const struct snnwire_request *request,
                         const uint8_t *data, uint32_t size, int status);
void snndev_tape_out(struct snndev_tape *tape, const uint8_t *bytes, size_t size);
void snndev_tape_in(struct snndev_tape *tape, const uint8_t *bytes, size_t size,
                    enum snndev_outcome outcome);
/* Errors: IO, NOMEM; the file is then not there. */
int snndev_tape_close(struct snndev_tape **tape, struct snn_context *context);
/* Closes it without a file, e.g. where the device could not be opened. */
void snndev_tape_abandon(struct snndev_tape **tape);

/* ---- Its bytes ---- */

enum snndev_tape_kind {
    SNNDEV_TAPE_REQUEST = 1,
    SNNDEV_TAPE_OUT = 2,
    SNNDEV_TAPE_IN = 3,
    SNNDEV_TAPE_END = 4
};

struct snndev_tape_record {
    enum snndev_tape_kind kind;
    size_t offset; /* in the file, of the record */
    uint64_t time_us;
    int status;                     /* REQUEST */
    enum snndev_outcome outcome;    /* IN */
    struct snnwire_request request; /* REQUEST */
    const uint8_t *data;            /* of the request, or stream bytes */
    uint32_t size;
};

struct snndev_tape_reader {
    const uint8_t *bytes;
    size_t size;
    size_t offset; /* of the next record */
    uint64_t time_us;
    char uri[256]; /* of the device */
};

/* Whether these are the first bytes of a tape. */
bool snndev_tape_probe(const uint8_t *bytes, size_t size);
/* Opens a whole tape, which is checked from end to end: what next then gives is right. `path` is
 * for messages. Errors: FORMAT naming the byte, UNSUPPORTED (a later version). */
int snndev_tape_open(struct snndev_tape_reader *out, struct snn_context *context, const char *path,
                     const uint8_t *bytes, size_t size);
/* The next record; false behind the last one (END is not handed out). */
bool snndev_tape_next(struct snndev_tape_reader *reader, struct snndev_tape_record *out);

#endif
