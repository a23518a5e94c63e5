/* Ethernet ports: packet sockets, read through a shared ring, written in batches. */
#ifndef LINKEM_PORTS_H
#define LINKEM_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"
#include "pool.h"
#include "queue.h"
#include "stats.h"

#define BATCH 64

struct in_port {
    char name[IFNAMSIZ];
    int index;
    int socket;
    bool ready;
    int same_out; /* the out port on the same interface, or -1 */
    uint8_t *ring;
    size_t ring_bytes, slot_size, slots_per_block, slots, next_slot;
};

struct out_port;

struct ports {
    struct in_port in[PORTS_MAX];
    int in_count;
    struct out_port *out;
    int out_count;
    struct {
        uint64_t mac;
        int out;
    } table[PORTS_MAX];
    int table_count;
    struct pool *pool;
    struct counters *counters;
    uint64_t device_drop_base;
};

uint64_t clock_now(void); /* CLOCK_MONOTONIC, ns */

/* False: the complaint says why; *bad_input tells an unknown interface from a
 * failure of the system. */
bool ports_open(struct ports *ports, const struct options *options, struct pool *pool,
                struct counters *counters, struct complaint *complaint, bool *bad_input);
void ports_close(struct ports *ports);

/* Read one batch from a port; returns the frames to put on the link. The rest
 * (oversize, unroutable) is counted and gone. Clears `ready` when drained. */
size_t ports_receive(struct ports *ports, int in, struct frame **frames);

/* Queue a frame for its port(s); takes over the reference. Sent when a batch is
 * full and by ports_flush. */
void ports_send(struct ports *ports, const struct entry *entry);
void ports_flush(struct ports *ports);

/* Fetch the kernel's drop counters into the counters. */
void ports_read_drops(struct ports *ports);
void ports_forget_drops(struct ports *ports);

#endif
