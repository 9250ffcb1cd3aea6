/* exchange.c - the gradients of a step on their way between ranks: a thread that sums what is handed over, in order,
 * while the backward pass goes on; see exchange.h. */
#include "train/exchange.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NO_SLOT UINT32_MAX

enum kind { DENSE, IDS, ROWS };
struct job { enum kind kind; float *x; const uint32_t *ids; size_t n; };

struct zoo_exchange {
    zoo_ranks *ranks;
    zoo_exchange_size size;
    pthread_t thread;
    int has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *jobs;                /* (size.jobs) of this step */
    size_t begun, done;              /* jobs handed over, and behind us */
    int is_over;
    zoo_err failure;                 /* code 0: none */
    float *room;
    /* rows */
    uint32_t *counts;                /* (R) */
    uint32_t *ids;                   /* of all ranks, one behind the other */
    size_t ids_size;
    size_t *starts;                  /* (R + 1): of the ranks in ids */
    uint32_t *slots;                 /* (V): where a word stands in the union, or NO_SLOT */
    uint32_t *all;                   /* (U) */
    size_t U;
    float *sent, *received;          /* own rows by the rank that sums them; theirs for the own part, by rank */
    size_t received_size;            /* rows */
};

/* ---- rows ---- */

static int grow(void **memory, size_t *size, size_t wanted, size_t width, zoo_err *err)
{
    void *more;

    if (wanted <= *size)
        return ZOO_OK;
    more = realloc(*memory, wanted * width);
    if (!more)
        return zoo_fail_nomem(err);
    *memory = more;
    *size = wanted;
    return ZOO_OK;
}

static void unite(zoo_exchange *x)
{
    for (size_t i = 0; i < x->U; i++)
        x->slots[x->all[i]] = NO_SLOT;
    x->U = 0;
    for (size_t i = 0; i < x->starts[x->ranks->count] && x->U < x->size.rows; i++)
        if (x->slots[x->ids[i]] == NO_SLOT) {
            x->slots[x->ids[i]] = (uint32_t)x->U;
            x->all[x->U++] = x->ids[i];
        }
}

static int check_ids(const zoo_exchange *x, zoo_err *err)
{
    for (size_t i = 0; i < x->starts[x->ranks->count]; i++)
        if (x->ids[i] >= x->size.V)
            return zoo_fail(err, ZOO_EFORMAT, "another rank has word %u, and there are %zu", x->ids[i], x->size.V);
    return ZOO_OK;
}

static int exchange_ids(zoo_exchange *x, const uint32_t *ids, size_t n, zoo_err *err)
{
    zoo_ranks *ranks = x->ranks;
    zoo_block *out = ranks->blocks, *in = out + ranks->count;
    uint32_t count = (uint32_t)n;
    int rc = zoo_ranks_gather(ranks, &count, sizeof count, x->counts, err);

    for (unsigned r = 0; !rc && r < ranks->count; r++) {
        if (x->counts[r] > x->size.rows)
            return zoo_fail(err, ZOO_EFORMAT, "rank %u has %u words in a step, and %zu are possible", r, x->counts[r],
                            x->size.rows);
        x->starts[r + 1] = x->starts[r] + x->counts[r];
    }
    if (!rc)
        rc = grow((void **)&x->ids, &x->ids_size, x->starts[ranks->count], sizeof *x->ids, err);
    if (rc)
        return rc;
    if (n)
        memcpy(x->ids + x->starts[ranks->rank], ids, n * sizeof *ids);
    for (unsigned r = 0; r < ranks->count; r++) {
        out[r] = (zoo_block){ x->ids + x->starts[ranks->rank], r == ranks->rank ? 0 : n * sizeof *ids };
        in[r] = (zoo_block){ x->ids + x->starts[r], r == ranks->rank ? 0 : x->counts[r] * sizeof *ids };
    }
    rc = ranks->class->swap(ranks, out, in, err);
    if (!rc)
        rc = check_ids(x, err);
    if (!rc)
        unite(x);
    return rc;
}

