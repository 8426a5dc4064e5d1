/* Memory from the context's allocator; everything that is built lives in blocks from here.
 *
 * One layout for every block, so that one free serves all: the address that the allocator gave is
 * kept in the word before the block, whatever the block's alignment.
 *
 *     given by the allocator            returned
 *     v                                 v
 *     [ padding ........ | void *given ][ block ........ ]
 */
#include "libsnn/base/memory.h"

#include <stdalign.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

enum {
    GROW_BYTES_MIN = 64,
    ARENA_BLOCK_MIN = 4096,
    ARENA_BLOCK_MAX = 1 << 20,
};

/* A block of `size` bytes, not zeroed; `alignment` is a power of two, at least a pointer's. */
static void *block_alloc(const struct snn_allocator *allocator, size_t size, size_t alignment)
{
    size_t total;
    if (!snnbase_size_add(size, sizeof(void *) + alignment, &total)) return NULL;
    unsigned char *given = allocator->allocate(total, allocator->user);
    if (!given) return NULL;
    uintptr_t start = (uintptr_t)given + sizeof(void *);
    size_t padding = (size_t)(-start & (alignment - 1));
    unsigned char *block = given + sizeof(void *) + padding;
    memcpy(block - sizeof(void *), &given, sizeof(void *));
    return block;
}

void *snnbase_allocator_alloc(const struct snn_allocator *allocator, size_t size)
{
    void *block = block_alloc(allocator, size, alignof(max_align_t));
    if (block) memset(block, 0, size);
    return block;
}

void snnbase_allocator_free(const struct snn_allocator *allocator, void *memory)
{
    if (!memory) return;
    void *given;
    memcpy(&given, (unsigned char *)memory - sizeof(void *), sizeof(void *));
    allocator->release(given, allocator->user);
}

static int fail_nomem(struct snn_context *context, size_t count, size_t size)
{
    size_t bytes;
    if (!snnbase_size_mul(count, size, &bytes)) {
        return snnbase_fail(context, SNN_ERR_NOMEM,
                            "out of memory: %zu elements of %zu bytes exceed the address space",
                            count, size);
    }
    return snnbase_fail(context, SNN_ERR_NOMEM, "out of memory: %zu bytes wanted", bytes);
}

static void *array_alloc(struct snn_context *context, size_t count, size_t size, size_t alignment)
{
    size_t bytes;
    void *block = NULL;
    if (snnbase_size_mul(count, size, &bytes)) {
        block = block_alloc(snnbase_allocator(context), bytes, alignment);
    }
    if (!block) {
        fail_nomem(context, count, size);
        return NULL;
    }
    memset(block, 0, bytes);
    return block;
}

void *snnbase_alloc(struct snn_context *context, size_t count, size_t size)
{
    return array_alloc(context, count, size, alignof(max_align_t));
}

void *snnbase_alloc_aligned(struct snn_context *context, size_t count, size_t size)
{
    return array_alloc(context, count, size, SNNBASE_ALIGNMENT);
}

void snnbase_free(struct snn_context *context, void *memory)
{
    snnbase_allocator_free(snnbase_allocator(context), memory);
}

int snnbase_grow(struct snn_context *context, void **array, size_t *capacity, size_t needed,
                 size_t size)
{
    if (needed <= *capacity) return SNN_OK;
    size_t target = needed;
    if (*capacity <= SIZE_MAX / 2 && *capacity * 2 > target) target = *capacity * 2;
    if (size != 0 && target < GROW_BYTES_MIN / size) target = GROW_BYTES_MIN / size;
    void *grown = snnbase_alloc(context, target, size);
    if (!grown) return SNN_ERR_NOMEM;
    /* The caller's pointer is of another type than void *, hence bytewise access to it. */
    void *old;
    memcpy(&old, array, sizeof(old));
    if (old) memcpy(grown, old, *capacity * size);
    memcpy(array, &grown, sizeof(grown));
    *capacity = target;
    snnbase_free(context, old);
    return SNN_OK;
}

/* Blocks hang in a list, the one that small requests are cut from first. */
struct snnbase_arena_block {
    struct snnbase_arena_block *next;
    unsigned char *data; /* follows this header, aligned to SNNBASE_ALIGNMENT */
    size_t size;
    size_t used;
    bool own; /* of one request */
};

void snnbase_arena_init(struct snnbase_arena *arena, const struct snn_context *context)
{
    *arena = (struct snnbase_arena){.allocator = *snnbase_allocator(context)};
}

