/* Rank 0 without memory for the list of who has what. A program of its own: it has a schedule that
 * never has memory in place of the other.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/cli/sample.h"
#include "tools/cli/cluster_parts.h"

int snncli_schedule_create(struct snncli_schedule **out, const struct snncli_schedule_run *run,
                           double now_s)
{
    (void)run, (void)now_s;
    *out = NULL;
    return SNN_OK;
}

void snncli_schedule_destroy(struct snncli_schedule **schedule)
{
    *schedule = NULL;
}

enum snncli_turn snncli_schedule_take(struct snncli_schedule *schedule, unsigned rank,
                                      unsigned threads, double now_s, uint64_t *first_out,
                                      uint64_t *count_out)
{
    (void)schedule, (void)rank, (void)threads, (void)now_s, (void)first_out, (void)count_out;
    return SNNCLI_TURN_MEMORY;
}

static bool is_interrupted(void *user)
{
    return *(bool *)user;
}

Test(cli_memory, a_job_without_memory_fails_and_is_not_interrupted)
{
    struct memory memory;
    struct snncli_console console = memory_console(&memory);
    bool interrupted = false;
    uint64_t first = 0, count = 0;
    struct snncli_cluster c = {
        .console = &console,
        .info = {.rank = 0, .size = 2},
        .run = {.total = 4, .threads = 1, .interrupted = is_interrupted, .user = &interrupted},
        .running = true,
        .over_said = true};
    cr_assert_eq(pthread_mutex_init(&c.lock, NULL), 0);
    cr_assert_eq(pthread_cond_init(&c.work, NULL), 0);
    cr_assert_eq(pthread_cond_init(&c.news, NULL), 0);
    cr_expect_not(snncli_cluster_claim(&first, &count, &c));
    cr_expect(snncli_cluster_over(&c), "the others stop, too");
    cr_expect_not(snncli_cluster_claim(&first, &count, &c));
    interrupted = true; /* nobody is waited for */
    cr_expect_eq(snncli_cluster_end(&c), SNNCLI_EXIT_NO_MEMORY);
    cr_expect_str_eq(memory_text(&memory), "sample: out of memory\n");
    memory_close(&memory);
}
