/* Lines into a store and out of it: what is imported from exports exports alike, on every back end and between them. */
#include "unit/store/conformance.h"

/* Something of every kind; names in no order. */
static const char rich[] =
    "{\"id\": \"b\", \"query\": \"1\\n \u00e9\\ud83d\\ude00\\u0001\\\"\\\\/\", \"dataset\": \"d\", \"subset\": \"s\", "
    "\"split\": \"\u00e9\", \"tags\": [\"k:v\", \"plain\", \":x\", \"k:\", \"tag:y:z\"], \"reward_model\": \"zeta\", "
    "\"rewards\": {\"z\": 1e300, \"B\": 5e-324, \"a\": -0.1}, \"costs\": {\"z\": 0.25, \"org/x:7b\": 0}, "
    "\"tokens\": {\"a\": 7, \"z\": {\"in\": 1, \"cached\": 2}}, \"turns\": [\"1\", \"2\"], \"n\": 1000000000000, "
    "\"raw\": [ 1.50 , \"\\u00e9\" ]}\n"
    "{\"id\": \"A\", \"query\": \"\", \"rewards\": {\"A\": 0.30000000000000004}, \"reward_model\": \"zeta\", "
    "\"costs\": \"free\", \"responses\": {\"B\": \"an\\nsw\\u0000er\", \"z\": \"\"}}\n"
    "{\"id\": \"17\", \"query\": \"third\", \"rewards\": {}}\n"
    "{\"id\": \"A\", \"reward_model\": \"alpha\", \"rewards\": {\"z\": 2, \"m\": 3}}\n"
    "{\"id\": \"17\", \"reward_model\": \"alpha\", \"rewards\": {\"z\": 1.7976931348623157e308}}\n"
    "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 2, \"settings\": {\"system\": \"\u00e9\\n\", \"seed\": 7}, "
    "\"text\": \"\\u0000\", \"reasoning\": \"r\", "
    "\"finish_reason\": \"length\", \"tokens\": {\"in\": 0, \"out\": 1, \"reasoning\": 2, \"cached\": 3}, \"cost\": "
    "0.1, \"first_token_seconds\": 0.2, \"seconds\": 3, \"asked\": \"2026-11-22T21:05:01Z\", "
    "\"scores\": {\"zeta\": 0.5, \"alpha\": 0.25}}\n"
    "{\"id\": \"17\", \"expert\": \"a\", \"turn\": 2, \"settings\": {\"system\": \"\u00e9\\n\", \"seed\": 7}, "
    "\"text\": \"again\"}\n"
    "{\"id\": \"b\", \"expert\": \"B\", \"failed\": {\"times\": 3, \"cause\": \"HTTP 500\", \"final\": true, \"cost\": "
    "0.5, \"last\": \"2026-01-01T00:00:00Z\"}}\n"
    "{\"id\": \"b\", \"expert\": \"new\", \"sample\": 30000, \"scores\": {\"third\": 1}}\n"
    "{\"id\": \"b\", \"reward_model\": \"zeta\", \"a\": {\"expert\": \"z\"}, \"b\": {\"expert\": \"B\"}, \"verdict\": "
    "\"a\"}\n"
    "{\"id\": \"b\", \"reward_model\": \"judge\", \"a\": {\"expert\": \"z\", \"sample\": 2}, \"b\": {\"expert\": "
    "\"B\"}, \"turn\": 3, \"shown\": \"ba\", "
    "\"verdict\": \"tie\", \"probability\": 0.6, \"text\": \"Both\\u0000\"}\n";

/* ---- round trips ---- */

