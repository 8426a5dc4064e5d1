/* Messages between the processes of a job: the only thing that the tools want of MPI.
 *
 * All functions are called by one and the same thread of the process, that of cluster.c; none of
 * them waits for another rank but open and close. Behind this header is cluster_mpi.c, or
 * cluster_none.c in a build without MPI.
 */
#ifndef TOOLS_CLI_CLUSTER_LINK_H
#define TOOLS_CLI_CLUSTER_LINK_H

#include <stdbool.h>
#include <stddef.h>

struct snncli_link;

/* What a launcher says of the job in this process' environment. */
struct snncli_launch {
    bool launched;
    unsigned size; /* 0: it does not say */
    unsigned rank; /* likewise */
};

struct snncli_launch snncli_launch_find(void);

/* Joins the job. Returns an exit status; if it is not OK, `text` and `hint` say why. */
int snncli_link_open(struct snncli_link **out, char *text, char *hint, size_t size);

struct snncli_link_info {
    unsigned rank;
    unsigned size;
    unsigned processors; /* a rank's share of those of this machine that the ranks may use */
    unsigned bound;      /* of this machine, what all ranks on it may use together */
    unsigned available;  /* of this machine, what the launcher may use; 0: not known */
};

struct snncli_link_info snncli_link_info(const struct snncli_link *link);
/* The machine that a rank runs on. */
const char *snncli_link_host(const struct snncli_link *link, unsigned rank);

struct snncli_letter {
    unsigned rank; /* from or to */
    int kind;
    void *bytes;
    size_t size;
};

/* Takes over `bytes`, allocated by malloc or NULL, and sends them when the receiver is ready. False
 * without memory; the bytes are freed then, too. */
bool snncli_link_send(struct snncli_link *link, const struct snncli_letter *letter);
/* The next letter that has come, in order for each sender; its bytes are the caller's to free.
 * False: there is none now. */
bool snncli_link_receive(struct snncli_link *link, struct snncli_letter *out);
/* Whether everything is sent. */
bool snncli_link_idle(struct snncli_link *link);

/* Waits until all ranks do the same. Takes the address, nulls it. */
void snncli_link_close(struct snncli_link **link);
/* Ends all ranks at once; this process with `exit_status`. */
void snncli_link_abort(struct snncli_link *link, int exit_status);

#endif
