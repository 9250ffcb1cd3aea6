/* Queries, tags, experts, answers, failures, rewards, judgements,
 * runs: put in by the functions of store.h, seen through them. */
#include "unit/store/conformance.h"

/* ---- queries and tags ---- */

static void pages_of_a_split_come_in_order(void **state)
{
    struct fixture *f = here(state);
    zoo_store_query q[2];
    size_t n;
    uint64_t count;

    three_queries(f);
    OK(zoo_store_queries(f->store, NULL, 0, 2, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);
    assert_string_equal(q[1].text, "beta");
    OK(zoo_store_queries(f->store, NULL, q[1].key, 2, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
    assert_string_equal(q[0].id, "c");
    assert_string_equal(q[0].extra, "{}");
    assert_int_equal(q[0].text_size, 0);
    OK(zoo_store_queries(f->store, ZOO_IN_SPLIT("train"), query_of(f, "a"), 2, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
    assert_int_equal(q[0].key, query_of(f, "c"));
    OK(zoo_store_queries(f->store, NULL, q[0].key, 2, q, &n, &f->arena, &f->err));
    assert_int_equal(n, 0);
    OK(zoo_store_count_queries(f->store, ZOO_IN_SPLIT("train"), &count, &f->err));
    assert_int_equal(count, 2);
}

static void a_query_changes_its_split(void **state)
{
    struct fixture *f = here(state);
    zoo_store_query q;
    size_t n;
    uint64_t count;

    three_queries(f);
    OK(zoo_store_set_split(f->store, query_of(f, "b"), "train", &f->err));
    FAILS(ZOO_EUSAGE, "no query with the key", zoo_store_set_split(f->store, 1000, "train", &f->err));
    FAILS(ZOO_EUSAGE, "is empty", zoo_store_set_split(f->store, query_of(f, "b"), "", &f->err));
    FAILS(ZOO_EFORMAT, "control character", zoo_store_set_split(f->store, query_of(f, "b"), "a\tb", &f->err));
    OK(zoo_store_count_queries(f->store, ZOO_IN_SPLIT("train"), &count, &f->err));
    assert_int_equal(count, 3);
    OK(zoo_store_set_split(f->store, query_of(f, "a"), NULL, &f->err));
    OK(zoo_store_queries(f->store, NULL, 0, 1, &q, &n, &f->arena, &f->err));
    assert_null(q.split);
    OK(zoo_store_count_queries(f->store, ZOO_IN_SPLIT("train"), &count, &f->err));
    assert_int_equal(count, 2);
}

static void tags_of_a_kind_are_replaced(void **state)
{
    struct fixture *f = here(state);
    const char *v[] = { "one", "two", "one" };
    zoo_store_tag *t;
    size_t n;

    three_queries(f);
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "k", v, 1, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "other", v, 1, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "k", v + 1, 2, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "b"), "k", v, 3, &f->err));          /* twice the same counts once */
    OK(zoo_store_tags(f->store, query_of(f, "a"), &t, &n, &f->arena, &f->err));
    assert_int_equal(n, 3);
    assert_string_equal(t[0].kind, "other");
    assert_string_equal(t[1].value, "two");
    assert_string_equal(t[2].value, "one");
    OK(zoo_store_tags(f->store, query_of(f, "b"), &t, &n, &f->arena, &f->err));
    assert_int_equal(n, 2);
    OK(zoo_store_set_tags(f->store, query_of(f, "b"), "k", NULL, 0, &f->err));
    OK(zoo_store_tags(f->store, query_of(f, "b"), &t, &n, &f->arena, &f->err));
    assert_int_equal(n, 0);
    FAILS(ZOO_EUSAGE, "without ':'", zoo_store_set_tags(f->store, query_of(f, "b"), "a:b", v, 1, &f->err));
    FAILS(ZOO_EUSAGE, "without ':'", zoo_store_set_tags(f->store, query_of(f, "b"), "", v, 1, &f->err));
}

static void a_querys_tags_come_in_their_order(void **state)
{
    struct fixture *f = here(state);
    zoo_store_tag *one, *two;
    const char *many[20];
    char name[16];
    size_t n;

    three_queries(f);
    for (size_t i = 0; i < COUNT(many); i++) {
        snprintf(name, sizeof name, "v%zu", 19 - i);
        many[i] = zoo_arena_copy(&f->arena, name, strlen(name));
    }
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "z", many, 20, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "a", many + 3, 1, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "b"), "a", many + 3, 1, &f->err));
    OK(zoo_store_tags(f->store, query_of(f, "a"), &one, &n, &f->arena, &f->err));
    assert_int_equal(n, 21);
    for (size_t i = 0; i < 20; i++)
        assert_string_equal(one[i].value, many[i]);
    assert_string_equal(one[20].kind, "a");
    OK(zoo_store_tags(f->store, query_of(f, "b"), &two, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
    assert_true(two[0].key == one[20].key && one[20].key != one[3].key);
    OK(zoo_store_tags(f->store, query_of(f, "c"), &two, &n, &f->arena, &f->err));
    assert_int_equal(n, 0);
}

/* ---- answers ---- */

static void an_answer_is_kept(void **state)
{
    struct fixture *f = here(state);
    zoo_answer answer = ZOO_ANSWER_NONE;
    zoo_address at;

    three_queries(f);
    put_text(f, "b", "org/model-7b", "yes");
    at = address(f, "b", "org/model-7b", 1, 1);
    answer.text = "no!";
    answer.text_size = 3;
    FAILS(ZOO_ECONFLICT, "has an answer", zoo_store_put_answer(f->store, &at, &answer, &f->err));
    at.query = 1000;
    /* no such query */
    FAILS(ZOO_EIO, "was deleted meanwhile", zoo_store_put_answer(f->store, &at, &answer, &f->err));
    assert_string_equal(give(f, f->store, ZOO_EXPORT_RESPONSES, NULL),
                        "{\"id\": \"b\", \"responses\": {\"org/model-7b\": \"yes\"}}\n");
}

static void names_are_made_once(void **state)
{
    struct fixture *f = here(state);
    zoo_key a = expert_of(f, "m"), b = model_of(f, "m"), again;

    assert_int_equal(expert_of(f, "m"), a);
    assert_int_equal(model_of(f, "m"), b);
    assert_true(expert_of(f, "M") != a);
    FAILS(ZOO_EFORMAT, "name of the expert", zoo_store_expert(f->store, "no spaces", &again, &f->err));
    FAILS(ZOO_EFORMAT, "name of the reward model", zoo_store_reward_model(f->store, "", &again, &f->err));
    OK(zoo_store_settings(f->store, "{\"temperature\": 0.7}", &a, &f->err));
    OK(zoo_store_settings(f->store, "{\"temperature\": 0.5}", &b, &f->err));
    OK(zoo_store_settings(f->store, "{\"temperature\": 0.7}", &again, &f->err));
    assert_true(a == again && a != b);
}

#define FULL_ANSWER "{\"id\": \"b\", \"expert\": \"m\", \"sample\": 2, \"turn\": 3, \"settings\": {\"seed\": 7}, " \
                    "\"text\": \"a\\u0000b\", \"reasoning\": \"\\u0000\", \"finish_reason\": \"stop\", " \
                    "\"tokens\": {\"in\": 41, \"out\": 0, \"reasoning\": 5, \"cached\": 9007199254740991}, " \
                    "\"cost\": 4.94065645841247e-324, \"first_token_seconds\": 0.1, \"seconds\": 1e+300, " \
                    "\"asked\": \"2026-11-22T21:05:01Z\"}\n"

static void an_answer_has_all_its_columns(void **state)
{
    struct fixture *f = here(state);
    zoo_answer answer = { .text = "a\0b", .text_size = 3, .reasoning = "", .reasoning_size = 1, .finish_reason = "stop",
                          .tokens_in = 41, .tokens_out = 0, .tokens_reasoning = 5, .tokens_cached = 9007199254740991,
                          .cost = 5e-324, .first_seconds = 0.1, .seconds = 1e300, .asked = "2026-11-22T21:05:01Z" };
    zoo_address at;

    three_queries(f);
    at = address(f, "b", "m", 2, 3);
    OK(zoo_store_settings(f->store, "{\"seed\": 7}", &answer.settings, &f->err));
    OK(zoo_store_put_answer(f->store, &at, &answer, &f->err));
    at.turn = 30000;
    at.sample = 30000;
    answer = (zoo_answer)ZOO_ANSWER_NONE;
    answer.text = "";
    OK(zoo_store_put_answer(f->store, &at, &answer, &f->err));
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ANSWERS, NULL),
                        FULL_ANSWER "{\"id\": \"b\", \"expert\": \"m\", \"sample\": 30000, \"turn\": 30000, \"text\": "
                                    "\"\"}\n");
    /* none of the first sample and turn */
    assert_string_equal(give(f, f->store, ZOO_EXPORT_RESPONSES, NULL), "");
}

