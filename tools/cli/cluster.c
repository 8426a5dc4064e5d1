/* The cluster as a program sees it, and its thread; see cluster.h. What is said to whom stands in
 * cluster_root.c and cluster_other.c.
 */
#include "tools/cli/cluster.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/cli/cluster_parts.h"

/* Between two looks for letters, while workers have work and while somebody waits. A look costs
 * some 20 us. */
#define PAUSE_BUSY_S 0.005
#define PAUSE_WAITING_S 0.001
/* Workers who wait look whether they are to stop, and show progress. */
#define TICK_S 0.05

double snncli_cluster_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void snncli_cluster_put(unsigned char *at, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (unsigned char)(number >> (8 * i));
}

uint64_t snncli_cluster_get(const unsigned char *at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++)
        number |= (uint64_t)at[i] << (8 * i);
    return number;
}

void snncli_cluster_post(struct snncli_cluster *c, unsigned to, enum snncli_letter_kind kind,
                         void *bytes, size_t size)
{
    const struct snncli_letter letter = {to, (int)kind, bytes, size};
    if (bytes == NULL || !snncli_link_send(c->link, &letter))
        snncli_link_abort(c->link, SNNCLI_EXIT_NO_MEMORY);
}

void snncli_cluster_note(struct snncli_cluster *c, unsigned to, enum snncli_letter_kind kind,
                         uint32_t number)
{
    unsigned char *bytes = malloc(4);
    if (bytes != NULL) snncli_cluster_put(bytes, number, 4);
    snncli_cluster_post(c, to, kind, bytes, 4);
}

/* ---- The thread ---- */

static void wait_for(pthread_cond_t *what, pthread_mutex_t *lock, double seconds)
{
    const double until = snncli_cluster_now_s() + seconds;
    const struct timespec time = {(time_t)until, (long)((until - (double)(time_t)until) * 1e9)};
    (void)pthread_cond_timedwait(what, lock, &time);
}

static void take(struct snncli_cluster *c, const struct snncli_letter *letter)
{
    if (c->info.rank == 0)
        snncli_cluster_root_take(c, letter);
    else
        snncli_cluster_other_take(c, letter);
}

/* Everything that MPI does, it does in here. */
static void *talk(void *user)
{
    struct snncli_cluster *c = user;
    struct snncli_letter letter;
    int status = snncli_link_open(&c->link, c->open_text, c->open_hint, sizeof(c->open_text));
    pthread_mutex_lock(&c->lock);
    c->open_status = status;
    if (status == SNNCLI_EXIT_OK) c->info = snncli_link_info(c->link); /* of none: one rank */
    c->open = true;
    pthread_cond_broadcast(&c->news);
    c->leave = status != SNNCLI_EXIT_OK || c->info.size == 1;
    if (!c->leave && c->info.rank == 0) c->peers = calloc(c->info.size, sizeof(*c->peers));
    if (!c->leave && c->info.rank == 0 && c->peers == NULL)
        snncli_link_abort(c->link, SNNCLI_EXIT_NO_MEMORY);
    while (!c->leave) {
        while (snncli_link_receive(c->link, &letter)) {
            take(c, &letter);
            free(letter.bytes);
        }
        if (c->info.rank == 0)
            snncli_cluster_root_act(c);
        else
            snncli_cluster_other_act(c);
        (void)snncli_link_idle(c->link);
        const bool waiting = !c->running || c->waiting;
        if (!c->leave) wait_for(&c->work, &c->lock, waiting ? PAUSE_WAITING_S : PAUSE_BUSY_S);
    }
    pthread_mutex_unlock(&c->lock);
    snncli_link_close(&c->link);
    return NULL;
}

/* ---- Joining ---- */

static int init(struct snncli_cluster *c)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&c->lock, NULL) != 0) return SNN_ERR_NOMEM;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->work, &attributes);
    pthread_cond_init(&c->news, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&c->thread, NULL, talk, c) != 0) return SNN_ERR_NOMEM;
    pthread_mutex_lock(&c->lock);
    while (!c->open)
        pthread_cond_wait(&c->news, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return SNN_OK;
}

