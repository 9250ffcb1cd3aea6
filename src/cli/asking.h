/* asking.h - what `collect` and `reward` share when they ask endpoints for thousands of things and store what comes back: the
 * loop, the dispatch, commits, signals and progress.
 *
 *     zoo_asking_init(&a, command, store, lanes, n, &limits, &hooks, &err);
 *     zoo_asking_run(&a, "collect", total, &err);               // take calls zoo_asking_write(), settle zoo_asking_commit()
 *     zoo_asking_release(&a);
 *
 * What arrives in one turn of the loop is committed together before anything more is asked. SIGINT and SIGTERM stop asking, give what is in flight a moment, and commit; a second one does not
 * wait. Layer: cli. */
#ifndef ZOO_CLI_ASKING_H
#define ZOO_CLI_ASKING_H
#include <stdint.h>
#include "base/progress.h"
#include "cli/command.h"
#include "llm/dispatch.h"
#include "store/store.h"

enum { ZOO_ASKING_GRACE_MS = 5000 };

typedef struct zoo_asking {
    const zoo_command *command;
    zoo_store *store;
    struct event_base *loop;
    struct event *on_int, *on_term;
    zoo_dispatch *dispatch;
    zoo_progress progress;
    uint64_t taken, lost;
    int is_open;                       /* a transaction is */
} zoo_asking;

int zoo_asking_init(zoo_asking *a, const zoo_command *command, zoo_store *store, zoo_lane *lanes, size_t n,
                    const zoo_dispatch_limits *limits, const zoo_dispatch_hooks *hooks, zoo_err *err);
/* Until all is taken or lost. ZOO_ECANCELED: a signal came. What was put is committed in any case that allows it. */
int zoo_asking_run(zoo_asking *a, const char *label, uint64_t total, zoo_err *err);
/* Makes sure that a transaction is open; the dispatch's settle hook is to commit it. */
int zoo_asking_write(zoo_asking *a, zoo_err *err);
int zoo_asking_commit(zoo_asking *a, zoo_err *err);
void zoo_asking_count(zoo_asking *a, int was_taken);          /* one more taken or lost, for the progress */
void zoo_asking_release(zoo_asking *a);
#endif
