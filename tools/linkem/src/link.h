/* The link: fate, delay queue, rate. Pure: time is an argument. */
#ifndef LINKEM_LINK_H
#define LINKEM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "fate.h"
#include "pool.h"
#include "queue.h"
#include "stats.h"

struct link {
    struct impairment impairment;
    struct fates fates;
    struct heap delayed;     /* until due */
    struct ring serialising; /* due, waiting for the line (rate) */
    uint64_t line_free_ns;
    uint64_t waiting_bytes;  /* in `serialising` */
    uint64_t latest_due_ns;  /* of the packets that keep their order */
    struct pool *pool;
    struct counters *counters;
};

#define NEVER UINT64_MAX

/* Change the parameters and restart the random stream. Frames already held
 * keep the time they were given; those waiting for the line meet the new rate. */
void link_set(struct link *link, const struct impairment *impairment, uint64_t now_ns);

/* Takes over the caller's reference. */
void link_put(struct link *link, struct frame *frame);

/* The next frame to send now, if any; the reference is the caller's. */
bool link_get(struct link *link, uint64_t now_ns, struct entry *entry);

uint64_t link_deadline(const struct link *link); /* NEVER when nothing is held */
uint64_t link_held(const struct link *link);
void link_free(struct link *link);

#endif