/* What this rank prints goes to rank 0 if it fails, and nowhere else. */
static int be_silent(struct snncli_cluster *c)
{
    c->words = open_memstream(&c->words_text, &c->words_size);
    if (c->words == NULL || freopen("/dev/null", "w", stdout) == NULL) return SNN_ERR_NOMEM;
    snprintf(c->name, sizeof(c->name), "%s: rank %u on %s", c->console->tool, c->info.rank,
             snncli_link_host(c->link, c->info.rank));
    c->console->tool = c->name;
    c->console->err = c->words;
    c->console->err_is_terminal = false;
    c->console->err_color = false;
    return SNN_OK;
}

static void say_binding(const struct snncli_cluster *c)
{
    if (c->info.available <= c->info.bound) return;
    snncli_warning(c->console, NULL,
                   "the ranks on %s are bound to %u of the %u processors that are there",
                   snncli_link_host(c->link, 0), c->info.bound, c->info.available);
    snncli_hint(c->console, "mpirun --bind-to none leaves them all");
}

static void release(struct snncli_cluster *c)
{
    snncli_schedule_destroy(&c->schedule);
    free(c->failure.text);
    for (unsigned rank = 1; c->peers != NULL && rank < c->info.size; rank++)
        free(c->peers[rank].identity);
    free(c->peers);
    free(c->outbox);
    pthread_cond_destroy(&c->work);
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

int snncli_cluster_open(struct snncli_cluster **out, struct snncli_console *console)
{
    *out = NULL;
    if (!snncli_launch_find().launched) return SNNCLI_EXIT_OK;
    /* mpirun's end of stdout is a terminal of its own making; where it goes from there, nobody
     * knows. */
    console->out_color = false;
    struct snncli_cluster *c = calloc(1, sizeof(*c));
    if (c == NULL || init(c) != SNN_OK) {
        free(c);
        return snncli_fail(console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    }
    c->console = console;
    int status = c->open_status;
    if (status != SNNCLI_EXIT_OK && snncli_launch_find().rank == 0) {
        snncli_error(console, NULL, "%s", c->open_text);
        if (c->open_hint[0] != '\0') snncli_hint(console, "%s", c->open_hint);
    }
    if (status != SNNCLI_EXIT_OK || c->info.size == 1) {
        (void)pthread_join(c->thread, NULL);
        release(c);
        return status;
    }
    if (c->info.rank == 0)
        say_binding(c);
    else if (be_silent(c) != SNN_OK)
        snncli_link_abort(c->link, SNNCLI_EXIT_NO_MEMORY);
    *out = c;
    return SNNCLI_EXIT_OK;
}

unsigned snncli_cluster_size(const struct snncli_cluster *c)
{
    return c != NULL ? c->info.size : 1;
}

bool snncli_cluster_is_root(const struct snncli_cluster *c)
{
    return c == NULL || c->info.rank == 0;
}

unsigned snncli_cluster_threads(const struct snncli_cluster *c)
{
    return c != NULL ? c->info.processors : 0;
}

/* ---- A run ---- */

int snncli_cluster_begin(struct snncli_cluster *c, const struct snncli_cluster_run *run)
{
    const struct snncli_schedule_run shared = {run->total, c->info.size, run->has, run->done,
                                               run->user};
    int status = SNNCLI_EXIT_OK;
    pthread_mutex_lock(&c->lock);
    if (c->info.rank == 0 &&
        snncli_schedule_create(&c->schedule, &shared, snncli_cluster_now_s()) != SNN_OK)
        status = snncli_fail(c->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                             snn_status_text(SNN_ERR_NOMEM));
    if (status == SNNCLI_EXIT_OK) {
        c->run = *run;
        c->epoch++;
        c->begin_s = snncli_cluster_now_s();
        c->running = true;
        c->over_said = c->greeted = c->asked = false;
        c->block_count = 0;
        const bool late = c->ended || (c->info.rank != 0 && c->over_epoch >= c->epoch);
        atomic_store(&c->over, late || c->failure.status != SNNCLI_EXIT_OK);
        if (c->info.rank == 0) snncli_cluster_root_begin(c);
        pthread_cond_signal(&c->work);
    }
    pthread_mutex_unlock(&c->lock);
    return status;
}

/* A block for a worker of this rank, if there is one now. */
static enum snncli_turn find_block(struct snncli_cluster *c, uint64_t *first_out,
                                   uint64_t *count_out)
{
    if (c->info.rank == 0)
        return snncli_schedule_take(c->schedule, 0, c->run.threads, snncli_cluster_now_s(),
                                    first_out, count_out);
    if (c->block_count == 0) return SNNCLI_TURN_WAIT;
    *first_out = c->block_first;
    *count_out = c->block_count;
    c->block_count = 0;
    pthread_cond_signal(&c->work); /* the next one is asked for while this one is run */
    return SNNCLI_TURN_BLOCK;
}

bool snncli_cluster_claim(uint64_t *first_out, uint64_t *count_out, void *cluster)
{
    struct snncli_cluster *c = cluster;
    enum snncli_turn turn = SNNCLI_TURN_WAIT;
    pthread_mutex_lock(&c->lock);
    while (turn == SNNCLI_TURN_WAIT && !atomic_load(&c->over) && !c->run.interrupted(c->run.user)) {
        turn = find_block(c, first_out, count_out);
        if (turn != SNNCLI_TURN_WAIT) break;
        if (!c->waiting) pthread_cond_signal(&c->work);
        c->waiting = true;
        wait_for(&c->news, &c->lock, TICK_S);
        if (c->info.rank == 0) c->run.tick(c->run.user);
    }
    if (turn == SNNCLI_TURN_MEMORY) snncli_cluster_root_no_memory(c);
    c->waiting = false;
    pthread_mutex_unlock(&c->lock);
    return turn == SNNCLI_TURN_BLOCK;
}

static bool make_room(struct snncli_cluster *c, size_t size)
{
    const size_t needed = c->outbox_size + size;
    if (needed <= c->outbox_room) return true;
    unsigned char *outbox = realloc(c->outbox, 2 * needed);
    if (outbox == NULL) return false;
    c->outbox = outbox;
    c->outbox_room = 2 * needed;
    return true;
}

int snncli_cluster_send(const void *record, size_t size, void *cluster)
{
    struct snncli_cluster *c = cluster;
    if (size > UINT32_MAX / 4) return SNN_ERR_LIMIT;
    pthread_mutex_lock(&c->lock);
    const bool able = make_room(c, size + 4);
    if (able) {
        snncli_cluster_put(c->outbox + c->outbox_size, size, 4);
        memcpy(c->outbox + c->outbox_size + 4, record, size);
        c->outbox_size += size + 4;
    }
    pthread_mutex_unlock(&c->lock);
    return able ? SNN_OK : SNN_ERR_NOMEM;
}

bool snncli_cluster_over(const struct snncli_cluster *c)
{
    return c != NULL && atomic_load(&c->over);
}

int snncli_cluster_end(struct snncli_cluster *c)
{
    int status = SNNCLI_EXIT_OK;
    pthread_mutex_lock(&c->lock);
    if (c->info.rank == 0) atomic_store(&c->over, true);
    pthread_cond_signal(&c->work);
    while (c->info.rank != 0 && c->outbox_size > 0 && !atomic_load(&c->over))
        wait_for(&c->news, &c->lock, TICK_S);
    while (c->info.rank == 0 && snncli_cluster_root_is_waiting(c))
        wait_for(&c->news, &c->lock, TICK_S);
    c->running = false;
    c->outbox_size = 0;
    snncli_schedule_destroy(&c->schedule);
    if (c->info.rank == 0) status = snncli_cluster_root_fail(c);
    pthread_mutex_unlock(&c->lock);
    return status;
}

/* ---- Leaving ---- */

int snncli_cluster_close(struct snncli_cluster **cluster, int exit_status)
{
    struct snncli_cluster *c = *cluster;
    if (c == NULL) return exit_status;
    *cluster = NULL;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    c->exit_status = exit_status;
    if (c->words != NULL) (void)fflush(c->words);
    pthread_cond_signal(&c->work);
    pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    const bool root = c->info.rank == 0;
    if (c->words != NULL) (void)fclose(c->words);
    free(c->words_text);
    release(c);
    return root ? exit_status : SNNCLI_EXIT_OK;
}
