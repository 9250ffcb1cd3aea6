/* attend_avx512.c - the backward pass of attention for AVX-512, with and without its bfloat16 products. */
#if defined(__x86_64__)
#include <string.h>
#include <immintrin.h>
#include "compute/attention_kernel.h"
#include "compute/isa.h"

#define LANES 16
#define TILE 8
#define LANES_PAIRS
ZOO_ISA_BEGIN("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")
#include "compute/attend_lanes.h"

size_t zoo_attend_avx512_scratch(size_t T, size_t d, size_t C)
{
    return bwd_scratch(T, d, C);
}

void zoo_attend_avx512_bwd(const zoo_attend *a, const float *dout, size_t out_stride, const zoo_attend_gradients *g,
                           const float *p, size_t ldp, void *scratch)
{
    bwd(a, dout, out_stride, g, p, ldp, scratch, &zoo_attention_avx512, false);
}

void zoo_attend_avx512_bf16_bwd(const zoo_attend *a, const float *dout, size_t out_stride,
                                const zoo_attend_gradients *g, const float *p, size_t ldp, void *scratch)
{
    bwd(a, dout, out_stride, g, p, ldp, scratch, &zoo_attention_avx512_bf16, true);
}
ZOO_ISA_END
#else
typedef int zoo_attend_avx512_is_for_x86_64;
#endif
