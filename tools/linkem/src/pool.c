#include "pool.h"

#include <stdlib.h>

#define CHUNK_FRAMES 64

struct chunk {
    struct chunk *next;
    _Alignas(16) unsigned char memory[];
};

static size_t frame_size(bool large)
{
    size_t size = sizeof(struct frame) + FRAME_HEADROOM + (large ? FRAME_MAX : SMALL_MAX);

    return (size + 63) & ~(size_t)63;
}

static bool grow(struct pool *pool, bool large)
{
    size_t size = frame_size(large);
    struct frame **list = large ? &pool->free_large : &pool->free_small;
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK_FRAMES * size);

    if (chunk == NULL)
        return false;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    for (size_t i = 0; i < CHUNK_FRAMES; i++) {
        struct frame *frame = (struct frame *)(void *)(chunk->memory + i * size);

        frame->large = large;
        frame->next_free = *list;
        *list = frame;
    }
    return true;
}

struct frame *pool_take(struct pool *pool, size_t length)
{
    bool large = length > SMALL_MAX;
    struct frame **list = large ? &pool->free_large : &pool->free_small;

    if (length > FRAME_MAX || (*list == NULL && !grow(pool, large)))
        return NULL;

    struct frame *frame = *list;

    *list = frame->next_free;
    frame->next_free = NULL;
    frame->data = frame->storage + FRAME_HEADROOM;
    frame->references = 1;
    frame->length = 0;
    frame->exempt = false;
    return frame;
}

void pool_release(struct pool *pool, struct frame *frame)
{
    if (--frame->references > 0)
        return;

    struct frame **list = frame->large ? &pool->free_large : &pool->free_small;

    frame->next_free = *list;
    *list = frame;
}

void pool_free(struct pool *pool)
{
    while (pool->chunks != NULL) {
        struct chunk *next = pool->chunks->next;

        free(pool->chunks);
        pool->chunks = next;
    }
    pool->free_small = pool->free_large = NULL;
}
