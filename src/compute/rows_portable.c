/* rows_portable.c - the operators on rows in plain C, with vectors as GCC and Clang have them on every processor. */
#define LANES 4
#include "compute/rows_lanes.h"

const zoo_rows_kernel zoo_rows_portable = { "portable", norm, norm_bwd, norm_bwd_columns, activation_fwd,
                                            activation_bwd, drop };
