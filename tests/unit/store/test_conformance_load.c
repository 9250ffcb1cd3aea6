/* Which queries and experts are meant, and what is loaded of them. */
#include "unit/store/conformance.h"
#include <pthread.h>

static zoo_dataset loaded(struct fixture *f, zoo_store_filter filter)
{
    zoo_dataset d;

    OK(zoo_store_load(f->store, &filter, &d, &f->err));
    return d;
}

static uint64_t chosen(struct fixture *f, zoo_store_filter filter)
{
    zoo_selection selection;
    uint64_t n;

    OK(zoo_store_select(f->store, &filter, &selection, &f->err));
    OK(zoo_store_count_queries(f->store, &selection, &n, &f->err));
    zoo_selection_release(&selection);
    return n;
}

static void refuse(struct fixture *f, const char *words, zoo_store_filter filter)
{
    zoo_dataset d;

    FAILS(ZOO_EUSAGE, words, zoo_store_load(f->store, &filter, &d, &f->err));
    assert_true(d.n == 0 && !d.arena.blocks);
}

/* ---- arrays ---- */

/* Three queries, experts z, y, x with a reward each, tags of several kinds. */
static void fill(struct fixture *f)
{
    const char *subjects[] = { "law", "art" };

    three_queries(f);
    for (int i = 0; i < 3; i++)
        expert_of(f, (const char *[]){ "z", "y", "x" }[i]);
    put_reward(f, "rm", "a", "z", 1, 0.25);
    put_reward(f, "rm", "c", "x", 1, -1);
    put_reward(f, "rm", "b", "y", 1, 9);
    OK(zoo_store_set_tags(f->store, query_of(f, "a"), "subject", subjects, 2, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "c"), "subject", subjects + 1, 1, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "c"), "subset", subjects, 1, &f->err));
    OK(zoo_store_set_tags(f->store, query_of(f, "b"), "elsewhere", subjects, 1, &f->err));
}

static void what_is_missing_is_nan(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d;

    fill(f);
    d = loaded(f, (zoo_store_filter){ .splits = TEXTS("train") });
    assert_true(d.n == 2 && d.k == 2 && d.m == 1);   /* y has no reward in this split */
    assert_true(!strcmp(d.experts[0], "z") && !strcmp(d.experts[1], "x") && !strcmp(d.reward_models[0], "rm"));
    assert_true(!strcmp(d.ids[0], "a") && !strcmp(d.ids[1], "c") && !strcmp(d.queries[0], "alpha") &&
                d.query_sizes[0] == 5);
    assert_true(d.rewards[0] == 0.25 && isnan(d.rewards[1]) && isnan(d.rewards[2]) && d.rewards[3] == -1.0);
    assert_true(!d.costs && !d.tokens_in && !d.tokens_out);
    zoo_dataset_release(&d);
}

static void tags_come_by_kind(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d;

    fill(f);
    d = loaded(f, (zoo_store_filter){ .splits = TEXTS("train") });
    assert_int_equal(d.kind_count, 2);
    assert_string_equal(d.kinds[0].name, "subset");
    assert_string_equal(d.kinds[1].name, "subject");
    assert_true(d.kinds[1].offsets[1] == 2 && d.kinds[1].offsets[2] == 3 && d.kinds[0].offsets[1] == 0 &&
                d.kinds[0].offsets[2] == 1);
    assert_string_equal(d.kinds[1].value_names[d.kinds[1].tags[0]], "law");
    assert_string_equal(d.kinds[1].value_names[d.kinds[1].tags[2]], "art");
    assert_int_equal(d.kinds[1].values, 2);
    zoo_dataset_release(&d);
}

static void a_split_is_held_aside(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d;

    fill(f);
    d = loaded(f, (zoo_store_filter){ .aside = "train" });
    assert_true(d.n == 3 && d.aside == 2 && d.k == 3);       /* they come last */
    assert_true(d.rewards[0 * 3 + 1] == 9.0 && d.rewards[1 * 3 + 0] == 0.25 && d.rewards[2 * 3 + 2] == -1.0);
    assert_string_equal(d.ids[0], "b");
    assert_true(d.kinds[0].offsets[3] == 1 && d.kinds[1].offsets[1] == 0 && d.kinds[1].offsets[3] == 3);
    zoo_dataset_release(&d);
    d = loaded(f, (zoo_store_filter){ .splits = TEXTS("train"), .aside = "test" });
    assert_true(d.n == 3 && d.aside == 1 && !strcmp(d.ids[2], "b"));
    zoo_dataset_release(&d);
    refuse(f, "set aside from itself", (zoo_store_filter){ .splits = TEXTS("test", "train"), .aside = "train" });
    refuse(f, "no query is in the split 'dev'", (zoo_store_filter){ .aside = "dev" });
}

