/* What snndev holds while it works, and its parts: a verb is one function, which returns an exit
 * status.
 */
#ifndef TOOLS_SNNDEV_SESSION_H
#define TOOLS_SNNDEV_SESSION_H

#include "snn/snn.h"
#include "tools/cli/dataset.h"
#include "tools/cli/progress.h"
#include "tools/snndev/options.h"

/* Where --json goes (result.c). */
struct snndev_result {
    FILE *out;  /* to write to; NULL: no --json */
    FILE *file; /* that it ends in */
    char *text; /* of a verb that writes all at once */
    size_t size;
    char *partial; /* name of the file until it is whole */
};

struct snndev_session {
    struct snncli_console console;
    struct snncli_progress progress;
    struct snndev_options options;
    struct snn_context *context;
    struct snn_device *device;
    struct snn_chip chip; /* the device's profile */
    struct snn_graph *graph;
    struct snn_net *net;
    struct snn_program *program; /* what the model is on that chip */
    struct snn_source *source;
    struct snncli_sample sample; /* the model's own */
    const char *data_path;       /* what `source` was read from */
    char sha256[65];
    struct snndev_result result;
};

/* ---- main.c ---- */

/* For what the tool allocates itself; the library has messages of its own. */
int snndev_fail_memory(struct snndev_session *session);
double snndev_now_s(void);

/* ---- result.c ---- */

/* Before the verb and behind it; exit statuses, the latter the one given unless writing fails. */
int snndev_result_open(struct snndev_session *session);
int snndev_result_close(struct snndev_session *session, int status);
/* Whether standard output is for people: not with --json -. */
bool snndev_wants_text(const struct snndev_session *session);

/* ---- device.c ---- */

/* Opens the device of a URI. A device that is not there, or not the only one, is NO_DEVICE. */
int snndev_open(struct snndev_session *session, const char *uri);
/* Prints the context's error about the open device; returns the exit status. */
int snndev_fail_device(struct snndev_session *session);
/* "speck2f VIRT0001": how results name the open device. */
struct snndev_name {
    char text[64];
};
struct snndev_name snndev_name(const struct snndev_session *session);
/* What to do where nothing is plugged in. */
void snndev_hint_no_device(struct snndev_session *session);
/* Reads the counters. */
int snndev_read_statistics(struct snndev_session *session, struct snn_device_statistics *out);

/* ---- model.c ---- */

/* The model as a program for the open device's chip; DOES_NOT_FIT where it does not fit. */
int snndev_make_program(struct snndev_session *session);
/* Opens the data, or the model's own sample. */
int snndev_open_data(struct snndev_session *session);
/* Writes the program onto the device and says what was done on `out` (NULL: nothing is said). */
int snndev_put_program(struct snndev_session *session, FILE *out,
                       struct snn_device_load_report *report_out);

/* ---- a verb a file ---- */

int snndev_list(struct snndev_session *session);
int snndev_info(struct snndev_session *session);
int snndev_load(struct snndev_session *session);
int snndev_run(struct snndev_session *session);
int snndev_monitor(struct snndev_session *session);
int snndev_record(struct snndev_session *session);
int snndev_replay(struct snndev_session *session);
int snndev_reset(struct snndev_session *session);
int snndev_doctor(struct snndev_session *session);
int snndev_emulate(struct snndev_session *session);

#endif
