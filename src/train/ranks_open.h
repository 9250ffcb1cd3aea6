/* ranks_open.h - is this process one of several that were started together (mpirun, srun), and if so, the others.
 * Layer: train -> base. Threads: once a process. */
#ifndef ZOO_TRAIN_RANKS_OPEN_H
#define ZOO_TRAIN_RANKS_OPEN_H
#include "train/ranks.h"

/* What the launcher says in the environment: how many processes there are;
 * 0: a launcher that does not tell; 1: this one alone. */
unsigned zoo_ranks_launched(void);
/* Which of them this one is, by the same source. */
unsigned zoo_ranks_launched_as(void);

/* Joins the others. ZOO_EUSAGE where this program was built without MPI (*out is NULL then),
 * or where the others are another program. */
int zoo_ranks_open(zoo_ranks **out, zoo_err *err);

/* What zooter-mpi.so has: begins MPI, and ends it with class->end(). */
typedef int (*zoo_ranks_join)(zoo_ranks **out, zoo_err *err);
__attribute__((visibility("default"))) int zoo_ranks_mpi_join(zoo_ranks **out, zoo_err *err);
#endif
