/* stock.h - the time of a network's weight products alone: on oneDNN as it comes (weights in the layout that it
 * prefers, its own threads), and on ours. What a forward pass is measured against.
 *
 *     zoo_shape shapes[] = { { 2304, 768, 12 }, { 768, 768, 12 }, { 3072, 768, 12 }, { 768, 3072, 12 } };
 *     zoo_stock *stock;
 *     zoo_stock_new(&stock, ZOO_PRECISION_BF16, shapes, 4, 64, 2, &err);     // 64 rows, 2 threads
 *     double ms = zoo_stock_run(stock);                                      // once over all 48
 *     zoo_stock_free(stock);
 *
 * Every product has weights of its own, as in a network: they come from memory, not from a cache. int8 is u8 times s8
 * to s32, without scales, in oneDNN's favour.
 * Layer: cli. Threads: one run at a time; sets the number of OpenMP threads of the calling thread. */
#ifndef ZOO_CLI_STOCK_H
#define ZOO_CLI_STOCK_H
#include <stddef.h>
#include "base/err.h"

typedef struct zoo_shape { size_t outputs, inputs, times; } zoo_shape;      /* `times` products of that shape */
typedef struct zoo_stock zoo_stock;

/* threads 0: one per processor. ZOO_ENOMEM; ZOO_EUSAGE where oneDNN has no such product on this processor,
 * or is not installed. */
int zoo_stock_new(zoo_stock **out, enum zoo_precision precision, const zoo_shape *shapes, size_t n, size_t rows,
                  unsigned threads, zoo_err *err);
double zoo_stock_run(zoo_stock *stock);                     /* milliseconds; negative where oneDNN failed */
void zoo_stock_free(zoo_stock *stock);                      /* NULL is fine */
#endif
