/* The shared parts of this room's tests; see support.h. */
#include "tests/unit/base/support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snn/status.h"

enum { NOBODY = 65534, SWEEP_MAX = 1000 };

static void *counted_allocate(size_t size, void *user)
{
    struct support_allocator *allocator = user;
    if (++allocator->calls == allocator->fail_at) return NULL;
    allocator->live++;
    return malloc(size);
}

static void counted_release(void *memory, void *user)
{
    struct support_allocator *allocator = user;
    allocator->live--;
    free(memory);
}

struct snn_context *support_context(struct support_allocator *allocator,
                                    const struct snn_limits *limits)
{
    struct snn_context_options options = {
        .allocator = {counted_allocate, counted_release, allocator}};
    if (limits) options.limits = *limits;
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    return context;
}

void support_context_end(struct snn_context **context, const struct support_allocator *allocator)
{
    snn_context_destroy(context);
    cr_assert_null(*context);
    cr_assert_eq(allocator->live, 0, "%zu blocks left", allocator->live);
}

void support_sweep(int (*action)(struct snn_context *context, void *user), void *user)
{
    for (size_t nth = 1; nth < SWEEP_MAX; nth++) {
        struct support_allocator allocator = {0};
        struct snn_context *context = support_context(&allocator, NULL);
        allocator.fail_at = allocator.calls + nth;
        int status = action(context, user);
        bool failed = allocator.calls >= allocator.fail_at;
        cr_assert_eq(status, failed ? SNN_ERR_NOMEM : SNN_OK, "allocation %zu: %s", nth,
                     snn_status_name(status));
        if (failed) {
            cr_assert_eq(snn_context_status(context), SNN_ERR_NOMEM);
            cr_assert(support_contains(snn_context_message(context), "out of memory"));
        }
        support_context_end(&context, &allocator);
        if (!failed) {
            cr_assert_gt(nth, 1, "the action allocates nothing");
            return;
        }
    }
    cr_assert_fail("still allocating after %d failures", (int)SWEEP_MAX);
}

void support_folder_make(char path[64])
{
    snprintf(path, 64, "/tmp/snn-test-base-XXXXXX");
    cr_assert_not_null(mkdtemp(path));
}

void support_folder_remove(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        (void)unlink(support_path(path, entry->d_name));
    closedir(folder);
    cr_assert_eq(rmdir(path), 0);
}

size_t support_folder_count(const char *path)
{
    DIR *folder = opendir(path);
    cr_assert_not_null(folder);
    size_t count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) count++;
    }
    closedir(folder);
    return count;
}

const char *support_path(const char *folder, const char *name)
{
    static char paths[2][512];
    static size_t turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void support_user_drop(void)
{
    if (geteuid() == 0) cr_assert_eq(seteuid(NOBODY), 0);
}

void support_user_restore(void)
{
    if (getuid() == 0) cr_assert_eq(seteuid(0), 0);
}

bool support_comma_locale_set(const char *folder)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8",
                                        "de_CH.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"};
    char command[256];
    snprintf(command, sizeof(command), "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1",
             folder);
    for (int attempt = 0; attempt < 2; attempt++) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (setlocale(LC_ALL, names[i]) && localeconv()->decimal_point[0] == ',') return true;
        }
        if (attempt > 0 || system(command) != 0) break; /* NOLINT(cert-env33-c): our own folder */
        setenv("LOCPATH", folder, 1);
    }
    return false;
}

bool support_contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

bool support_buffer_equals(const struct snnbase_buffer *buffer, const void *data, size_t size)
{
    return buffer->size == size && (size == 0 || memcmp(buffer->data, data, size) == 0);
}
