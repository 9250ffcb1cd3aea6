/* Where stores are: opening, versions, what is no store, backups, and a store of the first version. */
#include "unit/store/conformance.h"

static void refuse(struct fixture *f, const struct place *p, enum zoo_store_mode mode, int code, const char *words)
{
    static const zoo_store_advice advice = { .missing = "make {store}", .old = "upgrade {store}" };
    zoo_store *s = f->store;

    FAILS(code, words, zoo_store_open(&s, p->where, mode, &advice, &f->err));
    assert_null(s);
}

static void a_store_is_what_it_was_when_it_is_opened_again(void **state)
{
    struct fixture *f = here(state);
    char name[ZOO_STORE_NAME_MAX];
    uint64_t n;

    three_queries(f);
    OK(zoo_store_describe(f->places[0].where, name, sizeof name, &f->err));
    assert_string_equal(zoo_store_name(f->store), name);
    zoo_store_close(f->store);
    f->store = open_store(f, &f->places[0], ZOO_STORE_CREATE);
    OK(zoo_store_count_queries(f->store, NULL, &n, &f->err));
    assert_int_equal(n, 3);
    zoo_store_close(NULL);
}

static void a_newer_version_is_refused(void **state)
{
    struct fixture *f = here(state);

    run_sql(&f->places[0], f->back == SQLITE ? "PRAGMA user_version = 99" : "UPDATE zooter SET version = 99");
    for (int mode = ZOO_STORE_READ; mode <= ZOO_STORE_CREATE; mode++)
        refuse(f, &f->places[0], (enum zoo_store_mode)mode, ZOO_EFORMAT, "made by a newer zooter");
}

static void what_is_empty_or_another_programs_is_refused(void **state)
{
    struct fixture *f = here(state);
    struct place *p = new_place(f, f->back);

    run_sql(p, "CREATE TABLE queries (x INTEGER)");
    for (int mode = ZOO_STORE_READ; mode <= ZOO_STORE_CREATE; mode++)
        refuse(f, p, (enum zoo_store_mode)mode, ZOO_EFORMAT, "another program");
    run_sql(p, "DROP TABLE queries");
    refuse(f, p, ZOO_STORE_READ, ZOO_EFORMAT, "it is empty");
    refuse(f, p, ZOO_STORE_WRITE, ZOO_EFORMAT, "it is empty");
    zoo_store_close(open_store(f, p, ZOO_STORE_CREATE));
    zoo_store_close(open_store(f, p, ZOO_STORE_READ));
}

static void what_is_not_there_is_said_with_the_advice(void **state)
{
    struct fixture *f = here(state);
    struct place p = f->places[0];
    size_t end = strlen(p.where);

    snprintf(p.where + end, sizeof p.where - end, "_none");
    refuse(f, &p, ZOO_STORE_WRITE, ZOO_EIO, f->back == SQLITE ? "no such store; make /" : "none");
    p.where[0] = 0;
    refuse(f, &p, ZOO_STORE_CREATE, ZOO_EUSAGE, "name is empty");
}

static void files_of_another_kind_are_no_stores(void **state)
{
    struct fixture *f = here(state);
    struct place *p = new_place(f, SQLITE), folder = { SQLITE, "/tmp", "" };
    FILE *file = fopen(p->where, "w");

    for (int i = 0; i < 1000; i++)
        fputs("not a database ", file);
    fclose(file);
    refuse(f, p, ZOO_STORE_CREATE, ZOO_EFORMAT, "not a store");
    refuse(f, &folder, ZOO_STORE_CREATE, ZOO_EFORMAT, "not a regular file");
    run_sql(&f->places[0], "PRAGMA application_id = 5");
    refuse(f, &f->places[0], ZOO_STORE_CREATE, ZOO_EFORMAT, "another program");
}

/* ---- backups ---- */

static void a_backup_is_complete_and_nothing_is_replaced_by_accident(void **state)
{
    struct fixture *f = here(state);
    struct place *p = new_place(f, SQLITE);
    char log[600];
    zoo_store *copy;
    FILE *file;

    three_queries(f);
    snprintf(log, sizeof log, "%s-wal", p->where);
    FAILS(ZOO_EUSAGE, "", zoo_store_backup(f->store, f->places[0].where, 1, NULL, &f->err));         /* onto itself */
    OK(zoo_store_backup(f->store, p->where, 0, NULL, &f->err));
    FAILS(ZOO_EUSAGE, "", zoo_store_backup(f->store, p->where, 0, NULL, &f->err));
    file = fopen(log, "w");                          /* another store's log must not be read with our copy */
    fclose(file);
    FAILS(ZOO_EUSAGE, "", zoo_store_backup(f->store, p->where, 1, NULL, &f->err));
    unlink(log);
    OK(zoo_store_backup(f->store, p->where, 1, NULL, &f->err));
    copy = open_store(f, p, ZOO_STORE_WRITE);
    assert_string_equal(give_all(f, copy, NULL), give_all(f, f->store, NULL));
    zoo_store_close(copy);
}