static void what_is_exported_is_what_was_imported(void **state)
{
    struct fixture *f = here(state);
    zoo_store_filter zeta = { .reward_models = TEXTS("zeta") };

    take(f, f->store, rich);
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ROWS, &zeta),
        "{\"id\": \"b\", \"query\": \"1\\n \u00e9\U0001F600\\u0001\\\"\\\\/\", \"dataset\": \"d\", \"subset\": \"s\", "
        "\"split\": \"\u00e9\", \"tags\": [\"k:v\", \"plain\", \":x\", \"k:\", \"tag:y:z\"], "
        "\"rewards\": {\"B\": 4.94065645841247e-324, \"a\": -0.1, \"z\": 1e+300}, \"reward_model\": \"zeta\", "
        "\"costs\": {\"org/x:7b\": 0.0, \"z\": 0.25}, \"tokens\": {\"a\": 7, \"z\": {\"in\": 1, \"cached\": 2}}, "
        "\"turns\": [\"1\", \"2\"], \"n\": 1000000000000, \"raw\": [ 1.50 , \"\\u00e9\" ]}\n"
        "{\"id\": \"A\", \"query\": \"\", \"tags\": [], \"rewards\": {\"A\": 0.30000000000000004}, \"reward_model\": "
        "\"zeta\", \"costs\": \"free\"}\n"
        "{\"id\": \"17\", \"query\": \"third\", \"tags\": [], \"rewards\": {}}\n");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_RESPONSES, NULL),
                        "{\"id\": \"A\", \"responses\": {\"B\": \"an\\nsw\\u0000er\", \"z\": \"\"}}\n");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_REWARDS, NULL),
        "{\"id\": \"b\", \"reward_model\": \"zeta\", \"rewards\": {\"B\": 4.94065645841247e-324, \"a\": -0.1, \"z\": "
        "1e+300}}\n"
        "{\"id\": \"A\", \"reward_model\": \"alpha\", \"rewards\": {\"m\": 3.0, \"z\": 2.0}}\n"
        "{\"id\": \"A\", \"reward_model\": \"zeta\", \"rewards\": {\"A\": 0.30000000000000004}}\n"
        "{\"id\": \"17\", \"reward_model\": \"alpha\", \"rewards\": {\"z\": 1.7976931348623157e+308}}\n");
}

static void answers_and_judgements_are_a_line_each(void **state)
{
    struct fixture *f = here(state);

    take(f, f->store, rich);
    assert_string_equal(give(f, f->store, ZOO_EXPORT_ANSWERS, &(zoo_store_filter){ .experts = TEXTS("B", "a", "new") }),
        "{\"id\": \"b\", \"expert\": \"B\", \"sample\": 1, \"turn\": 1, \"failed\": {\"times\": 3, \"cause\": \"HTTP "
        "500\", \"final\": true, \"cost\": 0.5, "
        "\"last\": \"2026-01-01T00:00:00Z\"}, \"scores\": {\"zeta\": 4.94065645841247e-324}}\n"
        "{\"id\": \"b\", \"expert\": \"a\", \"sample\": 1, \"turn\": 1, \"tokens\": {\"out\": 7}, \"scores\": "
        "{\"zeta\": -0.1}}\n"
        "{\"id\": \"b\", \"expert\": \"new\", \"sample\": 30000, \"turn\": 1, \"scores\": {\"third\": 1.0}}\n"
        "{\"id\": \"A\", \"expert\": \"B\", \"sample\": 1, \"turn\": 1, \"text\": \"an\\nsw\\u0000er\"}\n"
        "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 1, \"turn\": 2, \"settings\": {\"system\": \"\u00e9\\n\", "
        "\"seed\": 7}, \"text\": \"again\"}\n"
        "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 2, \"turn\": 1, \"settings\": {\"system\": \"\u00e9\\n\", "
        "\"seed\": 7}, \"text\": \"\\u0000\", "
        "\"reasoning\": \"r\", \"finish_reason\": \"length\", \"tokens\": {\"in\": 0, \"out\": 1, \"reasoning\": 2, "
        "\"cached\": 3}, \"cost\": 0.1, \"first_token_seconds\": 0.2, \"seconds\": 3.0, "
        "\"asked\": \"2026-11-22T21:05:01Z\", \"scores\": {\"alpha\": 0.25, \"zeta\": 0.5}}\n");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_JUDGEMENTS, NULL),
        "{\"id\": \"b\", \"reward_model\": \"judge\", \"a\": {\"expert\": \"z\", \"sample\": 2}, \"b\": {\"expert\": "
        "\"B\", \"sample\": 1}, \"turn\": 3, "
        "\"shown\": \"ba\", \"verdict\": \"tie\", \"probability\": 0.6, \"text\": \"Both\\u0000\"}\n"
        "{\"id\": \"b\", \"reward_model\": \"zeta\", \"a\": {\"expert\": \"z\", \"sample\": 1}, \"b\": {\"expert\": "
        "\"B\", \"sample\": 1}, \"turn\": 1, "
        "\"shown\": \"ab\", \"verdict\": \"a\"}\n");
}

