/* Unit tests of the parts that need no network. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fate.h"
#include "filter.h"
#include "frame.h"
#include "link.h"
#include "options.h"
#include "pool.h"
#include "queue.h"
#include "rng.h"

#define MS 1000000u

static int failures;

static void expect(int line, const char *what, bool holds)
{
    if (holds)
        return;
    fprintf(stderr, "line %d: %s\n", line, what);
    failures++;
}

#define EXPECT(condition) expect(__LINE__, #condition, condition)

static bool near(double value, double wanted, double share)
{
    return fabs(value - wanted) <= share * wanted;
}

static void test_rng(void)
{
    uint64_t state = 0;
    struct rng rng = {.state = {1, 2, 3, 4}};

    /* Published first values of both generators. */
    EXPECT(splitmix64(&state) == 0xe220a8397b1dcdafu);
    EXPECT(splitmix64(&state) == 0x6e789e6aa1b965f4u);
    EXPECT(rng_next(&rng) == 11520);
    EXPECT(rng_next(&rng) == 0);
    EXPECT(rng_next(&rng) == 1509978240);
}

struct tally {
    double lost, copied, at_head, delayed, delay_ns;
};

static struct tally run_fates(const struct impairment *impairment, int packets)
{
    struct fates fates;
    struct tally tally = {0};

    fates_start(&fates, impairment);
    for (int i = 0; i < packets; i++) {
        struct fate fate = fates_next(&fates);

        tally.lost += fate.lost;
        if (fate.lost)
            continue;
        tally.copied += fate.copied;
        tally.at_head += fate.original.at_head;
        if (!fate.original.at_head) {
            tally.delayed++;
            tally.delay_ns += (double)fate.original.delay_ns;
        }
    }
    return tally;
}

static void test_fate_shares(void)
{
    const int packets = 400000;
    struct impairment impairment = {.delay_us = 4000,
                                    .jitter_us = 7000,
                                    .loss = {1.0, 0.0},
                                    .duplicate = {2.0, 0.0},
                                    .reorder = {5.0, 0.0},
                                    .gap = 1,
                                    .seed = 42};
    struct tally tally = run_fates(&impairment, packets);

    /* 2 % of the lost packets are saved by being copied as well. */
    EXPECT(near(tally.lost / packets, 0.01 * 0.98, 0.1));
    EXPECT(near(tally.copied / packets, 0.02 * 0.99, 0.1));
    EXPECT(near(tally.at_head / packets, 0.05 * 0.99, 0.1));
    EXPECT(near(tally.delay_ns / tally.delayed, 4.3214 * MS, 0.01));
    EXPECT(near((double)mean_delay_ns(&impairment), 4.3214 * MS, 0.001));
}

static void test_fate_limits(void)
{
    struct impairment all = {.loss = {100.0, 0.0}, .seed = 1};
    struct impairment none = {.seed = 1};
    struct impairment gap = {.delay_us = 10, .reorder = {100.0, 0.0}, .gap = 4, .seed = 1};

    EXPECT(run_fates(&all, 1000).lost == 1000);
    EXPECT(run_fates(&none, 1000).lost == 0);
    EXPECT(run_fates(&gap, 1000).at_head == 250); /* every fourth */
}

/* netem's moving average: with a correlation, small chances hardly ever come up. */
static void test_fate_correlation(void)
{
    struct impairment impairment = {.delay_us = 6000, .reorder = {5.0, 50.0}, .gap = 1, .seed = 3};

    EXPECT(run_fates(&impairment, 400000).at_head < 400000 * 0.005);
}

static void test_fate_gemodel(void)
{
    struct impairment impairment = {
        .gemodel = true, .gemodel_percent = {1.0, 30.0, 100.0, 0.0}, .seed = 9};

    /* share of time in the bad state, where all is lost: p / (p + r) */
    EXPECT(near(run_fates(&impairment, 400000).lost / 400000, 0.01 / 0.31, 0.1));
}

/* The k-th packet's draws do not depend on what became of the ones before. */
static void test_fate_fixed_draws(void)
{
    struct impairment calm = {.delay_us = 4000, .jitter_us = 1000, .seed = 7};
    struct impairment rough = calm;
    struct fates a, b;
    int compared = 0;

    rough.loss.percent = 30.0;
    rough.duplicate.percent = 30.0;
    fates_start(&a, &calm);
    fates_start(&b, &rough);
    for (int i = 0; i < 1000; i++) {
        struct fate x = fates_next(&a);
        struct fate y = fates_next(&b);

        if (y.lost)
            continue;
        compared++;
        EXPECT(x.original.delay_ns == y.original.delay_ns);
    }
    EXPECT(compared > 500);
}

