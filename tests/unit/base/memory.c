/* Blocks, arenas, growing arrays and buffers. */
#include "libsnn/base/memory.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/size.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

static bool all_zero(const void *memory, size_t size)
{
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

/* Leaves blocks full of 0xA5 behind, for the allocator to give out again. */
static void soil_heap(struct snn_context *context)
{
    for (size_t size = 16; size < 4096; size *= 2) {
        void *block = snnbase_alloc(context, size, 1);
        memset(block, 0xA5, size);
        snnbase_free(context, block);
    }
}

Test(size, products_and_sums_stop_at_the_address_space)
{
    size_t out = 42;
    cr_assert(snnbase_size_mul(SIZE_MAX / 3, 3, &out));
    cr_assert_eq(out, SIZE_MAX / 3 * 3);
    out = 42;
    cr_assert_not(snnbase_size_mul(SIZE_MAX / 3 + 1, 3, &out));
    cr_assert_not(snnbase_size_add(SIZE_MAX, 1, &out));
    cr_assert_eq(out, 42);
    cr_assert(snnbase_size_mul(SIZE_MAX, 0, &out));
    cr_assert_eq(out, 0);
    cr_assert(snnbase_size_add(SIZE_MAX - 1, 1, &out));
    cr_assert_eq(out, SIZE_MAX);
}

Test(memory, blocks_are_zeroed_and_aligned_and_one_free_takes_both_kinds)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    soil_heap(context);
    for (size_t size = 0; size < 300; size++) {
        unsigned char *plain = snnbase_alloc(context, size, 1);
        unsigned char *aligned = snnbase_alloc_aligned(context, 1, size);
        cr_assert_not_null(plain);
        cr_assert_not_null(aligned);
        cr_assert_eq((uintptr_t)plain % _Alignof(max_align_t), 0);
        cr_assert_eq((uintptr_t)aligned % SNNBASE_ALIGNMENT, 0);
        cr_assert(all_zero(plain, size));
        cr_assert(all_zero(aligned, size));
        if (size > 0) memset(plain, 0xA5, size);
        if (size > 0) memset(aligned, 0xA5, size);
        snnbase_free(context, plain);
        snnbase_free(context, aligned);
    }
    snnbase_free(context, NULL);
    support_context_end(&context, &allocator);
}

Test(memory, every_free_takes_every_block)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snn_allocator copy = *snnbase_allocator(context);
    snnbase_allocator_free(&copy, snnbase_alloc(context, 3, 5));
    snnbase_allocator_free(&copy, snnbase_alloc_aligned(context, 3, 5));
    void *block = snnbase_allocator_alloc(&copy, 100);
    cr_assert(all_zero(block, 100));
    snnbase_free(context, block);
    snnbase_allocator_free(&copy, NULL);
    support_context_end(&context, &allocator);
}

Test(memory, size_beyond_the_address_space_is_nomem_and_named)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    size_t calls = allocator.calls;
    cr_assert_null(snnbase_alloc(context, SIZE_MAX / 2, 3));
    cr_assert_eq(snn_context_status(context), SNN_ERR_NOMEM);
    cr_assert(support_contains(snn_context_message(context), "elements of 3 bytes"));
    /* The product fits, the header does not. */
    cr_assert_null(snnbase_alloc(context, SIZE_MAX, 1));
    cr_assert_null(snnbase_alloc_aligned(context, SIZE_MAX - 8, 1));
    cr_assert_null(snnbase_allocator_alloc(snnbase_allocator(context), SIZE_MAX - 3));
    cr_assert_eq(allocator.calls, calls, "the allocator was asked for a size that wrapped");
    support_context_end(&context, &allocator);
}

static int alloc_both(struct snn_context *context, void *user)
{
    (void)user;
    void *plain = snnbase_alloc(context, 10, 10);
    void *aligned = plain ? snnbase_alloc_aligned(context, 10, 10) : NULL;
    snnbase_free(context, plain);
    snnbase_free(context, aligned);
    return aligned ? SNN_OK : SNN_ERR_NOMEM;
}

Test(memory, failing_allocator_is_nomem_with_a_message)
{
    support_sweep(alloc_both, NULL);
}

Test(memory, grown_array_keeps_its_elements_and_zeroes_the_rest)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    soil_heap(context);
    void *array = NULL;
    size_t capacity = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        cr_assert_eq(snnbase_grow(context, &array, &capacity, i + 1, sizeof(uint32_t)), SNN_OK);
        cr_assert_geq(capacity, i + 1);
        uint32_t *elements = array;
        cr_assert(all_zero(elements + i, (capacity - i) * sizeof(uint32_t)));
        elements[i] = i;
    }
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(((uint32_t *)array)[i], i);
    /* Doubling from 16: 16 32 64 128 256 512 1024. */
    cr_assert_eq(allocator.calls, 1 + 8 + 7, "%zu allocations", allocator.calls);
    snnbase_free(context, array);
    support_context_end(&context, &allocator);
}