static void exports_make_the_same_store_again(void **state)
{
    struct fixture *f = here(state);
    const zoo_import_options alpha = { .reward_model = "alpha" };
    const zoo_store_filter rows = { .reward_models = TEXTS("alpha") };
    zoo_store *again;
    zoo_import_counts counts = { 0 };

    take(f, f->store, rich);
    again = create_store(f, new_place(f, f->back));
    OK(try_take(f, again, give(f, f->store, ZOO_EXPORT_ROWS, &rows), &alpha, &counts));
    for (int what = ZOO_EXPORT_RESPONSES; what <= ZOO_EXPORT_JUDGEMENTS; what++)
        OK(try_take(f, again, give(f, f->store, (enum zoo_export_what)what, NULL), NULL, &counts));
    assert_string_equal(give_all(f, again, "alpha"), give_all(f, f->store, "alpha"));
    assert_string_equal(give_all(f, again, "zeta"), give_all(f, f->store, "zeta"));
    counts = (zoo_import_counts){ 0 };
    OK(try_take(f, again, give_all(f, f->store, "alpha"), &alpha, &counts));
    assert_true(!counts.added && !counts.updated && !counts.rewards && !counts.responses && counts.unchanged > 15);
    zoo_store_close(again);
}

static void expect_copy(struct fixture *f, enum back_end back)
{
    zoo_store *copy = create_store(f, new_place(f, back));
    zoo_key key;

    OK(zoo_store_copy(f->store, copy, NULL, &f->err));
    assert_string_equal(give_all(f, copy, "zeta"), give_all(f, f->store, "zeta"));
    OK(zoo_store_expert(copy, "later", &key, &f->err));      /* keys go on behind those that were copied */
    OK(zoo_store_begin_run(copy, "x", NULL, &key, &f->err));
    assert_int_equal(key, 2);
    assert_int_equal(try_take(f, copy, NEW("later", "", ", \"tags\": [\"later:1\"]"), NULL, NULL), ZOO_OK);
    FAILS(ZOO_ECONFLICT, "has rows already", zoo_store_copy(f->store, copy, NULL, &f->err));
    zoo_store_close(copy);
}

/* From SQLite to both, and from PostgreSQL to both. */
static void a_copy_exports_alike_on_the_same_and_the_other_back_end(void **state)
{
    struct fixture *f = here(state);
    zoo_key run;

    take(f, f->store, rich);
    OK(zoo_store_begin_run(f->store, "collect", "{}", &run, &f->err));
    OK(zoo_store_end_run(f->store, run, "done", "{}", &f->err));
    expect_copy(f, f->back);
    if (server())
        expect_copy(f, f->back == SQLITE ? POSTGRES : SQLITE);
    /* the store that was copied is as it was */
    OK(zoo_store_set_split(f->store, query_of(f, "b"), NULL, &f->err));
}

/* ---- rows that are there already ---- */

