/* The shared parts of this room's tests; see support.h. */
#include "tests/unit/stream/support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snn/status.h"

enum { SWEEP_MAX = 1000 };

struct counted {
    size_t calls;
    size_t fail_at; /* the call that gets nothing, from 1; 0: none */
    size_t live;
};

static struct counted counted;
static struct snn_context *context;
static char folder[64];

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

static struct snn_context *make_context(struct counted *allocator)
{
    struct snn_context_options options = {
        .allocator = {counted_allocate, counted_release, allocator}};
    struct snn_context *made = NULL;
    cr_assert_eq(snn_context_create(&made, &options), SNN_OK);
    return made;
}

void support_begin(void)
{
    context = make_context(&counted);
    snprintf(folder, sizeof(folder), "/tmp/snn-test-stream-XXXXXX");
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

size_t support_allocation_count(void)
{
    return counted.calls;
}

void support_sweep(int (*action)(struct snn_context *context))
{
    for (size_t nth = 1; nth < SWEEP_MAX; nth++) {
        struct counted allocator = {0};
        struct snn_context *poor = make_context(&allocator);
        allocator.fail_at = allocator.calls + nth;
        int status = action(poor);
        int failed = allocator.calls >= allocator.fail_at;
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
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
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

const char *support_put_npy(const char *name, const char *dictionary, const void *data, size_t size)
{
    unsigned char bytes[4096] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t length = strlen(dictionary);
    cr_assert_leq(10 + length + size, sizeof(bytes));
    bytes[8] = (unsigned char)(length & 0xff);
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, dictionary, length);
    memcpy(bytes + 10 + length, data, size);
    return support_put(name, bytes, 10 + length + size);
}

struct snn_source *support_open(const char *name, enum snn_source_kind kind)
{
    struct snn_source *source = NULL;
    int status = snn_source_open(&source, context, support_path(name), kind, NULL);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(context));
    return source;
}

void support_refuse(const char *name, enum snn_source_kind kind, int status, const char *message)
{
    struct snn_source *source = NULL;
    char expected[1024];
    snprintf(expected, sizeof(expected), "%s: %s", support_path(name), message);
    int got = snn_source_open(&source, context, support_path(name), kind, NULL);
    cr_assert_null(source);
    cr_assert_str_eq(snn_context_message(context), expected);
    cr_assert_eq(got, status, "%s instead of %s", snn_status_name(got), snn_status_name(status));
    cr_assert_eq(snn_context_status(context), status);
}
