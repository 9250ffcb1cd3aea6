/* rows_avx512.c - the operators on rows for AVX-512. */
#if defined(__x86_64__)
#include <math.h>
#include <string.h>
#include <immintrin.h>
#include "compute/isa.h"
#include "compute/rows_kernel.h"

#define LANES 16
ZOO_ISA_BEGIN("avx2,fma,avx512f,avx512bw,avx512vl,avx512dq")
#include "compute/rows_lanes.h"
ZOO_ISA_END

const zoo_rows_kernel zoo_rows_avx512 = { "avx512", norm, norm_bwd, norm_bwd_columns, activation_fwd, activation_bwd,
                                          drop };
#else
typedef int zoo_rows_avx512_is_for_x86_64;
#endif
