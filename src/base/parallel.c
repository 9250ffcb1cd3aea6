/* parallel.c - a fixed set of threads that share out numbered tasks; see parallel.h. */
#include "base/parallel.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct worker { zoo_parallel *p; pthread_t thread; unsigned index; };

struct zoo_parallel {
    unsigned threads;
    struct worker *workers;              /* threads - 1; the caller is thread 0 */
    unsigned started;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    unsigned long generation;            /* one more for every run */
    unsigned busy;                       /* workers that have not finished this run */
    int stopping;
    zoo_task_fn fn;
    void *context;
    size_t n;
    atomic_size_t next;
};

unsigned zoo_parallel_processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);

    return n > 0 ? (unsigned)n : 1;
}

static void work(zoo_parallel *p, unsigned thread)
{
    size_t task;

    while ((task = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed)) < p->n)
        p->fn(p->context, task, thread);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    zoo_parallel *p = w->p;
    unsigned long seen = 0;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stopping && p->generation == seen)
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->stopping)
            break;
        seen = p->generation;
        pthread_mutex_unlock(&p->lock);
        work(p, w->index);
        pthread_mutex_lock(&p->lock);
        if (--p->busy == 0)
            pthread_cond_signal(&p->idle);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int zoo_parallel_new(zoo_parallel **out, unsigned threads, zoo_err *err)
{
    zoo_parallel *p = calloc(1, sizeof *p);

    *out = NULL;
    if (!p)
        return zoo_fail_nomem(err);
    p->threads = threads ? threads : zoo_parallel_processors();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    pthread_cond_init(&p->idle, NULL);
    p->workers = calloc(p->threads, sizeof *p->workers);
    if (!p->workers) {
        zoo_parallel_free(p);
        return zoo_fail_nomem(err);
    }
    for (unsigned i = 0; i + 1 < p->threads; i++) {
        struct worker *w = &p->workers[i];
        w->p = p;
        w->index = i + 1;
        int errno_value = pthread_create(&w->thread, NULL, worker_main, w);
        if (errno_value) {
            zoo_parallel_free(p);
            return zoo_fail_errno(err, errno_value, "starting thread %u", i + 1);
        }
        p->started++;
    }
    *out = p;
    return ZOO_OK;
}

unsigned zoo_parallel_threads(const zoo_parallel *p)
{
    return p->threads;
}

void zoo_parallel_run(zoo_parallel *p, size_t n, zoo_task_fn fn, void *context)
{
    if (p->started == 0 || n < 2) {
        for (size_t i = 0; i < n; i++)
            fn(context, i, 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->context = context;
    p->n = n;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->busy = p->started;
    p->generation++;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->busy)
        pthread_cond_wait(&p->idle, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void zoo_parallel_free(zoo_parallel *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = 1;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->idle);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
}