/* Rank r's rows that lie in rows first..first+count of the union, counted; with `rows`,
 * their copies behind each other in `to`. */
static size_t pick(const zoo_exchange *x, unsigned r, size_t first, size_t count, const float *rows, float *to)
{
    size_t picked = 0, E = x->size.E;

    for (size_t i = 0; i < x->counts[r]; i++) {
        size_t slot = x->slots[x->ids[x->starts[r] + i]];
        if (slot < first || slot >= first + count)
            continue;
        if (rows)
            memcpy(to + picked*E, rows + i*E, E * sizeof *to);
        picked++;
    }
    return picked;
}

static void add_rows(const zoo_exchange *x, unsigned r, size_t first, size_t count, const float *from, float *rows)
{
    size_t E = x->size.E;

    for (size_t i = 0; i < x->counts[r]; i++) {
        size_t slot = x->slots[x->ids[x->starts[r] + i]];
        float *to = rows + slot*E;
        if (slot < first || slot >= first + count)
            continue;
#pragma omp simd
        for (size_t e = 0; e < E; e++)
            to[e] += from[e];
        from += E;
    }
}

static int send_rows(zoo_exchange *x, const float *rows, zoo_err *err)
{
    zoo_ranks *ranks = x->ranks;
    size_t E = x->size.E, own, own_count, first, count, sent = 0, received = 0, n;

    zoo_ranks_part(ranks, x->U, ranks->rank, &own, &own_count);
    for (unsigned r = 0; r < ranks->count; r++)
        received += pick(x, r, own, own_count, NULL, NULL);
    n = grow((void **)&x->received, &x->received_size, received, E * sizeof *x->received, err);
    if (n)
        return ZOO_ENOMEM;
    received = 0;
    for (unsigned r = 0; r < ranks->count; r++) {
        float *in = x->received + received*E;
        int is_own = r == ranks->rank;
        zoo_ranks_part(ranks, x->U, r, &first, &count);
        n = pick(x, ranks->rank, first, count, rows, is_own ? in : x->sent + sent*E);
        ranks->blocks[r] = (zoo_block){ x->sent + sent*E, is_own ? 0 : n * E * sizeof *in };
        sent += is_own ? 0 : n;
        n = pick(x, r, own, own_count, NULL, NULL);
        ranks->blocks[ranks->count + r] = (zoo_block){ in, is_own ? 0 : n * E * sizeof *in };
        received += n;
    }
    return ranks->class->swap(ranks, ranks->blocks, ranks->blocks + ranks->count, err);
}

static int exchange_rows(zoo_exchange *x, float *rows, zoo_err *err)
{
    size_t E = x->size.E, own, own_count, received = 0;
    int rc = send_rows(x, rows, err);

    if (rc)
        return rc;
    zoo_ranks_part(x->ranks, x->U, x->ranks->rank, &own, &own_count);
    memset(rows + own*E, 0, own_count * E * sizeof *rows);
    for (unsigned r = 0; r < x->ranks->count; r++) {
        add_rows(x, r, own, own_count, x->received + received*E, rows);
        received += pick(x, r, own, own_count, NULL, NULL);
    }
    return zoo_ranks_spread(x->ranks, rows, x->U, E, err);
}

/* ---- the thread ---- */

static int do_job(zoo_exchange *x, const struct job *job, zoo_err *err)
{
    switch (job->kind) {
    case IDS: return exchange_ids(x, job->ids, job->n, err);
    case ROWS: return exchange_rows(x, job->x, err);
    default: return zoo_ranks_sum(x->ranks, job->x, job->n, x->room, err);
    }
}

static void *work(void *context)
{
    zoo_exchange *x = context;

    pthread_mutex_lock(&x->lock);
    while (!x->is_over) {
        struct job job;
        zoo_err err = { 0 };
        if (x->done == x->begun) {
            pthread_cond_wait(&x->changed, &x->lock);
            continue;
        }
        job = x->jobs[x->done];
        pthread_mutex_unlock(&x->lock);
        if (!x->failure.code)                           /* written by this thread alone */
            do_job(x, &job, &err);
        pthread_mutex_lock(&x->lock);
        if (err.code)
            x->failure = err;
        x->done++;
        pthread_cond_broadcast(&x->changed);
    }
    pthread_mutex_unlock(&x->lock);
    return NULL;
}

