/* sample.h - the sample: a folder from which the whole loop can be run with simulated experts.
 *
 *     queries.jsonl     rows for `zooter import`: split pool (to select training queries from) and test (held-out
 *                       frames only)
 *     benchmark.jsonl   the test queries again, as the benchmark that `zooter select` keeps out of training; some rows
 *                       of the pool are copies of them, as happens to queries gathered from the web
 *     sim.yaml          the simulated experts, for `zooter sim --config`
 *     experts.yaml      the same as clients see them, for `zooter collect` and `zooter serve`
 *
 * Layer: sim -> base. The same seed writes the same bytes. Every row can be graded exactly. */
#ifndef ZOO_SIM_SAMPLE_H
#define ZOO_SIM_SAMPLE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_sim_sample {
    const char *dir;               /* made where missing; files of these names are replaced */
    uint64_t seed;
    unsigned sim_port;             /* where `zooter sim` will listen, for experts.yaml */
    unsigned gateway_port;         /* where `zooter serve` will */
    int leave_out_programs;        /* no tasks that are graded by running code */
} zoo_sim_sample;

/* pool has the copies */
typedef struct zoo_sim_sample_counts { size_t pool, copies, test, kinds, langs, experts; } zoo_sim_sample_counts;

int zoo_sim_sample_write(const zoo_sim_sample *sample, zoo_sim_sample_counts *counts, zoo_err *err);
#endif
