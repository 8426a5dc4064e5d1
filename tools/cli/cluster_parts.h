/* What the files of the cluster share: its state, and the letters that ranks write each other.
 *
 * Numbers in letters are little-endian. A run's letters carry its number, its epoch, from 1: what
 * comes late from a slow rank belongs to a run that is over.
 */
#ifndef TOOLS_CLI_CLUSTER_PARTS_H
#define TOOLS_CLI_CLUSTER_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "tools/cli/cluster.h"
#include "tools/cli/cluster_link.h"
#include "tools/cli/schedule.h"

/* A rank that says nothing for so long when it is spoken to is given up. */
#define SNNCLI_ANSWER_S 3.0

enum snncli_letter_kind {
    /* To rank 0. */
    SNNCLI_LETTER_HELLO = 1,   /* epoch u32, identity: it begins a run */
    SNNCLI_LETTER_WANT = 2,    /* epoch u32, threads u32: the next block, please */
    SNNCLI_LETTER_RECORDS = 3, /* epoch u32, then size u32 and bytes each */
    SNNCLI_LETTER_FAILED = 4,  /* exit status u32, messages: this rank cannot go on */
    SNNCLI_LETTER_BYE = 5,     /* the answer to END */
    /* From rank 0. */
    SNNCLI_LETTER_BLOCK = 6, /* epoch u32, first u64, count u64 */
    SNNCLI_LETTER_OVER = 7,  /* epoch u32: stop, nothing of this run is missing any more */
    SNNCLI_LETTER_END = 8,   /* the job is over: say goodbye */
    SNNCLI_LETTER_LEAVE = 9  /* all have said it: go */
};

/* What rank 0 knows of another one. */
struct snncli_peer {
    uint32_t epoch;   /* that it has begun; 0: none */
    char *identity;   /* of the run of that epoch; NULL: it was looked at */
    unsigned threads; /* it wants a block for so many; 0: it does not */
    bool gone;        /* it has said goodbye */
};

/* Why the job is to end; the first one counts. */
struct snncli_failure {
    int status; /* an exit status; OK: there is none */
    unsigned rank;
    bool differs; /* the rank runs something else: `text` says what; else */
    char *text;   /* what the rank said; NULL: rank 0 has said it already */
};

/* One lock guards everything but `over`. Rank 0 calls `run` (the partial's functions) with it held,
 * the others never: there, the partial's own lock is held when send comes for this one. */
struct snncli_cluster {
    struct snncli_console *console;
    struct snncli_link *link;
    struct snncli_link_info info;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the cluster's thread: somebody has something to be said */
    pthread_cond_t news; /* for the others: something was heard */
    bool open;
    int open_status;
    char open_text[160], open_hint[160];

    struct snncli_cluster_run run;
    uint32_t epoch;
    double begin_s;
    bool running;
    bool waiting;   /* a worker of this rank, for a block */
    bool over_said; /* to the others, or begin to rank 0 */
    atomic_bool over;

    /* Rank 0. */
    struct snncli_schedule *schedule;
    struct snncli_peer *peers; /* [size], the first unused */
    struct snncli_failure failure;

    /* The others. */
    bool greeted; /* in this epoch */
    bool asked;
    uint64_t block_first, block_count; /* 0: none at hand */
    unsigned char *outbox;             /* records that are not sent yet, as in the letter */
    size_t outbox_size, outbox_room;
    double sent_s;
    uint32_t over_epoch; /* runs up to this one are over */
    bool ended;          /* rank 0 said so */
    char name[128];      /* of the tool, in messages */
    FILE *words;         /* what the console printed, for rank 0 */
    char *words_text;
    size_t words_size;

    bool closing;
    int exit_status;
    bool closing_said; /* rank 0: the end. Others: what went wrong */
    bool bye_said;     /* rank 0: that all may leave */
    bool dismissed;
    double closing_s;
    bool leave; /* its thread is to end */
};

double snncli_cluster_now_s(void);
/* Sends; without memory the job ends. Takes over `bytes`. */
void snncli_cluster_post(struct snncli_cluster *cluster, unsigned to, enum snncli_letter_kind kind,
                         void *bytes, size_t size);
/* The same with one to three numbers: u32, u64, u64. */
void snncli_cluster_note(struct snncli_cluster *cluster, unsigned to, enum snncli_letter_kind kind,
                         uint32_t number);
void snncli_cluster_put(unsigned char *at, uint64_t number, unsigned bytes);
uint64_t snncli_cluster_get(const unsigned char *at, unsigned bytes);

/* The two sides: a letter that came, and what is to be done now; all with the lock held. */
void snncli_cluster_root_take(struct snncli_cluster *cluster, const struct snncli_letter *letter);
void snncli_cluster_root_act(struct snncli_cluster *cluster);
void snncli_cluster_root_begin(struct snncli_cluster *cluster);
bool snncli_cluster_root_is_waiting(const struct snncli_cluster *cluster);
int snncli_cluster_root_fail(struct snncli_cluster *cluster);
/* Rank 0 cannot go on, and says so: the job fails. */
void snncli_cluster_root_no_memory(struct snncli_cluster *cluster);
void snncli_cluster_other_take(struct snncli_cluster *cluster, const struct snncli_letter *letter);
void snncli_cluster_other_act(struct snncli_cluster *cluster);

#endif
