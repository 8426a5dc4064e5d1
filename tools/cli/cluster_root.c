/* Rank 0: who the others are, what they are given, what they answer.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/cluster_parts.h"

/* Of what differs between two runs, as text. */
#define DIFFERENCE_MAX 512

static void fail(struct snncli_cluster *c, const struct snncli_failure *failure)
{
    if (c->failure.status != SNNCLI_EXIT_OK) {
        free(failure->text);
        return;
    }
    c->failure = *failure;
    atomic_store(&c->over, true);
}

void snncli_cluster_root_no_memory(struct snncli_cluster *c)
{
    if (c->failure.status == SNNCLI_EXIT_OK)
        snncli_error(c->console, NULL, "%s", snn_status_text(SNN_ERR_NOMEM));
    fail(c, &(struct snncli_failure){SNNCLI_EXIT_NO_MEMORY, 0, false, NULL});
}

/* As a string; NULL without memory. */
static char *copy(const char *text, size_t size)
{
    char *string = malloc(size + 1);
    if (string == NULL) return NULL;
    memcpy(string, text, size);
    string[size] = '\0';
    return string;
}

/* ---- Letters ---- */

/* Ends the job if a rank is about another run than this one. */
static void check_identity(struct snncli_cluster *c, unsigned rank)
{
    struct snncli_peer *p = &c->peers[rank];
    char text[DIFFERENCE_MAX];
    if (strcmp(p->identity, c->run.identity) != 0) {
        c->run.compare(p->identity, c->run.identity, text, sizeof(text));
        fail(c, &(struct snncli_failure){SNNCLI_EXIT_DATA, rank, true, copy(text, strlen(text))});
    }
    free(p->identity);
    p->identity = NULL;
}

static void take_hello(struct snncli_cluster *c, const struct snncli_letter *letter)
{
    struct snncli_peer *p = &c->peers[letter->rank];
    const char *bytes = letter->bytes;
    if (letter->size < 4) return;
    free(p->identity);
    p->identity = copy(bytes + 4, letter->size - 4);
    if (p->identity == NULL) snncli_link_abort(c->link, SNNCLI_EXIT_NO_MEMORY);
    p->epoch = (uint32_t)snncli_cluster_get(letter->bytes, 4);
    p->threads = 0;
    if (c->running && p->epoch == c->epoch) check_identity(c, letter->rank);
}

/* Records of a run that is over are dropped. */
static void take_records(struct snncli_cluster *c, const struct snncli_letter *letter)
{
    const unsigned char *bytes = letter->bytes;
    size_t at = 4;
    if (letter->size < 4 || !c->running || snncli_cluster_get(bytes, 4) != c->epoch) return;
    while (c->failure.status == SNNCLI_EXIT_OK && at + 4 <= letter->size) {
        const size_t size = (size_t)snncli_cluster_get(bytes + at, 4);
        at += 4;
        if (size > letter->size - at) return;
        int status = c->run.add(bytes + at, size, c->run.user);
        if (status != SNNCLI_EXIT_OK)
            fail(c, &(struct snncli_failure){status, letter->rank, false, NULL});
        at += size;
    }
}

static void take_failed(struct snncli_cluster *c, const struct snncli_letter *letter)
{
    struct snncli_failure failure = {SNNCLI_EXIT_INTERNAL, letter->rank, false, NULL};
    if (letter->size < 4) return;
    const int status = (int)snncli_cluster_get(letter->bytes, 4);
    if (status != SNNCLI_EXIT_OK) failure.status = status;
    failure.text = copy((const char *)letter->bytes + 4, letter->size - 4);
    fail(c, &failure);
}

void snncli_cluster_root_take(struct snncli_cluster *c, const struct snncli_letter *letter)
{
    struct snncli_peer *p = &c->peers[letter->rank];
    const unsigned char *bytes = letter->bytes;
    switch ((enum snncli_letter_kind)letter->kind) {
    case SNNCLI_LETTER_HELLO:
        take_hello(c, letter);
        break;
    case SNNCLI_LETTER_WANT:
        if (letter->size == 8 && snncli_cluster_get(bytes, 4) == p->epoch)
            p->threads = (unsigned)snncli_cluster_get(bytes + 4, 4);
        break;
    case SNNCLI_LETTER_RECORDS:
        take_records(c, letter);
        break;
    case SNNCLI_LETTER_FAILED:
        take_failed(c, letter);
        break;
    case SNNCLI_LETTER_BYE:
        p->gone = true;
        break;
    case SNNCLI_LETTER_BLOCK:
    case SNNCLI_LETTER_OVER:
    case SNNCLI_LETTER_END:
    case SNNCLI_LETTER_LEAVE:
        break;
    }
    pthread_cond_broadcast(&c->news);
}

/* ---- The run ---- */

void snncli_cluster_root_begin(struct snncli_cluster *c)
{
    for (unsigned rank = 1; rank < c->info.size; rank++) {
        if (c->peers[rank].epoch == c->epoch) check_identity(c, rank);
    }
}

