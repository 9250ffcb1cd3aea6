/* route_pool.c - routing on worker threads, so that the event loop never runs a forward pass; see route_pool.h. */
#include "gateway/route_pool.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/clock.h"
#include "model/router.h"

/* A pass of an encoder takes time with every token: what waits goes together while it is short,
 * so that nobody is late for others. */
enum { KEPT_TEXT = 64 << 10, TOGETHER = 16, TOGETHER_BYTES = 1024 };

struct zoo_route_job {
    zoo_route_pool *pool;
    /* The loop's, always. */
    void (*done)(void *context, const zoo_routing *routing);       /* NULL: nobody waits any more */
    void *context;
    uint64_t submitted_ns;
    TAILQ_ENTRY(zoo_route_job) waiting;                            /* while somebody waits; oldest first */
    int is_queued;                                                 /* under the lock: no worker has it yet */
    /* The worker's while it has the job, then the loop's. */
    zoo_buf text;
    zoo_decision decision;
    zoo_err err;
    int rc;
    TAILQ_ENTRY(zoo_route_job) link;                               /* queued, finished (under the lock) or spare */
    float probabilities[];                                         /* (k) */
};
TAILQ_HEAD(job_list, zoo_route_job);

struct worker {
    zoo_route_pool *pool;
    zoo_workspace *workspace;
    float *probabilities;                                          /* (TOGETHER, k) */
    pthread_t thread;
};

struct zoo_route_pool {
    const zoo_router *router;
    zoo_route_fn route;                                            /* NULL: zoo_router_route_many */
    zoo_route_limits limits;
    /* The loop's. */
    struct event *wake, *timer;
    struct job_list waiting, spare;
    size_t load;
    int is_timed;
    /* Shared. */
    int fd;                               /* eventfd, edge-triggered and never read: `finished` is not empty any more */
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct job_list queued, finished;
    int is_stopping;
    unsigned threads;
    struct worker workers[];
};

/* ---- workers ---- */

static void hand_back(zoo_route_pool *pool, zoo_route_job *job)
{
    uint64_t one = 1;
    int was_empty;

    pthread_mutex_lock(&pool->lock);
    was_empty = TAILQ_EMPTY(&pool->finished);
    TAILQ_INSERT_TAIL(&pool->finished, job, link);
    pthread_mutex_unlock(&pool->lock);
    while (was_empty && write(pool->fd, &one, sizeof one) < 0 && errno == EINTR) { }
}

/* Waits for work. Takes the oldest job, and of an encoder those behind it while they are short together;
 * 0: the pool is stopping. */
static size_t take(zoo_route_pool *pool, zoo_route_job *jobs[TOGETHER])
{
    size_t most = !pool->route && zoo_router_packs(pool->router) ? TOGETHER : 1, n = 0, bytes = 0;
    zoo_route_job *job;

    pthread_mutex_lock(&pool->lock);
    while (!pool->is_stopping && TAILQ_EMPTY(&pool->queued))
        pthread_cond_wait(&pool->work, &pool->lock);
    while (!pool->is_stopping && n < most && (job = TAILQ_FIRST(&pool->queued))) {
        bytes += job->text.size;
        if (n && bytes > TOGETHER_BYTES)
            break;
        TAILQ_REMOVE(&pool->queued, job, link);
        job->is_queued = 0;
        jobs[n++] = job;
    }
    pthread_mutex_unlock(&pool->lock);
    return n;
}

static void route_together(struct worker *worker, zoo_route_job **jobs, size_t n)
{
    zoo_route_pool *pool = worker->pool;
    size_t k = zoo_router_expert_count(pool->router), sizes[TOGETHER], done = 0;
    const char *texts[TOGETHER];
    zoo_decision decisions[TOGETHER];
    zoo_err err;
    int rc;

    for (size_t i = 0; i < n; i++) {
        texts[i] = jobs[i]->text.data;
        sizes[i] = jobs[i]->text.size;
    }
    rc = zoo_router_route_many(pool->router, worker->workspace, texts, sizes, n, worker->probabilities, decisions,
                               &done, &err);
    for (size_t i = 0; i < n; i++) {
        jobs[i]->rc = i < done ? ZOO_OK : rc;
        if (jobs[i]->rc) {
            jobs[i]->err = err;
            continue;
        }
        memcpy(jobs[i]->probabilities, worker->probabilities + i*k, k * sizeof *worker->probabilities);
        jobs[i]->decision = decisions[i];
    }
}

