#include "link.h"

#include <stddef.h>

void link_set(struct link *link, const struct impairment *impairment, uint64_t now_ns)
{
    link->impairment = *impairment;
    fates_start(&link->fates, impairment);
    link->latest_due_ns = 0;
    if (link->serialising.used > 0 || link->line_free_ns > now_ns)
        link->line_free_ns = now_ns; /* the frame on the line starts again at the new rate */
}

uint64_t link_held(const struct link *link)
{
    return link->delayed.used + link->serialising.used;
}

static void hold(struct link *link, struct frame *frame, const struct leg *leg)
{
    uint64_t due = frame->arrival_ns + leg->delay_ns;

    if (link->impairment.keep_order && !leg->at_head) {
        /* As netem with a rate of its own: none leaves before the one in front of it. */
        if (due < link->latest_due_ns)
            due = link->latest_due_ns;
        link->latest_due_ns = due;
    }
    if (!heap_push(&link->delayed, leg->at_head ? 0 : due, due, frame)) {
        link->counters->tail_drop++; /* out of memory: as if the queue were full */
        pool_release(link->pool, frame);
        return;
    }
    if (leg->at_head)
        link->counters->reordered++;
    if (link_held(link) > link->counters->queue_peak)
        link->counters->queue_peak = link_held(link);
}

void link_put(struct link *link, struct frame *frame)
{
    struct fate fate = {0};

    if (frame->exempt) {
        link->counters->exempt++;
        fate.original.delay_ns = link->fates.mean_delay_ns;
    } else {
        fate = fates_next(&link->fates);
    }
    if (fate.lost) {
        link->counters->lost++;
        pool_release(link->pool, frame);
        return;
    }
    if (link_held(link) >= link->impairment.limit) {
        link->counters->tail_drop++;
        pool_release(link->pool, frame);
        return;
    }
    if (fate.copied) {
        link->counters->duplicated++;
        if (fate.copy_lost) {
            link->counters->lost++;
        } else {
            frame->references++;
            hold(link, frame, &fate.copy);
        }
    }
    hold(link, frame, &fate.original);
}

/* When a frame that is next to take the line will have left it. */
static uint64_t leaves_at(const struct link *link, const struct entry *first)
{
    uint64_t start = first->due_ns > link->line_free_ns ? first->due_ns : link->line_free_ns;

    if (link->impairment.rate_bps == 0)
        return start;

    uint64_t bits = (uint64_t)first->frame->length * 8;

    return start + bits * 1000000000u / link->impairment.rate_bps;
}

static uint64_t line_done(const struct link *link)
{
    return leaves_at(link, ring_top(&link->serialising));
}

static bool line_has_room(const struct link *link, const struct frame *frame)
{
    const struct impairment *impairment = &link->impairment;

    if (frame->exempt)
        return true; /* upkeep of the local segment: no wide-area queue drops it */
    if (impairment->queue_packets > 0)
        return link->serialising.used < impairment->queue_packets;
    return impairment->queue_bytes == 0 ||
           link->waiting_bytes + frame->length <= impairment->queue_bytes;
}

/* The packet that is due first comes to the line, and waits there if it may. */
static void join_line(struct link *link)
{
    struct entry due = heap_pop(&link->delayed);
    uint64_t *dropped = &link->counters->queue_drop;

    if (line_has_room(link, due.frame)) {
        if (ring_push(&link->serialising, due)) {
            link->waiting_bytes += due.frame->length;
            return;
        }
        dropped = &link->counters->tail_drop; /* out of memory */
    }
    (*dropped)++;
    pool_release(link->pool, due.frame);
}

bool link_get(struct link *link, uint64_t now_ns, struct entry *entry)
{
    const struct entry *top = heap_top(&link->delayed);

    if (link->impairment.rate_bps == 0 && link->serialising.used == 0) {
        if (top == NULL || top->key > now_ns)
            return false;
        *entry = heap_pop(&link->delayed);
        return true;
    }

    /* Comings and goings in the order of their times, so that whether the queue is full does not
     * depend on when we are asked. The line takes frames in the order in which they come due. */
    for (;;) {
        top = heap_top(&link->delayed);

        bool coming = top != NULL && top->key <= now_ns;
        uint64_t done = link->serialising.used > 0 ? line_done(link) : NEVER;

        if (done <= now_ns && (!coming || done <= top->due_ns))
            break;
        if (!coming)
            return false;
        join_line(link);
    }
    *entry = ring_pop(&link->serialising);
    link->waiting_bytes -= entry->frame->length;
    entry->due_ns = link->line_free_ns = leaves_at(link, entry);
    return true;
}

uint64_t link_deadline(const struct link *link)
{
    const struct entry *top = heap_top(&link->delayed);
    uint64_t deadline = top ? top->key : NEVER;

    if (link->serialising.used > 0) {
        uint64_t done = line_done(link);

        if (done < deadline)
            deadline = done;
    }
    return deadline;
}

void link_free(struct link *link)
{
    heap_free(&link->delayed);
    ring_free(&link->serialising);
}
