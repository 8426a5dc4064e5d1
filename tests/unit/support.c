/* The context, memory and files of tests; see support.h. */
#include "tests/unit/support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snn/status.h"

enum { SWEEP_MAX = 4000 };

/* Workers share the allocator. */
struct counted {
    atomic_size_t calls;
    size_t fail_at; /* the call that gets nothing, from 1; 0: none */
    atomic_size_t live;
};

static struct counted counted;
static struct snn_context *the_context;
static char folder[64];
static char diagnostics[4096];

static void *counted_allocate(size_t size, void *user)
{
    struct counted *allocator = user;
    if (++allocator->calls == allocator->fail_at) return NULL;
    allocator->live++;
    return malloc(size);
}

static void counted_release(void *memory, void *user)
{
    struct counted *allocator = user;
    allocator->live--;
    free(memory);
}

static void note(const struct snn_diagnostic *diagnostic, void *user)
{
    static const char *const names[] = {"note", "warning", "error"};
    size_t used = strlen(diagnostics);
    (void)user;
    (void)snprintf(diagnostics + used, sizeof(diagnostics) - used, "%s: %s\n",
                   names[diagnostic->severity], diagnostic->text);
}

static struct snn_context *make_context(struct counted *allocator, const struct snn_limits *limits)
{
    struct snn_context_options options = {
        .allocator = {counted_allocate, counted_release, allocator},
        .diagnostic = note,
    };
    struct snn_context *made = NULL;
    if (limits) options.limits = *limits;
    cr_assert_eq(snn_context_create(&made, &options), SNN_OK);
    return made;
}

void support_begin(void)
{
    the_context = make_context(&counted, NULL);
    (void)snprintf(folder, sizeof(folder), "/tmp/snn-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

/* Removes a folder and what is in it, tests make no deep ones. */
static void empty_folder(const char *path, int depth)
{
    char inside[512];
    DIR *entries = opendir(path);
    cr_assert_not_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        (void)snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        if (unlink(inside) != 0 && depth < 4) empty_folder(inside, depth + 1);
    }
    closedir(entries);
    cr_assert_eq(rmdir(path), 0);
}

void support_end(void)
{
    empty_folder(folder, 0);
    snn_context_destroy(&the_context);
    cr_assert_eq(counted.live, 0, "%zu blocks left", (size_t)counted.live);
}

struct snn_context *support_context(void)
{
    return the_context;
}

size_t support_allocation_count(void)
{
    return counted.calls;
}

struct snn_context *support_limited(const struct snn_limits *limits)
{
    return make_context(&counted, limits);
}

const char *support_diagnostics(void)
{
    return diagnostics;
}

void support_forget_diagnostics(void)
{
    diagnostics[0] = '\0';
}

/* What is swept: an action alone, or one on a graph made before memory runs out. */
struct swept {
    int (*alone)(struct snn_context *context);
    struct snn_graph *(*make)(struct snn_context *context);
    int (*on_graph)(struct snn_context *context, struct snn_graph *graph);
};

/* One round, in which the nth allocation fails; false if that many were not needed. */
static bool sweep_round(const struct swept *swept, size_t nth)
{
    struct counted allocator = {0};
    struct snn_context *poor = make_context(&allocator, NULL);
    struct snn_graph *graph = swept->make ? swept->make(poor) : NULL;
    allocator.fail_at = allocator.calls + nth;
    int status = swept->alone ? swept->alone(poor) : swept->on_graph(poor, graph);
    bool failed = allocator.calls >= allocator.fail_at;
    snn_graph_destroy(&graph);
    cr_assert_eq(status, failed ? SNN_ERR_NOMEM : SNN_OK, "allocation %zu: %s", nth,
                 snn_context_message(poor));
    snn_context_destroy(&poor);
    cr_assert_eq(allocator.live, 0, "allocation %zu: %zu blocks left", nth, (size_t)allocator.live);
    return failed;
}

static void sweep(const struct swept *swept)
{
    size_t nth = 1;
    while (nth < SWEEP_MAX && sweep_round(swept, nth))
        nth++;
    cr_assert_gt(nth, 1, "the action allocates nothing");
    cr_assert_lt(nth, SWEEP_MAX, "still allocating after %d failures", (int)SWEEP_MAX);
}

void support_sweep(int (*action)(struct snn_context *context))
{
    sweep(&(struct swept){.alone = action});
}

void support_sweep_graph(struct snn_graph *(*make)(struct snn_context *context),
                         int (*action)(struct snn_context *context, struct snn_graph *graph))
{
    sweep(&(struct swept){.make = make, .on_graph = action});
}

const char *support_path(const char *name)
{
    static char paths[2][512];
    static size_t turn;
    char *path = paths[turn++ % 2];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

const char *support_put(const char *name, const void *data, size_t size)
{
    const char *path = support_path(name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
    return path;
}

size_t support_get(const char *name, void *data, size_t size)
{
    FILE *file = fopen(support_path(name), "rb");
    cr_assert_not_null(file, "%s is not there", name);
    size_t got = fread(data, 1, size, file);
    cr_assert_eq(fclose(file), 0);
    return got;
}
