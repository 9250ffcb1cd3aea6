/* Several owners at one store: no row is given out twice, and those of owners who ended come back. */
#include "unit/store/conformance.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { LEASE = 600000 };                     /* ms: outlives the test */

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static zoo_store *company(struct fixture *f, int64_t lease)
{
    zoo_store *other = open_store(f, &f->places[0], ZOO_STORE_WRITE);

    OK(zoo_store_join(other, lease, &f->err));
    return other;
}

/* Queries q01, q02... up to n. */
static void fill(struct fixture *f, int n)
{
    char lines[8192], line[96];
    size_t size = 0;

    for (int i = 1; i <= n; i++) {
        snprintf(line, sizeof line, NEW("q%02d", "", "%s"), i, i % 2 ? IN("odd") : "");
        size += (size_t)snprintf(lines + size, sizeof lines - size, "%s", line);
    }
    take(f, f->store, lines);
}

/* How many questions of expert m `store` is given, and the last one's key. */
static size_t ask(struct fixture *f, zoo_store *store, size_t limit, zoo_key *after)
{
    const zoo_address like = { .expert = expert_of(f, "m"), .sample = 1, .turn = 1 };
    zoo_store_query q[64];
    size_t n;

    OK(zoo_store_claim_questions(store, NULL, &like, 0, *after, limit, q, &n, &f->arena, &f->err));
    assert_true(n <= limit);
    for (size_t i = 0; i < n; i++) {
        assert_true(q[i].key > *after);
        *after = q[i].key;
    }
    return n;
}

static size_t ask_from_start(struct fixture *f, zoo_store *store, size_t limit)
{
    return ask(f, store, limit, &(zoo_key){ 0 });
}

static uint64_t others(struct fixture *f, zoo_store *store, zoo_key expert)
{
    uint64_t n;

    OK(zoo_store_count_others(store, 0, expert, &n, &f->err));
    return n;
}

/* ---- questions ---- */

static void no_question_is_given_out_twice(void **state)
{
    struct fixture *f = here(state);
    zoo_store *b;
    zoo_key after = 0, first = 0;

    fill(f, 9);
    OK(zoo_store_join(f->store, LEASE, &f->err));
    b = company(f, LEASE);
    assert_int_equal(ask(f, f->store, 3, &after), 3);
    assert_int_equal(after, query_of(f, "q03"));
    assert_int_equal(ask(f, b, 4, &first), 4);               /* q04 to q07 */
    assert_int_equal(first, query_of(f, "q07"));
    assert_int_equal(ask(f, f->store, 3, &after), 2);
    assert_int_equal(ask_from_start(f, b, 10), 0);
    assert_true(others(f, b, 0) == 5 && others(f, f->store, 0) == 4);
    assert_true(others(f, b, expert_of(f, "m")) == 5 && others(f, b, expert_of(f, "n")) == 0);
    zoo_store_close(b);
    assert_int_equal(others(f, f->store, 0), 0);
}

