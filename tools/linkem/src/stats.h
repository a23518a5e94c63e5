/* Counters and their JSON form. */
#ifndef LINKEM_STATS_H
#define LINKEM_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct impairment;

/* received + duplicated + replicated
 *   = forwarded + lost + tail_drop + queue_drop + oversize + unroutable + send_error
 *   + queue_now */
struct counters {
    uint64_t received, received_bytes;
    uint64_t forwarded, bytes;
    uint64_t exempt;     /* received frames that take no fate */
    uint64_t lost;       /* packets and copies */
    uint64_t duplicated; /* copies made */
    uint64_t replicated; /* further ports a group frame was sent to */
    uint64_t reordered;  /* sent at once by `reorder` (jitter's reordering not counted) */
    uint64_t tail_drop;
    uint64_t queue_drop; /* the line's own queue was full */
    uint64_t oversize;
    uint64_t checksum_not_ready;
    uint64_t unroutable;
    uint64_t kernel_drop; /* receive sockets were full */
    uint64_t device_drop; /* transmit drops of the outgoing interfaces */
    uint64_t send_error;
    uint64_t link_error; /* a receiving interface went down or away */
    uint64_t queue_peak;
    double lateness_sum_ns;
    uint64_t lateness_max_ns;
    uint64_t late_over_1ms;
};

/* A growing text that never overruns: what does not fit sets `full`. */
struct text {
    char *start;
    size_t used, room;
    bool full;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_json_string(struct text *text, const char *value);

void add_impairment(struct text *text, const struct impairment *impairment);
void add_counters(struct text *text, const struct counters *counters);
void count_lateness(struct counters *counters, uint64_t late_ns);

#endif
