/* Before any work is done: whether the files can be written that the work is for, and that none of
 * them is one of the others, or an input.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli/output.h"
#include "tools/report/page.h"
#include "tools/snnsim/session.h"

struct named_file {
    const char *option, *path;
};

enum { OUTPUTS = 7, FILES = 12 };

static void list_files(const struct snnsim_options *o, struct named_file files[FILES])
{
    const struct named_file all[FILES] = {{"--json", o->json},
                                          {"--report", o->report},
                                          {"--raster", o->raster},
                                          {"--save-counts", o->save_counts},
                                          {"--save-layer-counts", o->save_layer_counts},
                                          {"--sweep", o->sweep},
                                          {"--checkpoint", o->checkpoint},
                                          {"MODEL", o->model},
                                          {"--data", o->data},
                                          {"--labels", o->labels},
                                          {"--input-spikes", o->input_spikes},
                                          {"--calibrate", o->calibrate}};
    memcpy(files, all, sizeof(all));
}

static int overwritten(struct snnsim_session *s, const char *option, const char *path,
                       const char *other)
{
    return snncli_fail(&s->console, SNNCLI_EXIT_USAGE, option,
                       "%s is %s too and would be overwritten", path, other);
}

/* None of a folder's tables may be another file of this run. */
static int check_tables(struct snnsim_session *s, const struct named_file files[FILES])
{
    const char *folder = s->options.csv;
    int status = SNNCLI_EXIT_OK;
    for (size_t i = 0; status == SNNCLI_EXIT_OK && snnreport_csv_name(i) != NULL; i++) {
        struct snnreport_text path = {.data = NULL};
        snnreport_printf(&path, "%s/%s", folder, snnreport_csv_name(i));
        if (path.failed) status = snnsim_fail_memory(s);
        for (size_t k = 0; status == SNNCLI_EXIT_OK && k < FILES; k++) {
            if (snncli_same_file(path.data, files[k].path))
                status = overwritten(s, "--csv", path.data, files[k].option);
        }
        snnreport_text_fini(&path);
    }
    return status;
}

/* A folder, or the name for one in a folder that is there. */
static int check_folder(struct snnsim_session *s, const struct named_file files[FILES])
{
    const char *folder = s->options.csv;
    struct stat info;
    if (stat(folder, &info) != 0) {
        int status = snncli_check_output(&s->console, folder);
        /* Only trying tells: root may write to every folder, but not make one below /proc. */
        if (status == SNNCLI_EXIT_OK && mkdir(folder, 0777) != 0)
            status = snncli_fail(&s->console, SNNCLI_EXIT_NO_OUTPUT, folder, "cannot be made: %s",
                                 strerror(errno));
        else if (status == SNNCLI_EXIT_OK)
            (void)rmdir(folder); /* a run that fails leaves nothing behind */
        return status;
    }
    if (!S_ISDIR(info.st_mode))
        return snncli_fail(&s->console, SNNCLI_EXIT_NO_OUTPUT, folder, "is not a folder");
    return check_tables(s, files);
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

static int no_stdout(struct snnsim_session *s, const char *option, const char *text)
{
    (void)snncli_fail(&s->console, SNNCLI_EXIT_USAGE, option, "%s", text);
    snncli_hint(&s->console, "standard output is for --json -");
    return SNNCLI_EXIT_USAGE;
}

int snnsim_check_outputs(struct snnsim_session *s)
{
    const struct snnsim_options *o = &s->options;
    struct named_file files[FILES];
    list_files(o, files);
    if (is_stdout(o->report)) return no_stdout(s, "--report", "a page needs a file");
    if (is_stdout(o->raster)) return no_stdout(s, "--raster", "a picture needs a file");
    if (is_stdout(o->checkpoint)) return no_stdout(s, "--checkpoint", "a checkpoint needs a file");
    for (size_t i = 0; i < OUTPUTS; i++) {
        for (size_t k = i + 1; k < FILES; k++) {
            if (snncli_same_file(files[i].path, files[k].path))
                return overwritten(s, files[i].option, files[i].path, files[k].option);
        }
    }
    int status = snncli_check_output(&s->console, o->json);
    if (status == SNNCLI_EXIT_OK) status = snncli_check_output(&s->console, o->report);
    if (status == SNNCLI_EXIT_OK) status = snncli_check_output(&s->console, o->raster);
    if (status == SNNCLI_EXIT_OK) status = snncli_check_output(&s->console, o->sweep);
    if (status == SNNCLI_EXIT_OK) status = snncli_check_output(&s->console, o->checkpoint);
    if (status == SNNCLI_EXIT_OK && o->csv != NULL) status = check_folder(s, files);
    return status;
}
