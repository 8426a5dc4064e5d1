/* What snnconvert holds while it works, and its parts: each takes the session one step further and
 * returns an exit status.
 */
#ifndef TOOLS_SNNCONVERT_SESSION_H
#define TOOLS_SNNCONVERT_SESSION_H

#include "snn/snn.h"
#include "tools/cli/dataset.h"
#include "tools/cli/progress.h"
#include "tools/snnconvert/options.h"

struct snnconvert_session {
    struct snncli_console console;
    struct snncli_progress progress;
    struct snnconvert_options options;
    struct snn_context *context;
    struct snn_import *import;
    bool passed;             /* passes were run, and dumped where that was asked for */
    struct snn_graph *graph; /* the import's */
    struct snn_source *source;
    struct snn_target *target; /* that recipes are measured on */
    struct snn_verification *verification;
    struct snnconvert_fate *fates; /* one a layer */
    struct snnconvert_checked *checked;
    uint32_t checked_count;
    /* What accuracy is measured on, with --check; NULL: nothing. */
    struct snn_source *data;
    const char *data_path;
    struct snncli_sample sample; /* the model's own */
    struct snn_energy_profile energy;
    struct snn_result *unquantised;
};

/* A chip that the model is checked against. */
struct snnconvert_checked {
    struct snn_chip chip;
    char name[768];      /* how its user calls it: a name or a file */
    struct snn_net *net; /* lowered for it */
    struct snn_placement *placement;
    struct snn_result *integer, *program; /* of the net, and of the program */
};

/* What the two kinds of target make of a layer. */
struct snnconvert_fate {
    char spiking[96];
    char frame[96];
};

/* Reports that an output file could not be written, unless errors were since `errors_before`;
 * returns the exit status. */
int snnconvert_fail_output(struct snnconvert_session *session, size_t errors_before);

/* The part of a path after its last slash. */
const char *snnconvert_base_name(const char *path);

/* --calibrate. */
int snnconvert_calibrate(struct snnconvert_session *session);

/* Asks lowering and the frame-based targets. */
int snnconvert_find_fates(struct snnconvert_session *session);

/* Whether it is not a model but a recording of events, or a folder of them; and what is in it. */
bool snnconvert_is_recording(struct snnconvert_session *session);
int snnconvert_about_recording(struct snnconvert_session *session);

/* --info, --json, --supported. */
int snnconvert_print_info(struct snnconvert_session *session);
int snnconvert_write_json(struct snnconvert_session *session);
int snnconvert_print_supported(struct snnconvert_session *session);

/* ---- --check ---- */

/* Before any work: the profiles. */
int snnconvert_load_chips(struct snnconvert_session *session);
/* Places, measures, writes and prints; DOES_NOT_FIT if it does not fit one of the chips. */
int snnconvert_check(struct snnconvert_session *session);

/* The target that a chip is, by its name or the file of its profile. */
#define SNNCONVERT_URI_SIZE 4200
void snnconvert_chip_uri(const char *name, char uri[SNNCONVERT_URI_SIZE]);
void snnconvert_release_chips(struct snnconvert_session *session);
/* What quantising costs, where there is data; the results go to the session. */
int snnconvert_measure(struct snnconvert_session *session);
int snnconvert_print_accuracy(struct snnconvert_session *session,
                              const struct snnconvert_checked *checked);
/* Reports that lowering refused, unless errors were since `errors_before`; the exit status. */
int snnconvert_fail_lowering(struct snnconvert_session *session, size_t errors_before);

/* Runs the verification and prints what it found; CHECK if a layer deviates or the output could not
 * be compared. */
int snnconvert_verify(struct snnconvert_session *session);

#endif