static void test_heap(void)
{
    struct heap heap = {0};
    struct rng rng;
    struct entry last = {0};

    rng_seed(&rng, 5);
    for (int i = 0; i < 5000; i++)
        EXPECT(heap_push(&heap, rng_next(&rng) % 100, 0, NULL));
    for (int i = 0; i < 5000; i++) {
        struct entry entry = heap_pop(&heap);

        EXPECT(entry.key > last.key || (entry.key == last.key && entry.sequence >= last.sequence));
        last = entry;
    }
    EXPECT(heap_top(&heap) == NULL);
    heap_free(&heap);
}

static void test_ring(void)
{
    struct ring ring = {0};
    uint64_t in = 0, out = 0;

    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 70; i++)
            EXPECT(ring_push(&ring, (struct entry){.key = in++}));
        for (int i = 0; i < 40; i++)
            EXPECT(ring_pop(&ring).key == out++);
    }
    EXPECT(ring.used == in - out);
    EXPECT(ring_top(&ring)->key == out);
    ring_free(&ring);
}

struct bench {
    struct pool pool;
    struct counters counters;
    struct link link;
};

static void bench_start(struct bench *bench, struct impairment impairment)
{
    *bench = (struct bench){0};
    bench->link.pool = &bench->pool;
    bench->link.counters = &bench->counters;
    if (impairment.limit == 0)
        impairment.limit = 1000;
    link_set(&bench->link, &impairment, 0);
}

static void bench_put(struct bench *bench, uint64_t arrival, uint32_t length, bool exempt)
{
    struct frame *frame = pool_take(&bench->pool, length);

    frame->arrival_ns = arrival;
    frame->length = length;
    frame->exempt = exempt;
    link_put(&bench->link, frame);
}

/* How many leave the link up to this moment. */
static int bench_get(struct bench *bench, uint64_t now)
{
    struct entry entry;
    int count = 0;

    while (link_get(&bench->link, now, &entry)) {
        pool_release(&bench->pool, entry.frame);
        bench->counters.forwarded++;
        count++;
    }
    return count;
}

static void bench_stop(struct bench *bench)
{
    link_free(&bench->link);
    pool_free(&bench->pool);
}

static void test_link_delay_and_limit(void)
{
    struct bench bench;

    bench_start(&bench, (struct impairment){.delay_us = 1000, .limit = 3});
    for (uint64_t i = 0; i < 5; i++)
        bench_put(&bench, i, 100, false);
    EXPECT(bench.counters.tail_drop == 2);
    EXPECT(bench.counters.queue_peak == 3);
    EXPECT(link_deadline(&bench.link) == MS);
    EXPECT(bench_get(&bench, MS - 1) == 0);
    EXPECT(bench_get(&bench, MS) == 1);
    EXPECT(bench_get(&bench, MS + 10) == 2);
    EXPECT(link_deadline(&bench.link) == NEVER);
    bench_stop(&bench);
}

static void test_link_reorder_goes_first(void)
{
    struct bench bench;
    struct entry entry;

    bench_start(&bench, (struct impairment){.delay_us = 1000, .reorder = {100.0, 0.0}, .gap = 2});
    bench_put(&bench, 0, 100, false);
    bench_put(&bench, 500, 101, false);
    EXPECT(link_get(&bench.link, 500, &entry) && entry.frame->length == 101);
    pool_release(&bench.pool, entry.frame);
    EXPECT(bench_get(&bench, 500) == 0);
    EXPECT(bench_get(&bench, MS) == 1);
    EXPECT(bench.counters.reordered == 1);
    bench_stop(&bench);
}

