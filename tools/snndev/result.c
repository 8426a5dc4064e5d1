/* Where --json goes: to standard output, or into a file that appears whole or not at all.
 *
 * One-shot verbs write into memory first, so that a verb that fails half-way leaves nothing; those
 * that go on (monitor, list --watch) write a line at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/snndev/session.h"

bool snndev_wants_text(const struct snndev_session *s)
{
    return s->options.json == NULL || strcmp(s->options.json, "-") != 0;
}

static int fail_file(struct snndev_session *s, int exit_status)
{
    return snncli_fail(&s->console, exit_status, s->options.json, "cannot be written");
}

static int open_partial(struct snndev_session *s)
{
    const size_t size = strlen(s->options.json) + sizeof(".part");
    s->result.partial = malloc(size);
    if (s->result.partial == NULL) return snndev_fail_memory(s);
    (void)snprintf(s->result.partial, size, "%s.part", s->options.json);
    s->result.file = fopen(s->result.partial, "w");
    return s->result.file != NULL ? SNNCLI_EXIT_OK : fail_file(s, SNNCLI_EXIT_NO_OUTPUT);
}

int snndev_result_open(struct snndev_session *s)
{
    const struct snndev_options *o = &s->options;
    const bool goes_on = o->verb == SNNDEV_MONITOR || o->watch;
    if (o->json == NULL) return SNNCLI_EXIT_OK;
    if (snndev_wants_text(s)) {
        int status = open_partial(s);
        if (status != SNNCLI_EXIT_OK) return status;
    } else {
        s->result.file = stdout;
    }
    s->result.out = goes_on ? s->result.file : open_memstream(&s->result.text, &s->result.size);
    return s->result.out != NULL ? SNNCLI_EXIT_OK : snndev_fail_memory(s);
}

/* A result ends its line; what does not was cut short by an error. */
static bool is_whole(const struct snndev_result *result)
{
    return result->size > 0 && result->text[result->size - 1] == '\n';
}

int snndev_result_close(struct snndev_session *s, int status)
{
    struct snndev_result *result = &s->result;
    bool written = result->file != NULL;
    if (result->out != NULL && result->out != result->file) {
        written = fclose(result->out) == 0 && is_whole(result) && written;
        if (written) (void)fwrite(result->text, 1, result->size, result->file);
    }
    if (result->partial != NULL && result->file != NULL) {
        const bool bad = fflush(result->file) != 0 || ferror(result->file) != 0;
        const bool unclosed = fclose(result->file) != 0;
        if (written && (bad || unclosed || rename(result->partial, s->options.json) != 0))
            status = fail_file(s, SNNCLI_EXIT_IO);
        (void)remove(result->partial);
    }
    free(result->partial);
    free(result->text);
    *result = (struct snndev_result){.out = NULL};
    return status;
}