static void a_database_has_no_backup_into_a_file(void **state)
{
    struct fixture *f = here(state);

    FAILS(ZOO_EUSAGE, "a store in PostgreSQL has none", zoo_store_backup(f->store, "/tmp/x.db", 0, NULL, &f->err));
}

/* ---- a store of the first version ---- */

static const char *read_text(struct fixture *f, const char *path)
{
    char *text = zoo_arena_alloc(&f->arena, 1 << 16);
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

static struct place *first_version(struct fixture *f)
{
    struct place *p = new_place(f, SQLITE);
    FILE *from = fopen("tests/golden/store/v1.db", "rb"), *to = fopen(p->where, "wb");
    char bytes[4096];
    size_t n;

    assert_true(from && to);
    while ((n = fread(bytes, 1, sizeof bytes, from)) > 0)
        assert_int_equal(fwrite(bytes, 1, n, to), n);
    fclose(from);
    fclose(to);
    return p;
}

/* v1.* are what that version exported. Its costs and tokens were fields like any other; those that are numbers by
 * expert are figures now. */
static void expect_upgraded(struct fixture *f, zoo_store *store)
{
    const zoo_store_filter rows = { .reward_models = TEXTS("default") };
    const char *now = give(f, store, ZOO_EXPORT_ROWS, &rows), *then = read_text(f, "tests/golden/store/v1.rows");
    zoo_dataset d;

    assert_string_equal(give(f, store, ZOO_EXPORT_RESPONSES, NULL), read_text(f, "tests/golden/store/v1.responses"));
    assert_string_equal(give(f, store, ZOO_EXPORT_REWARDS, NULL), read_text(f, "tests/golden/store/v1.rewards"));
    assert_non_null(strstr(now, "\"rewards\": {\"m\": 0.1, \"org/x:7b\": -3.0}, \"costs\": {\"m\": 0.25, \"org/x:7b\": "
                                "0.0}, \"tokens\": {\"expert-1\": {\"in\": 4, \"out\": 30}}, \"turns\": [\"a\", "
                                "\"b\"], \"n\": 1000000000000, \"reference\": \"1,000\"}\n"));
    assert_non_null(strstr(now, "\"tokens\": {\"expert-1\": {\"in\": 0, \"out\": 30}, \"m\": 7}, \"raw\": [ 1.50 , "
                                "\"\\u00e9\" ], \"costs\": \"not an object\"}\n"));
    assert_memory_equal(now, then, (size_t)(strstr(then, "\"turns\"") - then));
    OK(zoo_store_load(store, &rows, &d, &f->err));
    assert_true(d.n == 3 && d.costs && d.costs[0] == 0.25 && !strcmp(d.experts[0], "m"));
    zoo_dataset_release(&d);
}

static void the_first_version_is_upgraded_in_place(void **state)
{
    struct fixture *f = here(state);
    struct place *p = first_version(f);
    zoo_store *store;

    refuse(f, p, ZOO_STORE_READ, ZOO_EFORMAT,
           "made by an older zooter, and is to be brought up to date before it can be read; upgrade /");
    store = open_store(f, p, ZOO_STORE_WRITE);
    expect_upgraded(f, store);
    zoo_store_close(store);
    store = open_store(f, p, ZOO_STORE_READ);
    expect_upgraded(f, store);
    zoo_store_close(store);
    store = open_store(f, p, ZOO_STORE_WRITE);
    take(f, store, "{\"id\": \"a\", \"expert\": \"m\", \"sample\": 2, \"text\": \"more\"}\n");
    zoo_store_close(store);
}

/* All of an upgrade or none: here a table stands in its way. */
static void an_upgrade_that_fails_leaves_the_store_as_it_was(void **state)
{
    struct fixture *f = here(state);
    struct place *p = first_version(f);
    zoo_store *store;

    run_sql(p, "CREATE TABLE claims (x INTEGER)");
    refuse(f, p, ZOO_STORE_WRITE, ZOO_EIO, "claims");
    run_sql(p, "DROP TABLE claims");
    refuse(f, p, ZOO_STORE_READ, ZOO_EFORMAT, "made by an older zooter");
    store = open_store(f, p, ZOO_STORE_WRITE);
    expect_upgraded(f, store);
    zoo_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(a_store_is_what_it_was_when_it_is_opened_again),
        ON_BOTH(a_newer_version_is_refused),
        ON_BOTH(what_is_empty_or_another_programs_is_refused),
        ON_BOTH(what_is_not_there_is_said_with_the_advice),
        ON_SQLITE(files_of_another_kind_are_no_stores),
        ON_SQLITE(a_backup_is_complete_and_nothing_is_replaced_by_accident),
        ON_POSTGRES(a_database_has_no_backup_into_a_file),
        ON_SQLITE(the_first_version_is_upgraded_in_place),
        ON_SQLITE(an_upgrade_that_fails_leaves_the_store_as_it_was),
    };
    return cmocka_run_group_tests_name("store/conformance_places", tests, NULL, NULL);
}
