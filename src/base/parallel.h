/* parallel.h - a fixed set of threads that share out numbered tasks.
 *
 *     zoo_parallel *p;
 *     zoo_parallel_new(&p, 0, &err);                        // 0: one per processor
 *     zoo_parallel_run(p, 100, do_task, &context);          // do_task(context, task 0..99, thread 0..threads-1)
 *     zoo_parallel_free(p);
 *
 * Which thread takes which task is not fixed: results must depend on the task's number alone.
 * Layer: base. One run at a time; tasks must not call run. */
#ifndef ZOO_BASE_PARALLEL_H
#define ZOO_BASE_PARALLEL_H
#include <stddef.h>
#include "base/err.h"

typedef struct zoo_parallel zoo_parallel;
typedef void (*zoo_task_fn)(void *context, size_t task, unsigned thread);

unsigned zoo_parallel_processors(void);                     /* processors this process may use, >= 1 */
int zoo_parallel_new(zoo_parallel **out, unsigned threads, zoo_err *err);
unsigned zoo_parallel_threads(const zoo_parallel *p);
/* Returns when all `n` tasks are done; the caller's thread works too, as thread 0. */
void zoo_parallel_run(zoo_parallel *p, size_t n, zoo_task_fn fn, void *context);
void zoo_parallel_free(zoo_parallel *p);                    /* NULL is fine */
#endif
