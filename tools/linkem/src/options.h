/* The command line, and the same options on a control line. Pure. */
#ifndef LINKEM_OPTIONS_H
#define LINKEM_OPTIONS_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "fate.h"

#define PORTS_MAX 64
#define LIMIT_MAX 1000000u
#define DELAY_MAX_US 60000000u  /* one minute */
#define JITTER_MAX_US 2147483u  /* netem caps jitter at 2^31 ns */
#define RATE_MIN_BPS 1000u
#define QUEUE_BYTES_MAX 1000000000000u
#define DEFAULT_PRIORITY 10

enum mode { MODE_FORWARD, MODE_SIMULATE, MODE_CLIENT, MODE_HELP };

struct destination {
    char interface[IFNAMSIZ];
    uint8_t mac[6];
};

struct options {
    enum mode mode;
    char in[PORTS_MAX][IFNAMSIZ];
    int in_count;
    struct destination out[PORTS_MAX];
    int out_count;
    struct impairment impairment;
    bool seed_given;
    const char *control; /* socket to listen on */
    const char *netns;
    double dead_man_s; /* 0: none */
    int priority;      /* SCHED_FIFO priority; 0: ordinary scheduling */
    bool priority_given;
    uint64_t simulate;
    const char *client_path;
    const char *client_line;
};

/* What was wrong: which option, and what is allowed. */
struct complaint {
    char option[40];
    char reason[256];
};

bool options_parse(int argc, char **argv, struct options *options, struct complaint *complaint);

/* Parse the words of a `set` line into a full replacement of the impairment:
 * what is not named gets its default, except the seed, which stays. */
bool options_parse_change(const char *words, const struct impairment *now,
                          struct impairment *impairment, struct complaint *complaint);

extern const char options_usage[];

#endif