static void *work(void *context)
{
    struct worker *worker = context;
    zoo_route_pool *pool = worker->pool;
    zoo_route_job *jobs[TOGETHER];
    size_t n;

    while ((n = take(pool, jobs))) {
        if (pool->route)
            jobs[0]->rc = pool->route(pool->router, worker->workspace, jobs[0]->text.data, jobs[0]->text.size,
                                      jobs[0]->probabilities, &jobs[0]->decision, &jobs[0]->err);
        else
            route_together(worker, jobs, n);
        for (size_t i = 0; i < n; i++)
            hand_back(pool, jobs[i]);
    }
    return NULL;
}

/* ---- the loop's side ---- */

static void job_free(zoo_route_job *job)
{
    zoo_buf_release(&job->text);
    free(job);
}

static void job_recycle(zoo_route_job *job)
{
    if (job->text.capacity > KEPT_TEXT)
        zoo_buf_release(&job->text);
    job->pool->load--;
    TAILQ_INSERT_HEAD(&job->pool->spare, job, link);
}

/* Whoever waits is told; the job may still be a worker's. */
static void answer(zoo_route_job *job, zoo_routing *routing, uint64_t now)
{
    void (*done)(void *, const zoo_routing *) = job->done;

    job->done = NULL;
    TAILQ_REMOVE(&job->pool->waiting, job, waiting);
    routing->seconds = (double)(now - job->submitted_ns) * 1e-9;
    done(job->context, routing);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    zoo_route_pool *pool = context;
    struct job_list finished = TAILQ_HEAD_INITIALIZER(finished);
    uint64_t now = zoo_clock_ns();
    zoo_route_job *job;

    (void)fd;
    (void)what;
    pthread_mutex_lock(&pool->lock);
    TAILQ_CONCAT(&finished, &pool->finished, link);
    pthread_mutex_unlock(&pool->lock);
    while ((job = TAILQ_FIRST(&finished))) {
        TAILQ_REMOVE(&finished, job, link);
        if (job->done)
            answer(job, &(zoo_routing){ .outcome = job->rc ? ZOO_ROUTING_FAILED : ZOO_ROUTING_DONE,
                                        .probabilities = job->probabilities, .was_cut = job->decision.was_cut,
                                        .message = job->err.message }, now);
        job_recycle(job);
    }
}

/* Nobody waits any more. A job that no worker has is taken back at once. */
static void give_up(zoo_route_job *job)
{
    zoo_route_pool *pool = job->pool;
    int was_queued;

    pthread_mutex_lock(&pool->lock);
    was_queued = job->is_queued;
    if (was_queued) {
        TAILQ_REMOVE(&pool->queued, job, link);
        job->is_queued = 0;
    }
    pthread_mutex_unlock(&pool->lock);
    if (was_queued)
        job_recycle(job);
}

static void arm(zoo_route_pool *pool, uint64_t now)
{
    const zoo_route_job *oldest = TAILQ_FIRST(&pool->waiting);
    uint64_t at, us;

    if (!oldest || pool->is_timed)
        return;
    at = oldest->submitted_ns + pool->limits.deadline_ms * UINT64_C(1000000);
    us = at > now ? (at - now) / 1000 + 1 : 1;
    pool->is_timed = 1;
    event_add(pool->timer, &(struct timeval){ (time_t)(us / 1000000), (suseconds_t)(us % 1000000) });
}

