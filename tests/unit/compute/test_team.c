#include "unit/cm.h"
#include <sched.h>
#include <string.h>
#include "base/parallel.h"
#include "compute/team.h"

enum { PHASES = 200, MOST = 5 };
struct walk { unsigned steps[MOST][PHASES]; unsigned late; };

/* Each writes its step of a phase; behind the barrier each sees the others' steps, which are not atomic. */
static void walk(void *context, const zoo_member *me)
{
    struct walk *w = context;

    for (unsigned phase = 0; phase < PHASES; phase++) {
        w->steps[me->number][phase] = phase + 1;
        zoo_team_meet(me);
        for (unsigned i = 0; i < me->of; i++)
            if (w->steps[i][phase] != phase + 1)
                w->late = 1;
        zoo_team_meet(me);
    }
}

static void members_see_what_was_written_before_the_barrier(void **state)
{
    static struct walk w;

    (void)state;
    for (unsigned threads = 1; threads <= MOST; threads++) {
        zoo_team *team;
        assert_int_equal(zoo_team_new(&team, threads, ZOO_UNPINNED, NULL), ZOO_OK);
        assert_int_equal(zoo_team_size(team), threads);
        for (unsigned run = 0; run < 5; run++) {
            memset(&w, 0, sizeof w);
            zoo_team_run(team, walk, &w);
            assert_int_equal(w.late, 0);
        }
        zoo_team_free(team);
    }
    zoo_team_free(NULL);
}

static void shares_cover_all_once(void **state)
{
    (void)state;
    for (unsigned of = 1; of <= 7; of++)
        for (size_t n = 0; n < 70; n++)
            for (size_t block = 1; block <= 32; block *= 2) {
                size_t next = 0, first, end;
                for (unsigned number = 0; number < of; number++) {
                    zoo_member me = { NULL, number, of };
                    zoo_member_share(&me, n, block, &first, &end);
                    assert_true(first == next && end >= first && (first % block == 0 || first == n));
                    next = end;
                }
                assert_int_equal(next, n);
            }
}

static void note_processor(void *context, const zoo_member *me)
{
    ((int *)context)[me->number] = sched_getcpu();
}

static void pinned_members_run_where_they_should(void **state)
{
    unsigned n = zoo_parallel_processors();
    int at[64] = { 0 };
    cpu_set_t allowed, now;
    zoo_team *team;
    zoo_err err;

    (void)state;
    if (n > 64)
        n = 64;
    assert_int_equal(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    assert_int_equal(zoo_team_new(&team, n, 0, &err), ZOO_OK);
    zoo_team_run(team, note_processor, at);
    zoo_team_free(team);
    for (unsigned i = 0; i < n; i++) {
        assert_true(CPU_ISSET(at[i], &allowed));
        assert_true(i == 0 || at[i] > at[i - 1]);
    }
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_int_equal(CPU_COUNT(&now), 1);
    assert_int_equal(sched_setaffinity(0, sizeof allowed, &allowed), 0);
    assert_int_equal(zoo_team_new(&team, n + 1, 0, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "do not fit"));
    assert_null(team);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_see_what_was_written_before_the_barrier),
        cmocka_unit_test(shares_cover_all_once),
        cmocka_unit_test(pinned_members_run_where_they_should),
    };
    return cmocka_run_group_tests_name("compute/team", tests, NULL, NULL);
}