static void a_store_without_anything_loads(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d = loaded(f, (zoo_store_filter){ 0 });

    assert_true(d.n == 0 && d.k == 0 && d.m == 0 && d.kind_count == 0);
    zoo_dataset_release(&d);
    three_queries(f);
    model_of(f, "second");
    d = loaded(f, (zoo_store_filter){ .reward_models = TEXTS("second") });
    assert_true(d.n == 3 && d.k == 0 && d.m == 1);
    zoo_dataset_release(&d);
}

/* ---- rewards ---- */

static void a_reward_is_the_mean_of_its_samples_or_one_of_them(void **state)
{
    struct fixture *f = here(state);
    zoo_address turn;
    zoo_dataset d;

    three_queries(f);
    for (int i = 0; i < 3; i++)
        put_reward(f, "rm", "b", "x", i + 1, (double[]){ 0.1, 0.2, 0.6 }[i]);
    put_reward(f, "rm", "b", "y", 2, 5);
    put_reward(f, "rm", "c", "y", 1, 1.7e308);
    put_reward(f, "rm", "c", "y", 2, 1.7e308);               /* their sum is more than a double holds */
    put_reward(f, "rm", "c", "y", 3, -1.7e308);
    d = loaded(f, (zoo_store_filter){ 0 });
    assert_true(isnan(d.rewards[0]) && d.rewards[2] == (0.1 + 0.2 + 0.6) / 3 && d.rewards[3] == 5);
    assert_true(isnan(d.rewards[4]) && fabs(d.rewards[5] / 1.7e308 - 1 / 3.0) <= 1e-15);
    zoo_dataset_release(&d);
    d = loaded(f, (zoo_store_filter){ .sample = 2 });
    assert_true(d.rewards[2] == 0.2 && d.rewards[3] == 5 && d.rewards[5] == 1.7e308);
    zoo_dataset_release(&d);
    d = loaded(f, (zoo_store_filter){ .sample = 1 });
    assert_true(d.rewards[2] == 0.1 && isnan(d.rewards[3]) && d.rewards[5] == 1.7e308);
    zoo_dataset_release(&d);
    turn = address(f, "b", "y", 2, 2);
    OK(zoo_store_put_reward(f->store, model_of(f, "rm"), &turn, 6, &f->err));
    d = loaded(f, (zoo_store_filter){ .sample = 2 });
    assert_true(d.rewards[3] == 5.5);                        /* of both turns */
    zoo_dataset_release(&d);
}

static void several_reward_models_are_loaded_at_once(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d;

    three_queries(f);
    put_reward(f, "second", "a", "y", 1, 2);
    put_reward(f, "first", "a", "x", 1, 1e300);
    put_reward(f, "second", "a", "x", 1, 3);
    put_reward(f, "first", "b", "x", 1, 5e-324);
    d = loaded(f, (zoo_store_filter){ .reward_models = TEXTS("first", "second", "first") });
    /* the first one says which experts there are */
    assert_true(d.m == 3 && d.k == 1 && !strcmp(d.experts[0], "x"));
    assert_true(!strcmp(d.reward_models[0], "first") && !strcmp(d.reward_models[1], "second") &&
                !strcmp(d.reward_models[2], "first"));
    assert_true(d.rewards[0] == 1e300 && d.rewards[1] == 5e-324 && isnan(d.rewards[2]));
    assert_true(d.rewards[3] == 3 && isnan(d.rewards[4]) && d.rewards[6] == 1e300 && d.rewards[7] == 5e-324 &&
                isnan(d.rewards[8]));
    zoo_dataset_release(&d);
    d = loaded(f, (zoo_store_filter){ .reward_models = TEXTS("second") });
    assert_true(d.m == 1 && d.k == 2 && d.rewards[0] == 2 && d.rewards[1] == 3);
    zoo_dataset_release(&d);
    refuse(f, "no reward model 'nil'", (zoo_store_filter){ .reward_models = TEXTS("second", "nil") });
    refuse(f, "several reward models", (zoo_store_filter){ 0 });
    refuse(f, "several reward models", (zoo_store_filter){ .reward_models = TEXTS("second", NULL) });
    OK(zoo_store_delete(f->store, ZOO_THING_REWARD_MODEL, "first", &f->err));
    d = loaded(f, (zoo_store_filter){ .reward_models = TEXTS(NULL, "second") });
    assert_true(d.m == 2 && d.rewards[0] == 2 && d.rewards[6] == 2 && !strcmp(d.reward_models[0], "second"));
    zoo_dataset_release(&d);
}

