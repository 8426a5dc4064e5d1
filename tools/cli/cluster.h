/* Several processes that do one run together: mpirun -n K snnsim ... is the same command K times.
 *
 * Rank 0 hands out blocks of samples (schedule.h), runs some itself, collects the records of all,
 * and alone prints and writes. The others run what they are given and are silent; what goes wrong
 * there, rank 0 says with the name of rank and machine. A thread of the cluster's own does the
 * talking, so that workers never wait for a message but the one that brings them work.
 *
 * A program calls these from one thread, claim, send and over from any:
 *
 *     open -> (begin -> claim... send... -> end) once a run -> ... -> close
 */
#ifndef TOOLS_CLI_CLUSTER_H
#define TOOLS_CLI_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/cli/message.h"

struct snncli_cluster;

/* Joins the job if a launcher started this process as one of several; *out is NULL if it is alone.
 * On ranks other than 0 the console's messages go to rank 0 and standard output nowhere. Call it
 * before anything is printed. Returns an exit status, having said why. */
int snncli_cluster_open(struct snncli_cluster **out, struct snncli_console *console);

/* Ranks; 1 without a cluster. */
unsigned snncli_cluster_size(const struct snncli_cluster *cluster);
/* Whether this process prints and writes: rank 0, or alone. */
bool snncli_cluster_is_root(const struct snncli_cluster *cluster);
/* Threads that suit this rank, so that those of all ranks on a machine fill it; 0 without a
 * cluster. */
unsigned snncli_cluster_threads(const struct snncli_cluster *cluster);

struct snncli_cluster_run {
    /* What all ranks must agree in, as text, and what says how two of these differ. */
    const char *identity;
    void (*compare)(const char *there, const char *here, char *text, size_t size);
    uint64_t total;   /* samples */
    unsigned threads; /* that this rank runs them on */
    /* Of rank 0 only, from any thread. has, done: as in schedule.h. add: takes in a record that
     * another rank made; an exit status, having said why. tick: workers wait; show progress. */
    bool (*has)(uint64_t sample, void *user);
    uint64_t (*done)(void *user);
    int (*add)(const void *record, size_t size, void *user);
    void (*tick)(void *user);
    /* Of all ranks: whether the person at the terminal wants an end. */
    bool (*interrupted)(void *user);
    void *user;
};

/* Begins the next run; `run` is copied, its identity must live until end. Returns an exit status.
 */
int snncli_cluster_begin(struct snncli_cluster *cluster, const struct snncli_cluster_run *run);
/* Waits for the next block that this rank is to run; false: there is none, ever. For
 * snn_run_options.claim, with the cluster as its user. */
bool snncli_cluster_claim(uint64_t *first_out, uint64_t *count_out, void *cluster);
/* A record that this rank made: sent to rank 0. Copies. SNN_OK or NOMEM. For snn_partial_watch. */
int snncli_cluster_send(const void *record, size_t size, void *cluster);
/* Whether workers are to drop what they are at: all samples are done elsewhere, or the job failed.
 */
bool snncli_cluster_over(const struct snncli_cluster *cluster);
/* Ends the run on this rank: on rank 0 when the others are known to do the same run. Returns an
 * exit status: that of another rank that failed, having printed what it said. */
int snncli_cluster_end(struct snncli_cluster *cluster);

/* Leaves the job; call it last. On rank 0 `exit_status` is the job's, on others one that is not OK
 * ends the job with it and with the console's messages. A rank that does not answer is ended by
 * force: then this does not return. Returns what to exit with. Takes the address, nulls it, accepts
 * NULL. */
int snncli_cluster_close(struct snncli_cluster **cluster, int exit_status);

#endif