Test(memory, array_that_cannot_grow_stays_as_it_was)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    void *array = NULL;
    size_t capacity = 0;
    cr_assert_eq(snnbase_grow(context, &array, &capacity, 100, 8), SNN_OK);
    void *before = array;
    memset(array, 0x5A, 800);
    allocator.fail_at = allocator.calls + 1;
    cr_assert_eq(snnbase_grow(context, &array, &capacity, 101, 8), SNN_ERR_NOMEM);
    cr_assert_eq(snnbase_grow(context, &array, &capacity, SIZE_MAX / 8 + 1, 8), SNN_ERR_NOMEM);
    cr_assert_eq(array, before);
    cr_assert_eq(capacity, 100);
    cr_assert_eq(((unsigned char *)array)[799], 0x5A);
    snnbase_free(context, array);
    support_context_end(&context, &allocator);
}

Test(arena, blocks_are_zeroed_aligned_and_apart)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    soil_heap(context);
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    unsigned char *blocks[400];
    size_t total = 0;
    for (size_t i = 0; i < 400; i++) {
        size_t size = i * 7 % 3001; /* small ones and such that get a block of their own */
        blocks[i] = snnbase_arena_alloc(&arena, context, 1, size);
        cr_assert_not_null(blocks[i]);
        cr_assert_eq((uintptr_t)blocks[i] % SNNBASE_ALIGNMENT, 0);
        cr_assert(all_zero(blocks[i], size));
        if (size > 0) memset(blocks[i], (int)(i % 255) + 1, size);
        total += size;
    }
    for (size_t i = 0; i < 400; i++) {
        for (size_t j = 0; j < i * 7 % 3001; j++)
            cr_assert_eq(blocks[i][j], i % 255 + 1, "block %zu was written over", i);
    }
    cr_assert_eq(arena.bytes, total);
    snnbase_arena_fini(&arena);
    cr_assert_eq(allocator.live, 1);
    support_context_end(&context, &allocator);
}

Test(arena, small_requests_share_few_blocks)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    for (int i = 0; i < 10000; i++)
        cr_assert_not_null(snnbase_arena_alloc(&arena, context, 1, 64));
    /* 640000 bytes in blocks that double from 4096 up: about log2(640000 / 4096) = 7.3. */
    cr_assert_leq(allocator.live, 1 + 10);
    snnbase_arena_fini(&arena);
    support_context_end(&context, &allocator);
}

Test(arena, large_request_leaves_the_open_block_open)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    unsigned char *first = snnbase_arena_alloc(&arena, context, 1, 64);
    cr_assert_not_null(snnbase_arena_alloc(&arena, context, 1, 1000000));
    unsigned char *second = snnbase_arena_alloc(&arena, context, 1, 64);
    cr_assert_eq(second, first + 64);
    cr_assert_eq(allocator.live, 1 + 2);
    snnbase_arena_fini(&arena);
    support_context_end(&context, &allocator);
}

Test(arena, large_block_moves_to_another_arena)
{
    struct support_allocator allocator = {0}, other_allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snn_context *stranger = support_context(&other_allocator, NULL);
    struct snnbase_arena from, to, foreign;
    snnbase_arena_init(&from, context);
    snnbase_arena_init(&to, context);
    snnbase_arena_init(&foreign, stranger);
    unsigned char *blocks[3];
    for (size_t i = 0; i < 3; i++) {
        blocks[i] = snnbase_arena_alloc(&from, context, 1, SNNBASE_ARENA_ALONE + i);
        memset(blocks[i], (int)i + 1, SNNBASE_ARENA_ALONE + i);
    }
    unsigned char *small = snnbase_arena_alloc(&from, context, 1, 100);
    cr_assert_not(snnbase_arena_take(&to, &from, small), "it shares its block");
    cr_assert_not(snnbase_arena_take(&to, &from, blocks[1] + 1), "no beginning");
    cr_assert_not(snnbase_arena_take(&to, &from, NULL));
    cr_assert_not(snnbase_arena_take(&foreign, &from, blocks[1]), "another allocator");
    cr_assert(snnbase_arena_take(&to, &from, blocks[1]));
    cr_assert_not(snnbase_arena_take(&to, &from, blocks[1]), "it is there no more");
    cr_assert(snnbase_arena_take(&to, &from, blocks[0]));
    cr_assert_eq(to.bytes, 2 * SNNBASE_ARENA_ALONE + 1);
    cr_assert_eq(from.bytes, SNNBASE_ARENA_ALONE + 2 + 100);
    snnbase_arena_fini(&from);
    for (size_t i = 0; i < SNNBASE_ARENA_ALONE; i++)
        cr_assert(blocks[0][i] == 1 && blocks[1][i] == 2);
    snnbase_arena_fini(&to);
    snnbase_arena_fini(&foreign);
    support_context_end(&context, &allocator);
    support_context_end(&stranger, &other_allocator);
}

