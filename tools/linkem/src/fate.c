#include "fate.h"

#include <math.h>
#include <string.h>

/* The fixed draws of one packet, in netem's order of asking. A copy is put
 * through the queue before its original, hence its draws come first. */
enum draw {
    DRAW_DUPLICATE,
    DRAW_LOSS,
    DRAW_LOSS_STATE, /* second draw of the Gilbert-Elliott model */
    DRAW_COPY_LOSS,
    DRAW_COPY_LOSS_STATE,
    DRAW_COPY_REORDER,
    DRAW_COPY_DELAY,
    DRAW_REORDER,
    DRAW_DELAY,
    DRAW_SPARE, /* makes the number even: two draws per 64-bit value */
    DRAWS
};

uint32_t scale_percent(double percent)
{
    return (uint32_t)rint(percent / 100.0 * UINT32_MAX);
}

uint64_t mean_delay_ns(const struct impairment *impairment)
{
    double delay = (double)impairment->delay_us * 1e3;
    double jitter = (double)impairment->jitter_us * 1e3;

    if (jitter <= delay)
        return (uint64_t)delay;
    return (uint64_t)((delay + jitter) * (delay + jitter) / (4.0 * jitter));
}

static struct memory memory_start(struct rng *rng, double correlation)
{
    /* Drawn whether needed or not, so that a correlation moves no other draw. */
    struct memory memory = {.last = (uint32_t)(rng_next(rng) >> 32),
                            .rho = scale_percent(correlation)};
    return memory;
}

void fates_start(struct fates *fates, const struct impairment *impairment)
{
    memset(fates, 0, sizeof *fates);
    rng_seed(&fates->rng, impairment->seed);
    fates->duplicate_memory = memory_start(&fates->rng, impairment->duplicate.correlation);
    fates->loss_memory = memory_start(&fates->rng, impairment->loss.correlation);
    fates->reorder_memory = memory_start(&fates->rng, impairment->reorder.correlation);
    fates->duplicate = scale_percent(impairment->duplicate.percent);
    fates->loss = scale_percent(impairment->loss.percent);
    fates->reorder = scale_percent(impairment->reorder.percent);
    fates->gap = impairment->gap;
    fates->gemodel = impairment->gemodel;
    fates->to_bad = scale_percent(impairment->gemodel_percent[0]);
    fates->to_good = scale_percent(impairment->gemodel_percent[1]);
    fates->bad_pass = UINT32_MAX - scale_percent(impairment->gemodel_percent[2]);
    fates->good_loss = scale_percent(impairment->gemodel_percent[3]);
    fates->delay_ns = (int64_t)impairment->delay_us * 1000;
    fates->jitter_ns = (uint32_t)(impairment->jitter_us * 1000);
    fates->mean_delay_ns = mean_delay_ns(impairment);
}

/* netem's get_crandom: new = fresh * (1 - rho) + last * rho. Its quirk: this is
 * a moving average, so the values crowd around the middle of the range (the
 * variance shrinks to (1 - rho) / (1 + rho)) while the threshold stays where
 * it was. Small percentages with a correlation are hence met far more rarely
 * than they say. Kept, since the reference results were made with it. */
static uint32_t correlated(struct memory *memory, uint32_t fresh)
{
    if (memory->rho == 0)
        return fresh;

    uint64_t weight = (uint64_t)memory->rho + 1;
    uint64_t sum = fresh * ((UINT64_C(1) << 32) - weight) + memory->last * weight;

    memory->last = (uint32_t)(sum >> 32);
    return memory->last;
}

static bool is_lost(struct fates *fates, uint32_t draw, uint32_t state_draw)
{
    if (!fates->gemodel)
        return fates->loss != 0 && fates->loss >= correlated(&fates->loss_memory, draw);

    /* The state moves first, but the packet is judged by the state it found. */
    bool was_bad = fates->bad;

    if (was_bad) {
        fates->bad = !(state_draw < fates->to_good);
        return draw > fates->bad_pass;
    }
    fates->bad = state_draw < fates->to_bad;
    return draw < fates->good_loss;
}

static struct leg choose_leg(struct fates *fates, uint32_t reorder_draw, uint32_t delay_draw)
{
    struct leg leg = {0};

    if (fates->gap != 0 && fates->since_reordered >= fates->gap - 1 &&
        correlated(&fates->reorder_memory, reorder_draw) <= fates->reorder) {
        fates->since_reordered = 0;
        leg.at_head = true;
        return leg;
    }
    fates->since_reordered++;

    int64_t delay = fates->delay_ns;

    if (fates->jitter_ns != 0)
        delay += (int64_t)(delay_draw % (2 * fates->jitter_ns)) - fates->jitter_ns;
    leg.delay_ns = delay > 0 ? (uint64_t)delay : 0;
    return leg;
}

struct fate fates_next(struct fates *fates)
{
    uint32_t draws[DRAWS];
    struct fate fate = {0};

    for (int i = 0; i < DRAWS; i += 2) {
        uint64_t value = rng_next(&fates->rng);

        draws[i] = (uint32_t)(value >> 32);
        draws[i + 1] = (uint32_t)value;
    }

    fate.copied = fates->duplicate != 0 &&
                  fates->duplicate >= correlated(&fates->duplicate_memory, draws[DRAW_DUPLICATE]);
    if (is_lost(fates, draws[DRAW_LOSS], draws[DRAW_LOSS_STATE])) {
        /* netem counts: one more, one less. A packet both copied and lost passes once. */
        fate.lost = !fate.copied;
        fate.copied = false;
    }
    if (fate.lost)
        return fate;
    if (fate.copied) {
        fate.copy_lost = is_lost(fates, draws[DRAW_COPY_LOSS], draws[DRAW_COPY_LOSS_STATE]);
        if (!fate.copy_lost)
            fate.copy = choose_leg(fates, draws[DRAW_COPY_REORDER], draws[DRAW_COPY_DELAY]);
    }
    fate.original = choose_leg(fates, draws[DRAW_REORDER], draws[DRAW_DELAY]);
    return fate;
}