/* What an imported row says of an answer's cost stays where the answer itself does not say it. */
static void a_text_comes_to_a_row_of_figures(void **state)
{
    struct fixture *f = here(state);
    zoo_answer answer = ZOO_ANSWER_NONE;
    zoo_address at;
    uint64_t n;

    take(f, f->store, "{\"id\": \"a\", \"query\": \"\", \"rewards\": {}, \"costs\": {\"m\": 0.25}, \"tokens\": {\"m\": "
                      "{\"in\": 3, \"out\": 4}}}\n");
    at = address(f, "a", "m", 1, 1);
    OK(zoo_store_count_unanswered(f->store, NULL, &at, &n, NULL, &f->err));
    assert_int_equal(n, 1);
    answer.text = "yes";
    answer.text_size = 3;
    answer.tokens_out = 5;
    OK(zoo_store_put_answer(f->store, &at, &answer, &f->err));
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ANSWERS, NULL),
                        "{\"id\": \"a\", \"expert\": \"m\", \"sample\": 1, \"turn\": 1, \"text\": \"yes\", "
                        "\"tokens\": {\"in\": 3, \"out\": 5}, \"cost\": 0.25}\n");
    FAILS(ZOO_ECONFLICT, "has an answer", zoo_store_put_answer(f->store, &at, &answer, &f->err));
}

