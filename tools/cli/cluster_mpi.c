/* The door to MPI: the only file that includes its header; see cluster_link.h.
 *
 * MPI is initialised, used and finalised by one thread, so that the lowest level of thread support
 * that allows other threads (MPI_THREAD_FUNNELED) is enough. Nothing here blocks: what waits, waits
 * in MPI_Isend, and cluster.c sleeps between looks.
 */
#if defined(__linux__)
/* For CPU_COUNT. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _GNU_SOURCE
#endif

#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include "tools/cli/cluster_link.h"
#include "tools/cli/message.h"

/* A letter on its way. A large one takes its sender's help, who may be stopped in the middle of it:
 * neither end may wait for it. */
struct transfer {
    MPI_Request request;
    struct snncli_letter letter;
    struct transfer *next;
};

#define HOST_SIZE 64

struct snncli_link {
    struct snncli_link_info info;
    char (*hosts)[HOST_SIZE]; /* [size] */
    struct transfer *outgoing;
    struct transfer *incoming; /* in the order in which they were sent, for each sender */
};

/* ---- Processors ---- */

#if defined(__linux__)

static unsigned count_of(const cpu_set_t *set)
{
    const int count = CPU_COUNT(set);
    return count > 0 ? (unsigned)count : 1;
}

/* Ranks may be bound to a processor each, or to all of a container: what counts is what the ranks
 * on this machine may use together, by how many they are. */
static void count_processors(struct snncli_link_info *info)
{
    MPI_Comm machine;
    cpu_set_t own, all, launcher;
    int ranks = 1;
    if (sched_getaffinity(0, sizeof(own), &own) != 0) CPU_ZERO(&own);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &ranks);
    MPI_Allreduce(&own, &all, (int)sizeof(own), MPI_BYTE, MPI_BOR, machine);
    MPI_Comm_free(&machine);
    info->bound = count_of(&all);
    info->processors = info->bound / (unsigned)ranks;
    if (info->processors > count_of(&own)) info->processors = count_of(&own);
    if (info->processors == 0) info->processors = 1;
    if (sched_getaffinity(getppid(), sizeof(launcher), &launcher) == 0)
        info->available = count_of(&launcher);
}

#else

static void count_processors(struct snncli_link_info *info)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    MPI_Comm machine;
    int ranks = 1;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &ranks);
    MPI_Comm_free(&machine);
    info->bound = online > 0 ? (unsigned)online : 1;
    info->processors = info->bound / (unsigned)ranks;
    if (info->processors == 0) info->processors = 1;
}

#endif

/* ---- The job ---- */

/* Who is where, for messages. */
static bool share_hosts(struct snncli_link *link)
{
    char own[HOST_SIZE] = {0};
    if (gethostname(own, sizeof(own) - 1) != 0) own[0] = '?';
    link->hosts = calloc(link->info.size, sizeof(*link->hosts));
    if (link->hosts == NULL) return false;
    MPI_Allgather(own, HOST_SIZE, MPI_BYTE, link->hosts, HOST_SIZE, MPI_BYTE, MPI_COMM_WORLD);
    return true;
}

const char *snncli_link_host(const struct snncli_link *link, unsigned rank)
{
    return link->hosts[rank];
}

int snncli_link_open(struct snncli_link **out, char *text, char *hint, size_t size)
{
    const struct snncli_launch launch = snncli_launch_find();
    struct snncli_link *link = calloc(1, sizeof(*link));
    int provided = MPI_THREAD_SINGLE, rank = 0, ranks = 1;
    if (link == NULL) {
        snprintf(text, size, "out of memory");
        return SNNCLI_EXIT_NO_MEMORY;
    }
    /* Waiting in MPI's own calls must not cost a processor that another rank could use. */
    (void)setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
        provided < MPI_THREAD_FUNNELED) {
        free(link);
        snprintf(text, size, "this MPI supports no threads");
        return SNNCLI_EXIT_INTERNAL;
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    if (ranks == 1 && launch.size > 1) {
        free(link);
        (void)MPI_Finalize();
        snprintf(text, size, "started as one of %u processes by another MPI than the one built in",
                 launch.size);
        snprintf(hint, size, "take the mpirun that belongs to it: Open MPI's");
        return SNNCLI_EXIT_USAGE;
    }
    link->info.rank = (unsigned)rank;
    link->info.size = (unsigned)ranks;
    count_processors(&link->info);
    if (!share_hosts(link)) (void)MPI_Abort(MPI_COMM_WORLD, SNNCLI_EXIT_NO_MEMORY);
    *out = link;
    return SNNCLI_EXIT_OK;
}

