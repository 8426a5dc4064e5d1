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

#endif
