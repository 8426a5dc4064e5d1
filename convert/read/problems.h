/* All problems of a file in one run: each error becomes a diagnostic as it arises, the first one is
 * what the reader returns at the end.
 */
#ifndef SNN_CONVERT_READ_PROBLEMS_H
#define SNN_CONVERT_READ_PROBLEMS_H

#include <stdbool.h>
#include <stdint.h>

#include "convert/read/reader.h"
#include "snn/context.h"

struct snnconv_problems {
    struct snn_context *context;
    struct snn_context *first; /* keeps the first error; NULL: none yet */
    const char *path;          /* in findings; NULL: none */
    bool outer;  /* whoever is called puts the path before the error that is returned */
    int status;  /* SNN_OK, or the first one's */
    int stopped; /* NOMEM or CANCELLED, which are no problem of the file */
};

/* `file` may be NULL: messages then do not name it. */
void snnconv_problems_init(struct snnconv_problems *problems, struct snn_context *context,
                           const struct snnconv_file *file);

/* For passes and emission, of a file that has been read: findings name `path` (may be NULL), the
 * error that is returned does not, because who opened the file puts the path before any error. */
void snnconv_problems_init_inner(struct snnconv_problems *problems, struct snn_context *context,
                                 const char *path);

/* Takes the error just raised: a diagnostic about `layer` (may be NULL) at byte `offset`
 * (SNNCONV_NO_OFFSET: of no place). INVALID about a layer becomes FORMAT: what an operator was
 * given comes from the file, not from the caller. Returns SNN_OK to go on; NOMEM and CANCELLED,
 * which end the reading, as they are. */
int snnconv_problems_add(struct snnconv_problems *problems, const char *layer, uint64_t offset);

/* Frees, and returns SNN_OK or the first error, which is the context's last again: its message
 * names file, layer and place. What ended the reading comes before it. */
int snnconv_problems_end(struct snnconv_problems *problems);

#endif
