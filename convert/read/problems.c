/* Problems of a file, see problems.h. The first error waits in a context of its own, because the
 * reader's is overwritten by the next one.
 */
#include "convert/read/problems.h"

#include <inttypes.h>
#include <stdio.h>

#include "convert/ir/program.h"
#include "libsnn/base/error.h"
#include "snn/status.h"

enum { WHERE_SIZE = 512, PLACE_SIZE = 32 };

void snnconv_problems_init(struct snnconv_problems *problems, struct snn_context *context,
                           const struct snnconv_file *file)
{
    *problems =
        (struct snnconv_problems){.context = context, .path = file != NULL ? file->path : NULL};
}

void snnconv_problems_init_inner(struct snnconv_problems *problems, struct snn_context *context,
                                 const char *path)
{
    *problems = (struct snnconv_problems){.context = context, .path = path, .outer = true};
}

/* Puts the error away, with layer and place (of a reader's: file and place) before its message. */
static int keep_first(struct snnconv_problems *problems, const char *layer, const char *where)
{
    int status = snnbase_context_fork(&problems->first, problems->context);
    if (status != SNN_OK) {
        problems->stopped = status;
        return snnbase_fail(problems->context, status, "out of memory");
    }
    snnbase_error_copy(problems->first, problems->context);
    if (layer != NULL) snnbase_where(problems->first, "node '%s'", layer);
    if (where[0] != '\0') snnbase_where(problems->first, "%s", where);
    return SNN_OK;
}

int snnconv_problems_add(struct snnconv_problems *problems, const char *layer, uint64_t offset)
{
    char where[WHERE_SIZE], place[PLACE_SIZE] = "";
    const char *path = problems->path != NULL ? problems->path : "";
    int status = snn_context_status(problems->context);
    if (status == SNN_ERR_NOMEM || status == SNN_ERR_CANCELLED) {
        problems->stopped = status;
        return status;
    }
    if (status == SNN_ERR_INVALID && layer != NULL)
        status = snnbase_error_recode(problems->context, SNN_ERR_FORMAT);
    if (offset != SNNCONV_NO_OFFSET) (void)snprintf(place, sizeof(place), "byte %" PRIu64, offset);
    (void)snprintf(where, sizeof(where), "%s%s%s", path,
                   path[0] != '\0' && place[0] != '\0' ? ": " : "", place);
    snnbase_diagnose_error(problems->context, layer, where);
    if (problems->status != SNN_OK) return SNN_OK;
    problems->status = status;
    return keep_first(problems, layer, problems->outer ? place : where);
}

int snnconv_problems_end(struct snnconv_problems *problems)
{
    int status = problems->stopped != SNN_OK ? problems->stopped : problems->status;
    if (problems->first != NULL && problems->stopped == SNN_OK)
        snnbase_error_copy(problems->context, problems->first);
    snn_context_destroy(&problems->first);
    problems->status = SNN_OK;
    return status;
}