static void rows_are_merged_and_what_differs_refuses_the_file(void **state)
{
    static const struct { const char *line, *words; } wrong[] = {
        { "{\"id\": \"b\", \"query\": \"2\", \"rewards\": {}}\n", "another query text" },
        { "{\"id\": \"b\", \"split\": \"f\", \"rewards\": {}}\n", "another split" },
        { "{\"id\": \"b\", \"subset\": \"t\", \"rewards\": {}}\n", "another subset" },
        { "{\"id\": \"b\", \"n\": 1, \"rewards\": {}}\n", "another 'n'" },
        { "{\"id\": \"b\", \"reward_model\": \"zeta\", \"rewards\": {\"z\": 1}}\n", "another reward of z (1" },
        { "{\"id\": \"A\", \"responses\": {\"z\": \"x\"}}\n", "another response of z" },
        { "{\"id\": \"b\", \"rewards\": {}, \"costs\": {\"z\": 0.5}}\n", "another cost of z" },
        { "{\"id\": \"b\", \"rewards\": {}, \"tokens\": {\"z\": {\"in\": 2}}}\n", "another number of tokens of z" },
        { "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 2, \"text\": \"x\"}\n", "another text of a's answer" },
        { "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 2, \"cost\": 9}\n", "another cost of a's answer" },
        { "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 2, \"settings\": {\"seed\": 8}}\n",
          "another settings of a's answer" },
        { "{\"id\": \"17\", \"expert\": \"a\", \"sample\": 2, \"text\": \"\\u0000\", \"scores\": {\"new\": 1, "
          "\"zeta\": 9}}\n", "another reward of a's answer" },
        { "{\"id\": \"b\", \"expert\": \"B\", \"failed\": {\"times\": 1}}\n", "another failure of B's answer" },
        { "{\"id\": \"b\", \"reward_model\": \"zeta\", \"a\": {\"expert\": \"z\"}, \"b\": {\"expert\": \"B\"}, "
          "\"verdict\": \"b\"}\n", "another judgement" },
    };
    struct fixture *f = here(state);
    const char *before;
    char lines[400];

    take(f, f->store, rich);
    before = give_all(f, f->store, "zeta");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        snprintf(lines, sizeof lines, "%s%s", NEW("new", "", ""), wrong[i].line);
        FAILS(ZOO_ECONFLICT, wrong[i].words, try_take(f, f->store, lines, NULL, NULL));
        FAILS(ZOO_ECONFLICT, ":2, column", try_take(f, f->store, lines, NULL, NULL));
        assert_string_equal(give_all(f, f->store, "zeta"), before);
    }
}

static void what_differs_replaces_with_update(void **state)
{
    struct fixture *f = here(state);
    const zoo_import_options update = { .update = 1 };
    zoo_import_counts counts = { 0 };

    take(f, f->store, NEW("a", "1",
                          IN("x") ", \"tags\": [\"k:1\", \"k:2\", \"l:1\"], \"n\": 1, \"m\": 2, \"responses\": {\"e\": "
                                  "\"1\"}")
         "{\"id\": \"a\", \"rewards\": {\"e\": 1, \"g\": 1}, \"tokens\": {\"e\": {\"in\": 1, \"out\": 2}}}\n"
         "{\"id\": \"a\", \"expert\": \"e\", \"cost\": 1, \"scores\": {\"rm\": 1}}\n");
    OK(try_take(f, f->store,
                "{\"id\": \"a\", \"query\": \"2\", \"split\": \"y\", \"tags\": [\"k:3\"], \"n\": 7, \"rewards\": "
                "{\"e\": 2}, \"responses\": {\"e\": \"2\"}, \"tokens\": {\"e\": 5}}\n{\"id\": \"a\", "
                "\"expert\": \"e\", \"cost\": 3, \"scores\": {\"rm\": 4}}\n"
                "{\"id\": \"a\", \"expert\": \"e\", \"cost\": 3}\n", &update, &counts));
    assert_true(counts.updated == 2 && counts.unchanged == 1 && counts.rewards == 2 && counts.responses == 1);
    assert_string_equal(give_all(f, f->store, "default"),
        "{\"id\": \"a\", \"query\": \"2\", \"split\": \"y\", \"tags\": [\"l:1\", \"k:3\"], \"rewards\": {\"e\": 2.0, "
        "\"g\": 1.0}, \"costs\": {\"e\": 3.0}, "
        "\"tokens\": {\"e\": {\"in\": 1, \"out\": 5}}, \"n\": 7, \"m\": 2}\n"
        "{\"id\": \"a\", \"responses\": {\"e\": \"2\"}}\n"
        "{\"id\": \"a\", \"reward_model\": \"default\", \"rewards\": {\"e\": 2.0, \"g\": 1.0}}\n"
        "{\"id\": \"a\", \"reward_model\": \"rm\", \"rewards\": {\"e\": 4.0}}\n"
        "{\"id\": \"a\", \"expert\": \"e\", \"sample\": 1, \"turn\": 1, \"text\": \"2\", \"tokens\": {\"in\": 1, "
        "\"out\": 5}, \"cost\": 3.0, \"scores\": {\"default\": 2.0, \"rm\": 4.0}}\n");
}

struct seen { int count; zoo_err last; };

static void note(void *context, const zoo_err *why)
{
    struct seen *seen = context;

    seen->count++;
    seen->last = *why;
}

