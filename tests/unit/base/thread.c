/* Worker threads and the processor. */
/* For CPU_SET. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _GNU_SOURCE

#include "libsnn/base/thread.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/cpu.h"

enum { WORKER_MAX = 1000 };

struct tally {
    int runs[WORKER_MAX];
    pthread_t threads[WORKER_MAX];
};

static void count_run(unsigned index, void *user)
{
    struct tally *tally = user;
    tally->runs[index]++;
    tally->threads[index] = pthread_self();
}

Test(thread, every_index_runs_once_and_the_first_on_the_calling_thread)
{
    /* 1000 is more than one call starts threads for. */
    static const unsigned counts[] = {0, 1, 2, 7, 256, 257, 258, WORKER_MAX};
    static struct tally tally;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        memset(&tally, 0, sizeof(tally));
        snnbase_workers_run(counts[i], count_run, &tally);
        for (unsigned index = 0; index < WORKER_MAX; index++)
            cr_assert_eq(tally.runs[index], index < counts[i], "%u of %u", index, counts[i]);
        if (counts[i] > 0) cr_assert(pthread_equal(tally.threads[0], pthread_self()));
    }
}

struct meeting {
    pthread_barrier_t barrier;
    int met[4];
};

static void meet(unsigned index, void *user)
{
    struct meeting *meeting = user;
    pthread_barrier_wait(&meeting->barrier);
    meeting->met[index] = 1;
}

/* Workers that ran one after another would wait for ever. */
Test(thread, workers_run_at_the_same_time, .timeout = 20)
{
    struct meeting meeting = {.met = {0}};
    cr_assert_eq(pthread_barrier_init(&meeting.barrier, NULL, 4), 0);
    snnbase_workers_run(4, meet, &meeting);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(meeting.met[i], 1);
    pthread_barrier_destroy(&meeting.barrier);
}

Test(thread, processors_are_those_this_process_may_use)
{
    cpu_set_t set;
    cr_assert_eq(sched_getaffinity(0, sizeof(set), &set), 0);
    cr_assert_eq(snnbase_processor_count(), (unsigned)CPU_COUNT(&set));
    int first = 0;
    while (!CPU_ISSET((size_t)first, &set))
        first++;
    CPU_ZERO(&set);
    CPU_SET((size_t)first, &set);
    cr_assert_eq(sched_setaffinity(0, sizeof(set), &set), 0);
    cr_assert_eq(snnbase_processor_count(), 1);
}

/* Linux lists AVX2 only where it also saves the registers. */
Test(cpu, avx2_is_claimed_where_the_system_lists_it)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) cr_skip_test("no /proc/cpuinfo");
    char word[64];
    bool listed = false;
    while (!listed && fscanf(file, "%63s", word) == 1)
        listed = strcmp(word, "avx2") == 0;
    fclose(file);
    struct snnbase_cpu cpu;
    snnbase_cpu_detect(&cpu);
    cr_assert_eq(cpu.avx2, listed);
}
