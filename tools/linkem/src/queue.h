/* Queue of frames by time: a binary heap, first come first served among equals. */
#ifndef LINKEM_QUEUE_H
#define LINKEM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;

struct entry {
    uint64_t key; /* order: time due, or 0 for the head of the queue */
    uint64_t sequence;
    uint64_t due_ns;
    struct frame *frame;
};

struct heap {
    struct entry *entries;
    size_t used, room;
    uint64_t next_sequence;
};

bool heap_push(struct heap *heap, uint64_t key, uint64_t due_ns, struct frame *frame);
const struct entry *heap_top(const struct heap *heap); /* NULL when empty */
struct entry heap_pop(struct heap *heap);              /* must not be empty */
void heap_free(struct heap *heap);

/* First in, first out: a ring that grows. */
struct ring {
    struct entry *entries;
    size_t first, used, room;
};

bool ring_push(struct ring *ring, struct entry entry);
const struct entry *ring_top(const struct ring *ring);
struct entry ring_pop(struct ring *ring);
void ring_free(struct ring *ring);

#endif
