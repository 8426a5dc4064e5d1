/* The bytes of a checkpoint (docs/formats/checkpoint.md): a header that says of which runs it is,
 * then records. No file is touched here.
 */
#ifndef SNN_RUN_JOURNAL_H
#define SNN_RUN_JOURNAL_H

#include "libsnn/run_partial.h"

enum { SNNRUN_JOURNAL_PARTIALS_MAX = 1024 };

/* The header for the partials of these runs, in this order. Appends; errors: NOMEM. */
int snnrun_journal_begin(struct snn_context *context, struct snn_partial *const *partials,
                         uint32_t count, struct snnbase_buffer *out);

/* Says why bytes at the beginning of a file are not the header that is expected. Returns FORMAT,
 * UNSUPPORTED (a later version) or INVALID (of other runs: what differs). */
int snnrun_journal_refuse(struct snn_context *context, const unsigned char *bytes, size_t size,
                          struct snn_partial *const *partials, uint32_t count);

/* Appends a record. Errors: NOMEM. */
int snnrun_journal_append(struct snn_context *context, struct snnbase_buffer *out, uint32_t run,
                          const void *record, size_t size);

/* Of so many bytes of records that were appended, those that belong to whole ones. */
size_t snnrun_journal_whole(const unsigned char *bytes, size_t size);

/* No record of these runs takes more bytes. */
uint64_t snnrun_journal_size_max(struct snn_partial *const *partials, uint32_t count);

struct snnrun_journal_record {
    uint32_t run;
    const unsigned char *bytes; /* for snn_partial_add */
    size_t size;
    size_t used;     /* bytes that it takes; 0: there are too few for it */
    const char *bad; /* what is wrong with it; NULL: nothing */
};

/* The record that the bytes begin with. */
void snnrun_journal_take(const unsigned char *bytes, size_t size, uint64_t size_max,
                         struct snnrun_journal_record *out);

#endif
