#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <math.h>
#include "store/db.h"

struct fixture {
    char dir[32], path[64];
    zoo_store *store;
    zoo_arena arena;
    zoo_err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    memcpy(f->dir, "/tmp/zooter-XXXXXX", 19);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/s.db", f->dir);
    if (zoo_store_open(&f->store, f->path, ZOO_STORE_CREATE, &f->err))
        fail_msg("%s", f->err.message);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    zoo_store_close(f->store);
    zoo_arena_release(&f->arena);
    unlink(f->path);
    assert_int_equal(rmdir(f->dir), 0);              /* nothing is left beside a closed store */
    free(f);
    return 0;
}

static void exec(struct fixture *f, const char *sql)
{
    if (zoo_db_exec(f->store, sql, &f->err))
        fail_msg("%s", f->err.message);
}

static void three_queries(struct fixture *f)
{
    exec(f, "INSERT INTO queries (key, id, split, text) VALUES (1, 'a', 'train', 'alpha'), (2, 'b', 'test', 'beta'),"
            "(5, 'c', 'train', '')");
}

static void pages_of_a_split_come_in_order(void **state)
{
    struct fixture *f = *state;
    zoo_store_query q[2];
    size_t n;
    uint64_t count;

    three_queries(f);
    assert_int_equal(zoo_store_queries(f->store, NULL, 0, 2, q, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 2);
    assert_string_equal(q[1].text, "beta");
    assert_int_equal(zoo_store_queries(f->store, NULL, q[1].key, 2, q, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 1);
    assert_string_equal(q[0].id, "c");
    assert_string_equal(q[0].extra, "{}");
    assert_int_equal(q[0].text_size, 0);
    assert_int_equal(zoo_store_queries(f->store, "train", 1, 2, q, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 1);
    assert_int_equal(q[0].key, 5);
    assert_int_equal(zoo_store_count_queries(f->store, "train", &count, &f->err), ZOO_OK);
    assert_int_equal(count, 2);
    assert_int_equal(zoo_store_set_split(f->store, 2, "train", &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_split(f->store, 3, "train", &f->err), ZOO_EUSAGE);
    assert_int_equal(zoo_store_set_split(f->store, 2, "", &f->err), ZOO_EUSAGE);
    assert_int_equal(zoo_store_count_queries(f->store, "train", &count, &f->err), ZOO_OK);
    assert_int_equal(count, 3);
}

static void an_answer_is_kept_and_not_asked_for_again(void **state)
{
    struct fixture *f = *state;
    zoo_key e, again;
    zoo_store_query q[4];
    size_t n;
    zoo_response r = { "yes", 3, NULL, -1, 7, 0.5 };

    three_queries(f);
    assert_int_equal(zoo_store_expert(f->store, "org/model-7b", &e, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_expert(f->store, "org/model-7b", &again, &f->err), ZOO_OK);
    assert_int_equal(e, again);
    assert_int_equal(zoo_store_expert(f->store, "no spaces", &again, &f->err), ZOO_EFORMAT);
    assert_int_equal(zoo_store_put_response(f->store, 2, e, &r, &f->err), ZOO_OK);
    r.text = "no!";
    assert_int_equal(zoo_store_put_response(f->store, 2, e, &r, &f->err), ZOO_ECONFLICT);
    assert_int_equal(zoo_store_unanswered(f->store, NULL, e, 0, 4, q, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 2);
    assert_int_equal(q[1].key, 5);
    assert_int_equal(zoo_store_put_response(f->store, 77, e, &r, &f->err), ZOO_EIO);         /* no such query */
}

static void unrewarded_answers_come_in_pages(void **state)
{
    struct fixture *f = *state;
    zoo_key e[2], m;
    zoo_store_answer a[4];
    size_t n;
    zoo_response r = { "yes", 3, "stop", 1, 7, 0.5 };

    three_queries(f);
    zoo_store_expert(f->store, "x", &e[0], &f->err);
    zoo_store_expert(f->store, "y", &e[1], &f->err);
    assert_int_equal(zoo_store_reward_model(f->store, "rm", &m, &f->err), ZOO_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(zoo_store_put_response(f->store, 1, e[i], &r, &f->err), ZOO_OK);
        assert_int_equal(zoo_store_put_response(f->store, 5, e[i], &r, &f->err), ZOO_OK);
    }
    assert_int_equal(zoo_store_put_reward(f->store, m, 5, e[0], 1.5, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_put_reward(f->store, m, 5, e[0], NAN, &f->err), ZOO_EUSAGE);
    assert_int_equal(zoo_store_unrewarded(f->store, NULL, m, 0, 0, 2, a, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 2);
    assert_string_equal(a[1].expert_name, "y");
    assert_string_equal(a[1].query.text, "alpha");
    assert_int_equal(zoo_store_unrewarded(f->store, NULL, m, a[1].query.key, a[1].expert, 2, a, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 1);
    assert_int_equal(a[0].query.key, 5);
    assert_int_equal(a[0].expert, e[1]);
    assert_string_equal(a[0].text, "yes");
}

static void loading_gives_arrays_with_nan_for_what_is_missing(void **state)
{
    struct fixture *f = *state;
    const char *subjects[] = { "law", "art" };
    zoo_key e[3], m;
    zoo_dataset d;

    three_queries(f);
    for (int i = 0; i < 3; i++)
        zoo_store_expert(f->store, (const char *[]){ "z", "y", "x" }[i], &e[i], &f->err);
    zoo_store_reward_model(f->store, "rm", &m, &f->err);
    assert_int_equal(zoo_store_put_reward(f->store, m, 1, e[0], 0.25, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_put_reward(f->store, m, 5, e[2], -1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_put_reward(f->store, m, 2, e[1], 9, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 1, "subject", subjects, 2, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 5, "subject", subjects + 1, 1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 5, "subset", subjects, 1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 2, "elsewhere", subjects, 1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 2, "a:b", subjects, 1, &f->err), ZOO_EUSAGE);

    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .split = "train" }, &d, &f->err), ZOO_OK);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.k, 2);                        /* y has no reward in this split */
    assert_string_equal(d.experts[0], "z");
    assert_string_equal(d.experts[1], "x");
    assert_true(d.rewards[0] == 0.25f && d.rewards[1] != d.rewards[1]);
    assert_true(d.rewards[2] != d.rewards[2] && d.rewards[3] == -1.0f);
    assert_int_equal(d.kind_count, 2);
    assert_string_equal(d.kinds[0].name, "subset");
    assert_string_equal(d.kinds[1].name, "subject");
    assert_int_equal(d.kinds[1].offsets[1], 2);
    assert_int_equal(d.kinds[1].offsets[2], 3);
    assert_string_equal(d.kinds[1].value_names[d.kinds[1].tags[2]], "art");
    assert_int_equal(d.kinds[0].offsets[1], 0);
    zoo_dataset_release(&d);

    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .aside = "train" }, &d, &f->err), ZOO_OK);
    assert_int_equal(d.n, 3);
    assert_int_equal(d.aside, 2);                    /* come last */
    assert_int_equal(d.k, 3);
    assert_true(d.rewards[0 * 3 + 1] == 9.0f && d.rewards[1 * 3 + 0] == 0.25f && d.rewards[2 * 3 + 2] == -1.0f);
    zoo_dataset_release(&d);
    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .split = "train", .aside = "train" }, &d, &f->err), ZOO_EUSAGE);
    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .aside = "dev" }, &d, &f->err), ZOO_EUSAGE);

    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .split = "dev" }, &d, &f->err), ZOO_EUSAGE);
    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .reward_model = "nil" }, &d, &f->err), ZOO_EUSAGE);
    zoo_store_reward_model(f->store, "second", &m, &f->err);
    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ 0 }, &d, &f->err), ZOO_EUSAGE);
    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ .reward_model = "second" }, &d, &f->err), ZOO_OK);
    assert_int_equal(d.n, 3);
    assert_int_equal(d.k, 0);
    zoo_dataset_release(&d);
}

