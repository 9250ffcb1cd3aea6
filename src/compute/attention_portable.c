/* attention_portable.c - attention in plain C, with vectors as GCC and Clang have them on every processor. */
#define LANES 4
#define TILE 2
#include "compute/attention_lanes.h"

const zoo_attention_kernel zoo_attention_portable = {
    "portable", scratch_bytes, run, table_bytes, pack_position, pack_position, probabilities, pack_table,
        zoo_attend_portable_scratch, zoo_attend_portable_bwd
};
