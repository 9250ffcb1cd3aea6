/* train_log.h - the log of a fine-tuning, RUN/log.jsonl: a line a step and a line an epoch;
 * and its curves drawn by gnuplot.
 *
 *     {"step":1,"epoch":1,"loss":0.61,"rate":2e-06,"norm":3.2,"tokens":3011,"seconds":1.904}
 *     {"step":186,"epoch":1,"mean_loss":0.55,"reward":0.603,"best":true,"tokens":559321,"seconds":411.031}
 *
 * A run that is resumed takes off what its state does not know of, and writes on.
 * Layer: cli. Threads: one owner. */
#ifndef ZOO_CLI_TRAIN_LOG_H
#define ZOO_CLI_TRAIN_LOG_H
#include <limits.h>
#include <stdio.h>
#include "train/trainer.h"

typedef struct zoo_train_log {
    char path[PATH_MAX];
    FILE *file;
    uint64_t started_ns;
    double seconds_before;           /* of the runs that were broken off */
    double best_reward;
    zoo_trainer_watch watch;         /* for the trainer */
} zoo_train_log;

/* Begins the log in the folder `run`, which is made where missing; with `resumes`,
 * what is there is kept until the run says where it is. */
int zoo_train_log_open(zoo_train_log *log, const char *run, int resumes, zoo_err *err);
void zoo_train_log_close(zoo_train_log *log);
/* Draws RUN/curves.svg. ZOO_EUSAGE where gnuplot is not installed. */
int zoo_train_log_plot(const zoo_train_log *log, const char *run, zoo_err *err);
#endif
