/* claims.c - work that is claimed before it is done, so that several processes share it. A claim belongs to an owner,
 * which a process is between zoo_store_join() and zoo_store_leave(); it ends with its owner. An owner ends when it
 * leaves, when it was late to renew itself, or when its process is seen to be dead: on this machine the operating
 * system knows, so that a killed run can be begun again at once.
 *
 *     free -- claim --> claimed -- drop (done) --> free, and stored
 *                          |-- give up --> set aside until the owner ends
 *                          '-- the owner ends --> free
 *
 * Layer: store. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "store/sql.h"

enum { HOST_SIZE = 200 };

/* ---- who is who ---- */

/* A name for this boot of this machine and this space of process numbers (containers on one
 * machine each have their own). */
static void name_host(char host[HOST_SIZE])
{
    char boot[64] = "unknown", space[64] = "";
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

    if (f && !fgets(boot, sizeof boot, f))
        boot[0] = 0;
    if (f)
        fclose(f);
    else if (gethostname(boot, sizeof boot - 1))
        boot[0] = 0;
    boot[strcspn(boot, "\n")] = 0;
    if (readlink("/proc/self/ns/pid", space, sizeof space - 1) < 0)
        space[0] = 0;
    snprintf(host, HOST_SIZE, "%s %s", boot, space);
}

/* When the process began, in ticks since boot, by which a number that was given twice is told apart;
 * 0: not known, -1: no such process. */
static int64_t process_started(int64_t process)
{
    char path[64], line[1024] = "";
    const char *at;
    FILE *f;
    long long started = 0;

    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process);
    f = fopen(path, "r");
    if (!f)
        return kill((pid_t)process, 0) && errno == ESRCH ? -1 : 0;
    at = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;        /* behind the name, which may hold anything */
    fclose(f);
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at)
        started = strtoll(at + 1, NULL, 10);
    return started;
}

static int is_dead(int64_t process, int64_t started)
{
    int64_t now = process_started(process);

    return now < 0 || (now > 0 && started > 0 && now != started);
}

/* ---- owners ---- */

static int end_owner(zoo_store *s, zoo_key owner, zoo_err *err)
{
    int own, rc = zoo_sql_atomic_begin(s, &own, err);

    if (rc)
        return rc;
    rc = zoo_sql_run(s, ZOO_SQL_OWNER_CLAIMS_DELETE, err, owner);
    if (!rc)
        rc = zoo_sql_run(s, ZOO_SQL_OWNER_DELETE, err, owner);
    return zoo_sql_atomic_end(s, own, rc, err);
}

/* The next owner behind `after` that is late or dead; 0: there is none. */
static int find_ended(zoo_store *s, zoo_key after, zoo_key *ended, zoo_err *err)
{
    char host[HOST_SIZE];
    int rc = zoo_sql_bind(s, ZOO_SQL_OWNERS, err);

    name_host(host);
    *ended = 0;
    while (!rc && !*ended && (rc = zoo_sql_step(s, ZOO_SQL_OWNERS, err)) == 1) {
        zoo_key key = zoo_sql_number(s, ZOO_SQL_OWNERS, 0);
        const char *its_host;
        int is_late = zoo_sql_number(s, ZOO_SQL_OWNERS, 4) != 0, is_here;
        rc = zoo_sql_get(s, ZOO_SQL_OWNERS, 1, &its_host, NULL, err);
        is_here = its_host && !strcmp(its_host, host);
        if (!rc && key > after && key != s->owner &&
            (is_late || (is_here && is_dead(zoo_sql_number(s, ZOO_SQL_OWNERS, 2),
                                            zoo_sql_number(s, ZOO_SQL_OWNERS, 3)))))
            *ended = key;
    }
    zoo_sql_reset(s, ZOO_SQL_OWNERS);
    return rc;
}

static int end_the_dead(zoo_store *s, zoo_err *err)
{
    zoo_key after = 0, ended;
    int rc;

    while (!(rc = find_ended(s, after, &ended, err)) && ended) {
        rc = end_owner(s, ended, err);
        if (rc)
            break;
        after = ended;
    }
    return rc;
}

int zoo_store_join(zoo_store *s, int64_t lease_ms, zoo_err *err)
{
    char host[HOST_SIZE];
    int64_t me = getpid();
    int rc = end_the_dead(s, err);

    if (rc || s->owner)
        return rc;
    name_host(host);
    s->lease_ms = lease_ms;
    rc = zoo_sql_bind(s, ZOO_SQL_OWNER_NEW, err, host, me, process_started(me), lease_ms);
    return rc ? rc : zoo_sql_single(s, ZOO_SQL_OWNER_NEW, &s->owner, NULL, err);
}

/* One that came too late is an owner again, without its claims. */
int zoo_store_renew(zoo_store *s, zoo_err *err)
{
    int rc = zoo_sql_run(s, ZOO_SQL_OWNER_RENEW, err, s->owner, s->lease_ms);

    if (rc || zoo_sql_changes(s))
        return rc;
    s->has_lost_lease = 1;
    s->owner = 0;
    return zoo_store_join(s, s->lease_ms, err);
}

int zoo_store_lost_lease(zoo_store *s)
{
    int has_lost = s->has_lost_lease;

    s->has_lost_lease = 0;
    return has_lost;
}

void zoo_store_leave(zoo_store *s)
{
    if (s->owner)
        end_owner(s, s->owner, NULL);
    s->owner = 0;
}

/* ---- claims ---- */