static void bad_lines_in_the_middle_are_left_out(void **state)
{
    struct fixture *f = here(state);
    struct seen seen = { 0 };
    const zoo_import_options skip = { .skip_bad = 1, .report = note, .context = &seen };
    zoo_import_counts counts = { 0 };

    take(f, f->store, NEW("a", "1", ""));
    OK(try_take(f, f->store, NEW("b", "", "") "not a line\n" NEW("a", "2", "") NEW("c", "", "")
                "{\"id\": \"c\", \"rewards\": {\"e\": 1}}\n"
                "{\"id\": \"c\", \"rewards\": {\"e\": 2}}\n{\"id\": \"none\", \"rewards\": {}}\n"
                "{\"id\": \"c\", \"expert\": \"new\", \"text\": \"x\", \"scores\": {\"default\": 5}}\n"
                "{\"id\": \"c\", \"expert\": \"made\", \"scores\": {\"made\": 5}}\n"
                "{\"id\": \"c\", \"expert\": \"e\", \"text\": \"x\", \"scores\": {\"rm\": 5, \"default\": 7}}\n"
                "{\"id\": \"c\", \"expert\": \"e\", \"scores\": {\"rm\": 6}}\n" NEW("d", "", ""), &skip, &counts));
    assert_true(seen.count == 5 && counts.skipped == 5);
    assert_non_null(strstr(seen.last.message, ":10, column"));
    assert_int_equal(counts.added, 3);
    assert_int_equal(counts.updated, 4);        /* what the line left out had written before it was refused is undone */
    assert_string_equal(give(f, f->store, ZOO_EXPORT_REWARDS, NULL),
        "{\"id\": \"c\", \"reward_model\": \"default\", \"rewards\": {\"e\": 1.0, \"new\": 5.0}}\n{\"id\": \"c\", "
        "\"reward_model\": \"made\", \"rewards\": {\"made\": 5.0}}\n{\"id\": \"c\", \"reward_model\": \"rm\", "
        "\"rewards\": {\"e\": 6.0}}\n");
    assert_string_equal(give(f, f->store, ZOO_EXPORT_RESPONSES, NULL),
                        "{\"id\": \"c\", \"responses\": {\"new\": \"x\"}}\n");
}

/* More lines than are looked up at once (4096): ids come again next to each other,
 * in the same batch and in a later one. */
static void an_id_comes_again_in_one_batch_and_in_a_later_one(void **state)
{
    enum { IDS = 4500, EVERY = 50, AGAIN = 2 * IDS / EVERY + 1, BIG = 1 << 20 };
    struct fixture *f = here(state);
    char *lines = zoo_arena_alloc(&f->arena, BIG);
    size_t size = 0;
    zoo_import_counts counts = { 0 };
    zoo_store_totals n;

    for (int round = 0; round < 3; round++)
        for (int i = 0; i < IDS; i += round ? EVERY : 1)
            size += (size_t)snprintf(lines + size, BIG - size,
                                     "{\"id\": %d, \"query\": \"%d\", \"rewards\": {\"e%d\": %d}}\n%s", i, i, round, i,
                                     i == 77 ? "{\"id\": 77, \"rewards\": {\"f\": 1}}\n" : "");
    assert_true(size < BIG - 100);
    OK(try_take(f, f->store, lines, NULL, &counts));
    assert_true(counts.added == IDS && counts.updated == AGAIN && !counts.unchanged && counts.rewards == IDS + AGAIN);
    counts = (zoo_import_counts){ 0 };
    OK(try_take(f, f->store, strstr(lines, "{\"id\": 4300,"), NULL, &counts));
    assert_true(!counts.added && !counts.updated && counts.unchanged == 200 + AGAIN - 1);
    OK(zoo_store_count(f->store, &n, &f->err));
    assert_true(n.queries == IDS && n.rewards == IDS + AGAIN && n.experts == 4);
    snprintf(lines + size, BIG - size, "{\"id\": 50, \"query\": \"another\", \"rewards\": {}}\n");
    FAILS(ZOO_ECONFLICT, "another query text", try_take(f, f->store, lines + size, NULL, NULL));
    OK(try_take(f, f->store, lines + size, &(zoo_import_options){ .update = 1 }, NULL));
    assert_non_null(strstr(give(f, f->store, ZOO_EXPORT_ROWS, NULL),
                           "{\"id\": \"50\", \"query\": \"another\", \"tags\": [], \"rewards\": "
                           "{\"e0\": 50.0, \"e1\": 50.0, \"e2\": 50.0}}\n"));
}

