/* attend_avx2.c - the backward pass of attention for AVX2 with FMA. */
#if defined(__x86_64__)
#include <string.h>
#include <immintrin.h>
#include "compute/attention_kernel.h"
#include "compute/isa.h"

#define LANES 8
#define TILE 4
ZOO_ISA_BEGIN("avx2,fma")
#include "compute/attend_lanes.h"

size_t zoo_attend_avx2_scratch(size_t T, size_t d, size_t C)
{
    return bwd_scratch(T, d, C);
}

void zoo_attend_avx2_bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g,
                         const float *p, size_t ldp, void *scratch)
{
    bwd(a, dout, out_stride, g, p, ldp, scratch, &zoo_attention_avx2, false);
}
ZOO_ISA_END
#else
typedef int zoo_attend_avx2_is_for_x86_64;
#endif