/* Claims in a transaction of its own; nobody else claims meanwhile. The lease begins anew: one that was taken for dead,
 * because its machine slept, may not know it yet, and only an owner can claim. */
static int begin_claiming(zoo_store *s, zoo_err *err)
{
    int rc = zoo_store_begin(s, err);

    if (!rc)
        rc = zoo_sql_run(s, ZOO_SQL_CLAIM_LOCK, err);
    return rc ? rc : zoo_store_renew(s, err);
}

static int end_claiming(zoo_store *s, int rc, zoo_err *err)
{
    if (!rc)
        return zoo_store_commit(s, err);
    zoo_store_rollback(s);
    return rc;
}

int zoo_store_claim_questions(zoo_store *s, const zoo_selection *selection, const zoo_address *like, int again,
                              zoo_key after, size_t limit, zoo_store_query *out, size_t *count, zoo_arena *arena,
                              zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_CLAIMED_QUESTIONS;
    int rc = begin_claiming(s, err);

    *count = 0;
    if (!rc)
        rc = zoo_sql_run(s, ZOO_SQL_CLAIM_QUESTIONS, err, ZOO_SELECTED(selection), like->expert, like->sample,
                         like->turn, (int64_t)again, after, s->owner, (int64_t)limit);
    if (!rc && zoo_sql_changes(s))
        rc = zoo_sql_bind(s, id, err, s->owner, like->expert, like->sample, like->turn, after);
    else
        limit = 0;
    while (!rc && *count < limit && (rc = zoo_sql_step(s, id, err)) == 1) {
        rc = zoo_sql_read_query(s, id, &out[*count], arena, err);
        *count += !rc;
    }
    zoo_sql_reset(s, id);
    return end_claiming(s, rc, err);
}

static int read_answer(zoo_store *s, enum zoo_sql id, zoo_store_answer *out, zoo_arena *arena, zoo_err *err)
{
    int rc = zoo_sql_read_query(s, id, &out->query, arena, err);

    out->at = (zoo_address){ out->query.key, zoo_sql_number(s, id, 5), zoo_sql_number(s, id, 7),
                             zoo_sql_number(s, id, 8) };
    if (!rc)
        rc = zoo_sql_copy(s, id, 6, arena, &out->expert_name, NULL, err);
    return rc ? rc : zoo_sql_copy(s, id, 9, arena, &out->text, &out->text_size, err);
}

int zoo_store_claim_answers(zoo_store *s, const zoo_selection *selection, zoo_key reward_model,
                            const zoo_address *after, size_t limit, zoo_store_answer *out, size_t *count,
                            zoo_arena *arena, zoo_err *err)
{
    const enum zoo_sql id = ZOO_SQL_CLAIMED_ANSWERS;
    int rc = begin_claiming(s, err);

    *count = 0;
    if (!rc)
        rc = zoo_sql_run(s, ZOO_SQL_CLAIM_ANSWERS, err, ZOO_SELECTED(selection), reward_model, after->query,
                         after->expert, after->sample, after->turn, s->owner, (int64_t)limit);
    if (!rc && zoo_sql_changes(s))
        rc = zoo_sql_bind(s, id, err, s->owner, reward_model, after->query, after->expert, after->sample, after->turn);
    else
        limit = 0;
    while (!rc && *count < limit && (rc = zoo_sql_step(s, id, err)) == 1) {
        rc = read_answer(s, id, &out[*count], arena, err);
        *count += !rc;
    }
    zoo_sql_reset(s, id);
    return end_claiming(s, rc, err);
}

int zoo_store_drop_claim(zoo_store *s, zoo_key reward_model, const zoo_address *at, int *was_ours, zoo_err *err)
{
    int rc = zoo_sql_run(s, ZOO_SQL_CLAIM_DROP, err, reward_model, at->query, at->expert, at->sample, at->turn,
                         s->owner);
    int is_ours = !rc && zoo_sql_changes(s) > 0;

    if (was_ours)
        *was_ours = is_ours;
    return rc || is_ours || !s->owner ? rc : zoo_store_renew(s, err);         /* are all claims gone? */
}

int zoo_store_drop_claims(zoo_store *s, zoo_key reward_model, const zoo_address *like, const zoo_keys *queries,
                          zoo_err *err)
{
    int rc = zoo_sql_run(s, ZOO_SQL_CLAIMS_DROP, err, reward_model, like->expert, like->sample, like->turn, s->owner,
                         queries);

    return rc || (size_t)zoo_sql_changes(s) == queries->count || !s->owner ? rc : zoo_store_renew(s, err);
}

int zoo_store_give_up_claim(zoo_store *s, zoo_key reward_model, const zoo_address *at, zoo_err *err)
{
    return zoo_sql_run(s, ZOO_SQL_CLAIM_GIVE_UP, err, reward_model, at->query, at->expert, at->sample, at->turn,
                       s->owner);
}

int zoo_store_count_others(zoo_store *s, zoo_key reward_model, zoo_key expert, uint64_t *count, zoo_err *err)
{
    int64_t n = 0;
    int rc = end_the_dead(s, err);

    if (!rc)
        rc = zoo_sql_bind(s, ZOO_SQL_CLAIMS_OF_OTHERS, err, reward_model, expert, s->owner);
    if (!rc)
        rc = zoo_sql_single(s, ZOO_SQL_CLAIMS_OF_OTHERS, &n, NULL, err);
    *count = (uint64_t)n;
    return rc;
}