static void failures_are_counted_and_final_ones_not_asked_again(void **state)
{
    struct fixture *f = here(state);
    zoo_failure once = { "HTTP 500", 0, NAN, "2026-01-01T00:00:00Z" },
                       again = { "HTTP 502", 0, 0.5, "2026-01-02T00:00:00Z" };
    zoo_failure final = { "a \"filter\"", 1, 0.25, "2026-01-03T00:00:00Z" };
    zoo_address at;
    uint64_t n, failed;

    three_queries(f);
    at = address(f, "b", "m", 1, 1);
    OK(zoo_store_note_failure(f->store, &at, &once, &f->err));
    OK(zoo_store_note_failure(f->store, &at, &again, &f->err));
    OK(zoo_store_count_unanswered(f->store, NULL, &at, &n, &failed, &f->err));
    assert_true(n == 3 && !failed);
    OK(zoo_store_note_failure(f->store, &at, &final, &f->err));
    OK(zoo_store_count_unanswered(f->store, NULL, &at, &n, &failed, &f->err));
    assert_true(n == 3 && failed == 1);
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ANSWERS, NULL),
                        "{\"id\": \"b\", \"expert\": \"m\", \"sample\": 1, \"turn\": 1, \"failed\": {\"times\": 3, "
                        "\"cause\": \"a \\\"filter\\\"\", \"final\": true, \"cost\": 0.75, "
                        "\"last\": \"2026-01-03T00:00:00Z\"}}\n");
    put_text(f, "b", "m", "after all");
    OK(zoo_store_count_unanswered(f->store, NULL, &at, &n, &failed, &f->err));
    assert_true(n == 2 && !failed);
    OK(zoo_store_count_answered(f->store, ZOO_IN_SPLIT("test"), &at, &n, &f->err));
    assert_int_equal(n, 1);
    OK(zoo_store_count_answered(f->store, ZOO_IN_SPLIT("train"), &at, &n, &f->err));
    assert_int_equal(n, 0);
    at.sample = 2;
    OK(zoo_store_count_unanswered(f->store, NULL, &at, &n, &failed, &f->err));
    assert_true(n == 3 && !failed);
}

/* ---- rewards and judgements ---- */

