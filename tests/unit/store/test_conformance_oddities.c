/* What was found by throwing odd lines and deletions at a store; each of it on both back ends. */
#include "unit/store/conformance.h"

/* Everything that is exported can be imported, and says the same of a second store. */
static void comes_back(struct fixture *f)
{
    const struct place *p = new_place(f, f->back);
    zoo_store *other = create_store(f, p);

    for (int i = 0; i <= ZOO_EXPORT_JUDGEMENTS; i++)
        take(f, other, give(f, f->store, (enum zoo_export_what)i, NULL));
    assert_string_equal(give_all(f, other, NULL), give_all(f, f->store, NULL));
    zoo_store_close(other);
}

static void update(struct fixture *f, const char *lines)
{
    OK(try_take(f, f->store, lines, &(zoo_import_options){ .update = 1 }, NULL));
}

static void a_failure_without_a_time_comes_back(void **state)
{
    struct fixture *f = here(state);

    take(f, f->store, NEW("a", "alpha", "") "{\"id\": \"a\", \"expert\": \"m\", \"failed\": {\"cause\": \"x\"}}\n");
    assert_non_null(strstr(give(f, f->store, ZOO_EXPORT_ANSWERS, NULL),
                           "\"failed\": {\"times\": 1, \"cause\": \"x\", \"final\": false}}"));
    comes_back(f);
    FAILS(ZOO_EFORMAT, "'times' should be 1 to 2147483647",
          try_take(f, f->store, "{\"id\": \"a\", \"expert\": \"m\", \"failed\": {\"times\": 2147483648}}\n", NULL,
                   NULL));
    FAILS(ZOO_EFORMAT, "'times' should be 1 to 2147483647",
          try_take(f, f->store, "{\"id\": \"a\", \"expert\": \"m\", \"failed\": {\"times\": 0}}\n", NULL, NULL));
    update(f, "{\"id\": \"a\", \"expert\": \"m\", \"failed\": {\"times\": 2147483647}}\n");
}

static void an_answer_that_says_nothing_is_none(void **state)
{
    struct fixture *f = here(state);
    zoo_import_counts counts = { 0 };

    take(f, f->store, "{\"id\": \"a\", \"query\": \"\", \"rewards\": {\"m\": 1}}\n");
    OK(try_take(f, f->store,
                "{\"id\": \"a\", \"expert\": \"m\"}\n{\"id\": \"a\", \"expert\": \"m\", \"text\": null, \"tokens\": "
                "{}}\n", NULL, &counts));
    assert_int_equal(counts.unchanged, 2);
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ANSWERS, NULL), "");
}

static void zero_has_no_sign(void **state)
{
    struct fixture *f = here(state);

    take(f, f->store, "{\"id\": \"a\", \"query\": \"\", \"rewards\": {\"m\": -0.0}, \"costs\": {\"m\": -0.0}}\n");
    put_reward(f, "default", "a", "n", 1, -0.0);
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ROWS, NULL),
                        "{\"id\": \"a\", \"query\": \"\", \"tags\": [], \"rewards\": {\"m\": 0.0, \"n\": 0.0}, "
                        "\"costs\": {\"m\": 0.0}}\n");
}

static void an_update_keeps_the_field_beside_tags_of_its_kind(void **state)
{
    static const char *const rows[][2] = {               /* what comes, what is there then */
        { "\"dataset\": \"a\", \"tags\": [\"dataset:b\", \"k:v\"]",
          "\"dataset\": \"a\", \"tags\": [\"dataset:b\", \"k:v\"]" },
        { "\"dataset\": \"a\", \"tags\": [\"dataset:c\"]", "\"dataset\": \"a\", \"tags\": [\"k:v\", \"dataset:c\"]" },
        { "\"dataset\": \"z\", \"tags\": [\"dataset:c\"]", "\"dataset\": \"z\", \"tags\": [\"k:v\", \"dataset:c\"]" },
        { "\"dataset\": \"c\", \"tags\": [\"dataset:z\"]", "\"dataset\": \"c\", \"tags\": [\"k:v\", \"dataset:z\"]" },
        { "\"tags\": [\"dataset:d\"]", "\"dataset\": \"d\", \"tags\": [\"k:v\"]" },
        { "\"dataset\": \"d\"", "\"dataset\": \"d\", \"tags\": [\"k:v\"]" },
    };
    struct fixture *f = here(state);
    char line[200];

    take(f, f->store, NEW("a", "", ", \"dataset\": \"a\", \"tags\": [\"dataset:b\", \"k:v\"]"));
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(line, sizeof line, "{\"id\": \"a\", \"query\": \"\", \"rewards\": {}, %s}\n", rows[i][0]);
        update(f, line);
        assert_non_null(strstr(give(f, f->store, ZOO_EXPORT_ROWS, NULL), rows[i][1]));
    }
}

