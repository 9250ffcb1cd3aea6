/* rng.c - seeded random numbers: xoshiro256** (Blackman & Vigna 2018), seeded through splitmix64; see rng.h. */
#include "base/rng.h"
#include <math.h>
#include <string.h>

uint64_t zoo_mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void zoo_rng_init(zoo_rng *rng, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++)
        rng->s[i] = zoo_mix64(seed + i * 0x9e3779b97f4a7c15u);
}

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

uint64_t zoo_rng_u64(zoo_rng *rng)
{
    uint64_t *s = rng->s, out = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return out;
}

uint64_t zoo_rng_below(zoo_rng *rng, uint64_t bound)
{
    uint64_t least = -bound % bound, x;      /* 2^64 mod bound */

    do
        x = zoo_rng_u64(rng);
    while (x < least);
    return x % bound;
}

double zoo_rng_uniform(zoo_rng *rng)
{
    return (double)(zoo_rng_u64(rng) >> 11) * 0x1p-53;
}

double zoo_rng_normal(zoo_rng *rng)
{
    double u = 1.0 - zoo_rng_uniform(rng), v = zoo_rng_uniform(rng);       /* Box and Muller, one of the pair */

    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

void zoo_rng_shuffle(zoo_rng *rng, size_t *items, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)zoo_rng_below(rng, i), keep = items[i - 1];
        items[i - 1] = items[j];
        items[j] = keep;
    }
}

uint64_t zoo_hash64(const void *bytes, size_t size, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = zoo_mix64(seed ^ size), word;

    for (; size >= 8; p += 8, size -= 8) {
        memcpy(&word, p, 8);
        h = (h ^ zoo_mix64(word)) * 0x9fb21c651e98df25u;
        h ^= h >> 29;
    }
    word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)p[i] << (8 * i);
    return zoo_mix64(h ^ zoo_mix64(word ^ 0x2545f4914f6cdd1du));
}