static void a_reward_is_replaced(void **state)
{
    struct fixture *f = here(state);
    zoo_key m;
    zoo_address at;
    uint64_t n;

    three_queries(f);
    m = model_of(f, "rm");
    put_text(f, "a", "x", "yes");
    put_text(f, "c", "x", "yes");
    at = address(f, "a", "x", 1, 1);
    OK(zoo_store_count_unrewarded(f->store, NULL, m, &n, &f->err));
    assert_int_equal(n, 2);
    OK(zoo_store_put_reward(f->store, m, &at, 1.5, &f->err));
    OK(zoo_store_put_reward(f->store, m, &at, 0.1, &f->err));
    FAILS(ZOO_EUSAGE, "not a finite number", zoo_store_put_reward(f->store, m, &at, NAN, &f->err));
    FAILS(ZOO_EUSAGE, "not a finite number", zoo_store_put_reward(f->store, m, &at, -INFINITY, &f->err));
    OK(zoo_store_count_unrewarded(f->store, NULL, m, &n, &f->err));
    assert_int_equal(n, 1);
    OK(zoo_store_count_unrewarded(f->store, NULL, model_of(f, "other"), &n, &f->err));
    assert_int_equal(n, 2);
    OK(zoo_store_count_unrewarded(f->store, ZOO_IN_SPLIT("test"), m, &n, &f->err));
    assert_int_equal(n, 0);
    assert_string_equal(give(f, f->store, ZOO_EXPORT_REWARDS, NULL),
                        "{\"id\": \"a\", \"reward_model\": \"rm\", \"rewards\": {\"x\": 0.1}}\n");
}

static void a_reward_of_no_query_is_refused(void **state)
{
    struct fixture *f = here(state);
    zoo_address at = { 1000, expert_of(f, "x"), 1, 1 };
    zoo_store_totals n;

    FAILS(ZOO_EIO, "was deleted meanwhile", zoo_store_put_reward(f->store, model_of(f, "rm"), &at, 1, &f->err));
    OK(zoo_store_count(f->store, &n, &f->err));
    assert_int_equal(n.rewards, 0);
}

#define JUDGED(verdict, rest) \
    "{\"id\": \"a\", \"reward_model\": \"judge\", \"a\": {\"expert\": \"x\", \"sample\": 1}, " \
    "\"b\": {\"expert\": \"y\", \"sample\": 2}, \"turn\": 1, \"shown\": \"ba\", \"verdict\": \"" verdict "\"" rest "}\n"

static void a_judgement_replaces_that_of_the_same_answers(void **state)
{
    struct fixture *f = here(state);
    zoo_judgement j = { .sample_a = 1, .sample_b = 2, .turn = 1, .shown_ba = 1, .verdict = ZOO_VERDICT_A,
                        .probability = NAN };
    zoo_key judge;

    three_queries(f);
    judge = model_of(f, "judge");
    j.query = query_of(f, "a");
    j.expert_a = expert_of(f, "x");
    j.expert_b = expert_of(f, "y");
    OK(zoo_store_put_judgement(f->store, judge, &j, &f->err));
    assert_string_equal(give(f, f->store, ZOO_EXPORT_JUDGEMENTS, NULL), JUDGED("a", ""));
    j.verdict = ZOO_VERDICT_TIE;
    j.probability = 0.1;
    j.text = "a\0b";
    j.text_size = 3;
    OK(zoo_store_put_judgement(f->store, judge, &j, &f->err));
    assert_string_equal(give(f, f->store, ZOO_EXPORT_JUDGEMENTS, NULL),
                        JUDGED("tie", ", \"probability\": 0.1, \"text\": \"a\\u0000b\""));
    j.shown_ba = 0;
    OK(zoo_store_put_judgement(f->store, judge, &j, &f->err));
    j.probability = 1.5;
    FAILS(ZOO_EUSAGE, "between 0 and 1", zoo_store_put_judgement(f->store, judge, &j, &f->err));
    j.probability = NAN;
    j.expert_b = j.expert_a;
    j.sample_b = 1;
    FAILS(ZOO_EUSAGE, "with itself", zoo_store_put_judgement(f->store, judge, &j, &f->err));
    assert_int_equal(strlen(give(f, f->store, ZOO_EXPORT_JUDGEMENTS, NULL)),
                     2 * strlen(JUDGED("tie", ", \"probability\": 0.1, \"text\": \"a\\u0000b\"")));
}

/* ---- transactions and runs ---- */

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    struct fixture *f = here(state);
    zoo_store_totals n;

    three_queries(f);
    OK(zoo_store_begin(f->store, &f->err));
    put_reward(f, "rm", "a", "m", 1, 1);
    zoo_store_rollback(f->store);
    zoo_store_rollback(f->store);
    OK(zoo_store_count(f->store, &n, &f->err));
    assert_true(!n.rewards && !n.experts && !n.reward_models && n.queries == 3);
    OK(zoo_store_begin(f->store, &f->err));
    put_reward(f, "rm", "a", "m", 1, 1);
    OK(zoo_store_commit(f->store, &f->err));
    OK(zoo_store_begin(f->store, &f->err));
    put_reward(f, "rm", "b", "m", 1, 1);
    zoo_store_close(f->store);                       /* as if rolled back */
    f->store = open_store(f, &f->places[0], ZOO_STORE_READ);
    OK(zoo_store_count(f->store, &n, &f->err));
    assert_int_equal(n.rewards, 1);
}