struct snncli_link_info snncli_link_info(const struct snncli_link *link)
{
    return link->info;
}

static bool is_through(struct transfer *t)
{
    int through = 0;
    MPI_Test(&t->request, &through, MPI_STATUS_IGNORE);
    return through != 0;
}

bool snncli_link_send(struct snncli_link *link, const struct snncli_letter *letter)
{
    struct transfer *t = letter->size <= INT_MAX ? calloc(1, sizeof(*t)) : NULL;
    if (t == NULL) {
        free(letter->bytes);
        return false;
    }
    t->letter = *letter;
    t->next = link->outgoing;
    link->outgoing = t;
    MPI_Isend(letter->bytes, (int)letter->size, MPI_BYTE, (int)letter->rank, letter->kind,
              MPI_COMM_WORLD, &t->request);
    return true;
}

bool snncli_link_idle(struct snncli_link *link)
{
    struct transfer **at = &link->outgoing;
    while (*at != NULL) {
        struct transfer *t = *at;
        if (!is_through(t)) {
            at = &t->next;
            continue;
        }
        *at = t->next;
        free(t->letter.bytes);
        free(t);
    }
    return link->outgoing == NULL;
}

/* Begins to receive the next letter that was announced. False: there is none, or no memory; it is
 * announced again. */
static bool begin_receiving(struct snncli_link *link)
{
    MPI_Message message;
    MPI_Status status;
    int found = 0, size = 0;
    struct transfer **end = &link->incoming;
    struct transfer *t = calloc(1, sizeof(*t));
    if (t == NULL) return false;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, &status);
    if (found) MPI_Get_count(&status, MPI_BYTE, &size);
    if (found) t->letter.bytes = malloc(size > 0 ? (size_t)size : 1);
    if (t->letter.bytes == NULL) {
        free(t);
        return false;
    }
    t->letter.rank = (unsigned)status.MPI_SOURCE;
    t->letter.kind = status.MPI_TAG;
    t->letter.size = (size_t)size;
    MPI_Mprobe(status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, &message, &status);
    MPI_Imrecv(t->letter.bytes, size, MPI_BYTE, &message, &t->request);
    while (*end != NULL)
        end = &(*end)->next;
    *end = t;
    return true;
}

static bool has_earlier(const struct snncli_link *link, const struct transfer *t)
{
    for (const struct transfer *e = link->incoming; e != t; e = e->next) {
        if (e->letter.rank == t->letter.rank) return true;
    }
    return false;
}

bool snncli_link_receive(struct snncli_link *link, struct snncli_letter *out)
{
    while (begin_receiving(link)) {
    }
    for (struct transfer **at = &link->incoming; *at != NULL; at = &(*at)->next) {
        struct transfer *t = *at;
        if (has_earlier(link, t) || !is_through(t)) continue;
        *at = t->next;
        *out = t->letter;
        free(t);
        return true;
    }
    return false;
}

void snncli_link_close(struct snncli_link **link)
{
    if (*link == NULL) return;
    (void)MPI_Finalize();
    free((*link)->hosts);
    free(*link);
    *link = NULL;
}

void snncli_link_abort(struct snncli_link *link, int exit_status)
{
    (void)link;
    (void)MPI_Abort(MPI_COMM_WORLD, exit_status);
    _Exit(exit_status);
}
