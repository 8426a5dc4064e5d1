/* Counted memory, see bounded.h. Each block begins with its size. */
#include "tests/fuzz/bounded.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_SIZE = alignof(max_align_t) };

static void *allocate(size_t size, void *user)
{
    struct bounded *b = user;
    if (size > b->bytes_max || b->bytes > b->bytes_max - size) {
        b->exceeded = true;
        return NULL;
    }
    unsigned char *block = malloc(size + HEADER_SIZE);
    if (block == NULL) return NULL;
    memcpy(block, &size, sizeof(size));
    b->bytes += size;
    b->block_count++;
    if (b->bytes > b->bytes_peak) b->bytes_peak = b->bytes;
    return block + HEADER_SIZE;
}

static void release(void *memory, void *user)
{
    struct bounded *b = user;
    if (memory == NULL) return;
    unsigned char *block = (unsigned char *)memory - HEADER_SIZE;
    size_t size;
    memcpy(&size, block, sizeof(size));
    b->bytes -= size;
    b->block_count--;
    free(block);
}

struct snn_allocator bounded_allocator(struct bounded *bounded)
{
    return (struct snn_allocator){allocate, release, bounded};
}

int bounded_verdict(const struct bounded *b)
{
    if (b->exceeded)
        fprintf(stderr, "wants more than %zu bytes, of which it holds %zu\n", b->bytes_max,
                b->bytes_peak);
    if (b->block_count > 0)
        fprintf(stderr, "leaves %zu blocks with %zu bytes\n", b->block_count, b->bytes);
    return b->exceeded || b->block_count > 0;
}
