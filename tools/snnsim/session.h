/* What snnsim holds while it works, and its parts: each takes the session one step further and
 * returns an exit status.
 */
#ifndef TOOLS_SNNSIM_SESSION_H
#define TOOLS_SNNSIM_SESSION_H

#include <pthread.h>

#include "snn/snn.h"
#include "tools/cli/cluster.h"
#include "tools/cli/dataset.h"
#include "tools/cli/progress.h"
#include "tools/report/text.h"
#include "tools/snnsim/options.h"
#include "tools/snnsim/raster.h"
#include "tools/snnsim/save.h"

/* What the model becomes for targets that compute alike. */
struct snnsim_build {
    enum snn_arith arith;
    uint32_t chip_target;        /* the chip whose form the net has; target_count: none */
    const struct snn_chip *chip; /* its profile; NULL: none */
    struct snn_net *net;
    struct snn_program *program; /* the net placed on the chip */
};

/* Everything that main holds, so that one function lets go of it. */
struct snnsim_session {
    int argc; /* the command, for the page */
    char **argv;
    struct snncli_console console;
    struct snnsim_options options;
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_source *source;
    struct snn_program *program; /* read in place of a graph */
    struct snnsim_build builds[SNNSIM_TARGETS_MAX];
    uint32_t build_count;
    uint32_t build_of[SNNSIM_TARGETS_MAX]; /* of a spiking target */
    struct snn_target *targets[SNNSIM_TARGETS_MAX];
    struct snn_target *stand_in; /* a simulated chip: what is measured before it is placed */
    struct snn_result *results[SNNSIM_TARGETS_MAX];
    uint32_t result_count;                            /* of the targets that were run */
    struct snn_layer_rate *rates[SNNSIM_TARGETS_MAX]; /* of a result's layers; NULL: unknown */
    struct snnsim_save save;
    struct snncli_progress progress;
    struct snnsim_raster raster; /* without lanes: none */
    pthread_mutex_t progress_lock;
    struct snncli_cluster *cluster;                   /* NULL: this process is alone */
    struct snn_context *cluster_context;              /* of its thread */
    struct snn_partial *partials[SNNSIM_TARGETS_MAX]; /* NULL: the run is neither shared nor kept */
    struct snn_partial *partial;                      /* of the run at hand */
    struct snn_checkpoint *checkpoint;                /* NULL: none is kept */
    bool add_failed;                                  /* cluster_context says why */
    char sha256[65];
    const char *data_path;       /* what `source` was read from */
    struct snncli_sample sample; /* the model's own */
};

/* ---- main.c ---- */

/* For what a tool allocates itself; the library has messages of its own. */
int snnsim_fail_memory(struct snnsim_session *session);
/* The exit status for the error that stands in the context, which is printed unless it was one of
 * the findings reported since `errors_before` was counted. */
int snnsim_fail_reported(struct snnsim_session *session, size_t errors_before, const char *where);

/* ---- input.c ---- */

int snnsim_load_model(struct snnsim_session *session);
int snnsim_open_data(struct snnsim_session *session);

/* ---- targets.c ---- */

/* Opens the targets and loads what they run. */
int snnsim_prepare_targets(struct snnsim_session *session);
bool snnsim_is_spiking(const struct snnsim_session *session, uint32_t target);

/* ---- lower.c ---- */

/* The norm, and with --calibrate and --correct what is measured for it. */
int snnsim_choose_thresholds(struct snnsim_session *session);
/* Says which spiking targets share what the model becomes. */
void snnsim_plan_builds(struct snnsim_session *session);
/* Makes the nets of all spiking targets, and places those of chips. */
int snnsim_lower(struct snnsim_session *session);

/* ---- chip.c ---- */

/* Places a net that was lowered for a chip; DOES_NOT_FIT with the whole story. */
int snnsim_place(struct snnsim_session *session, struct snnsim_build *build);

/* ---- run.c ---- */

/* One target after another, so that each has the machine to itself; an interrupt ends them all. */
int snnsim_run(struct snnsim_session *session);
/* The exit status for an error of a run, which is printed. */
int snnsim_fail_run(struct snnsim_session *session);
/* For snn_run_options.progress, and for whoever knows of progress elsewhere. */
bool snnsim_show_progress(uint64_t done, uint64_t total, void *session);

/* What the target is to do, for snn_run or snn_run_frames. Exit status. */
int snnsim_fill_run(struct snnsim_session *session, uint32_t target,
                    struct snn_energy_profile *energy, struct snn_run_options *options);

/* ---- checkpoint.c ---- */

/* All of these do nothing without --checkpoint. Opens it for the runs of all targets, and says what
 * it has of them. Exit status. */
int snnsim_checkpoint_open(struct snnsim_session *session);
/* Says how to go on after an interrupt. */
void snnsim_checkpoint_remind(struct snnsim_session *session);
/* Writes the rest. Returns `exit_status`, or where that is OK that of an error. */
int snnsim_checkpoint_close(struct snnsim_session *session, int exit_status);

/* ---- share.c ---- */

/* All of these do nothing where this process is alone. */
int snnsim_share_open(struct snnsim_session *session);
/* Whether this process prints and writes. */
bool snnsim_share_is_root(const struct snnsim_session *session);
/* What of the options cannot be shared; and how many threads are this rank's. */
int snnsim_share_check(struct snnsim_session *session);
/* Makes the run of these options one that all ranks do. */
int snnsim_share_begin(struct snnsim_session *session, uint32_t target,
                       struct snn_run_options *options);
/* Call it with the run's status, whatever that is. */
int snnsim_share_end(struct snnsim_session *session, int exit_status);
/* Call it last of all. */
int snnsim_share_close(struct snnsim_session *session, int exit_status);

/* ---- rates.c ---- */

/* If a page or tables are wanted. Exit status. */
int snnsim_measure_rates(struct snnsim_session *session);

/* ---- outputs.c ---- */

/* Before any work is done: no output may replace an input or another output. */
int snnsim_check_outputs(struct snnsim_session *session);

/* ---- page.c ---- */

/* Appends the command as a shell takes it. */
void snnsim_put_command(const struct snnsim_session *session, struct snnreport_text *out);
/* Writes the page. An snn_status. */
int snnsim_save_page(struct snnsim_session *session, const struct snn_report *report);

/* ---- report.c ---- */

/* An output that cannot be made is 73, whatever the reason. */
int snnsim_fail_output(struct snnsim_session *session, int output_status);
int snnsim_write_results(struct snnsim_session *session);
/* --min-accuracy and --max-silent, of each target. */
int snnsim_check_results(struct snnsim_session *session);

#endif
