/* exchange.h - the gradients of a step on their way between ranks: a thread that sums what is handed over, in order,
 * while the backward pass goes on. Dense gradients layer by layer (ranks.h); those of the word embedding as the rows
 * that any rank has touched.
 *
 *     zoo_exchange_ids(x, ids, count);             // all ranks hand over the same things in the same order
 *     zoo_exchange_dense(x, grads, n);
 *     zoo_exchange_rows(x, rows);
 *     rc = zoo_exchange_finish(x, &err);           // zoo_exchange_union(): which rows there are now
 *
 * The rows' way: ids to everybody; the union is that of rank 0's, then what rank 1 adds, and so on; each part of it is
 * summed by the rank that owns it, in the order of the ranks, and sent to all. A rank sends its own rows once and its
 * part of the union to each.
 * Dimensions: R ranks, V words, E floats of a row, U rows of the union. Layer: train -> base.
 * Threads: one owner, and one of its own. */
#ifndef ZOO_TRAIN_EXCHANGE_H
#define ZOO_TRAIN_EXCHANGE_H
#include "train/ranks.h"

typedef struct zoo_exchange zoo_exchange;

typedef struct zoo_exchange_size {
    size_t jobs;                     /* handed over in a step, at most */
    size_t dense;                    /* floats of one of them, at most */
    size_t V, E, rows;               /* rows: of the union, at most; 0: there are none */
} zoo_exchange_size;

int zoo_exchange_new(zoo_exchange **out, zoo_ranks *ranks, const zoo_exchange_size *size, zoo_err *err);
void zoo_exchange_free(zoo_exchange *exchange);             /* NULL is fine */

/* What is handed over is borrowed, and not touched, until zoo_exchange_finish(). */
void zoo_exchange_dense(zoo_exchange *exchange, float *grads, size_t n);
void zoo_exchange_ids(zoo_exchange *exchange, const uint32_t *ids, size_t count);
/* rows (count,E) of those ids; room for size.rows of them. Becomes (U,E). */
void zoo_exchange_rows(zoo_exchange *exchange, float *rows);
/* Waits for all of it. After a failure every call fails. */
int zoo_exchange_finish(zoo_exchange *exchange, zoo_err *err);
/* The ids of the rows, valid until ids are handed over again; returns U. */
size_t zoo_exchange_union(const zoo_exchange *exchange, const uint32_t **ids);
#endif
