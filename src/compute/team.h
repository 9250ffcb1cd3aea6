/* team.h - threads that walk through one computation side by side: each runs the same function, takes its share of
 * every phase, and meets the others at a barrier between phases.
 *
 *     zoo_team *team;
 *     zoo_team_new(&team, 2, ZOO_UNPINNED, &err);
 *     zoo_team_run(team, do_pass, &context);      // do_pass(context, me) on each; zoo_team_meet(me) between phases
 *     zoo_team_free(team);
 *
 * Members spin for a moment before they sleep: a barrier costs well under a microsecond inside a pass, an idle team
 * costs nothing. A team of one has no threads and its barrier is empty.
 * Layer: compute -> base. Threads: one run at a time. */
#ifndef ZOO_COMPUTE_TEAM_H
#define ZOO_COMPUTE_TEAM_H
#include <stddef.h>
#include "base/err.h"

typedef struct zoo_team zoo_team;
/* number 0..of-1; 0 is the caller's thread */
typedef struct zoo_member { zoo_team *team; unsigned number, of; } zoo_member;
typedef void (*zoo_team_fn)(void *context, const zoo_member *me);

enum { ZOO_UNPINNED = -1 };

/* threads 0: one per processor. first_cpu: member i runs on processor first_cpu + i of those allowed;
 * ZOO_UNPINNED: anywhere. */
int zoo_team_new(zoo_team **out, unsigned threads, int first_cpu, zoo_err *err);
unsigned zoo_team_size(const zoo_team *team);
/* Returns when every member has returned. Allocates nothing. */
void zoo_team_run(zoo_team *team, zoo_team_fn fn, void *context);
/* Waits for all members; what was written before is seen by all behind it. */
void zoo_team_meet(const zoo_member *me);
void zoo_team_free(zoo_team *team);                         /* NULL is fine */

/* [*first, *end): this member's share of n items handed out in blocks of `block`; empty where first == end. */
void zoo_member_share(const zoo_member *me, size_t n, size_t block, size_t *first, size_t *end);
#endif
