/* The shared parts of this room's tests; see support.h. */
#include "tests/unit/model/support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snn/status.h"

enum { SWEEP_MAX = 2000 };

struct counted {
    size_t calls;
    size_t fail_at; /* the call that gets nothing, from 1; 0: none */
    size_t live;
};

static struct counted counted;
static struct snn_context *context;
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
    (void)user;
    static const char *const names[] = {"note", "warning", "error"};
    size_t used = strlen(diagnostics);
    (void)snprintf(diagnostics + used, sizeof(diagnostics) - used, "%s: %s\n",
                   names[diagnostic->severity], diagnostic->text);
}

static struct snn_context *make_context(struct counted *allocator, const struct snn_limits *limits)
{
    struct snn_context_options options = {
        .allocator = {counted_allocate, counted_release, allocator},
        .diagnostic = note,
    };
    if (limits) options.limits = *limits;
    struct snn_context *made = NULL;
    cr_assert_eq(snn_context_create(&made, &options), SNN_OK);
    return made;
}

void support_begin(void)
{
    context = make_context(&counted, NULL);
    (void)snprintf(folder, sizeof(folder), "/tmp/snn-test-model-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

void support_end(void)
{
    DIR *entries = opendir(folder);
    cr_assert_not_null(entries);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        (void)unlink(support_path(entry->d_name));
    closedir(entries);
    cr_assert_eq(rmdir(folder), 0);
    snn_context_destroy(&context);
    cr_assert_eq(counted.live, 0, "%zu blocks left", counted.live);
}

struct snn_context *support_context(void)
{
    return context;
}

struct snn_context *support_limited(const struct snn_limits *limits)
{
    return make_context(&counted, limits);
}

const char *support_diagnostics(void)
{
    return diagnostics;
}

void support_sweep(int (*action)(struct snn_context *context))
{
    for (size_t nth = 1; nth < SWEEP_MAX; nth++) {
        struct counted allocator = {0};
        struct snn_context *poor = make_context(&allocator, NULL);
        allocator.fail_at = allocator.calls + nth;
        int status = action(poor);
        bool failed = allocator.calls >= allocator.fail_at;
        cr_assert_eq(status, failed ? SNN_ERR_NOMEM : SNN_OK, "allocation %zu: %s", nth,
                     snn_context_message(poor));
        snn_context_destroy(&poor);
        cr_assert_eq(allocator.live, 0, "allocation %zu: %zu blocks left", nth, allocator.live);
        if (!failed) {
            cr_assert_gt(nth, 1, "the action allocates nothing");
            return;
        }
    }
    cr_assert_fail("still allocating after %d failures", (int)SWEEP_MAX);
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

char *support_get(const char *name, size_t *size_out)
{
    enum { SIZE_MAX_READ = 1 << 20 };
    char *text = calloc(SIZE_MAX_READ, 1);
    FILE *file = fopen(support_path(name), "rb");
    cr_assert(text != NULL && file != NULL, "%s is not there", name);
    *size_out = fread(text, 1, SIZE_MAX_READ - 1, file);
    (void)fclose(file);
    return text;
}

const char *support_quoted(const char *text)
{
    static char quoted[16384];
    size_t size = strlen(text);
    cr_assert_lt(size, sizeof(quoted));
    for (size_t i = 0; i <= size; i++) {
        char c = text[i];
        if (c == '\'') c = '"';
        quoted[i] = c;
    }
    return quoted;
}

struct snn_graph *support_graph(uint32_t channels, uint32_t height, uint32_t width)
{
    struct snn_graph *graph = NULL;
    cr_assert_eq(snn_graph_create(&graph, context, "test"), SNN_OK);
    const struct snn_layer input = {
        .name = "input", .kind = SNN_LAYER_INPUT, .shape = {channels, height, width}};
    cr_assert_eq(snn_graph_add(graph, context, &input, NULL), SNN_OK, "%s",
                 snn_context_message(context));
    return graph;
}

uint32_t support_add(struct snn_graph *graph, struct snn_layer layer)
{
    uint32_t last = snn_graph_layer_count(graph) - 1;
    char name[16];
    (void)snprintf(name, sizeof(name), "layer%u", last + 1);
    if (!layer.name) layer.name = name;
    if (!layer.inputs) {
        layer.inputs = &last;
        layer.input_count = 1;
    }
    uint32_t index = 0;
    cr_assert_eq(snn_graph_add(graph, context, &layer, &index), SNN_OK, "%s",
                 snn_context_message(context));
    return index;
}
