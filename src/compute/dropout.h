/* dropout.h - dropout whose coins are a function of (seed, step, place, element): nothing is stored for the backward
 * pass, and neither the number of threads nor a restart changes a coin.
 * Layer: compute -> base. Threads: pure functions. */
#ifndef ZOO_COMPUTE_DROPOUT_H
#define ZOO_COMPUTE_DROPOUT_H
#include <stddef.h>
#include <stdint.h>
#include "base/rng.h"

/* The coins of one place of the network in one step. */
typedef struct zoo_coins {
    uint64_t key;
    uint32_t dropped_below;         /* of 2^32: the share that is dropped; 0: none */
    float scale;                    /* of what is kept: 1 / (1 - share) */
} zoo_coins;

static inline zoo_coins zoo_coins_of(uint64_t seed, uint64_t step, uint64_t place, double share)
{
    zoo_coins coins = { zoo_mix64(seed ^ zoo_mix64(step ^ zoo_mix64(place))), (uint32_t)(share * 4294967296.0),
                        (float)(1 / (1 - share)) };
    return coins;
}

/* What element `i` of row `row` is multiplied by: 0 or coins.scale. The 32-bit mixer is Wellons' lowbias32. */
static inline uint32_t zoo_coins_row(const zoo_coins *coins, uint64_t row)
{
    return (uint32_t)zoo_mix64(coins->key ^ (row + 1) * 0x9e3779b97f4a7c15u);
}
static inline float zoo_coin(const zoo_coins *coins, uint32_t row_key, uint32_t i)
{
    uint32_t x = i * 0x9e3779b9u ^ row_key;
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    x ^= x >> 16;
    return x < coins->dropped_below ? 0 : coins->scale;
}

/* out (B,D) = x (B,D) dropped, rows numbered from `first`; out may be x. Backward is the same on gradients. */
void zoo_dropout(const zoo_coins *coins, float *out, const float *x, size_t first, size_t B, size_t D);
#endif
