/* The one source of randomness: xoshiro256**, seeded by splitmix64. */
#ifndef LINKEM_RNG_H
#define LINKEM_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/* One step of splitmix64: advances *state and returns a well mixed value. */
uint64_t splitmix64(uint64_t *state);

void rng_seed(struct rng *rng, uint64_t seed);
uint64_t rng_next(struct rng *rng);

#endif
