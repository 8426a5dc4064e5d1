/* Any rank but the first: it says what it is about, asks for work, sends what it has done, and
 * leaves when rank 0 says so.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/cluster_parts.h"

/* Records wait for each other so long, or until there are so many bytes of them. */
#define GATHER_S 0.02
#define GATHER_SIZE ((size_t)1 << 18)

void snncli_cluster_other_take(struct snncli_cluster *c, const struct snncli_letter *letter)
{
    const unsigned char *bytes = letter->bytes;
    const uint32_t epoch = letter->size >= 4 ? (uint32_t)snncli_cluster_get(bytes, 4) : 0;
    switch ((enum snncli_letter_kind)letter->kind) {
    case SNNCLI_LETTER_BLOCK:
        if (letter->size != 20 || !c->running || epoch != c->epoch) break;
        c->block_first = snncli_cluster_get(bytes + 4, 8);
        c->block_count = snncli_cluster_get(bytes + 12, 8);
        c->asked = false;
        break;
    case SNNCLI_LETTER_OVER:
        c->over_epoch = epoch;
        if (c->running && epoch >= c->epoch) atomic_store(&c->over, true);
        break;
    case SNNCLI_LETTER_END:
        c->ended = true;
        atomic_store(&c->over, true);
        break;
    case SNNCLI_LETTER_LEAVE:
        c->dismissed = true;
        break;
    case SNNCLI_LETTER_HELLO:
    case SNNCLI_LETTER_WANT:
    case SNNCLI_LETTER_RECORDS:
    case SNNCLI_LETTER_FAILED:
    case SNNCLI_LETTER_BYE:
        break;
    }
    pthread_cond_broadcast(&c->news);
}

static void greet(struct snncli_cluster *c)
{
    const size_t length = strlen(c->run.identity), size = 4 + length;
    unsigned char *bytes = malloc(size);
    if (bytes != NULL) {
        snncli_cluster_put(bytes, c->epoch, 4);
        memcpy(bytes + 4, c->run.identity, length);
    }
    snncli_cluster_post(c, 0, SNNCLI_LETTER_HELLO, bytes, size);
    c->greeted = true;
}

static void send_records(struct snncli_cluster *c)
{
    const size_t size = 4 + c->outbox_size;
    unsigned char *bytes = malloc(size);
    if (bytes != NULL) {
        snncli_cluster_put(bytes, c->epoch, 4);
        memcpy(bytes + 4, c->outbox, c->outbox_size);
    }
    snncli_cluster_post(c, 0, SNNCLI_LETTER_RECORDS, bytes, size);
    c->outbox_size = 0;
    c->sent_s = snncli_cluster_now_s();
    pthread_cond_broadcast(&c->news);
}

static void ask(struct snncli_cluster *c)
{
    unsigned char *bytes = malloc(8);
    if (bytes != NULL) {
        snncli_cluster_put(bytes, c->epoch, 4);
        snncli_cluster_put(bytes + 4, c->run.threads, 4);
    }
    snncli_cluster_post(c, 0, SNNCLI_LETTER_WANT, bytes, 8);
    c->asked = true;
}

/* Records before the request, so that rank 0 knows what is done when it chooses. */
static void act_in_run(struct snncli_cluster *c)
{
    const bool wanting = !atomic_load(&c->over) && c->block_count == 0 && !c->asked &&
                         !c->run.interrupted(c->run.user);
    const bool due =
        wanting || c->outbox_size >= GATHER_SIZE || snncli_cluster_now_s() - c->sent_s >= GATHER_S;
    if (!c->greeted) greet(c);
    /* One letter at a time: where rank 0 is slower, they gather here. */
    if (c->outbox_size > 0 && due && snncli_link_idle(c->link)) send_records(c);
    if (wanting) ask(c);
}

/* What this rank has to say for itself. */
static void confess(struct snncli_cluster *c)
{
    const size_t size = 4 + c->words_size;
    unsigned char *bytes = malloc(size);
    if (bytes != NULL) {
        snncli_cluster_put(bytes, (uint64_t)c->exit_status, 4);
        memcpy(bytes + 4, c->words_text, c->words_size);
    }
    snncli_cluster_post(c, 0, SNNCLI_LETTER_FAILED, bytes, size);
}

void snncli_cluster_other_act(struct snncli_cluster *c)
{
    if (c->running) act_in_run(c);
    if (c->running || !c->closing) return;
    if (c->exit_status != SNNCLI_EXIT_OK && !c->closing_said && !c->ended) {
        confess(c);
        c->closing_said = true;
    }
    if (!c->ended) return;
    if (!c->bye_said) snncli_cluster_note(c, 0, SNNCLI_LETTER_BYE, 0);
    c->bye_said = true;
    c->leave = c->dismissed && snncli_link_idle(c->link);
}