static void tags_of_a_kind_are_replaced(void **state)
{
    struct fixture *f = *state;
    const char *v[] = { "one", "two", "one" };
    zoo_dataset d;

    three_queries(f);
    assert_int_equal(zoo_store_set_tags(f->store, 1, "k", v, 1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 1, "k", v + 1, 2, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 2, "k", v, 3, &f->err), ZOO_OK);           /* twice the same counts once */
    assert_int_equal(zoo_store_load(f->store, &(zoo_store_filter){ 0 }, &d, &f->err), ZOO_OK);
    assert_int_equal(d.kinds[0].offsets[1], 2);
    assert_string_equal(d.kinds[0].value_names[d.kinds[0].tags[0]], "two");
    assert_int_equal(d.kinds[0].offsets[2], 4);
    zoo_dataset_release(&d);
}

static void a_querys_tags_come_in_their_order(void **state)
{
    struct fixture *f = *state;
    zoo_store_tag *one, *two;
    size_t n;
    char name[16];

    three_queries(f);
    const char *many[20];
    for (size_t i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "v%zu", 19 - i);
        many[i] = zoo_arena_copy(&f->arena, name, strlen(name));
    }
    assert_int_equal(zoo_store_set_tags(f->store, 1, "z", many, 20, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 1, "a", many + 3, 1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_set_tags(f->store, 2, "a", many + 3, 1, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_tags(f->store, 1, &one, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 21);
    for (size_t i = 0; i < 20; i++)
        assert_string_equal(one[i].value, many[i]);
    assert_string_equal(one[20].kind, "a");
    assert_int_equal(zoo_store_tags(f->store, 2, &two, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 1);
    assert_true(two[0].key == one[20].key && one[20].key != one[3].key);
    assert_int_equal(zoo_store_tags(f->store, 5, &two, &n, &f->arena, &f->err), ZOO_OK);
    assert_int_equal(n, 0);
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t n;

    assert_int_equal(zoo_store_begin(f->store, &f->err), ZOO_OK);
    three_queries(f);
    zoo_store_rollback(f->store);
    assert_int_equal(zoo_store_count_queries(f->store, NULL, &n, &f->err), ZOO_OK);
    assert_int_equal(n, 0);
}

static void runs_are_logged(void **state)
{
    struct fixture *f = *state;
    zoo_key run;

    assert_int_equal(zoo_store_begin_run(f->store, "collect", "{\"n\":1}", &run, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_end_run(f->store, run, "done", NULL, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_end_run(f->store, run + 1, "done", NULL, &f->err), ZOO_EUSAGE);
}

static void refuse(struct fixture *f, const char *sql, enum zoo_store_mode mode, const char *words)
{
    zoo_store *s;

    if (sql)
        exec(f, sql);
    assert_int_equal(zoo_store_open(&s, f->path, mode, &f->err), ZOO_EFORMAT);
    assert_null(s);
    if (!strstr(f->err.message, words))
        fail_msg("'%s' should say '%s'", f->err.message, words);
}

static void files_that_are_no_store_are_refused(void **state)
{
    struct fixture *f = *state;
    zoo_store *s;
    FILE *file;

    refuse(f, "PRAGMA user_version = 99", ZOO_STORE_CREATE, "newer zooter");
    refuse(f, "PRAGMA user_version = 0", ZOO_STORE_READ, "older zooter");
    refuse(f, "PRAGMA user_version = 1; PRAGMA application_id = 5", ZOO_STORE_CREATE, "another program");
    zoo_store_close(f->store);
    f->store = NULL;
    unlink(f->path);
    assert_int_equal(zoo_store_open(&s, f->path, ZOO_STORE_WRITE, &f->err), ZOO_EIO);
    assert_non_null(strstr(f->err.message, "no such store"));
    file = fopen(f->path, "w");
    refuse(f, NULL, ZOO_STORE_WRITE, "empty");
    for (int i = 0; i < 1000; i++)
        fputs("not a database ", file);
    fclose(file);
    refuse(f, NULL, ZOO_STORE_CREATE, "not a store");
    assert_int_equal(zoo_store_open(&s, f->dir, ZOO_STORE_CREATE, &f->err), ZOO_EFORMAT);
}

static void a_migration_is_run_whole_or_not_at_all(void **state)
{
    static const char *const steps[] = { "", "ALTER TABLE queries ADD COLUMN more TEXT; CREATE TABLE extra (x)", "CREATE TABLE extra (y)" };
    struct fixture *f = *state;
    int64_t version, columns;

    three_queries(f);
    assert_int_equal(zoo_schema_run(f->store, steps, 1, 3, &f->err), ZOO_EIO);
    zoo_db_number(f->store, "PRAGMA user_version", &version, NULL, &f->err);
    zoo_db_number(f->store, "SELECT count(*) FROM pragma_table_info('queries')", &columns, NULL, &f->err);
    assert_int_equal(version, 1);
    assert_int_equal(columns, 5);
    assert_int_equal(zoo_schema_run(f->store, steps, 1, 2, &f->err), ZOO_OK);
    zoo_db_number(f->store, "PRAGMA user_version", &version, NULL, &f->err);
    assert_int_equal(version, 2);
}

static void deletion_takes_along_what_hangs_on_it(void **state)
{
    struct fixture *f = *state;
    const char *tag = "t";
    zoo_key e[2], m;
    zoo_response r = { "yes", 3, NULL, -1, -1, 0 };
    zoo_store_totals n;

    three_queries(f);
    zoo_store_expert(f->store, "x", &e[0], &f->err);
    zoo_store_expert(f->store, "y", &e[1], &f->err);
    zoo_store_reward_model(f->store, "rm", &m, &f->err);
    for (int i = 0; i < 2; i++)
        for (int query = 1; query <= 2; query++) {
            assert_int_equal(zoo_store_put_response(f->store, query, e[i], &r, &f->err), ZOO_OK);
            assert_int_equal(zoo_store_put_reward(f->store, m, query, e[i], i, &f->err), ZOO_OK);
            assert_int_equal(zoo_store_set_tags(f->store, query, "k", &tag, 1, &f->err), ZOO_OK);
        }
    assert_int_equal(zoo_store_delete(f->store, ZOO_THING_QUERY, "a", &f->err), ZOO_OK);
    assert_int_equal(zoo_store_delete(f->store, ZOO_THING_QUERY, "a", &f->err), ZOO_EUSAGE);
    zoo_store_count(f->store, &n, &f->err);
    assert_int_equal(n.queries, 2);
    assert_int_equal(n.responses, 2);
    assert_int_equal(n.rewards, 2);
    assert_int_equal(zoo_store_delete(f->store, ZOO_THING_EXPERT, "x", &f->err), ZOO_OK);
    assert_int_equal(zoo_store_delete(f->store, ZOO_THING_REWARD_MODEL, "rm", &f->err), ZOO_OK);
    assert_int_equal(zoo_store_delete(f->store, ZOO_THING_SPLIT, "train", &f->err), ZOO_OK);
    assert_int_equal(zoo_store_delete(f->store, ZOO_THING_SPLIT, "train", &f->err), ZOO_EUSAGE);
    zoo_store_count(f->store, &n, &f->err);
    assert_int_equal(n.queries, 1);
    assert_int_equal(n.experts, 1);
    assert_int_equal(n.responses, 1);
    assert_int_equal(n.rewards, 0);
    assert_int_equal(n.reward_models, 0);
}

static void a_copy_is_complete_and_nothing_is_replaced_by_accident(void **state)
{
    struct fixture *f = *state;
    char path[80], log[90];
    zoo_store *copy;
    uint64_t n;
    FILE *file;

    three_queries(f);
    snprintf(path, sizeof path, "%s/copy.db", f->dir);
    snprintf(log, sizeof log, "%s-wal", path);
    assert_int_equal(zoo_store_backup(f->store, f->path, 1, NULL, &f->err), ZOO_EUSAGE);       /* onto itself */
    assert_int_equal(zoo_store_backup(f->store, path, 0, NULL, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_backup(f->store, path, 0, NULL, &f->err), ZOO_EUSAGE);
    file = fopen(log, "w");                          /* another store's log must not be read with our copy */
    fclose(file);
    assert_int_equal(zoo_store_backup(f->store, path, 1, NULL, &f->err), ZOO_EUSAGE);
    unlink(log);
    assert_int_equal(zoo_store_backup(f->store, path, 1, NULL, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_open(&copy, path, ZOO_STORE_WRITE, &f->err), ZOO_OK);
    assert_int_equal(zoo_store_count_queries(copy, NULL, &n, &f->err), ZOO_OK);
    assert_int_equal(n, 3);
    zoo_store_close(copy);
    unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pages_of_a_split_come_in_order),
        TEST(an_answer_is_kept_and_not_asked_for_again),
        TEST(unrewarded_answers_come_in_pages),
        TEST(loading_gives_arrays_with_nan_for_what_is_missing),
        TEST(tags_of_a_kind_are_replaced),
        TEST(a_querys_tags_come_in_their_order),
        TEST(a_rolled_back_transaction_leaves_nothing),
        TEST(runs_are_logged),
        TEST(files_that_are_no_store_are_refused),
        TEST(a_migration_is_run_whole_or_not_at_all),
        TEST(deletion_takes_along_what_hangs_on_it),
        TEST(a_copy_is_complete_and_nothing_is_replaced_by_accident),
    };
    return cmocka_run_group_tests_name("store/store", tests, NULL, NULL);
}