/* Several statements that are one, inside a transaction of the caller's: undone alone. */
static void what_fails_within_a_transaction_is_undone_alone(void **state)
{
    struct fixture *f = here(state);
    const char *tags[] = { "one", "t\x01wo" };
    zoo_store_tag *t;
    size_t n;

    three_queries(f);
    OK(zoo_store_begin(f->store, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "k", tags, 1, &f->err));
    FAILS(ZOO_EFORMAT, "control character", zoo_store_set_tags(f->store, query_of(f, "a"), "k", tags, 2, &f->err));
    FAILS(ZOO_EUSAGE, "no expert", zoo_store_delete(f->store, ZOO_THING_EXPERT, "nobody", &f->err));
    OK(zoo_store_commit(f->store, &f->err));
    OK(zoo_store_tags(f->store, query_of(f, "a"), &t, &n, &f->arena, &f->err));
    assert_int_equal(n, 1);
}

static void what_is_read_cannot_be_written(void **state)
{
    struct fixture *f = here(state);
    zoo_store *reader;

    three_queries(f);
    reader = open_store(f, &f->places[0], ZOO_STORE_READ);
    FAILS(ZOO_EIO, "", zoo_store_set_split(reader, query_of(f, "a"), "test", &f->err));
    zoo_store_close(reader);
}

static void runs_are_logged(void **state)
{
    struct fixture *f = here(state);
    zoo_store_totals n;
    zoo_key run;

    OK(zoo_store_begin_run(f->store, "collect", "{\"n\":1}", &run, &f->err));
    OK(zoo_store_end_run(f->store, run, "done", NULL, &f->err));
    FAILS(ZOO_EUSAGE, "no run", zoo_store_end_run(f->store, run + 1, "done", NULL, &f->err));
    OK(zoo_store_begin_run(f->store, "reward", NULL, &run, &f->err));
    OK(zoo_store_count(f->store, &n, &f->err));
    assert_int_equal(n.runs, 2);
}

/* ---- what is in it ---- */

static const zoo_store_item *listed(struct fixture *f, enum zoo_store_list what, size_t count)
{
    zoo_store_item *items;
    size_t n;

    OK(zoo_store_list(f->store, what, &items, &n, &f->arena, &f->err));
    assert_int_equal(n, count);
    return items;
}

static void lists_are_ordered_bytewise_or_by_arrival(void **state)
{
    static const char *const splits[] = { "A", "B", "a", "z", "\u00e4", "\u00e9" };
    struct fixture *f = here(state);
    const zoo_store_item *i;

    take(f, f->store, NEW("1", "", IN("z") ", \"tags\": [\"later:x\"]")
         "{\"id\": \"2\", \"query\": \"\", \"split\": \"\u00e9\", \"tags\": [\"k:x\", \"k:y\"], \"rewards\": {\"b\": "
         "1, \"B\": 2}}\n"
         NEW("3", "", IN("a") ", \"subset\": \"s\", \"responses\": {\"B\": \"x\", \"a\": \"y\"}")
         NEW("4", "", IN("B") ", \"dataset\": \"d\", \"tags\": [\"k:x\"]") NEW("5", "", IN("A"))
         NEW("6", "", IN("\u00e4")) NEW("7", "", "") NEW("8", "", IN("A")));
    i = listed(f, ZOO_LIST_SPLITS, 7);
    assert_null(i[0].name);
    for (size_t n = 0; n < COUNT(splits); n++)
        assert_string_equal(i[n + 1].name, splits[n]);
    assert_true(i[0].count == 1 && i[1].count == 2);
    i = listed(f, ZOO_LIST_KINDS, 4);
    assert_true(!strcmp(i[0].name, "dataset") && !strcmp(i[1].name, "subset") && !strcmp(i[2].name, "later") &&
                !strcmp(i[3].name, "k"));
    assert_int_equal(i[3].count, 2);
    i = listed(f, ZOO_LIST_EXPERTS, 3);
    assert_true(!strcmp(i[0].name, "b") && !strcmp(i[1].name, "B") && !strcmp(i[2].name, "a"));
    assert_true(i[0].count == 0 && i[1].count == 1);
    assert_string_equal(strchr(give(f, f->store, ZOO_EXPORT_REWARDS, NULL), 'r'),
                        "reward_model\": \"default\", \"rewards\": {\"B\": 2.0, \"b\": 1.0}}\n");
}

