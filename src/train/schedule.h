/* schedule.h - how the rate of learning rises and falls over a run.
 * Layer: train -> base. Threads: pure functions. */
#ifndef ZOO_TRAIN_SCHEDULE_H
#define ZOO_TRAIN_SCHEDULE_H
#include <stdint.h>

enum zoo_fall {
    ZOO_FALL_LINEAR,                /* to 0 behind the last step */
    ZOO_FALL_COSINE                 /* half a cosine, to 0 behind the last step */
};

typedef struct zoo_schedule {
    enum zoo_fall fall;
    uint64_t warm_up, steps;        /* the rate rises linearly over the first `warm_up` of `steps` */
} zoo_schedule;

/* The share of the full rate at step `done` (steps taken before it: 0, 1, ...), 0..1;
 * as the schedules of `transformers`. */
double zoo_schedule_share(const zoo_schedule *schedule, uint64_t done);
/* Layer-wise decay (Howard & Ruder 2018): the share of the rate that a parameter `below` layers
 * beneath the head learns with. */
double zoo_layer_share(double decay, unsigned below);
/* "linear" or "cosine"; 0: neither. */
int zoo_fall_parse(const char *word, enum zoo_fall *out);
#endif
