/* asking.c - see asking.h. Layer: cli. */
#include "cli/asking.h"
#include <signal.h>
#include <string.h>

int zoo_asking_commit(zoo_asking *a, zoo_err *err)
{
    if (!a->is_open)
        return ZOO_OK;
    a->is_open = 0;
    return zoo_store_commit(a->plan.store, err);
}

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
    zoo_asking *a = context;

    (void)what;
    a->is_stopped = 1;
    zoo_progress_note(&a->progress, "%s: waiting for what is in flight",
                      signal_number == SIGINT ? "interrupted" : "terminated");
    if (a->dispatch)
        zoo_dispatch_stop(a->dispatch, ZOO_ASKING_GRACE_MS);
    else
        event_base_loopbreak(a->loop);
}

/* A lease that cannot be renewed is no reason to stop asking: what comes is kept where nobody else was faster. A store
 * that cannot be written is found by the next answer. */
static void on_lease(evutil_socket_t fd, short what, void *context)
{
    zoo_asking *a = context;

    (void)fd, (void)what;
    zoo_store_renew(a->plan.store, &a->failure);
}

static void on_rest(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    event_base_loopbreak(((zoo_asking *)context)->loop);
}

int zoo_asking_write(zoo_asking *a, zoo_err *err)
{
    int rc = a->is_open ? ZOO_OK : zoo_store_begin(a->plan.store, err);

    a->is_open |= !rc;
    return rc;
}

void zoo_asking_count(zoo_asking *a, int was_taken)
{
    if (was_taken) {
        a->taken++;
    } else {
        a->lost++;
        zoo_progress_note(&a->progress, "%llu failed", (unsigned long long)a->lost);
    }
    zoo_progress_set(&a->progress, a->taken + a->lost);
}

int zoo_asking_init(zoo_asking *a, const zoo_asking_plan *plan, zoo_err *err)
{
    const struct timeval third = { ZOO_ASKING_LEASE_MS / 3000, 0 };

    memset(a, 0, sizeof *a);
    a->plan = *plan;
    a->loop = event_base_new();
    if (!a->loop)
        return zoo_fail(err, ZOO_EIO, "the system gives no event loop");
    a->on_int = evsignal_new(a->loop, SIGINT, on_signal, a);
    a->on_term = evsignal_new(a->loop, SIGTERM, on_signal, a);
    a->on_lease = event_new(a->loop, -1, EV_PERSIST, on_lease, a);
    a->on_rest = evtimer_new(a->loop, on_rest, a);
    if (!a->on_int || !a->on_term || !a->on_lease || !a->on_rest || evsignal_add(a->on_int, NULL) ||
        evsignal_add(a->on_term, NULL) || event_add(a->on_lease, &third))
        return zoo_fail_nomem(err);
    return ZOO_OK;
}

static int run_round(zoo_asking *a, zoo_err *err)
{
    const zoo_asking_plan *p = &a->plan;
    int rc = zoo_dispatch_new(&a->dispatch, a->loop, p->lanes, p->n, p->limits, p->hooks, err);

    if (!rc)
        rc = zoo_dispatch_run(a->dispatch, err);
    zoo_dispatch_free(a->dispatch);
    a->dispatch = NULL;
    return rc;
}

/* A moment of the loop, in which leases are renewed and signals come. */
static int rest(zoo_asking *a, zoo_err *err)
{
    const struct timeval moment = { 0, ZOO_ASKING_MOMENT_MS * 1000 };

    zoo_progress_note(&a->progress, "waiting for others at work on this store");
    event_add(a->on_rest, &moment);
    event_base_dispatch(a->loop);
    return a->is_stopped ? zoo_fail(err, ZOO_ECANCELED, "stopped") : ZOO_OK;
}

unsigned zoo_asking_moments(unsigned last, int found)
{
    return found ? 1 : 2 * last < ZOO_ASKING_MOMENTS_MAX ? 2 * last : ZOO_ASKING_MOMENTS_MAX;
}

int zoo_asking_again(zoo_store *store, zoo_key reward_model, int found, int *has_company, zoo_err *err)
{
    int had_company = *has_company;
    uint64_t others;
    int rc = zoo_store_count_others(store, reward_model, 0, &others, err);

    if (rc)
        return rc;
    *has_company = others > 0;
    return others ? ZOO_ASKING_IN_A_MOMENT : found || had_company ? ZOO_ASKING_AT_ONCE : ZOO_ASKING_ENDS;
}

/* Whether there is a further round, after up to `moments` while others are at work: a round looks at the whole store
 * and keeps others waiting. */
static int wait_for_others(zoo_asking *a, unsigned moments, zoo_err *err)
{
    int rc = a->plan.again(a->plan.hooks->context, err);

    for (unsigned i = 0; rc == ZOO_ASKING_IN_A_MOMENT && i < moments; i++) {
        rc = rest(a, err);
        if (!rc)
            rc = a->plan.again(a->plan.hooks->context, err);
    }
    return rc;
}

int zoo_asking_run(zoo_asking *a, const char *label, uint64_t total, zoo_err *err)
{
    unsigned moments = 1;
    uint64_t before;
    int rc;

    zoo_progress_begin(&a->progress, stderr, label, total);
    do {
        before = a->taken + a->lost;
        rc = run_round(a, err);
        moments = zoo_asking_moments(moments, a->taken + a->lost > before);
        if (!rc)
            rc = wait_for_others(a, moments, err);
    } while (rc > ZOO_ASKING_ENDS);
    zoo_progress_end(&a->progress);
    return rc;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void zoo_asking_release(zoo_asking *a)
{
    zoo_dispatch_free(a->dispatch);
    if (a->is_open)
        zoo_store_rollback(a->plan.store);
    free_event(a->on_int);
    free_event(a->on_term);
    free_event(a->on_lease);
    free_event(a->on_rest);
    if (a->loop)
        event_base_free(a->loop);
    memset(a, 0, sizeof *a);
}
