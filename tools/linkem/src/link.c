#include "link.h"

#include <stddef.h>

void link_set(struct link *link, const struct impairment *impairment, uint64_t now_ns)
{
    link->impairment = *impairment;
    fates_start(&link->fates, impairment);
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

/* When the frame waiting first will have left the line. */
static uint64_t line_done(const struct link *link)
{
    const struct entry *first = ring_top(&link->serialising);
    uint64_t start = first->due_ns > link->line_free_ns ? first->due_ns : link->line_free_ns;

    if (link->impairment.rate_bps == 0)
        return start;

    uint64_t bits = (uint64_t)first->frame->length * 8;

    return start + bits * 1000000000u / link->impairment.rate_bps;
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

    /* The line takes frames in the order in which they come due. */
    while ((top = heap_top(&link->delayed)) != NULL && top->key <= now_ns) {
        struct entry due = heap_pop(&link->delayed);

        if (!ring_push(&link->serialising, due)) {
            link->counters->tail_drop++;
            pool_release(link->pool, due.frame);
        }
    }
    if (link->serialising.used == 0)
        return false;

    uint64_t done = line_done(link);

    if (done > now_ns)
        return false;
    *entry = ring_pop(&link->serialising);
    entry->due_ns = done;
    link->line_free_ns = done;
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