/* All have the same time, so the oldest is the first to be late; a timer that finds its job done looks at the next. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
    zoo_route_pool *pool = context;
    uint64_t now = zoo_clock_ns(), limit = pool->limits.deadline_ms * UINT64_C(1000000);
    zoo_route_job *job;

    (void)fd;
    (void)what;
    pool->is_timed = 0;
    while ((job = TAILQ_FIRST(&pool->waiting)) && now - job->submitted_ns >= limit) {
        answer(job, &(zoo_routing){ .outcome = ZOO_ROUTING_LATE }, now);
        give_up(job);
    }
    arm(pool, now);
}

static zoo_route_job *job_new(zoo_route_pool *pool)
{
    zoo_route_job *job = TAILQ_FIRST(&pool->spare);

    if (job) {
        TAILQ_REMOVE(&pool->spare, job, link);
        return job;
    }
    job = calloc(1, sizeof *job + zoo_router_expert_count(pool->router) * sizeof job->probabilities[0]);
    if (job) {
        job->pool = pool;
        job->text = (zoo_buf)ZOO_BUF_INIT(SIZE_MAX / 2);
    }
    return job;
}

zoo_route_job *zoo_route_submit(zoo_route_pool *pool, const char *text, size_t size,
                                void (*done)(void *, const zoo_routing *), void *context)
{
    zoo_route_job *job = pool->load < pool->limits.queue ? job_new(pool) : NULL;

    if (!job)
        return NULL;
    pool->load++;
    zoo_buf_clear(&job->text);
    if (zoo_buf_add(&job->text, text, size)) {
        job_recycle(job);
        return NULL;
    }
    job->done = done;
    job->context = context;
    job->submitted_ns = zoo_clock_ns();
    job->err.message[0] = '\0';
    TAILQ_INSERT_TAIL(&pool->waiting, job, waiting);
    pthread_mutex_lock(&pool->lock);
    job->is_queued = 1;
    TAILQ_INSERT_TAIL(&pool->queued, job, link);
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->work);
    arm(pool, job->submitted_ns);
    return job;
}

void zoo_route_cancel(zoo_route_job *job)
{
    TAILQ_REMOVE(&job->pool->waiting, job, waiting);
    job->done = NULL;
    give_up(job);
}

size_t zoo_route_pool_load(const zoo_route_pool *pool)
{
    return pool->load;
}

/* ---- the pool ---- */

static int worker_init(struct worker *worker, zoo_route_pool *pool, zoo_err *err)
{
    zoo_options options = { .size = sizeof options, .threads = zoo_router_packs(pool->router) ? pool->limits.threads :
                            1 };
    int rc = zoo_workspace_new_with(&worker->workspace, pool->router, &options, err);

    worker->pool = pool;
    if (rc)
        return rc;
    worker->probabilities = malloc(TOGETHER * zoo_router_expert_count(pool->router) * sizeof *worker->probabilities);
    return worker->probabilities ? ZOO_OK : zoo_fail_nomem(err);
}

static void worker_release(struct worker *worker)
{
    zoo_workspace_free(worker->workspace);
    free(worker->probabilities);
}

/* Signals are the loop's business. */
static int start_worker(zoo_route_pool *pool, zoo_err *err)
{
    struct worker *worker = &pool->workers[pool->threads];
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);                   /* for the workspace's threads too */
    rc = worker_init(worker, pool, err);
    if (!rc && (rc = pthread_create(&worker->thread, NULL, work, worker)))
        rc = zoo_fail_errno(err, rc, "cannot start a thread that routes");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc)
        worker_release(worker);
    else
        pool->threads++;
    return rc;
}

int zoo_route_pool_new(zoo_route_pool **out, struct event_base *loop, const zoo_router *router,
                       const zoo_route_limits *limits, zoo_route_fn route, zoo_err *err)
{
    zoo_route_pool *pool = calloc(1, sizeof *pool + limits->threads * sizeof pool->workers[0]);
    int failed = ZOO_OK;

    *out = NULL;
    if (!pool)
        return zoo_fail_nomem(err);
    pool->router = router;
    pool->route = route;
    pool->limits = *limits;
    TAILQ_INIT(&pool->waiting);
    TAILQ_INIT(&pool->spare);
    TAILQ_INIT(&pool->queued);
    TAILQ_INIT(&pool->finished);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (pool->fd < 0)
        failed = zoo_fail_errno(err, errno, "cannot make an eventfd");
    pool->wake = event_new(loop, pool->fd, EV_READ | EV_PERSIST | EV_ET, on_wake, pool);
    pool->timer = event_new(loop, -1, 0, on_timer, pool);
    if (!failed && (!pool->wake || !pool->timer || event_add(pool->wake, NULL)))
        failed = zoo_fail_nomem(err);
    while (!failed && pool->threads < (zoo_router_packs(router) ? 1 : limits->threads))
        failed = start_worker(pool, err);
    if (failed)
        zoo_route_pool_free(pool);
    else
        *out = pool;
    return failed;
}

static void free_jobs(struct job_list *list)
{
    zoo_route_job *job;

    while ((job = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, job, link);
        job_free(job);
    }
}

void zoo_route_pool_free(zoo_route_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->is_stopping = 1;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    for (unsigned i = 0; i < pool->threads; i++) {
        pthread_join(pool->workers[i].thread, NULL);
        worker_release(&pool->workers[i]);
    }
    free_jobs(&pool->queued);
    free_jobs(&pool->finished);
    free_jobs(&pool->spare);
    if (pool->wake)
        event_free(pool->wake);
    if (pool->timer)
        event_free(pool->timer);
    if (pool->fd >= 0)
        close(pool->fd);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
