/* What snnconvert holds while it works, and its parts: each takes the session one step further and
 * returns an exit status.
 */
#ifndef TOOLS_SNNCONVERT_SESSION_H
#define TOOLS_SNNCONVERT_SESSION_H

#include "snn/snn.h"
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

/* --info, --json, --supported. */
int snnconvert_print_info(struct snnconvert_session *session);
int snnconvert_write_json(struct snnconvert_session *session);
int snnconvert_print_supported(struct snnconvert_session *session);

/* Runs the verification and prints what it found; CHECK if a layer deviates or the output could not
 * be compared. */
int snnconvert_verify(struct snnconvert_session *session);

#endif