/* Sums past the largest number, and rewards far below 1. */
static void means_in_a_list_are_right_or_infinite(void **state)
{
    static const double values[][2] = { { 1.7e308, 1.7e308 }, { -1.7976931348623157e308, -1.7976931348623157e308 },
                                        { 1e-30, 3e-30 }, { 0.1, 0.1 }, { 5e-324, 5e-324 } };
    static const double means[] = { 1.7e308, -1.7976931348623157e308, 2e-30, 0.1, 0 };
    struct fixture *f = here(state);
    const zoo_store_item *i;
    char name[] = "m0";

    three_queries(f);
    for (size_t n = 0; n < COUNT(means); n++) {
        name[1] = (char)('0' + n);
        put_reward(f, "rm", "a", name, 1, values[n][0]);
        put_reward(f, "rm", "b", name, 1, values[n][1]);
    }
    i = listed(f, ZOO_LIST_REWARDS, COUNT(means));
    for (size_t n = 0; n < COUNT(means); n++) {
        assert_int_equal(i[n].count, 2);
        assert_string_equal(i[n].name, "rm");
        assert_true(fabs(i[n].mean - means[n]) <= 1e-15 * fabs(means[n]) ||
                    (fabs(means[n]) > 1.79e308 && isinf(i[n].mean)));
    }
}

static void everything_is_counted(void **state)
{
    struct fixture *f = here(state);
    zoo_judgement j = { .sample_a = 1, .sample_b = 1, .turn = 1, .verdict = ZOO_VERDICT_B, .probability = 0.5 };
    zoo_failure failure = { "x", 0, NAN, "2026-01-01T00:00:00Z" };
    zoo_address at;
    zoo_store_totals n;

    three_queries(f);
    take(f, f->store, "{\"id\": \"a\", \"costs\": {\"x\": 1}, \"responses\": {\"y\": \"\"}, \"rewards\": {\"x\": 1, "
                      "\"y\": 2}}\n");
    at = address(f, "a", "z", 1, 1);
    OK(zoo_store_note_failure(f->store, &at, &failure, &f->err));
    j.query = at.query;
    j.expert_a = expert_of(f, "x");
    j.expert_b = expert_of(f, "y");
    OK(zoo_store_put_judgement(f->store, model_of(f, "judge"), &j, &f->err));
    OK(zoo_store_count(f->store, &n, &f->err));
    assert_true(n.queries == 3 && n.experts == 3 && n.responses == 1 && n.reward_models == 2 && n.rewards == 2 &&
                n.runs == 0);
    assert_true(n.failures == 1 && n.judgements == 1);
}

/* ---- deletion ---- */

/* Every kind of row for a and b, of experts x and y and the reward models rm and judge. */
static void fill(struct fixture *f)
{
    zoo_failure failure = { "x", 0, NAN, "2026-01-01T00:00:00Z" };
    zoo_judgement j = { .sample_a = 1, .sample_b = 1, .turn = 1, .verdict = ZOO_VERDICT_B, .probability = NAN };
    const char *tag = "t", *ids[] = { "a", "b" }, *experts[] = { "x", "y" };

    three_queries(f);
    for (int i = 0; i < 4; i++) {
        zoo_address at = address(f, ids[i / 2], experts[i % 2], 2, 1);
        put_text(f, ids[i / 2], experts[i % 2], "yes");
        put_reward(f, "rm", ids[i / 2], experts[i % 2], 1, i);
        put_reward(f, "judge", ids[i / 2], experts[i % 2], 2, i);
        OK(zoo_store_note_failure(f->store, &at, &failure, &f->err));
        OK(zoo_store_set_tags(f->store, at.query, "k", &tag, 1, &f->err));
        j.query = at.query;
        j.expert_a = expert_of(f, "x");
        j.expert_b = expert_of(f, "y");
        OK(zoo_store_put_judgement(f->store, model_of(f, "judge"), &j, &f->err));
    }
}

