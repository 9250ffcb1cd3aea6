/* asking.c - see asking.h. Layer: cli. */
#include "cli/asking.h"
#include <signal.h>
#include <string.h>

int zoo_asking_commit(zoo_asking *a, zoo_err *err)
{
    if (!a->is_open)
        return ZOO_OK;
    a->is_open = 0;
    return zoo_store_commit(a->store, err);
}

static void on_signal(evutil_socket_t signal_number, short what, void *context)
{
    zoo_asking *a = context;

    (void)what;
    zoo_progress_note(&a->progress, "%s: waiting for what is in flight", signal_number == SIGINT ? "interrupted" : "terminated");
    zoo_dispatch_stop(a->dispatch, ZOO_ASKING_GRACE_MS);
}

int zoo_asking_write(zoo_asking *a, zoo_err *err)
{
    int rc = a->is_open ? ZOO_OK : zoo_store_begin(a->store, err);

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

int zoo_asking_init(zoo_asking *a, const zoo_command *command, zoo_store *store, zoo_lane *lanes, size_t n,
                    const zoo_dispatch_limits *limits, const zoo_dispatch_hooks *hooks, zoo_err *err)
{
    memset(a, 0, sizeof *a);
    a->command = command;
    a->store = store;
    a->loop = event_base_new();
    if (!a->loop)
        return zoo_fail(err, ZOO_EIO, "the system gives no event loop");
    a->on_int = evsignal_new(a->loop, SIGINT, on_signal, a);
    a->on_term = evsignal_new(a->loop, SIGTERM, on_signal, a);
    if (!a->on_int || !a->on_term || evsignal_add(a->on_int, NULL) || evsignal_add(a->on_term, NULL))
        return zoo_fail_nomem(err);
    return zoo_dispatch_new(&a->dispatch, a->loop, lanes, n, limits, hooks, err);
}

int zoo_asking_run(zoo_asking *a, const char *label, uint64_t total, zoo_err *err)
{
    int rc;

    zoo_progress_begin(&a->progress, stderr, label, total);
    rc = zoo_dispatch_run(a->dispatch, err);
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
        zoo_store_rollback(a->store);
    free_event(a->on_int);
    free_event(a->on_term);
    if (a->loop)
        event_base_free(a->loop);
    memset(a, 0, sizeof *a);
}
