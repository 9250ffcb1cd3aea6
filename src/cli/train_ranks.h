/* train_ranks.h - zooter train as one of several processes that mpirun or srun has started: joining, threads, and the
 * common end. Layer: cli. */
#ifndef ZOO_CLI_TRAIN_RANKS_H
#define ZOO_CLI_TRAIN_RANKS_H
#include "train/ranks.h"

/* *ranks: the others, or NULL where this process is alone. Where the launcher has started several and no encoder is
 * trained, they are refused. */
int zoo_train_join(int trains_encoder, zoo_ranks **ranks, zoo_err *err);

/* Threads of this rank where nobody says: the processors it may use,
 * shared with the ranks that may use the same ones. */
int zoo_train_threads(zoo_ranks *ranks, unsigned *threads, zoo_err *err);

/* From here on a signal that ends this process (another rank has died) makes rank 0 say how to go on. */
int zoo_train_await_end(const zoo_ranks *ranks, const char *out, zoo_err *err);

/* The end of this process's part, rc its outcome. Returns whether it is the one to say what went wrong: the first rank
 * that failed; where not all came, each that did. zoo_train_leave() has to follow. */
int zoo_train_part(zoo_ranks *ranks, int rc, int *all_came);
/* Frees; all_came 0: others are still at work, and all are ended with `status`. */
void zoo_train_leave(zoo_ranks *ranks, int all_came, int status);
#endif
