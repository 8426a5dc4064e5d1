/* Memory from the context's allocator: zeroed blocks, 64-byte aligned blocks, arenas, strings.
 *
 * A graph or a net lives in one arena and is freed as a whole. Every size is multiplied with a
 * check; failure sets NOMEM in the context and returns NULL.
 */
#ifndef SNN_BASE_MEMORY_H
#define SNN_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/context.h"

#define SNNBASE_ALIGNMENT 64u

/* count * size zeroed bytes; never a NULL for zero bytes. */
void *snnbase_alloc(struct snn_context *context, size_t count, size_t size);

/* The same, aligned to SNNBASE_ALIGNMENT; free with snnbase_free too. */
void *snnbase_alloc_aligned(struct snn_context *context, size_t count, size_t size);

/* Accepts NULL. */
void snnbase_free(struct snn_context *context, void *memory);

/* Copies of allocator blocks must be freed by the same allocator even when the context is gone, so
 * long-lived nouns keep a struct snn_allocator by value and use these. The memory is zeroed, and
 * all four functions above and here share one layout: each free takes any block. */
void *snnbase_allocator_alloc(const struct snn_allocator *allocator, size_t size);
void snnbase_allocator_free(const struct snn_allocator *allocator, void *memory);

/* Grows *array (element size `size`, room for *capacity elements) so that `needed` elements fit;
 * doubles. New elements are zero. On failure (NOMEM) nothing changes. */
int snnbase_grow(struct snn_context *context, void **array, size_t *capacity, size_t needed,
                 size_t size);

struct snnbase_arena_block;

/* Requests from here on are alone in their block. */
#define SNNBASE_ARENA_ALONE 65536u

struct snnbase_arena {
    struct snn_allocator allocator;
    struct snnbase_arena_block *blocks;
    size_t bytes; /* handed out so far */
};

void snnbase_arena_init(struct snnbase_arena *arena, const struct snn_context *context);
void snnbase_arena_fini(struct snnbase_arena *arena);

/* count * size zeroed bytes aligned to SNNBASE_ALIGNMENT, living as long as the arena. */
void *snnbase_arena_alloc(struct snnbase_arena *arena, struct snn_context *context, size_t count,
                          size_t size);

/* Moves a block from one arena to the other, where it stays at its address: true if `memory` was
 * got from `from`, alone in its block, and both arenas have the same allocator. Otherwise nothing
 * happens. */
bool snnbase_arena_take(struct snnbase_arena *to, struct snnbase_arena *from, const void *memory);

/* A copy of a string in the arena. */
char *snnbase_arena_string(struct snnbase_arena *arena, struct snn_context *context,
                           const char *string);

#endif
