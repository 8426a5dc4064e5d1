/* A link on the fake transport; see linked.h. */
#include "tests/unit/device/linked.h"

#include <criterion/criterion.h>
#include <time.h>

static struct snndev_link *the_link;

void linked_begin(void)
{
    support_begin();
    fake_begin();
}

void linked_end(void)
{
    linked_close();
    support_end();
}

struct snndev_link *linked(void)
{
    return the_link;
}

int linked_open(const struct snndev_link_options *options)
{
    return snndev_link_open_on(&the_link, support_context(), &fake_transport, "", options);
}

int linked_start(const struct snndev_link_options *options)
{
    const int status = linked_open(options);
    return status != SNN_OK ? status : snndev_link_start(the_link, support_context());
}

void linked_close(void)
{
    if (the_link == NULL) return;
    const double begin = linked_seconds();
    snndev_link_close(&the_link);
    cr_assert_lt(linked_seconds() - begin, 1.0);
    cr_assert_null(the_link);
    cr_assert_eq(fake_closes(), 1);
}

struct snndev_link_counters linked_counters(void)
{
    struct snndev_link_counters counters;
    snndev_link_counters(the_link, &counters);
    return counters;
}

static void count(struct linked_items *sum, const struct snnwire_item *item)
{
    if (item->is_mark) {
        sum->marks[item->mark]++;
        if (item->mark == SNNWIRE_MARK_GAP) sum->gaps[item->argument & 3] += item->value;
        return;
    }
    if (sum->events > 0 && item->event.time_us <= sum->last_time_us) sum->in_order = false;
    sum->last_time_us = item->event.time_us;
    sum->events++;
}

struct linked_items linked_drain_after(uint64_t events, unsigned quiet_ms)
{
    struct linked_items sum = {.in_order = true};
    struct snnwire_item items[100];
    size_t got = 0;
    while ((sum.status = snndev_link_receive(the_link, support_context(), items, 100, &got,
                                             sum.events < events ? 5000 : quiet_ms)) == SNN_OK) {
        for (size_t i = 0; i < got; i++)
            count(&sum, &items[i]);
    }
    return sum;
}

struct linked_items linked_drain(unsigned quiet_ms)
{
    return linked_drain_after(0, quiet_ms);
}

double linked_seconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