static void costs_and_tokens_of_another_form_stand_beside_numbers(void **state)
{
    struct fixture *f = here(state);

    take(f, f->store, NEW("a", "", ", \"tokens\": 12, \"costs\": [\"costs\"]") NEW("b", "", ", \"x\": {\"costs\": 1}")
         "{\"id\": \"a\", \"costs\": {\"m\": 2}, \"tokens\": {\"m\": 3}}\n{\"id\": \"b\", \"costs\": {\"m\": 2}}\n");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ROWS, NULL),
                        "{\"id\": \"a\", \"query\": \"\", \"tags\": [], \"rewards\": {}, \"tokens\": 12, \"costs\": "
                        "[\"costs\"]}\n"
                        "{\"id\": \"b\", \"query\": \"\", \"tags\": [], \"rewards\": {}, \"costs\": {\"m\": 2.0}, "
                        "\"x\": {\"costs\": 1}}\n");
    comes_back(f);
}

static void the_smallest_numbers_have_a_mean(void **state)
{
    struct fixture *f = here(state);
    zoo_store_item *items;
    size_t n;

    take(f, f->store, "{\"id\": \"a\", \"query\": \"\", \"rewards\": {\"m\": 5e-324, \"n\": -1e-310}}\n"
         "{\"id\": \"b\", \"query\": \"\", \"rewards\": {\"m\": 1}}\n");
    OK(zoo_store_list(f->store, ZOO_LIST_REWARDS, &items, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);
    assert_true(items[0].mean == 0.5 && items[0].count == 2);
    assert_true(fabs(items[1].mean) <= 1e-300);
}

/* A collect in another process that has asked expert "m" the query "a" of the split
 * "train" and waits for the answer. */
static zoo_store *ask(struct fixture *f, const zoo_address *at)
{
    zoo_store *asking = open_store(f, &f->places[0], ZOO_STORE_WRITE);
    zoo_store_query q;
    size_t n;

    OK(zoo_store_join(asking, 60000, &f->err));
    OK(zoo_store_claim_questions(asking, ZOO_IN_SPLIT("train"), at, 0, 0, 1, &q, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
    return asking;
}

static void who_slept_through_a_lease_goes_on_and_knows_it(void **state)
{
    struct fixture *f = here(state);
    zoo_address at;
    zoo_store *asking;
    zoo_store_query q[4];
    size_t n;
    int was_ours;

    three_queries(f);
    at = address(f, "a", "m", 1, 1);
    asking = ask(f, &at);
    assert_int_equal(zoo_store_lost_lease(asking), 0);
    run_sql(&f->places[0], "DELETE FROM claims");
    run_sql(&f->places[0], "DELETE FROM owners");                /* as another process does where one is late */
    OK(zoo_store_claim_questions(asking, ZOO_IN_SPLIT("train"), &at, 0, 0, 4, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);
    assert_int_equal(zoo_store_lost_lease(asking), 1);
    assert_int_equal(zoo_store_lost_lease(asking), 0);
    OK(zoo_store_drop_claim(asking, 0, &at, &was_ours, &f->err));
    assert_true(was_ours && !zoo_store_lost_lease(asking));
    run_sql(&f->places[0], "DELETE FROM claims");
    run_sql(&f->places[0], "DELETE FROM owners");
    at.query = query_of(f, "c");
    OK(zoo_store_drop_claim(asking, 0, &at, &was_ours, &f->err));
    assert_true(!was_ours && zoo_store_lost_lease(asking));
    zoo_store_close(asking);
}

static void what_is_in_work_is_not_deleted(void **state)
{
    struct fixture *f = here(state);
    zoo_address at;
    zoo_store *asking;

    three_queries(f);
    put_reward(f, "judge", "b", "n", 1, 1);
    at = address(f, "a", "m", 1, 1);
    asking = ask(f, &at);
    FAILS(ZOO_ECONFLICT, "at work on the queries in the split 'train'",
          zoo_store_delete(f->store, ZOO_THING_SPLIT, "train", &f->err));
    FAILS(ZOO_ECONFLICT, "at work on the query with the id 'a'",
          zoo_store_delete(f->store, ZOO_THING_QUERY, "a", &f->err));
    FAILS(ZOO_ECONFLICT, "at work on the expert 'm'", zoo_store_delete(f->store, ZOO_THING_EXPERT, "m", &f->err));
    OK(zoo_store_delete(f->store, ZOO_THING_SPLIT, "test", &f->err));
    OK(zoo_store_delete(f->store, ZOO_THING_EXPERT, "n", &f->err));
    OK(zoo_store_delete(f->store, ZOO_THING_REWARD_MODEL, "judge", &f->err));
    zoo_store_close(asking);
    OK(zoo_store_delete(f->store, ZOO_THING_QUERY, "a", &f->err));
    OK(zoo_store_delete(f->store, ZOO_THING_EXPERT, "m", &f->err));
}

static void nothing_is_stored_for_what_was_deleted(void **state)
{
    struct fixture *f = here(state);
    zoo_answer answer = ZOO_ANSWER_NONE;
    zoo_address at;
    zoo_key model;
    zoo_dataset d;

    three_queries(f);
    put_reward(f, "judge", "b", "m", 1, 1);
    at = address(f, "a", "gone", 1, 1);
    model = model_of(f, "gone");
    OK(zoo_store_delete(f->store, ZOO_THING_EXPERT, "gone", &f->err));
    answer.text = "late";
    answer.text_size = 4;
    answer.cost = 1;
    FAILS(ZOO_EIO, "was deleted meanwhile", zoo_store_put_answer(f->store, &at, &answer, &f->err));
    FAILS(ZOO_EIO, "was deleted meanwhile", zoo_store_put_reward(f->store, model, &at, 1, &f->err));
    at.expert = expert_of(f, "m");
    OK(zoo_store_delete(f->store, ZOO_THING_REWARD_MODEL, "gone", &f->err));
    FAILS(ZOO_EIO, "was deleted meanwhile", zoo_store_put_reward(f->store, model, &at, 1, &f->err));
    OK(zoo_store_load(f->store, &(zoo_store_filter){ 0 }, &d, &f->err));
    assert_int_equal(d.n, 3);
    zoo_dataset_release(&d);
}

static void a_writer_sees_what_others_commit_whatever_the_servers_default(void **state)
{
    struct fixture *f = here(state);
    char sql[160];
    zoo_store *other, *writer;
    uint64_t before, after;

    snprintf(sql, sizeof sql, "ALTER DATABASE %s SET default_transaction_isolation = 'serializable'",
             f->places[0].name);
    psql(server(), sql, "");
    writer = open_store(f, &f->places[0], ZOO_STORE_WRITE);
    other = open_store(f, &f->places[0], ZOO_STORE_WRITE);
    OK(zoo_store_begin(writer, &f->err));
    OK(zoo_store_count_queries(writer, NULL, &before, &f->err));
    take(f, other, NEW("a", "alpha", ""));
    OK(zoo_store_count_queries(writer, NULL, &after, &f->err));
    assert_true(before == 0 && after == 1);
    zoo_store_close(writer);
    zoo_store_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_failure_without_a_time_comes_back),
        ON_BOTH(an_answer_that_says_nothing_is_none),
        ON_BOTH(zero_has_no_sign),
        ON_BOTH(an_update_keeps_the_field_beside_tags_of_its_kind),
        ON_BOTH(costs_and_tokens_of_another_form_stand_beside_numbers),
        ON_BOTH(the_smallest_numbers_have_a_mean),
        ON_BOTH(who_slept_through_a_lease_goes_on_and_knows_it),
        ON_BOTH(what_is_in_work_is_not_deleted),
        ON_BOTH(nothing_is_stored_for_what_was_deleted),
        ON_POSTGRES(a_writer_sees_what_others_commit_whatever_the_servers_default),
    };
    return cmocka_run_group_tests_name("store/conformance_oddities", tests, NULL, NULL);
}
