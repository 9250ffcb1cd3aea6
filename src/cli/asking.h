/* asking.h - what `collect` and `reward` share when they ask endpoints for thousands of things and store what comes
 * back: the loop, the dispatch, commits, leases, signals and progress.
 *
 *     zoo_asking_init(&a, &(zoo_asking_plan){ command, store, lanes, n, &limits, &hooks, again }, &err);
 *     zoo_asking_run(&a, "collect", total, &err);       // take calls zoo_asking_write(), settle zoo_asking_commit()
 *     zoo_asking_release(&a);
 *
 * What arrives in one turn of the loop is committed together before anything more is asked. The store's claims are
 * renewed meanwhile. It goes round until a round finds nothing, and nobody else at work on the same store may leave
 * something behind. SIGINT and SIGTERM stop asking, give what is in flight a moment, and commit;
 * a second one does not wait. Layer: cli. */
#ifndef ZOO_CLI_ASKING_H
#define ZOO_CLI_ASKING_H
#include <stdint.h>
#include "base/progress.h"
#include "cli/command.h"
#include "llm/dispatch.h"
#include "store/store.h"

enum { ZOO_ASKING_GRACE_MS = 5000, ZOO_ASKING_LEASE_MS = 60000 };

typedef struct zoo_asking_plan {
    const zoo_command *command;
    zoo_store *store;                  /* has joined */
    zoo_lane *lanes;
    size_t n;
    const zoo_dispatch_limits *limits;
    const zoo_dispatch_hooks *hooks;
    /* All that could be claimed is done. As zoo_asking_again(), for a round from the beginning; negative: an error. */
    int (*again)(void *context, zoo_err *err);
} zoo_asking_plan;

typedef struct zoo_asking {
    zoo_asking_plan plan;
    struct event_base *loop;
    struct event *on_int, *on_term, *on_lease, *on_rest;
    zoo_dispatch *dispatch;            /* of this round; NULL between two */
    zoo_progress progress;
    uint64_t taken, lost;
    int is_open;                       /* a transaction is */
    int is_stopped;                    /* a signal came */
    zoo_err failure;                   /* of a renewal; code 0: none */
} zoo_asking;

enum { ZOO_ASKING_MOMENT_MS = 250, ZOO_ASKING_MOMENTS_MAX = 32 };
enum { ZOO_ASKING_ENDS, ZOO_ASKING_AT_ONCE, ZOO_ASKING_IN_A_MOMENT };
/* After a round: whether there is to be another, since work that a round has passed by may come free behind it: its
 * owner died, was late, or left. found: the round claimed something. *has_company: others were at work at the last
 * look. Negative: an error. */
int zoo_asking_again(zoo_store *store, zoo_key reward_model, int found, int *has_company, zoo_err *err);
/* Of ZOO_ASKING_MOMENT_MS, to wait for others before the next round: twice as many each time
 * that a round has found nothing. */
unsigned zoo_asking_moments(unsigned last, int found);

int zoo_asking_init(zoo_asking *a, const zoo_asking_plan *plan, zoo_err *err);
/* Until all is taken or lost. ZOO_ECANCELED: a signal came. What was put is committed in any case that allows it. */
int zoo_asking_run(zoo_asking *a, const char *label, uint64_t total, zoo_err *err);
/* Makes sure that a transaction is open; the dispatch's settle hook is to commit it. */
int zoo_asking_write(zoo_asking *a, zoo_err *err);
int zoo_asking_commit(zoo_asking *a, zoo_err *err);
void zoo_asking_count(zoo_asking *a, int was_taken);          /* one more taken or lost, for the progress */
void zoo_asking_release(zoo_asking *a);
#endif