static void test_link_rate(void)
{
    struct bench bench;

    /* 1000 bytes at 8 Mbit/s: 1 ms each, after the delay of 1 ms */
    bench_start(&bench, (struct impairment){.delay_us = 1000, .rate_bps = 8000000});
    for (int i = 0; i < 3; i++)
        bench_put(&bench, 0, 1000, false);
    EXPECT(bench_get(&bench, MS) == 0);
    EXPECT(link_deadline(&bench.link) == 2 * MS);
    EXPECT(bench_get(&bench, 2 * MS - 1) == 0);
    EXPECT(bench_get(&bench, 2 * MS) == 1);
    EXPECT(bench_get(&bench, 3 * MS) == 1);
    /* a change meets those still waiting, from now on */
    link_set(&bench.link, &(struct impairment){.rate_bps = 80000000, .limit = 1000}, 3 * MS);
    EXPECT(bench_get(&bench, 3 * MS + MS / 10 - 1) == 0);
    EXPECT(bench_get(&bench, 3 * MS + MS / 10) == 1);
    bench_put(&bench, 4 * MS, 1000, false);
    EXPECT(bench_get(&bench, 4 * MS) == 0);
    link_set(&bench.link, &(struct impairment){.limit = 1000}, 4 * MS);
    EXPECT(bench_get(&bench, 4 * MS) == 1); /* no rate any more: none is left behind */
    bench_stop(&bench);
}

static void test_link_queue(void)
{
    struct bench bench;
    struct impairment impairment = {.rate_bps = 8000000, .queue_bytes = 3000};

    /* 1000 bytes take 1 ms: three wait, the one on the line among them */
    bench_start(&bench, impairment);
    for (int i = 0; i < 10; i++)
        bench_put(&bench, 0, 1000, false);
    EXPECT(bench_get(&bench, 0) == 0);
    EXPECT(bench.counters.queue_drop == 7 && bench.counters.tail_drop == 0);
    bench_put(&bench, 0, 60, true);
    EXPECT(bench_get(&bench, 10 * MS) == 4); /* upkeep is never dropped */
    EXPECT(bench.counters.queue_drop == 7);
    /* asked late: one came each 0.5 ms, one left each ms, and the queue knows */
    for (uint64_t i = 0; i < 20; i++)
        bench_put(&bench, 20 * MS + i * MS / 2, 1000, false);
    EXPECT(bench_get(&bench, 100 * MS) == 12);
    EXPECT(bench.counters.queue_drop == 7 + 8);
    bench_stop(&bench);

    impairment.queue_bytes = 0, impairment.queue_packets = 2;
    bench_start(&bench, impairment);
    for (int i = 0; i < 10; i++)
        bench_put(&bench, 0, i % 2 ? 60 : 1000, false);
    EXPECT(bench_get(&bench, 10 * MS) == 2 && bench.counters.queue_drop == 8);
    bench_stop(&bench);
}

static void test_link_keeps_order(void)
{
    struct bench bench;
    struct impairment impairment = {.delay_us = 4000, .jitter_us = 4000, .keep_order = true};
    struct entry entry;
    uint32_t last = 0;
    uint64_t held_ns = 0;

    bench_start(&bench, impairment);
    for (uint32_t i = 1; i <= 900; i++)
        bench_put(&bench, i * MS / 10, 100 + i, false);
    while (link_get(&bench.link, 1000 * MS, &entry)) {
        EXPECT(entry.frame->length > last);
        EXPECT(entry.due_ns <= entry.frame->arrival_ns + 8 * MS);
        last = entry.frame->length;
        held_ns += entry.due_ns - entry.frame->arrival_ns;
        pool_release(&bench.pool, entry.frame);
    }
    /* of 80 packets each 0.1 ms after the other the latest holds back those behind it */
    EXPECT(held_ns / 900 > 6 * MS && held_ns / 900 < 8 * MS);
    bench_stop(&bench);
}

static void test_link_copies_and_balance(void)
{
    struct bench bench;
    struct impairment impairment = {.delay_us = 100,
                                    .loss = {10.0, 0.0},
                                    .duplicate = {20.0, 0.0},
                                    .limit = 50,
                                    .seed = 4};

    bench_start(&bench, impairment);
    for (uint64_t i = 0; i < 20000; i++) {
        bench_put(&bench, i * 1000, 3000, false);
        if (i % 7 == 0)
            bench_get(&bench, i * 1000);
    }

    const struct counters *counters = &bench.counters;

    EXPECT(counters->tail_drop > 0 && counters->duplicated > 0 && counters->lost > 0);
    EXPECT(20000 + counters->duplicated == counters->forwarded + counters->lost +
                                               counters->tail_drop + link_held(&bench.link));
    bench_get(&bench, NEVER - 1);
    EXPECT(link_held(&bench.link) == 0);
    bench_stop(&bench);
}