Test(arena, strings_are_copied_whole)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    char name[] = "conv1";
    char *copy = snnbase_arena_string(&arena, context, name);
    char *empty = snnbase_arena_string(&arena, context, "");
    void *block = snnbase_arena_alloc(&arena, context, 1, 8);
    name[0] = 'x';
    cr_assert_str_eq(copy, "conv1");
    cr_assert_str_eq(empty, "");
    cr_assert_eq((uintptr_t)block % SNNBASE_ALIGNMENT, 0);
    snnbase_arena_fini(&arena);
    support_context_end(&context, &allocator);
}

Test(arena, overflow_is_nomem_and_the_arena_stays_usable)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    cr_assert_null(snnbase_arena_alloc(&arena, context, SIZE_MAX / 2, 3));
    cr_assert_eq(snn_context_status(context), SNN_ERR_NOMEM);
    cr_assert_null(snnbase_arena_alloc(&arena, context, SIZE_MAX, 1));
    cr_assert_not_null(snnbase_arena_alloc(&arena, context, 1, 1));
    snnbase_arena_fini(&arena);
    support_context_end(&context, &allocator);
}

static int arena_fill(struct snn_context *context, void *user)
{
    (void)user;
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, context);
    bool good = snnbase_arena_alloc(&arena, context, 2, 8) != NULL;
    good = good && snnbase_arena_string(&arena, context, "a name");
    good = good && snnbase_arena_alloc(&arena, context, 1, 1000000);
    for (int i = 0; i < 100 && good; i++)
        good = snnbase_arena_alloc(&arena, context, 1, 500) != NULL;
    snnbase_arena_fini(&arena);
    return good ? SNN_OK : SNN_ERR_NOMEM;
}

Test(arena, failing_allocator_is_nomem_and_nothing_leaks)
{
    support_sweep(arena_fill, NULL);
}

Test(buffer, appended_bytes_follow_one_another)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_buffer buffer = {0};
    cr_assert_eq(snnbase_buffer_append(context, &buffer, NULL, 0), SNN_OK);
    cr_assert_null(buffer.data);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(snnbase_buffer_append(context, &buffer, "abc", 3), SNN_OK);
    cr_assert_eq(buffer.size, 3000);
    for (size_t i = 0; i < 3000; i++)
        cr_assert_eq(buffer.data[i], "abc"[i % 3]);
    snnbase_buffer_fini(context, &buffer);
    cr_assert_null(buffer.data);
    cr_assert_eq(buffer.size + buffer.capacity, 0);
    support_context_end(&context, &allocator);
}

Test(buffer, reserve_makes_room_and_nothing_else)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    struct snnbase_buffer buffer = {0};
    cr_assert_eq(snnbase_buffer_append(context, &buffer, "ab", 2), SNN_OK);
    cr_assert_eq(snnbase_buffer_reserve(context, &buffer, 5000), SNN_OK);
    cr_assert_geq(buffer.capacity, 5002);
    cr_assert(support_buffer_equals(&buffer, "ab", 2));
    cr_assert_eq(snnbase_buffer_reserve(context, &buffer, SIZE_MAX - 1), SNN_ERR_NOMEM);
    cr_assert(support_buffer_equals(&buffer, "ab", 2));
    snnbase_buffer_fini(context, &buffer);
    support_context_end(&context, &allocator);
}

static int buffer_fill(struct snn_context *context, void *user)
{
    (void)user;
    struct snnbase_buffer buffer = {0};
    int status = SNN_OK;
    size_t appended = 0;
    while (status == SNN_OK && appended < 1000) {
        status = snnbase_buffer_append(context, &buffer, "0123456789", 10);
        if (status == SNN_OK) appended += 10;
    }
    cr_assert_eq(buffer.size, appended, "a failed append changed the buffer");
    snnbase_buffer_fini(context, &buffer);
    return status;
}

Test(buffer, failed_append_leaves_the_buffer_as_it_was)
{
    support_sweep(buffer_fill, NULL);
}