static void expect(struct fixture *f, zoo_store_totals want)
{
    zoo_store_totals n;

    OK(zoo_store_count(f->store, &n, &f->err));
    assert_int_equal(n.queries, want.queries);
    assert_int_equal(n.experts, want.experts);
    assert_int_equal(n.responses, want.responses);
    assert_int_equal(n.reward_models, want.reward_models);
    assert_int_equal(n.rewards, want.rewards);
    assert_int_equal(n.failures, want.failures);
    assert_int_equal(n.judgements, want.judgements);
}

static void a_query_goes_with_what_hangs_on_it(void **state)
{
    struct fixture *f = here(state);

    fill(f);
    expect(f, (zoo_store_totals){ 3, 2, 4, 2, 8, 0, 4, 2 });
    OK(zoo_store_delete(f->store, ZOO_THING_QUERY, "a", &f->err));
    FAILS(ZOO_EUSAGE, "no query with the id 'a'", zoo_store_delete(f->store, ZOO_THING_QUERY, "a", &f->err));
    expect(f, (zoo_store_totals){ 2, 2, 2, 2, 4, 0, 2, 1 });
    assert_int_equal(listed(f, ZOO_LIST_KINDS, 1)->count, 1);
    take(f, f->store, NEW("a", "another", ""));          /* nothing of the old one comes back */
    expect(f, (zoo_store_totals){ 3, 2, 2, 2, 4, 0, 2, 1 });
    assert_null(strstr(give(f, f->store, ZOO_EXPORT_REWARDS, NULL), "\"a\""));
}

static void a_split_goes_with_its_queries(void **state)
{
    struct fixture *f = here(state);

    fill(f);
    OK(zoo_store_delete(f->store, ZOO_THING_SPLIT, "train", &f->err));
    FAILS(ZOO_EUSAGE, "no queries in the split 'train'", zoo_store_delete(f->store, ZOO_THING_SPLIT, "train", &f->err));
    expect(f, (zoo_store_totals){ 1, 2, 2, 2, 4, 0, 2, 1 });
}

static void an_expert_goes_with_all_it_did(void **state)
{
    struct fixture *f = here(state);

    fill(f);
    OK(zoo_store_delete(f->store, ZOO_THING_EXPERT, "y", &f->err));
    FAILS(ZOO_EUSAGE, "no expert 'y'", zoo_store_delete(f->store, ZOO_THING_EXPERT, "y", &f->err));
    expect(f, (zoo_store_totals){ 3, 1, 2, 2, 4, 0, 2, 0 });
}

static void a_reward_model_goes_with_all_it_said(void **state)
{
    struct fixture *f = here(state);

    fill(f);
    OK(zoo_store_delete(f->store, ZOO_THING_REWARD_MODEL, "judge", &f->err));
    FAILS(ZOO_EUSAGE, "no reward model 'judge'", zoo_store_delete(f->store, ZOO_THING_REWARD_MODEL, "judge", &f->err));
    expect(f, (zoo_store_totals){ 3, 2, 4, 1, 4, 0, 4, 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(pages_of_a_split_come_in_order),
        ON_BOTH(a_query_changes_its_split),
        ON_BOTH(tags_of_a_kind_are_replaced),
        ON_BOTH(a_querys_tags_come_in_their_order),
        ON_BOTH(an_answer_is_kept),
        ON_BOTH(names_are_made_once),
        ON_BOTH(an_answer_has_all_its_columns),
        ON_BOTH(a_text_comes_to_a_row_of_figures),
        ON_BOTH(failures_are_counted_and_final_ones_not_asked_again),
        ON_BOTH(a_reward_is_replaced),
        ON_BOTH(a_reward_of_no_query_is_refused),
        ON_BOTH(a_judgement_replaces_that_of_the_same_answers),
        ON_BOTH(a_rolled_back_transaction_leaves_nothing),
        ON_BOTH(what_fails_within_a_transaction_is_undone_alone),
        ON_BOTH(what_is_read_cannot_be_written),
        ON_BOTH(runs_are_logged),
        ON_BOTH(lists_are_ordered_bytewise_or_by_arrival),
        ON_BOTH(means_in_a_list_are_right_or_infinite),
        ON_BOTH(everything_is_counted),
        ON_BOTH(a_query_goes_with_what_hangs_on_it),
        ON_BOTH(a_split_goes_with_its_queries),
        ON_BOTH(an_expert_goes_with_all_it_did),
        ON_BOTH(a_reward_model_goes_with_all_it_said),
    };
    return cmocka_run_group_tests_name("store/conformance_records", tests, NULL, NULL);
}