static void options_of_an_import_hold_for_all_its_rows(void **state)
{
    struct fixture *f = here(state);
    zoo_import_options options = { .split = "s", .reward_model = "rm" };

    OK(try_take(f, f->store,
                NEW("a", "", IN("x")) "{\"id\": \"a\", \"rewards\": {\"e\": 1}}\n{\"id\": \"a\", \"reward_model\": "
                                      "\"own\", \"rewards\": {\"e\": 2}}\n", &options, NULL));
    assert_non_null(strstr(give(f, f->store, ZOO_EXPORT_ROWS, &(zoo_store_filter){ .reward_models = TEXTS("rm") }),
                           "\"split\": \"s\", \"tags\": [], "
                           "\"rewards\": {\"e\": 1.0}, \"reward_model\": \"rm\"}"));
    options.split = "";
    FAILS(ZOO_EUSAGE, "is empty", try_take(f, f->store, "", &options, NULL));
    options.split = NULL;
    options.reward_model = "no spaces";
    FAILS(ZOO_EUSAGE, "reward model 'no spaces'", try_take(f, f->store, "", &options, NULL));
}

/* ---- a view of one moment ---- */

struct meddler { struct fixture *f; zoo_store *other; char text[4096]; size_t size; };

/* Before the first byte is taken, another handle adds to the first query and to the last, and a new one. */
static ssize_t meddle(void *cookie, const char *bytes, size_t size)
{
    struct meddler *m = cookie;

    assert_true(m->size + size < sizeof m->text);
    memcpy(m->text + m->size, bytes, size);
    m->size += size;
    if (m->size == size)
        take(m->f, m->other,
             "{\"id\": \"q1\", \"rewards\": {\"late\": 1}}\n{\"id\": \"q9\", \"rewards\": {\"late\": 1}, "
             "\"responses\": {\"late\": \"\"}}\n"
             NEW("late", "", ""));
    return (ssize_t)size;
}

static void an_export_shows_one_moment_while_another_writes(void **state)
{
    static const zoo_store_filter all;
    struct fixture *f = here(state);
    char line[80];
    struct meddler m = { .f = f };
    const cookie_io_functions_t functions = { .write = meddle };
    const char *before;
    FILE *to;

    for (int i = 1; i < 10; i++) {
        snprintf(line, sizeof line, "{\"id\": \"q%d\", \"query\": \"\", \"rewards\": {\"e\": %d}}\n", i, i);
        take(f, f->store, line);
    }
    before = give(f, f->store, ZOO_EXPORT_ROWS, NULL);
    m.other = open_store(f, &f->places[0], ZOO_STORE_WRITE);
    to = fopencookie(&m, "w", functions);
    setvbuf(to, NULL, _IONBF, 0);
    OK(zoo_store_export(f->store, &(zoo_export_options){ .filter = &all }, to, &f->err));
    fclose(to);
    assert_string_equal(m.text, before);
    assert_true(strlen(give(f, f->store, ZOO_EXPORT_ROWS, NULL)) > strlen(before) + 20);
    zoo_store_close(m.other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(what_is_exported_is_what_was_imported),
        ON_BOTH(answers_and_judgements_are_a_line_each),
        ON_BOTH(exports_make_the_same_store_again),
        ON_BOTH(a_copy_exports_alike_on_the_same_and_the_other_back_end),
        ON_BOTH(rows_are_merged_and_what_differs_refuses_the_file),
        ON_BOTH(what_differs_replaces_with_update),
        ON_BOTH(bad_lines_in_the_middle_are_left_out),
        ON_BOTH(an_id_comes_again_in_one_batch_and_in_a_later_one),
        ON_BOTH(options_of_an_import_hold_for_all_its_rows),
        ON_BOTH(an_export_shows_one_moment_while_another_writes),
    };
    return cmocka_run_group_tests_name("store/conformance_lines", tests, NULL, NULL);
}
