/* Frames and where they are kept. Buffers are taken from and given back to
 * free lists that grow in chunks: no allocation per packet. */
#ifndef LINKEM_POOL_H
#define LINKEM_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX 9216u  /* longest frame carried, Ethernet header included */
#define SMALL_MAX 2048u  /* what fits a small buffer */
#define FRAME_HEADROOM 16u /* room to put a VLAN tag back */

struct frame {
    struct frame *next_free;
    uint8_t *data;
    uint64_t arrival_ns;
    uint32_t length;
    uint16_t references;
    int16_t in;  /* index of the receiving port */
    int16_t out; /* index of the outgoing port, or OUT_GROUP */
    bool exempt; /* takes no fate (group, ARP, neighbour discovery) */
    bool large;
    uint8_t storage[];
};

#define OUT_GROUP (-1)
#define OUT_NONE (-2)

struct chunk;

struct pool {
    struct frame *free_small;
    struct frame *free_large;
    struct chunk *chunks;
};

/* A frame with one reference and room for `length` bytes; NULL: out of memory. */
struct frame *pool_take(struct pool *pool, size_t length);
void pool_release(struct pool *pool, struct frame *frame);
void pool_free(struct pool *pool);

#endif
