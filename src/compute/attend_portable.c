/* attend_portable.c - the backward pass of attention in plain C,
 * with vectors as GCC and Clang have them on every processor. */
#define LANES 4
#define TILE 2
#include "compute/attend_lanes.h"

size_t zoo_attend_portable_scratch(size_t T, size_t d, size_t C)
{
    return bwd_scratch(T, d, C);
}

void zoo_attend_portable_bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g,
                             const float *p, size_t ldp, void *scratch)
{
    bwd(a, dout, out_stride, g, p, ldp, scratch, &zoo_attention_portable, false);
}
