/* What the tests of this room share: an allocator that counts and fails on demand, contexts made
 * with it, folders of their own, identities.
 *
 * Criterion runs each test in a process of its own, so tests may change locale, limits and user.
 */
#ifndef TESTS_UNIT_BASE_SUPPORT_H
#define TESTS_UNIT_BASE_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "libsnn/base/buffer.h"
#include "snn/context.h"

struct support_allocator {
    size_t calls;   /* blocks asked for so far */
    size_t fail_at; /* the call that gets nothing, counted from 1; 0: none */
    size_t live;    /* blocks not yet released */
};

/* A context on `allocator` with these limits (NULL: defaults). */
struct snn_context *support_context(struct support_allocator *allocator,
                                    const struct snn_limits *limits);

/* Destroys the context and asserts that no block is left. */
void support_context_end(struct snn_context **context, const struct support_allocator *allocator);

/* Runs `action` with the first, second, ... allocation failing, until it needs no more. Each failed
 * run must give NOMEM with a message, and give back what it took; there must be at least one. The
 * action frees what it made. */
void support_sweep(int (*action)(struct snn_context *context, void *user), void *user);

/* A new empty folder; support_folder_remove deletes it with all that is directly in it. */
void support_folder_make(char path[64]);
void support_folder_remove(const char *path);
size_t support_folder_count(const char *path);

/* Path of `name` in `folder`; a static place, overwritten by the next call but one. */
const char *support_path(const char *folder, const char *name);

/* Root may do everything; these make the process an ordinary user and undo it. */
void support_user_drop(void);
void support_user_restore(void);

/* Sets a locale that writes 1.5 as "1,5", compiling one into `folder` if the machine has none.
 * False if that cannot be had. */
bool support_comma_locale_set(const char *folder);

bool support_contains(const char *text, const char *part);
bool support_buffer_equals(const struct snnbase_buffer *buffer, const void *data, size_t size);

#endif
