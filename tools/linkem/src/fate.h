/* Fate: what happens to the k-th packet, decided from the seed alone.
 *
 * Pure: no clock, no network. Every packet takes the same number of random
 * values, whatever becomes of it, so the k-th packet's draws depend on the
 * seed and k only. */
#ifndef LINKEM_FATE_H
#define LINKEM_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include "rng.h"

struct chance {
    double percent;
    double correlation; /* percent */
};

/* The effective parameters, in the units of the command line. */
struct impairment {
    uint64_t delay_us;
    uint64_t jitter_us;
    struct chance loss;
    struct chance duplicate;
    struct chance reorder;
    uint32_t gap; /* 0: no reordering; set to 1 when reorder is given without it */
    bool gemodel;
    double gemodel_percent[4]; /* p, r, 1-h, 1-k */
    bool keep_order;           /* no packet is due before one that came earlier */
    uint64_t rate_bps;         /* 0: unlimited */
    uint64_t queue_bytes;      /* may wait for the line; 0: what `limit` holds */
    uint32_t queue_packets;    /* the same, counted in packets */
    uint32_t limit;            /* packets held */
    uint64_t seed;
};

#define DEFAULT_LIMIT 1000u /* netem's own */

struct leg {
    bool at_head;      /* chosen by reorder: sent at once, ahead of the queue */
    uint64_t delay_ns; /* 0 when at_head */
};

struct fate {
    bool lost; /* nothing is sent; the other members mean nothing */
    bool copied;
    bool copy_lost; /* the copy met the loss by itself, as netem has it */
    struct leg original;
    struct leg copy;
};

/* netem's correlated generator: `last` is its memory, `rho` the correlation
 * scaled to 32 bits. */
struct memory {
    uint32_t last;
    uint32_t rho;
};

struct fates {
    struct rng rng;
    struct memory duplicate_memory, loss_memory, reorder_memory;
    uint32_t duplicate, loss, reorder; /* thresholds, 32 bits = 100 % */
    uint32_t gap, since_reordered;
    bool gemodel, bad;
    uint32_t to_bad, to_good, good_loss, bad_pass;
    int64_t delay_ns;
    uint32_t jitter_ns;
    uint64_t mean_delay_ns;
};

/* (Re)start the stream for these parameters; the seed is part of them. */
void fates_start(struct fates *fates, const struct impairment *impairment);

struct fate fates_next(struct fates *fates);

/* Mean of max(0, uniform[delay - jitter, delay + jitter)): the path that
 * frames exempt from fate (group, ARP, neighbour discovery) take. */
uint64_t mean_delay_ns(const struct impairment *impairment);

uint32_t scale_percent(double percent);

#endif
