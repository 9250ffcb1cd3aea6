/* rows_avx2.c - the operators on rows for AVX2 with FMA. */
#if defined(__x86_64__)
#include <math.h>
#include <string.h>
#include <immintrin.h>
#include "compute/isa.h"
#include "compute/rows_kernel.h"

#define LANES 8
ZOO_ISA_BEGIN("avx2,fma")
#include "compute/rows_lanes.h"
ZOO_ISA_END

const zoo_rows_kernel zoo_rows_avx2 = { "avx2", norm, norm_bwd, norm_bwd_columns, activation_fwd, activation_bwd,
                                        drop };
#else
typedef int zoo_rows_avx2_is_for_x86_64;
#endif
