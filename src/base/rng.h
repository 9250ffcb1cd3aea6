/* rng.h - seeded random numbers: xoshiro256** (Blackman & Vigna 2018), seeded through splitmix64.
 * The same seed gives the same numbers on every machine. Layer: base. Not for secrets. Threads: one owner. */
#ifndef ZOO_BASE_RNG_H
#define ZOO_BASE_RNG_H
#include <stddef.h>
#include <stdint.h>

typedef struct zoo_rng { uint64_t s[4]; } zoo_rng;

void zoo_rng_init(zoo_rng *rng, uint64_t seed);
uint64_t zoo_rng_u64(zoo_rng *rng);
uint64_t zoo_rng_below(zoo_rng *rng, uint64_t bound);      /* 0..bound-1 without bias; bound >= 1 */
double zoo_rng_uniform(zoo_rng *rng);                      /* [0, 1) */
double zoo_rng_normal(zoo_rng *rng);                       /* mean 0, variance 1 */
void zoo_rng_shuffle(zoo_rng *rng, size_t *items, size_t n);

/* 64-bit hash of bytes, the same on every machine; for tables and seeds, not for secrets. */
uint64_t zoo_hash64(const void *bytes, size_t size, uint64_t seed);
/* One step of splitmix64: scrambles x. */
uint64_t zoo_mix64(uint64_t x);
#endif
