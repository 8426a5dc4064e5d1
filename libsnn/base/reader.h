/* The bytes of a file one after another, unpacked where it is gzip: for what is read as it is
 * needed and never held whole. Pipes are read as they come. One thread at a time.
 */
#ifndef SNN_BASE_READER_H
#define SNN_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"

struct snnbase_reader;

/* Errors: NOT_FOUND, ACCESS, IO (also for a folder), FORMAT (damaged gzip), NOMEM; each names the
 * path, as those of reading do. */
int snnbase_reader_open(struct snnbase_reader **out, struct snn_context *context, const char *path);
/* The same for the bytes of a file at hand, which stay with the caller; `path` is for messages. */
int snnbase_reader_open_bytes(struct snnbase_reader **out, struct snn_context *context,
                              const char *path, const void *bytes, size_t size);
/* Takes the address, nulls it, accepts NULL. */
void snnbase_reader_close(struct snnbase_reader **reader);

/* The next bytes, at least one of them and at most `room` (> 0); 0: the file is over. */
int snnbase_reader_read(struct snnbase_reader *reader, struct snn_context *context, void *to,
                        size_t room, size_t *size_out);

/* Bytes that will come in all; 0 where that is not known: packed files and pipes. */
uint64_t snnbase_reader_size(const struct snnbase_reader *reader);

/* Bytes that were taken from the file so far, before they were unpacked. */
uint64_t snnbase_reader_taken(const struct snnbase_reader *reader);

/* A number that is another one once the file was replaced or written to; 0: nothing tells. */
uint64_t snnbase_reader_stamp(const struct snnbase_reader *reader);

/* True for a path that can be opened again and gives the same bytes: a regular file. */
bool snnbase_reader_can_repeat(const char *path);

#endif