static void answered_and_failed_questions_are_not_given_out(void **state)
{
    struct fixture *f = here(state);
    zoo_failure final = { "refused", 1, NAN, "2026-01-01T00:00:00Z" };
    zoo_selection odd = { .splits = TEXTS("odd") };
    zoo_address at;
    zoo_store_query q[8];
    size_t n;

    fill(f, 6);
    put_text(f, "q01", "m", "yes");
    at = address(f, "q03", "m", 1, 1);
    OK(zoo_store_note_failure(f->store, &at, &final, &f->err));
    OK(zoo_store_join(f->store, LEASE, &f->err));
    OK(zoo_store_claim_questions(f->store, &odd, &at, 0, 0, 8, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
    assert_string_equal(q[0].id, "q05");
    assert_string_equal(q[0].split, "odd");
    OK(zoo_store_claim_questions(f->store, NULL, &at, 1, 0, 2, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);                                  /* also what failed for good */
    assert_string_equal(q[1].id, "q03");
    at.sample = 2;
    OK(zoo_store_claim_questions(f->store, NULL, &at, 0, 0, 8, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 6);
}

static void a_claim_is_dropped_given_up_or_given_back(void **state)
{
    struct fixture *f = here(state);
    zoo_store *b;
    zoo_address at;
    int was_ours;

    fill(f, 3);
    OK(zoo_store_join(f->store, LEASE, &f->err));
    b = company(f, LEASE);
    assert_int_equal(ask_from_start(f, f->store, 3), 3);
    at = address(f, "q01", "m", 1, 1);
    OK(zoo_store_drop_claim(b, 0, &at, &was_ours, &f->err));
    assert_false(was_ours);
    OK(zoo_store_drop_claim(f->store, 0, &at, &was_ours, &f->err));
    assert_true(was_ours);
    OK(zoo_store_drop_claim(f->store, 0, &at, &was_ours, &f->err));
    assert_false(was_ours);
    assert_int_equal(ask_from_start(f, b, 3), 1);            /* q01 again, which nobody answered */
    at = address(f, "q02", "m", 1, 1);
    OK(zoo_store_give_up_claim(f->store, 0, &at, &f->err));
    assert_int_equal(others(f, b, 0), 1);                    /* q03; nobody works at q02 */
    assert_int_equal(ask(f, b, 3, &(zoo_key){ at.query - 1 }), 0);
    zoo_store_leave(f->store);
    assert_int_equal(ask(f, b, 3, &(zoo_key){ at.query - 1 }), 2);
    zoo_store_close(b);
}

/* ---- answers that want a reward ---- */

static void no_answer_is_given_out_twice(void **state)
{
    struct fixture *f = here(state);
    zoo_store *b;
    zoo_store_answer a[8];
    zoo_address after = { 0 };
    zoo_key rm;
    size_t n;

    fill(f, 2);
    put_text(f, "q01", "y", "yes");
    put_text(f, "q01", "x", "a");
    put_text(f, "q02", "y", "");
    put_text(f, "q02", "x", "b");
    put_reward(f, "rm", "q02", "y", 1, 1);
    rm = model_of(f, "rm");
    OK(zoo_store_join(f->store, LEASE, &f->err));
    b = company(f, LEASE);
    OK(zoo_store_claim_answers(f->store, NULL, rm, &after, 2, a, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);
    assert_true(!strcmp(a[0].expert_name, "y") && !strcmp(a[0].text, "yes") && a[0].text_size == 3 &&
                !strcmp(a[0].query.id, "q01"));
    assert_true(!strcmp(a[1].expert_name, "x") && a[1].at.sample == 1 && a[1].at.turn == 1 &&
                a[1].at.query == a[1].query.key);
    OK(zoo_store_claim_answers(b, NULL, rm, &after, 8, a + 2, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
    assert_true(!strcmp(a[2].query.id, "q02") && !strcmp(a[2].expert_name, "x"));
    OK(zoo_store_claim_answers(f->store, NULL, rm, &a[1].at, 8, a + 3, &n, &f->arena, &f->err));
    assert_int_equal(n, 0);
    OK(zoo_store_claim_answers(b, ZOO_IN_SPLIT("odd"), model_of(f, "other"), &after, 8, a + 3, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);                                  /* each reward model has claims of its own */
    zoo_store_close(b);
}

/* ---- owners that end ---- */

static void the_rows_of_a_late_owner_are_free(void **state)
{
    struct fixture *f = here(state);
    zoo_store *late;
    zoo_address at;
    int was_ours;

    fill(f, 2);
    late = company(f, 1);
    assert_int_equal(ask_from_start(f, late, 2), 2);
    wait_ms(30);
    OK(zoo_store_join(f->store, LEASE, &f->err));
    assert_int_equal(ask_from_start(f, f->store, 2), 2);
    at = address(f, "q01", "m", 1, 1);
    OK(zoo_store_drop_claim(late, 0, &at, &was_ours, &f->err));
    assert_false(was_ours);
    OK(zoo_store_renew(late, &f->err));                      /* an owner again, without its claims */
    assert_int_equal(ask_from_start(f, late, 2), 0);
    OK(zoo_store_drop_claim(f->store, 0, &at, &was_ours, &f->err));
    assert_true(was_ours);
    assert_int_equal(ask_from_start(f, late, 2), 1);
    zoo_store_close(late);
}

/* As after its machine slept: the next page comes before the next renewal. */
static void one_that_was_taken_for_dead_claims_as_an_owner_again(void **state)
{
    struct fixture *f = here(state);
    zoo_store *late;

    fill(f, 4);
    late = company(f, 1);
    assert_int_equal(ask_from_start(f, late, 1), 1);
    wait_ms(30);
    OK(zoo_store_join(f->store, LEASE, &f->err));
    assert_int_equal(ask_from_start(f, f->store, 1), 1);
    assert_int_equal(ask_from_start(f, late, 2), 2);
    zoo_store_close(late);
}

static void a_renewed_owner_keeps_its_claims(void **state)
{
    struct fixture *f = here(state);
    zoo_store *b;

    fill(f, 2);
    OK(zoo_store_join(f->store, LEASE, &f->err));
    assert_int_equal(ask_from_start(f, f->store, 2), 2);
    OK(zoo_store_renew(f->store, &f->err));
    OK(zoo_store_join(f->store, LEASE, &f->err));
    b = company(f, LEASE);
    assert_int_equal(others(f, b, 0), 2);
    zoo_store_close(b);
}

/* A child claims everything and says so by a byte; then it waits to be killed. It opens the store itself: neither back
 * end's connection may be carried into a child. */
static pid_t claiming_child(struct fixture *f, int *from)
{
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    assert_true(child >= 0);
    if (!child) {
        const zoo_address like = { .expert = 1, .sample = 1, .turn = 1 };
        zoo_store_query q[8];
        size_t n;
        zoo_store *own;
        if (zoo_store_open(&own, f->places[0].where, ZOO_STORE_WRITE, NULL, &f->err) ||
            zoo_store_join(own, LEASE, &f->err) || zoo_store_claim_questions(own, NULL, &like, 0, 0, 8, q, &n,
                                                                             &f->arena, &f->err) ||
            write(ends[1], &(char){ (char)n }, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    *from = ends[0];
    return child;
}

static void the_rows_of_a_dead_process_are_free_at_once(void **state)
{
    struct fixture *f = here(state);
    char claimed = 0;
    pid_t child;
    int from;

    fill(f, 3);
    assert_int_equal(expert_of(f, "m"), 1);
    zoo_store_close(f->store);
    child = claiming_child(f, &from);
    assert_int_equal(read(from, &claimed, 1), 1);
    close(from);
    assert_int_equal(claimed, 3);
    f->store = open_store(f, &f->places[0], ZOO_STORE_WRITE);
    OK(zoo_store_join(f->store, LEASE, &f->err));
    assert_int_equal(ask_from_start(f, f->store, 8), 0);     /* it lives */
    assert_int_equal(others(f, f->store, 0), 3);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(others(f, f->store, 0), 0);
    assert_int_equal(ask_from_start(f, f->store, 8), 3);
}

/* ---- at once ---- */

enum { THREADS = 4, QUESTIONS = 60 };

struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    const char *where;
    zoo_key expert, keys[QUESTIONS];
    size_t count;
    int rc;
    zoo_err err;
};

/* Makes the store where nobody has yet, and the expert; then claims all there is, five at a time. */
static void *work(void *context)
{
    struct worker *w = context;
    zoo_store_query q[5];
    zoo_arena arena = { 0 };
    zoo_store *store;
    size_t n = 1;

    pthread_barrier_wait(w->start);
    w->rc = zoo_store_open(&store, w->where, ZOO_STORE_CREATE, NULL, &w->err);
    if (!w->rc)
        w->rc = zoo_store_expert(store, "m", &w->expert, &w->err);
    if (!w->rc)
        w->rc = zoo_store_join(store, LEASE, &w->err);
    while (!w->rc && n) {
        const zoo_address like = { .expert = w->expert, .sample = 1, .turn = 1 };
        w->rc = zoo_store_claim_questions(store, NULL, &like, 0, w->count ? w->keys[w->count - 1] : 0, COUNT(q), q, &n,
                                          &arena, &w->err);
        for (size_t i = 0; !w->rc && i < n; i++)
            w->keys[w->count++] = q[i].key;
    }
    pthread_barrier_wait(w->start);                          /* nobody leaves while another still claims */
    zoo_store_close(store);
    zoo_arena_release(&arena);
    return NULL;
}

static void run_workers(struct worker workers[THREADS], const char *where)
{
    pthread_barrier_t start;

    pthread_barrier_init(&start, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .start = &start, .where = where };
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < THREADS; i++) {
        if (workers[i].rc)
            fail_msg("%s", workers[i].err.message);
        assert_int_equal(workers[i].expert, workers[0].expert);
    }
}

static void all_questions_are_shared_without_one_twice(void **state)
{
    struct fixture *f = here(state);
    struct worker workers[THREADS];
    int seen[QUESTIONS + 1] = { 0 };

    fill(f, QUESTIONS);
    run_workers(workers, f->places[0].where);
    for (int i = 0; i < THREADS; i++)
        for (size_t j = 0; j < workers[i].count; j++)
            assert_int_equal(seen[workers[i].keys[j]]++, 0);
    for (int key = 1; key <= QUESTIONS; key++)
        assert_int_equal(seen[key], 1);
}

static void several_make_a_store_at_once(void **state)
{
    struct fixture *f = here(state);
    struct worker workers[THREADS];
    struct place *p = new_place(f, f->back);
    zoo_store_totals n;
    zoo_store *store;

    run_workers(workers, p->where);
    store = open_store(f, p, ZOO_STORE_READ);
    OK(zoo_store_count(store, &n, &f->err));
    assert_int_equal(n.experts, 1);
    zoo_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(no_question_is_given_out_twice),
        ON_BOTH(answered_and_failed_questions_are_not_given_out),
        ON_BOTH(a_claim_is_dropped_given_up_or_given_back),
        ON_BOTH(no_answer_is_given_out_twice),
        ON_BOTH(the_rows_of_a_late_owner_are_free),
        ON_BOTH(one_that_was_taken_for_dead_claims_as_an_owner_again),
        ON_BOTH(a_renewed_owner_keeps_its_claims),
        ON_BOTH(the_rows_of_a_dead_process_are_free_at_once),
        ON_BOTH(all_questions_are_shared_without_one_twice),
        ON_BOTH(several_make_a_store_at_once),
    };
    return cmocka_run_group_tests_name("store/conformance_claims", tests, NULL, NULL);
}