static void hand_over(zoo_exchange *x, struct job job)
{
    pthread_mutex_lock(&x->lock);
    x->jobs[x->begun++] = job;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

void zoo_exchange_dense(zoo_exchange *x, float *grads, size_t n)
{
    hand_over(x, (struct job){ DENSE, grads, NULL, n });
}

void zoo_exchange_ids(zoo_exchange *x, const uint32_t *ids, size_t count)
{
    hand_over(x, (struct job){ IDS, NULL, ids, count });
}

void zoo_exchange_rows(zoo_exchange *x, float *rows)
{
    hand_over(x, (struct job){ ROWS, rows, NULL, 0 });
}

int zoo_exchange_finish(zoo_exchange *x, zoo_err *err)
{
    int rc;

    pthread_mutex_lock(&x->lock);
    while (x->done < x->begun)
        pthread_cond_wait(&x->changed, &x->lock);
    x->begun = x->done = 0;
    rc = x->failure.code;
    if (rc && err)
        *err = x->failure;
    pthread_mutex_unlock(&x->lock);
    return rc;
}

size_t zoo_exchange_union(const zoo_exchange *x, const uint32_t **ids)
{
    *ids = x->all;
    return x->U;
}

/* ---- life ---- */

static int alloc(zoo_exchange *x, zoo_err *err)
{
    size_t R = x->ranks->count, rows = x->size.rows;

    x->jobs = calloc(x->size.jobs + 1, sizeof *x->jobs);
    x->room = malloc((zoo_ranks_sum_room(x->ranks, x->size.dense) + 1) * sizeof *x->room);
    x->counts = calloc(R, sizeof *x->counts);
    x->starts = calloc(R + 1, sizeof *x->starts);
    x->slots = malloc((x->size.V + 1) * sizeof *x->slots);
    x->all = malloc((rows + 1) * sizeof *x->all);
    x->sent = malloc((rows * x->size.E + 1) * sizeof *x->sent);
    if (!x->jobs || !x->room || !x->counts || !x->starts || !x->slots || !x->all || !x->sent)
        return zoo_fail_nomem(err);
    memset(x->slots, 0xff, x->size.V * sizeof *x->slots);
    return ZOO_OK;
}

int zoo_exchange_new(zoo_exchange **out, zoo_ranks *ranks, const zoo_exchange_size *size, zoo_err *err)
{
    zoo_exchange *x = calloc(1, sizeof *x);
    int rc;

    *out = NULL;
    if (!x)
        return zoo_fail_nomem(err);
    x->ranks = ranks;
    x->size = *size;
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->changed, NULL);
    rc = alloc(x, err);
    if (!rc && (rc = pthread_create(&x->thread, NULL, work, x)))
        rc = zoo_fail_errno(err, rc, "starting a thread for the exchange with other ranks");
    if (rc) {
        zoo_exchange_free(x);
        return rc;
    }
    x->has_thread = 1;
    *out = x;
    return ZOO_OK;
}

void zoo_exchange_free(zoo_exchange *x)
{
    if (!x)
        return;
    if (x->has_thread) {
        pthread_mutex_lock(&x->lock);
        x->is_over = 1;
        pthread_cond_broadcast(&x->changed);
        pthread_mutex_unlock(&x->lock);
        pthread_join(x->thread, NULL);
    }
    pthread_cond_destroy(&x->changed);
    pthread_mutex_destroy(&x->lock);
    free(x->jobs);
    free(x->room);
    free(x->counts);
    free(x->ids);
    free(x->starts);
    free(x->slots);
    free(x->all);
    free(x->sent);
    free(x->received);
    free(x);
}
