/* ranks.h - several processes that train one model: what they say to each other, over whatever carries it.
 *
 * A transport moves blocks of bytes between all ranks at once (zoo_ranks_class); everything else is built on that,
 * here: sums whose order is that of the ranks, one rank's word to all others, and the check that all are about the same
 * run. MPI is one transport (ranks_mpi.c, a shared object of its own, opened only where a process was started as one of
 * several: ranks_open.h); unit tests have one of threads.
 *
 * Why not MPI_Allreduce: the order of its sums may change with the algorithm that the library picks by size and by
 * where ranks run. Here rank r owns the r-th part of an array, gets that part from everybody, adds up in the order of
 * the ranks, and sends the sum to all: 2 (R - 1) / R of the array each way, as good as a ring, and the same bits
 * wherever the ranks run. A transport's failure ends the run: no call of any rank may follow it but close() and end().
 * Dimensions: R ranks. Layer: train -> base. Threads: one at a time. */
#ifndef ZOO_TRAIN_RANKS_H
#define ZOO_TRAIN_RANKS_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_RANKS_MOST = 4096 };

typedef struct zoo_ranks zoo_ranks;
typedef struct zoo_block { void *data; size_t size; } zoo_block;                /* bytes */

typedef struct zoo_ranks_class {
    /* out[r] goes to rank r, which knows its size; in[r] comes from it. (R) each, both 0 bytes for the rank itself.
     * Every rank makes the same calls in the same order; returns when all that concerns this rank is done. */
    int (*swap)(zoo_ranks *ranks, const zoo_block *out, const zoo_block *in, zoo_err *err);
    /* The end of the run, with its outcome (0: good). codes (R): those of all ranks, where they all come here, at once
     * or, `code` being 0, ever; returns whether they did. */
    int (*close)(zoo_ranks *ranks, int code, int *codes);
    void (*end)(zoo_ranks *ranks);                      /* frees; the others go on to their own end */
    void (*abort)(zoo_ranks *ranks, int status);        /* ends all processes of the run, this one too */
} zoo_ranks_class;

struct zoo_ranks {
    const zoo_ranks_class *class;
    unsigned rank, count;
    unsigned neighbours;             /* ranks on this machine, this one too */
    zoo_block *blocks;               /* (2 R): scratch of what is built on swap() */
};

/* NULL is a process alone, rank 0 of 1. */
static inline unsigned zoo_ranks_number(const zoo_ranks *ranks) { return ranks ? ranks->rank : 0; }
static inline unsigned zoo_ranks_count(const zoo_ranks *ranks) { return ranks ? ranks->count : 1; }

/* [*first, *first + *count): the part of n items that rank r owns. */
void zoo_ranks_part(const zoo_ranks *ranks, size_t n, unsigned r, size_t *first, size_t *count);

/* Floats that zoo_ranks_sum() needs room for. */
size_t zoo_ranks_sum_room(const zoo_ranks *ranks, size_t n);
/* x (n) = the sum over all ranks, in their order, the same bits on each. room (zoo_ranks_sum_room(n)). */
int zoo_ranks_sum(zoo_ranks *ranks, float *x, size_t n, float *room, zoo_err *err);
/* The second half of that: x (n,width), of whose rows each rank brings the part that it owns. */
int zoo_ranks_spread(zoo_ranks *ranks, float *x, size_t n, size_t width, zoo_err *err);
/* A sum in double precision, of one number. */
int zoo_ranks_sum_number(zoo_ranks *ranks, double *x, zoo_err *err);
/* all (R,size): what each rank has in `own` (size bytes). */
int zoo_ranks_gather(zoo_ranks *ranks, const void *own, size_t size, void *all, zoo_err *err);
/* data (size bytes) becomes that of rank 0. */
int zoo_ranks_tell(zoo_ranks *ranks, void *data, size_t size, zoo_err *err);

/* Goes on where rank 0 does: its return code is told to all, and where it failed every rank fails;
 * it alone knows why. */
int zoo_ranks_follow(zoo_ranks *ranks, int rc, zoo_err *err);

/* One thing that all ranks must have in common: its mark, and the words of "rank 1 has WHAT than rank 0; REMEDY". */
typedef struct zoo_common { uint64_t mark; const char *what, *remedy; } zoo_common;
/* ZOO_EUSAGE on every rank where one differs from rank 0. */
int zoo_ranks_compare(zoo_ranks *ranks, const zoo_common *things, size_t count, zoo_err *err);

/* Deals out n rows of these lengths (below 2^32): the longest first, each to the rank that has least so far. owner (n);
 * order (n) and loads (R) are scratch. */
void zoo_ranks_deal(const zoo_ranks *ranks, const size_t *lengths, size_t n, unsigned *owner, uint64_t *order,
                    size_t *loads);
#endif
