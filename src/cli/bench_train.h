/* bench_train.h - how fast a checkpoint is fine-tuned on this machine: the whole step (forward, backward, clipping,
 * AdamW, packing), and beside it its products alone on oneDNN as it comes. Layer: cli. Threads: one caller. */
#ifndef ZOO_CLI_BENCH_TRAIN_H
#define ZOO_CLI_BENCH_TRAIN_H
#include <stddef.h>
#include "model/transformer_config.h"

typedef struct zoo_bench_train_settings {
    const char *dir;
    enum zoo_precision precision;    /* F32 or BF16 */
    size_t queries, tokens;          /* of a step; of each query */
    unsigned threads;
    size_t steps;                    /* timed, behind one that warms up */
} zoo_bench_train_settings;

typedef struct zoo_bench_train_result {
    double median_ms, min_ms;        /* of a step */
    /* least time of its forward, data-gradient and weight-gradient products; NaN: oneDNN has none */
    double products_ms;
    double start_ms;                 /* until the first step is done */
    long peak_mib;                   /* of the process, before the products are made */
} zoo_bench_train_result;

/* peak (MiB of this process so far) is asked for behind the steps. */
int zoo_bench_train(const zoo_bench_train_settings *settings, long (*peak)(void), zoo_bench_train_result *result,
                    zoo_err *err);
#endif