void snnbase_arena_fini(struct snnbase_arena *arena)
{
    while (arena->blocks) {
        struct snnbase_arena_block *block = arena->blocks;
        arena->blocks = block->next;
        snnbase_allocator_free(&arena->allocator, block);
    }
    arena->bytes = 0;
}

static struct snnbase_arena_block *arena_block_alloc(struct snnbase_arena *arena, size_t size)
{
    size_t header = (sizeof(struct snnbase_arena_block) + SNNBASE_ALIGNMENT - 1) /
                    SNNBASE_ALIGNMENT * SNNBASE_ALIGNMENT;
    size_t total;
    if (!snnbase_size_add(header, size, &total)) return NULL;
    struct snnbase_arena_block *block = block_alloc(&arena->allocator, total, SNNBASE_ALIGNMENT);
    if (!block) return NULL;
    *block = (struct snnbase_arena_block){.data = (unsigned char *)block + header, .size = size};
    return block;
}

/* Behind the first block, if there is one. */
static void arena_hang(struct snnbase_arena *arena, struct snnbase_arena_block *block)
{
    struct snnbase_arena_block **place = arena->blocks ? &arena->blocks->next : &arena->blocks;
    block->next = *place;
    *place = block;
}

/* A large request gets a block of its own behind the first, which stays open for small ones. */
static struct snnbase_arena_block *arena_add_own(struct snnbase_arena *arena, size_t bytes)
{
    struct snnbase_arena_block *block = arena_block_alloc(arena, bytes);
    if (!block) return NULL;
    block->own = true;
    arena_hang(arena, block);
    return block;
}

static struct snnbase_arena_block *arena_add_shared(struct snnbase_arena *arena)
{
    size_t size = ARENA_BLOCK_MIN;
    while (size < ARENA_BLOCK_MAX && size < arena->bytes)
        size *= 2;
    struct snnbase_arena_block *block = arena_block_alloc(arena, size);
    if (!block) return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

static size_t round_up(size_t value, size_t alignment)
{
    return (value + alignment - 1) & ~(alignment - 1);
}

/* `bytes` uninitialised bytes; NULL when the allocator gives none. */
static void *arena_cut(struct snnbase_arena *arena, size_t bytes, size_t alignment)
{
    struct snnbase_arena_block *block = arena->blocks;
    size_t start = block ? round_up(block->used, alignment) : 0;
    bool fits = block && start <= block->size && bytes <= block->size - start;
    if (!fits || bytes >= SNNBASE_ARENA_ALONE) {
        block = bytes > ARENA_BLOCK_MIN / 4 ? arena_add_own(arena, bytes) : arena_add_shared(arena);
        if (!block) return NULL;
        start = 0;
    }
    block->used = start + bytes;
    arena->bytes += bytes;
    return block->data + start;
}

void *snnbase_arena_alloc(struct snnbase_arena *arena, struct snn_context *context, size_t count,
                          size_t size)
{
    size_t bytes;
    void *memory = NULL;
    if (snnbase_size_mul(count, size, &bytes)) memory = arena_cut(arena, bytes, SNNBASE_ALIGNMENT);
    if (!memory) {
        fail_nomem(context, count, size);
        return NULL;
    }
    memset(memory, 0, bytes);
    return memory;
}

static bool same_allocator(const struct snn_allocator *a, const struct snn_allocator *b)
{
    return a->allocate == b->allocate && a->release == b->release && a->user == b->user;
}

bool snnbase_arena_take(struct snnbase_arena *to, struct snnbase_arena *from, const void *memory)
{
    if (!same_allocator(&to->allocator, &from->allocator)) return false;
    struct snnbase_arena_block **place = &from->blocks;
    while (*place && (!(*place)->own || (*place)->data != memory))
        place = &(*place)->next;
    struct snnbase_arena_block *block = *place;
    if (!block) return false;
    *place = block->next;
    from->bytes -= block->used;
    to->bytes += block->used;
    arena_hang(to, block);
    return true;
}

char *snnbase_arena_string(struct snnbase_arena *arena, struct snn_context *context,
                           const char *string)
{
    size_t bytes = strlen(string) + 1;
    char *copy = arena_cut(arena, bytes, 1);
    if (!copy) {
        fail_nomem(context, bytes, 1);
        return NULL;
    }
    memcpy(copy, string, bytes);
    return copy;
}