static void costs_and_tokens_are_loaded(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d;

    take(f, f->store, "{\"id\": \"a\", \"query\": \"\", \"rewards\": {\"x\": 1, \"y\": 1}, \"costs\": {\"x\": 0.25, "
                      "\"z\": 7}, \"tokens\": {\"y\": 12}}\n"
         "{\"id\": \"b\", \"query\": \"\", \"rewards\": {\"x\": 1}, \"costs\": {\"y\": 0}}\n{\"id\": \"a\", "
         "\"expert\": \"x\", \"sample\": 2, \"cost\": 0.75}\n");
    d = loaded(f, (zoo_store_filter){ 0 });
    assert_true(d.k == 2 && d.costs && d.tokens_out && !d.tokens_in);        /* z has no rewards, so no column either */
    assert_true(d.costs[0] == 0.5 && isnan(d.costs[1]) && isnan(d.costs[2]) && d.costs[3] == 0);
    assert_true(isnan(d.tokens_out[0]) && d.tokens_out[1] == 12 && isnan(d.tokens_out[3]));
    zoo_dataset_release(&d);
    d = loaded(f, (zoo_store_filter){ .sample = 1 });
    assert_true(d.costs[0] == 0.25);
    zoo_dataset_release(&d);
}

/* ---- a view of one moment ---- */

enum { DELETED = 200 };

struct deleter { zoo_store *store; int rc; zoo_err err; };

static void *delete_all(void *context)
{
    struct deleter *d = context;
    char id[16];

    for (int i = DELETED; !d->rc && i > 0; i--) {
        snprintf(id, sizeof id, "%d", i);
        d->rc = zoo_store_delete(d->store, ZOO_THING_QUERY, id, &d->err);
    }
    return NULL;
}

/* Queries go while they are loaded: each that is there has its reward and tag.
 * What is wrong is said when the thread has ended. */
static void a_load_shows_one_moment_while_another_deletes(void **state)
{
    const zoo_store_filter all = { 0 };
    struct fixture *f = here(state);
    struct deleter deleter = { 0 };
    char *lines = zoo_arena_alloc(&f->arena, DELETED * 100);
    size_t size = 0, left = DELETED, torn = 0;
    pthread_t thread;
    zoo_dataset d;
    int rc = ZOO_OK;

    for (int i = 1; i <= DELETED; i++)
        size += (size_t)snprintf(lines + size, DELETED * 100 - size,
                                 "{\"id\": %d, \"query\": \"\", \"rewards\": {\"e\": 1}, \"subset\": \"s\"}\n", i);
    take(f, f->store, lines);
    deleter.store = open_store(f, &f->places[0], ZOO_STORE_WRITE);
    assert_int_equal(pthread_create(&thread, NULL, delete_all, &deleter), 0);
    while (left && !(rc = zoo_store_load(f->store, &all, &d, &f->err))) {
        left = d.n;
        for (size_t i = 0; i < d.n; i++)
            torn += !d.k || !d.kind_count || d.rewards[i * d.k] != 1 || d.kinds[0].offsets[i + 1] != i + 1;
        zoo_dataset_release(&d);
    }
    pthread_join(thread, NULL);
    zoo_store_close(deleter.store);
    if (deleter.rc)
        fail_msg("%s", deleter.err.message);
    OK(rc);
    assert_int_equal(torn, 0);
}

/* ---- which ---- */

static void experts_are_chosen_and_left_out(void **state)
{
    struct fixture *f = here(state);
    zoo_dataset d;
    zoo_store_filter filter = { .experts = TEXTS("x", "z"), .without = TEXTS("z") };

    fill(f);
    d = loaded(f, (zoo_store_filter){ .experts = TEXTS("x", "z") });
    assert_true(d.n == 3 && d.k == 2 && !strcmp(d.experts[0], "z") && !strcmp(d.experts[1], "x"));
    zoo_dataset_release(&d);
    d = loaded(f, (zoo_store_filter){ .without = TEXTS("x", "z") });
    assert_true(d.n == 3 && d.k == 1 && !strcmp(d.experts[0], "y"));
    zoo_dataset_release(&d);
    assert_true(zoo_store_wants_expert(&filter, "x") && !zoo_store_wants_expert(&filter, "z") &&
                !zoo_store_wants_expert(&filter, "y"));
    filter.splits = TEXTS("train");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_REWARDS, &filter),
                        "{\"id\": \"a\", \"reward_model\": \"rm\", \"rewards\": {}}\n"
                        "{\"id\": \"c\", \"reward_model\": \"rm\", \"rewards\": {\"x\": -1.0}}\n");
    refuse(f, "no expert 'w'", (zoo_store_filter){ .experts = TEXTS("x", "w") });
    refuse(f, "no expert 'w'", (zoo_store_filter){ .without = TEXTS("w") });
}

