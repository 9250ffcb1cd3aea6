/* attention_avx2.c - attention for AVX2 with FMA. */
#if defined(__x86_64__)
#include <math.h>
#include <string.h>
#include <immintrin.h>
#include "compute/attention_kernel.h"
#include "compute/isa.h"

#define LANES 8
#define TILE 4
ZOO_ISA_BEGIN("avx2,fma")
#include "compute/attention_lanes.h"
ZOO_ISA_END

const zoo_attention_kernel zoo_attention_avx2 = {
    "avx2", scratch_bytes, run, table_bytes, pack_position, pack_position, probabilities, pack_table,
        zoo_attend_avx2_scratch, zoo_attend_avx2_bwd
};
#else
typedef int zoo_attention_avx2_is_for_x86_64;
#endif
