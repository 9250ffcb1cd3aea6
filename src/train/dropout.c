#include "train/dropout.h"
#include <string.h>

void zoo_dropout(const zoo_coins *coins, float *out, const float *x, size_t first, size_t B, size_t D)
{
    const zoo_coins c = *coins;

    if (!c.dropped_below) {
        if (out != x)
            memcpy(out, x, B * D * sizeof *out);
        return;
    }
    for (size_t b = 0; b < B; b++) {
        uint32_t key = zoo_coins_row(&c, first + b);
        for (size_t d = 0; d < D; d++)
            out[b*D + d] = x[b*D + d] * zoo_coin(&c, key, (uint32_t)d);
    }
}