static void test_link_exempt(void)
{
    struct bench bench;
    struct impairment impairment = {.delay_us = 4000, .jitter_us = 7000, .loss = {100.0, 0.0}};

    bench_start(&bench, impairment);
    for (int i = 0; i < 100; i++)
        bench_put(&bench, 0, 60, true);
    EXPECT(bench.counters.lost == 0 && bench.counters.exempt == 100);
    EXPECT(bench_get(&bench, (uint64_t)(4.32 * MS)) == 0);
    EXPECT(bench_get(&bench, (uint64_t)(4.33 * MS)) == 100);
    bench_stop(&bench);
}

static void test_frame(void)
{
    uint8_t space[4 + 60] = {0};
    uint8_t *frame = space + 4;

    frame[0] = 2;
    EXPECT(!is_group(frame) && !is_exempt(frame, 60));
    frame[12] = 0x08, frame[13] = 0x06;
    EXPECT(is_exempt(frame, 60)); /* ARP */
    frame[12] = 0x86, frame[13] = 0xdd;
    frame[14 + 6] = 58;
    frame[14 + 40] = 135;
    EXPECT(is_exempt(frame, 60)); /* neighbour solicitation */
    frame[14 + 40] = 128;
    EXPECT(!is_exempt(frame, 60)); /* echo request */
    EXPECT(!is_exempt(frame, 20));
    frame[0] = 0x33;
    EXPECT(is_group(frame) && is_exempt(frame, 60));

    uint8_t *tagged = restore_vlan(frame, 0x8100, 7);

    EXPECT(tagged == space && tagged[0] == 0x33 && tagged[12] == 0x81 && tagged[15] == 7 &&
           tagged[16] == 0x86);
}

/* Just enough of classic BPF to run the filter. */
static uint32_t run_filter(const struct sock_filter *program, const uint8_t *frame)
{
    uint32_t a = 0;

    for (size_t at = 0;; at++) {
        const struct sock_filter *step = &program[at];
        const uint8_t *p = frame + step->k;

        switch (step->code) {
        case BPF_LD | BPF_B | BPF_ABS:
            a = p[0];
            break;
        case BPF_LD | BPF_H | BPF_ABS:
            a = (uint32_t)p[0] << 8 | p[1];
            break;
        case BPF_LD | BPF_W | BPF_ABS:
            a = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            at += (a & step->k) ? step->jt : step->jf;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += a == step->k ? step->jt : step->jf;
            break;
        default:
            return step->k;
        }
    }
}

static void test_filter(void)
{
    const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 9, 2}};
    const uint8_t other[6] = {2, 0, 0, 0, 9, 1};
    const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
    struct sock_filter program[FILTER_MAX];

    EXPECT(filter_build(macs, 2, program) <= FILTER_MAX);
    EXPECT(run_filter(program, macs[0]) > 0 && run_filter(program, macs[1]) > 0);
    EXPECT(run_filter(program, group) > 0 && run_filter(program, other) == 0);
    filter_build(macs, 0, program);
    EXPECT(run_filter(program, group) == 0);
}

static void test_pool(void)
{
    struct pool pool = {0};
    struct frame *frames[300];

    for (int i = 0; i < 300; i++) {
        frames[i] = pool_take(&pool, i % 3 ? SMALL_MAX : FRAME_MAX);
        memset(frames[i]->data, i, i % 3 ? SMALL_MAX : FRAME_MAX);
    }
    EXPECT(pool_take(&pool, FRAME_MAX + 1) == NULL);
    for (int i = 0; i < 300; i++)
        pool_release(&pool, frames[i]);

    struct frame *again = pool_take(&pool, 60);

    again->references++;
    pool_release(&pool, again);
    EXPECT(again->references == 1 && pool_take(&pool, 60) != again);
    pool_free(&pool);
}

/* Parse a line as a command line; the option complained about, or "". */
static const char *complaint_about(const char *line, struct options *options)
{
    static struct complaint complaint;
    static char copy[512];
    char *argv[40] = {(char[]){"linkem"}};
    int argc = 1;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    return options_parse(argc, argv, options, &complaint) ? "" : complaint.option;
}

