/* The folder that --to samna writes, file by file.
 *
 * config.json is the library's (snn_program_save_samna); the tool adds what is played, what the
 * simulator says of it, a script that plays it and a page that tells what was tried and what not.
 */
#include "tools/snnconvert/samna.h"

#include <stdlib.h>
#include <string.h>

#include "tools/snnconvert/samna_data.h"

static int fail_memory(struct snnconvert_session *s)
{
    return snncli_fail(&s->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                       snn_status_text(SNN_ERR_NOMEM));
}

/* FOLDER/NAME, allocated. */
static char *path_in(const char *folder, const char *name)
{
    const size_t length = strlen(folder), size = strlen(name) + 1;
    char *path = malloc(length + 1 + size);
    if (path == NULL) return NULL;
    memcpy(path, folder, length);
    path[length] = '/';
    memcpy(path + length + 1, name, size);
    return path;
}

int snnconvert_samna_save(struct snnconvert_session *s, const char *name, const void *data,
                          size_t size)
{
    const size_t before = s->console.error_count;
    char *path = path_in(s->options.output, name);
    if (path == NULL) return fail_memory(s);
    int status = snn_file_save(s->context, path, data, size);
    free(path);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snnconvert_fail_output(s, before);
}

static int save_config(struct snnconvert_session *s, const struct snn_program *program)
{
    const size_t before = s->console.error_count;
    char *path = path_in(s->options.output, "config.json");
    if (path == NULL) return fail_memory(s);
    int status = snn_program_save_samna(program, s->context, path);
    free(path);
    return status == SNN_OK ? SNNCLI_EXIT_OK : snnconvert_fail_output(s, before);
}

static int make_folder(struct snnconvert_session *s)
{
    const size_t before = s->console.error_count;
    if (snn_folder_make(s->context, s->options.output) == SNN_OK) return SNNCLI_EXIT_OK;
    int status = snnconvert_fail_output(s, before);
    return status == SNNCLI_EXIT_IO ? SNNCLI_EXIT_NO_OUTPUT : status;
}

/* How many samples are played. */
static uint64_t choose_samples(const struct snnconvert_session *s)
{
    if (s->data == NULL) return 0;
    const bool asked = s->options.samples > 0 && s->options.calibrate == NULL;
    const uint64_t wanted = asked ? s->options.samples : SNNCONVERT_SAMNA_SAMPLES;
    const uint64_t there = snn_source_count(s->data);
    return wanted < there ? wanted : there;
}

static int save_data(struct snnconvert_playback *p)
{
    struct snnconvert_session *s = p->session;
    p->sample_count = choose_samples(s);
    if (p->sample_count == 0) {
        snncli_warning(&s->console, s->options.output, "no data to play: no events are written");
        snncli_hint(&s->console, "give some with --data FILE");
        return SNNCLI_EXIT_OK;
    }
    int status = snnconvert_samna_events(p);
    return status == SNNCLI_EXIT_OK ? snnconvert_samna_expected(p) : status;
}

int snnconvert_write_samna(struct snnconvert_session *s, const struct snn_program *program,
                           const char *chip)
{
    struct snnconvert_playback playback = {.session = s, .program = program, .chip = chip};
    int status = make_folder(s);
    if (status == SNNCLI_EXIT_OK) status = save_config(s, program);
    if (status == SNNCLI_EXIT_OK) status = save_data(&playback);
    if (status == SNNCLI_EXIT_OK)
        status =
            snnconvert_samna_save(s, "play.py", snnconvert_samna_play, snnconvert_samna_play_size);
    return status == SNNCLI_EXIT_OK ? snnconvert_samna_page(&playback) : status;
}