/* The others must have heard that the run is over, and this one that it was theirs, too; from those
 * that are not stopped for good that does not take long. */
bool snncli_cluster_root_is_waiting(const struct snncli_cluster *c)
{
    if (!c->over_said) return true;
    if (c->run.interrupted(c->run.user) || snncli_cluster_now_s() - c->begin_s > SNNCLI_ANSWER_S)
        return false;
    for (unsigned rank = 1; rank < c->info.size; rank++) {
        /* One that did not come to the run before is not waited for again. */
        if (c->peers[rank].epoch + 1 == c->epoch && c->failure.status == SNNCLI_EXIT_OK)
            return true;
    }
    return false;
}

int snncli_cluster_root_fail(struct snncli_cluster *c)
{
    struct snncli_failure *f = &c->failure;
    if (f->status == SNNCLI_EXIT_OK) return SNNCLI_EXIT_OK;
    if (f->differs) {
        snncli_error(c->console, NULL, "rank %u on %s runs something else than rank 0 on %s: %s",
                     f->rank, snncli_link_host(c->link, f->rank), snncli_link_host(c->link, 0),
                     f->text != NULL ? f->text : "no memory to say what");
        snncli_hint(c->console, "the program, the model, the data and the options must be the same "
                                "everywhere");
    } else if (f->text != NULL) {
        fputs(f->text, c->console->err);
        c->console->error_count++;
    }
    return f->status;
}

static void give_block(struct snncli_cluster *c, unsigned rank)
{
    struct snncli_peer *p = &c->peers[rank];
    uint64_t first = 0, count = 0;
    if (p->threads == 0 || p->epoch != c->epoch || p->identity != NULL) return;
    enum snncli_turn turn =
        snncli_schedule_take(c->schedule, rank, p->threads, snncli_cluster_now_s(), &first, &count);
    if (turn == SNNCLI_TURN_MEMORY) snncli_link_abort(c->link, SNNCLI_EXIT_NO_MEMORY);
    if (turn != SNNCLI_TURN_BLOCK) return;
    unsigned char *bytes = malloc(20);
    if (bytes != NULL) {
        snncli_cluster_put(bytes, c->epoch, 4);
        snncli_cluster_put(bytes + 4, first, 8);
        snncli_cluster_put(bytes + 12, count, 8);
    }
    p->threads = 0;
    snncli_cluster_post(c, rank, SNNCLI_LETTER_BLOCK, bytes, 20);
}

static void tell_all(struct snncli_cluster *c, enum snncli_letter_kind kind)
{
    for (unsigned rank = 1; rank < c->info.size; rank++)
        snncli_cluster_note(c, rank, kind, c->epoch);
}

static void act_in_run(struct snncli_cluster *c)
{
    if (!atomic_load(&c->over) && c->run.done(c->run.user) == c->run.total) {
        atomic_store(&c->over, true);
        pthread_cond_broadcast(&c->news);
    }
    for (unsigned rank = 1; rank < c->info.size && !atomic_load(&c->over); rank++)
        give_block(c, rank);
    if (atomic_load(&c->over) && !c->over_said) {
        tell_all(c, SNNCLI_LETTER_OVER);
        c->over_said = true;
        pthread_cond_broadcast(&c->news);
    }
}

/* ---- The end ---- */

/* Everything is written. What a rank that does not answer had to do, the others have done: the job
 * is as good without it, but only force ends it. */
static void give_up(struct snncli_cluster *c)
{
    for (unsigned rank = 1; rank < c->info.size; rank++) {
        if (c->peers[rank].gone) continue;
        snncli_warning(c->console, NULL, "rank %u on %s does not answer; %s", rank,
                       snncli_link_host(c->link, rank),
                       c->exit_status == SNNCLI_EXIT_OK
                           ? "the other ranks did its work, and the job is ended without it"
                           : "the job is ended by force");
    }
    (void)fflush(NULL);
    snncli_link_abort(c->link, c->exit_status);
}

static bool is_last(const struct snncli_cluster *c)
{
    for (unsigned rank = 1; rank < c->info.size; rank++) {
        if (!c->peers[rank].gone) return false;
    }
    return true;
}

void snncli_cluster_root_act(struct snncli_cluster *c)
{
    if (c->running) act_in_run(c);
    if (c->running || !c->closing) return;
    if (!c->closing_said) {
        tell_all(c, SNNCLI_LETTER_END);
        c->closing_said = true;
        c->closing_s = snncli_cluster_now_s();
    }
    if (is_last(c) && !c->bye_said) {
        tell_all(c, SNNCLI_LETTER_LEAVE);
        c->bye_said = true;
    }
    c->leave = c->bye_said && snncli_link_idle(c->link);
    if (!c->leave && snncli_cluster_now_s() - c->closing_s > SNNCLI_ANSWER_S) give_up(c);
}