static void queries_are_chosen_by_split_and_tag(void **state)
{
    struct fixture *f = here(state);

    take(f, f->store, NEW("a", "", IN("train") ", \"dataset\": \"d\", \"tags\": [\"k:x\", \"k:y\"]")
         NEW("b", "", IN("train") ", \"dataset\": \"e\"")
         NEW("c", "", IN("test") ", \"dataset\": \"d\", \"tags\": [\"k:y\", \"k:a=b\"]")
         NEW("e", "", ", \"dataset\": \"f\", \"tags\": [\"k:z\"]"));
    assert_int_equal(chosen(f, (zoo_store_filter){ 0 }), 4);
    assert_int_equal(chosen(f, (zoo_store_filter){ .splits = TEXTS("train") }), 2);
    assert_int_equal(chosen(f, (zoo_store_filter){ .splits = TEXTS("train", "test", "train") }), 3);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("dataset=d") }), 2);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("dataset=d", "dataset=e") }), 3);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("k=x", "k=y", "k=y") }), 2);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("dataset=d", "k=x") }), 1);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("dataset=e", "k=x", "dataset=f", "k=z") }), 1);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("dataset=e", "k=x") }), 0);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("k=a=b"), .splits = TEXTS("test") }), 1);
    assert_int_equal(chosen(f, (zoo_store_filter){ .where = TEXTS("k=x"), .splits = TEXTS("test") }), 0);
}

static void what_is_chosen_is_loaded_and_exported(void **state)
{
    struct fixture *f = here(state);
    zoo_store_filter filter = { .splits = TEXTS("train", "test"), .where = TEXTS("subject=art", "elsewhere=law") };
    zoo_dataset d;

    fill(f);
    filter.where.count = 1;
    d = loaded(f, filter);
    assert_true(d.n == 2 && !strcmp(d.ids[0], "a") && !strcmp(d.ids[1], "c") && d.rewards[0] == 0.25 &&
                d.rewards[3] == -1);
    assert_int_equal(d.kinds[1].offsets[2], 3);              /* with all their tags */
    zoo_dataset_release(&d);
    filter.splits = TEXTS("test");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ROWS, &filter), "");
    filter.where = TEXTS("elsewhere=law");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ROWS, &filter),
                        "{\"id\": \"b\", \"query\": \"beta\", \"split\": \"test\", \"tags\": [\"elsewhere:law\"], "
                        "\"rewards\": {\"y\": 9.0}, \"reward_model\": \"rm\"}\n");
}

static void what_is_not_there_is_not_chosen(void **state)
{
    struct fixture *f = here(state);

    fill(f);
    refuse(f, "no query is in the split 'dev'", (zoo_store_filter){ .splits = TEXTS("train", "dev") });
    refuse(f, "no query is in the split ''", (zoo_store_filter){ .splits = TEXTS("") });
    refuse(f, "no query has", (zoo_store_filter){ .where = TEXTS("subject=art", "subject=Art") });
    refuse(f, "no query has", (zoo_store_filter){ .where = TEXTS("kind=art") });
    refuse(f, "as subset=mmlu", (zoo_store_filter){ .where = TEXTS("subject") });
    refuse(f, "as subset=mmlu", (zoo_store_filter){ .where = TEXTS("=art") });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_is_missing_is_nan),
        ON_BOTH(tags_come_by_kind),
        ON_BOTH(a_split_is_held_aside),
        ON_BOTH(a_store_without_anything_loads),
        ON_BOTH(a_reward_is_the_mean_of_its_samples_or_one_of_them),
        ON_BOTH(several_reward_models_are_loaded_at_once),
        ON_BOTH(costs_and_tokens_are_loaded),
        ON_BOTH(a_load_shows_one_moment_while_another_deletes),
        ON_BOTH(experts_are_chosen_and_left_out),
        ON_BOTH(queries_are_chosen_by_split_and_tag),
        ON_BOTH(what_is_chosen_is_loaded_and_exported),
        ON_BOTH(what_is_not_there_is_not_chosen),
    };
    return cmocka_run_group_tests_name("store/conformance_load", tests, NULL, NULL);
}
