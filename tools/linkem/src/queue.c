#include "queue.h"

#include <stdlib.h>

#define FIRST_ROOM 1024

static bool before(const struct entry *a, const struct entry *b)
{
    return a->key < b->key || (a->key == b->key && a->sequence < b->sequence);
}

bool heap_push(struct heap *heap, uint64_t key, uint64_t due_ns, struct frame *frame)
{
    if (heap->used == heap->room) {
        size_t room = heap->room ? heap->room * 2 : FIRST_ROOM;
        struct entry *entries = realloc(heap->entries, room * sizeof *entries);

        if (entries == NULL)
            return false;
        heap->entries = entries;
        heap->room = room;
    }

    struct entry entry = {key, heap->next_sequence++, due_ns, frame};
    size_t at = heap->used++;

    while (at > 0) {
        size_t parent = (at - 1) / 2;

        if (!before(&entry, &heap->entries[parent]))
            break;
        heap->entries[at] = heap->entries[parent];
        at = parent;
    }
    heap->entries[at] = entry;
    return true;
}

const struct entry *heap_top(const struct heap *heap)
{
    return heap->used ? &heap->entries[0] : NULL;
}

struct entry heap_pop(struct heap *heap)
{
    struct entry top = heap->entries[0];
    struct entry last = heap->entries[--heap->used];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= heap->used)
            break;
        if (child + 1 < heap->used && before(&heap->entries[child + 1], &heap->entries[child]))
            child++;
        if (!before(&heap->entries[child], &last))
            break;
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    if (heap->used > 0)
        heap->entries[at] = last;
    return top;
}

void heap_free(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){0};
}

bool ring_push(struct ring *ring, struct entry entry)
{
    if (ring->used == ring->room) {
        size_t room = ring->room ? ring->room * 2 : FIRST_ROOM;
        struct entry *entries = malloc(room * sizeof *entries);

        if (entries == NULL)
            return false;
        for (size_t i = 0; i < ring->used; i++)
            entries[i] = ring->entries[(ring->first + i) % ring->room];
        free(ring->entries);
        ring->entries = entries;
        ring->room = room;
        ring->first = 0;
    }
    ring->entries[(ring->first + ring->used++) % ring->room] = entry;
    return true;
}

const struct entry *ring_top(const struct ring *ring)
{
    return ring->used ? &ring->entries[ring->first] : NULL;
}

struct entry ring_pop(struct ring *ring)
{
    struct entry entry = ring->entries[ring->first];

    ring->first = (ring->first + 1) % ring->room;
    ring->used--;
    return entry;
}

void ring_free(struct ring *ring)
{
    free(ring->entries);
    *ring = (struct ring){0};
}