static void test_options(void)
{
    static const char whole[] = "--in a --out b=02:00:00:00:00:01 --seed 1 ";
    static const struct {
        const char *words, *option;
    } rows[] = {
        {"--loss 0.25", ""},
        {"--loss 2.5,50 --duplicate 1 --delay-us 10 --reorder 1,2 --gap 5", ""},
        {"--loss 101", "--loss"},
        {"--loss -1", "--loss"},
        {"--loss nan", "--loss"},
        {"--loss 1,2,3", "--loss"},
        {"--loss 1,", "--loss"},
        {"--reorder 5", "--reorder"},
        {"--delay-us 1 --gap 5", "--gap"},
        {"--delay-us 1.5", "--delay-us"},
        {"--delay-us 99999999999", "--delay-us"},
        {"--jitter-us x", "--jitter-us"},
        {"--limit 0", "--limit"},
        {"--rate-bps 10", "--rate-bps"},
        {"--seed -1", "--seed"},
        {"--gemodel 1,10 --loss 1", "--gemodel"},
        {"--gemodel 1,10,70,0.1", ""},
        {"--rate-bps 8000 --queue-bytes 3000 --keep-order", ""},
        {"--rate-bps 8000 --queue-packets 3", ""},
        {"--queue-bytes 3000", "--queue-bytes"},
        {"--queue-packets 3", "--queue-packets"},
        {"--rate-bps 8000 --queue-packets 0", "--queue-packets"},
        {"--rate-bps 8000 --queue-packets 3 --queue-bytes 3000", "--queue-packets"},
        {"--out c=02:00:00:00:00", "--out"},
        {"--out c=03:00:00:00:00:01", "--out"},
        {"--out c=02:00:00:00:00:01", "--out"},
        {"--in a", "--in"},
        {"--in aaaaaaaaaaaaaaaa", "--in"},
        {"--dead-man 5", "--dead-man"},
        {"--control x --dead-man 0", "--dead-man"},
        {"--priority 100", "--priority"},
        {"--delay-us", "--delay-us"},
        {"--bogus", "--bogus"},
        {"word", "word"},
    };
    struct options options;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[256];

        snprintf(line, sizeof line, "%s%s", whole, rows[i].words);
        if (strcmp(complaint_about(line, &options), rows[i].option) != 0) {
            fprintf(stderr, "options: '%s' should complain about '%s'\n", rows[i].words,
                    rows[i].option);
            failures++;
        }
    }
    EXPECT(strcmp(complaint_about("--in a --out b=02:00:00:00:00:01", &options), "--seed") == 0);
    EXPECT(strcmp(complaint_about("--seed 1 --out b=02:00:00:00:00:01", &options), "--in") == 0);
    EXPECT(strcmp(complaint_about("--seed 1 --in b", &options), "--out") == 0);
    EXPECT(strcmp(complaint_about("--send path", &options), "--send") == 0);
    EXPECT(strcmp(complaint_about("--stats path", &options), "") == 0);
    EXPECT(strcmp(options.client_line, "stats") == 0);
}

static void test_options_change(void)
{
    struct impairment now = {.delay_us = 5, .loss = {1.0, 0.0}, .limit = 7, .seed = 99};
    struct impairment next = {0};
    struct complaint complaint;

    EXPECT(options_parse_change(" --delay-us 2000 --reorder 1", &now, &next, &complaint));
    EXPECT(next.delay_us == 2000 && next.loss.percent == 0.0 && next.seed == 99);
    EXPECT(next.limit == DEFAULT_LIMIT && next.gap == 1);
    EXPECT(!options_parse_change(" --in x", &now, &next, &complaint));
    EXPECT(strcmp(complaint.option, "--in") == 0);
    EXPECT(!options_parse_change(" --loss 200", &now, &next, &complaint));
    EXPECT(strcmp(complaint.option, "--loss") == 0 && next.delay_us == 2000);
}

static void test_text(void)
{
    char space[64];
    struct text text = {.start = space, .room = sizeof space};

    text_add_json_string(&text, "a\"b\\c\n");
    EXPECT(strcmp(space, "\"a\\\"b\\\\c\\u000a\"") == 0 && !text.full);
    for (int i = 0; i < 100; i++)
        text_add(&text, "%d", i);
    EXPECT(text.full && text.used < sizeof space);
}

int main(void)
{
    test_rng();
    test_fate_shares();
    test_fate_limits();
    test_fate_correlation();
    test_fate_gemodel();
    test_fate_fixed_draws();
    test_heap();
    test_ring();
    test_link_delay_and_limit();
    test_link_reorder_goes_first();
    test_link_rate();
    test_link_queue();
    test_link_keeps_order();
    test_link_copies_and_balance();
    test_link_exempt();
    test_frame();
    test_filter();
    test_pool();
    test_options();
    test_options_change();
    test_text();
    if (failures == 0)
        puts("all unit tests passed");
    return failures != 0;
}
