#include "unit/cm.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "store/postgres.h"

#ifdef ZOO_HAVE_LIBPQ
/* ---- a server ---- */
static const zoo_driver *const driver = &zoo_driver_postgres;

struct place { char url[512], name[64]; zoo_db *admin; };       /* of a database of this test's own */

#define K(value) { .k = (value) }
#define D(value) { .d = (value) }
#define T(value) { .text = (value), .size = strlen(value) }
#define NOTHING { .text = NULL, .d = NAN, .k = -1 }
#define COUNT(array) (sizeof (array) / sizeof *(array))
#define OK(call) do { zoo_err err_ = { 0 }; if ((call) != ZOO_OK) { print_error("%s\n", err_.message); fail(); \
                                                                    } } while (0)
#define RUN(db, id, ...) run(db, id, (const zoo_db_value[]){ __VA_ARGS__ }, \
                             COUNT(((const zoo_db_value[]){ __VA_ARGS__ })))

static void admin(const struct place *p, const char *sql)
{
    OK(zoo_pg_exec((zoo_pg *)p->admin, sql, &err_));
}

static void leave(struct place *p)
{
    char sql[128];

    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", p->name);
    admin(p, sql);
    driver->close(p->admin);
}

/* The URL of a database that is not there yet. */
static void place_of(struct place *p, const char *which)
{
    const char *url = getenv("ZOO_TEST_POSTGRES");

    if (!url) {
        fprintf(stderr, "skip: needs PostgreSQL (Debian: postgresql; tests/postgres.py starts one)\n");
        skip();
    }
    unsetenv("ZOOTER_DB_WAIT");
    snprintf(p->name, sizeof p->name, "%s_%d", which, (int)getpid());
    snprintf(p->url, sizeof p->url, "%.*s/%s", (int)(strrchr(url, '/') - url), url, p->name);
    OK(driver->open(&p->admin, url, ZOO_STORE_CREATE, &err_));
}

static void place_new(struct place *p, const char *which)
{
    char sql[128];

    place_of(p, which);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", p->name);
    admin(p, sql);
}

static zoo_db *open_at(const struct place *p, enum zoo_store_mode mode)
{
    zoo_db *db;

    OK(driver->open(&db, p->url, mode, &err_));
    return db;
}

/* Ends every connection to the database, and waits until they are gone. */
static void terminate(const struct place *p)
{
    char sql[256];

    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '%s'",
             p->name);
    admin(p, sql);
}

static int try_run(zoo_db *db, enum zoo_sql id, const zoo_db_value *values, size_t n, int64_t *number, zoo_err *err)
{
    int rc = driver->bind(db, id, values, n, err);

    if (rc || (rc = driver->step(db, id, err)) < 0)
        return rc;
    *number = rc ? driver->number(db, id, 0) : -1;
    driver->reset(db, id);
    return ZOO_OK;
}

/* The number in the first column of the first row; -1: no row. */
static int64_t run(zoo_db *db, enum zoo_sql id, const zoo_db_value *values, size_t n)
{
    int64_t number = 0;

    OK(try_run(db, id, values, n, &number, &err_));
    return number;
}

static int64_t count_queries(zoo_db *db)
{
    return RUN(db, ZOO_SQL_QUERIES_COUNT, { 0 }, { 0 }, K(0));
}

static void add_query(zoo_db *db, int64_t key)
{
    char id[32];

    snprintf(id, sizeof id, "q%lld", (long long)key);
    RUN(db, ZOO_SQL_QUERY_NEW, K(key), T(id), T("train"), T("text"), NOTHING);
    assert_int_equal(driver->changes(db), 1);
}

static void expect_text(zoo_db *db, enum zoo_sql id, int column, const char *text, size_t size)
{
    size_t got;
    const char *value = driver->text(db, id, column, &got);

    assert_non_null(value);
    assert_int_equal(got, size);
    assert_memory_equal(value, text, size);
    assert_int_equal(value[size], 0);
}

static void values_come_back_as_they_were(void **state)
{
    static const double reals[] = { 0, 1e300, 5e-324, -1.7976931348623157e308, 0.1, HUGE_VAL };
    static const int64_t numbers[] = { 0, 1, INT64_MAX, INT64_MIN, 255, -2 };
    const enum zoo_sql of = ZOO_SQL_ANSWER_OF;
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "values");
    db = open_at(&p, ZOO_STORE_CREATE);
    add_query(db, 1);
    for (size_t i = 0; i < COUNT(reals); i++) {
        const int64_t n = numbers[i % COUNT(numbers)];
        const zoo_db_value address[] = { K(1), K(2), K(3), K(4) };
        RUN(db, ZOO_SQL_ANSWER_REPLACE, K(1), K(2), K(3), K(4), K(-1), T("st\"o'p\\"), K(n), K(-1), K(-1), K(-1),
            D(reals[i]), D(NAN), D(reals[i]), NOTHING, NOTHING, { .text = "a\0b", .size = 3 });
        OK(driver->bind(db, of, address, 4, &err_));
        assert_int_equal(driver->step(db, of, NULL), 1);
        assert_true(driver->is_null(db, of, 0));
        assert_null(driver->text(db, of, 0, NULL));
        expect_text(db, of, 1, "st\"o'p\\", 7);
        assert_int_equal(driver->number(db, of, 2), n);
        assert_true(driver->is_null(db, of, 3));
        assert_int_equal(driver->number(db, of, 3), 0);
        assert_memory_equal(&(double){ driver->real(db, of, 6) }, &reals[i], sizeof *reals);
        assert_true(driver->is_null(db, of, 7));
        expect_text(db, of, 11, "a\0b", 3);
        assert_int_equal(driver->step(db, of, NULL), 0);
    }
    RUN(db, ZOO_SQL_ANSWER_TEXT, K(1), K(2), K(3), K(5), { .text = "", .size = 0 });
    assert_int_equal(RUN(db, ZOO_SQL_ANSWERED_COUNT, { 0 }, { 0 }, K(0), K(2), K(3), K(5)), 1);
    driver->close(db);
    leave(&p);
}

static void arrays_hold_any_text_and_key(void **state)
{
    static const char *const ids[] = { "a\"b", "c\\d", "{e,f}", "NULL", "", "\xf0\x9f\xa6\x9c g", " ", "'" };
    const zoo_texts texts = { ids, COUNT(ids) }, none = { ids, 0 };
    const zoo_key tags[] = { 1, INT64_MAX, -5 };
    const zoo_keys keys = { tags, 3 };
    struct place p;
    zoo_db *db;
    int found = 0;

    (void)state;
    place_new(&p, "arrays");
    db = open_at(&p, ZOO_STORE_CREATE);
    for (size_t i = 0; i < COUNT(ids); i++)
        RUN(db, ZOO_SQL_QUERY_NEW, K((int64_t)i + 1), T(ids[i]), T(ids[i]), T("x"), NOTHING);
    OK(driver->bind(db, ZOO_SQL_QUERIES_KNOWN, &(zoo_db_value){ .texts = &texts }, 1, &err_));
    while (driver->step(db, ZOO_SQL_QUERIES_KNOWN, NULL) == 1)
        found++;
    assert_int_equal(found, COUNT(ids));
    assert_int_equal(RUN(db, ZOO_SQL_QUERIES_COUNT, { .texts = &none }, { 0 }, K(0)), 0);
    assert_int_equal(RUN(db, ZOO_SQL_QUERY_TAG_PUT, K(3), K(0), K(INT64_MAX)), -1);
    assert_int_equal(RUN(db, ZOO_SQL_QUERIES_COUNT, { .texts = &texts }, { .keys = &keys }, K(0)), COUNT(ids));
    /* a tag that has no row */
    assert_int_equal(RUN(db, ZOO_SQL_QUERIES_COUNT, { .texts = &texts }, { .keys = &keys }, K(1)), 0);
    driver->close(db);
    leave(&p);
}

/* Each in a savepoint, with ones and empty texts: the server must understand it and give types that are read here. */
static void every_statement_is_one_for_the_server(void **state)
{
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "every");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    RUN(db, ZOO_SQL_QUERY_NEW, K(1), T(""), T(""), T(""), NOTHING);
    RUN(db, ZOO_SQL_OWNER_NEW, T("host"), K(1), K(1), K(1));
    RUN(db, ZOO_SQL_EXPERT_PUT, T("expert"));
    RUN(db, ZOO_SQL_REWARD_MODEL_PUT, T("reward model"));
    for (enum zoo_sql id = 0; id < ZOO_SQL_COUNT; id++) {
        const char *types = zoo_statements[id].types;
        zoo_db_value values[ZOO_PG_PARAMETERS] = { { 0 } };
        zoo_err err = { 0 };
        int rc;
        assert_true(strlen(types) <= ZOO_PG_PARAMETERS);
        for (size_t i = 0; types[i]; i++)
            values[i] = strchr("SK", types[i]) ? (zoo_db_value){ 0 } : (zoo_db_value){ .k = 1, .d = 1, .text = "" };
        OK(driver->savepoint(db, &err_));
        rc = driver->bind(db, id, values, strlen(types), &err);
        while (!rc && (rc = driver->step(db, id, &err)) == 1)
            rc = 0;
        if (rc)
            print_error("%d: %s\n", (int)id, err.message);
        assert_int_equal(rc, 0);
        driver->rollback_to(db);
    }
    driver->rollback(db);
    driver->close(db);
    leave(&p);
}

static void scans_go_side_by_side_with_other_statements(void **state)
{
    enum { QUERIES = 20000 };
    const zoo_db_value all[] = { { 0 }, { 0 }, K(0) };
    const enum zoo_sql a = ZOO_SQL_LOAD_QUERIES, b = ZOO_SQL_EXPORT_QUERIES;
    struct place p;
    zoo_db *db;
    char id[32];

    (void)state;
    place_new(&p, "scans");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    for (int64_t i = 1; i <= QUERIES; i++) {
        snprintf(id, sizeof id, "q%lld", (long long)i);
        OK(driver->append(db, ZOO_TABLE_QUERIES, (zoo_db_value[]){ K(i), T(id), NOTHING, T("t"), NOTHING }, &err_));
    }
    OK(driver->commit(db, &err_));
    assert_int_equal(driver->bind(db, a, all, 3, NULL), ZOO_OK);
    assert_int_equal(driver->step(db, a, NULL), ZOO_EUSAGE);            /* no transaction */
    OK(driver->begin(db, ZOO_BEGIN_SNAPSHOT, &err_));
    OK(driver->bind(db, a, all, 3, &err_));
    OK(driver->bind(db, b, all, 3, &err_));
    for (int64_t i = 1; i <= QUERIES; i++) {
        assert_int_equal(driver->step(db, a, NULL), 1);
        if (i % 2)
            assert_int_equal(driver->step(db, b, NULL), 1);
        assert_int_equal(driver->number(db, a, 0), i);
        assert_int_equal(driver->number(db, b, 0), (i + 1) / 2);
        if (i % 5000 == 0)
            assert_int_equal(count_queries(db), QUERIES);
    }
    driver->reset(db, b);
    assert_int_equal(driver->step(db, a, NULL), 0);
    assert_int_equal(driver->number(db, a, 0), 0);                      /* no row, no reading behind one */
    OK(driver->bind(db, b, all, 3, &err_));
    assert_int_equal(driver->step(db, b, NULL), 1);
    OK(driver->commit(db, &err_));
    driver->close(db);
    leave(&p);
}

static void large_rows_come_a_few_at_a_time(void **state)
{
    enum { SIZE = 5 << 20, ROWS = 20 };
    const zoo_db_value all[] = { { 0 }, { 0 }, K(0) };
    const enum zoo_sql id = ZOO_SQL_EXPORT_RESPONSES;
    char *text = malloc(SIZE);
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "large");
    assert_non_null(text);
    memset(text, 'x', SIZE);
    db = open_at(&p, ZOO_STORE_CREATE);
    add_query(db, 1);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    RUN(db, ZOO_SQL_EXPERT_PUT, T("e"));
    for (int i = 0; i < ROWS; i++) {
        add_query(db, i + 2);
        RUN(db, ZOO_SQL_ANSWER_TEXT, K(i + 2), K(1), K(1), K(1), { .text = text, .size = SIZE });
    }
    assert_false(((zoo_pg *)db)->is_replayable);                        /* more than a journal may hold */
    OK(driver->commit(db, &err_));
    OK(driver->begin(db, ZOO_BEGIN_SNAPSHOT, &err_));
    OK(driver->bind(db, id, all, 3, &err_));
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(driver->step(db, id, NULL), 1);
        assert_true(((zoo_pg *)db)->statements[id].portion <= 8);
        expect_text(db, id, 2, text, SIZE);
    }
    assert_int_equal(driver->step(db, id, NULL), 0);
    driver->rollback(db);
    driver->close(db);
    free(text);
    leave(&p);
}

static void savepoints_nest_and_undo(void **state)
{
    const zoo_db_value all[] = { { 0 }, { 0 }, K(0) };
    const enum zoo_sql scan = ZOO_SQL_LOAD_QUERIES;
    struct place p;
    zoo_db *db;
    zoo_err err;
    int64_t number;

    (void)state;
    place_new(&p, "savepoints");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    add_query(db, 1);
    OK(driver->append(db, ZOO_TABLE_QUERIES, (zoo_db_value[]){ K(9), T("nine"), NOTHING, T("t"), NOTHING }, &err_));
    OK(driver->savepoint(db, &err_));
    add_query(db, 2);
    OK(driver->append(db, ZOO_TABLE_QUERIES, (zoo_db_value[]){ K(10), T("ten"), NOTHING, T("t"), NOTHING }, &err_));
    OK(driver->savepoint(db, &err_));
    add_query(db, 3);
    OK(driver->bind(db, scan, all, 3, &err_));
    assert_int_equal(driver->step(db, scan, NULL), 1);
    /* The same key again fails, and with it the transaction, up to the savepoint. */
    assert_int_equal(try_run(db, ZOO_SQL_QUERY_NEW, (zoo_db_value[]){ K(3), T("x"), NOTHING, T("t"), NOTHING }, 5,
                             &number, &err), ZOO_ECONFLICT);
    assert_non_null(strstr(err.message, "queries_pkey"));
    assert_int_equal(driver->savepoint(db, &err), ZOO_EIO);
    driver->rollback_to(db);
    assert_int_equal(driver->step(db, scan, &err), ZOO_EUSAGE);          /* went with the savepoint */
    assert_int_equal(count_queries(db), 4);
    add_query(db, 4);
    OK(driver->release(db, &err_));
    assert_int_equal(driver->release(db, &err), ZOO_EUSAGE);
    OK(driver->savepoint(db, &err_));
    OK(driver->append(db, ZOO_TABLE_QUERIES, (zoo_db_value[]){ K(11), T("eleven"), NOTHING, T("t"), NOTHING }, &err_));
    driver->rollback_to(db);
    assert_int_equal(driver->begin(db, ZOO_BEGIN_WRITE, &err), ZOO_EUSAGE);
    OK(driver->commit(db, &err_));
    assert_false(driver->in_transaction(db));
    assert_int_equal(count_queries(db), 5);                              /* 1, 2, 4, nine and ten */
    driver->close(db);
    leave(&p);
}

static void a_commit_after_a_failure_is_one(void **state)
{
    struct place p;
    zoo_db *db;
    zoo_err err;
    int64_t number;

    (void)state;
    place_new(&p, "failed");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    add_query(db, 1);
    assert_int_equal(try_run(db, ZOO_SQL_QUERY_TAG_PUT, (zoo_db_value[]){ K(1), K(INT64_MAX), K(1) }, 3, &number, &err),
                     ZOO_EUSAGE);
    assert_true(driver->in_transaction(db));
    assert_int_equal(driver->commit(db, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "nothing of the transaction was stored"));
    assert_false(driver->in_transaction(db));
    assert_int_equal(count_queries(db), 0);
    driver->close(db);
    leave(&p);
}

static void changes_are_those_of_the_last_that_wrote(void **state)
{
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "changes");
    db = open_at(&p, ZOO_STORE_CREATE);
    for (int i = 1; i <= 3; i++)
        add_query(db, i);
    RUN(db, ZOO_SQL_QUERY_NEW, K(4), T("q3"), NOTHING, T("again"), NOTHING);
    assert_int_equal(driver->changes(db), 0);
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_PUT, T("e")), 1);
    assert_int_equal(driver->changes(db), 1);
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_PUT, T("e")), -1);
    assert_int_equal(driver->changes(db), 0);
    RUN(db, ZOO_SQL_DELETE_SPLIT, T("train"));
    count_queries(db);
    assert_int_equal(driver->changes(db), 3);
    RUN(db, ZOO_SQL_REWARD_PUT, K(77), K(1), K(1), K(1), K(1), D(1));
    assert_int_equal(driver->changes(db), 0);                            /* there is no such query */
    driver->close(db);
    leave(&p);
}

/* Row `i` of any table: numbers count up in the key, texts have what COPY's text format would stumble over. */
static void fill(zoo_db_value *row, const char *types, int64_t i, char text[32])
{
    snprintf(text, 32, "\\N\t%lld\n'\"", (long long)i);
    for (size_t c = 0; types[c]; c++)
        row[c] = types[c] == 'd' ? (zoo_db_value)D((double)i / 3) : strchr("tsb", types[c]) ? (zoo_db_value)T(text) :
                 (zoo_db_value)K(i);
}

static void check_table(zoo_db *db, enum zoo_table table, int64_t rows)
{
    const char *types = zoo_tables[table].types;
    zoo_db_value row[ZOO_PG_PARAMETERS];
    char text[32];

    OK(driver->table_begin(db, table, &err_));
    for (int64_t i = 1; i <= rows; i++) {
        assert_int_equal(driver->step(db, ZOO_SQL_COUNT, NULL), 1);
        fill(row, types, i, text);
        for (int c = 0; types[c]; c++)
            if (types[c] == 'd')
                assert_true(driver->real(db, ZOO_SQL_COUNT, c) == row[c].d);
            else if (strchr("tsb", types[c]))
                expect_text(db, ZOO_SQL_COUNT, c, row[c].text, row[c].size);
            else
                assert_int_equal(driver->number(db, ZOO_SQL_COUNT, c), i);
    }
    assert_int_equal(driver->step(db, ZOO_SQL_COUNT, NULL), 0);
}

static void tables_are_copied_in_and_read_back(void **state)
{
    enum { ROWS = 300 };
    zoo_db_value row[ZOO_PG_PARAMETERS];
    char text[32];
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "tables");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(driver->bulk_begin(db, &err_));
    /* answers before the queries that they refer to */
    for (int64_t i = ROWS; i; i--)
        for (int t = ZOO_TABLES - 1; t >= 0; t--) {
            fill(row, zoo_tables[t].types, i, text);
            OK(driver->append(db, (enum zoo_table)t, row, &err_));
        }
    OK(driver->flush(db, &err_));
    assert_int_equal(count_queries(db), ROWS);
    OK(driver->after_copy(db, &err_));
    OK(driver->commit(db, &err_));
    driver->bulk_end(db);
    OK(driver->begin(db, ZOO_BEGIN_SNAPSHOT, &err_));
    for (int t = 0; t < ZOO_TABLES; t++)
        check_table(db, (enum zoo_table)t, ROWS);
    driver->rollback(db);
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_PUT, T("new")), ROWS + 1);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    RUN(db, ZOO_SQL_DELETE_EXPERT, T("new"));
    OK(driver->after_copy(db, &err_));
    OK(driver->commit(db, &err_));
    /* a key that was given is not given again */
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_PUT, T("newer")), ROWS + 2);
    driver->close(db);
    leave(&p);
}

static void appended_rows_are_sent_when_they_are_many(void **state)
{
    static char text[1 << 20];
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "many");
    memset(text, 'x', sizeof text);
    db = open_at(&p, ZOO_STORE_CREATE);
    assert_int_equal(driver->append(db, ZOO_TABLE_EXPERTS, (zoo_db_value[]){ K(1), T("e") }, NULL), ZOO_EUSAGE);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    for (int64_t i = 1; i <= 20; i++) {
        char id[32];
        snprintf(id, sizeof id, "q%lld", (long long)i);
        OK(driver->append(db, ZOO_TABLE_QUERIES, (zoo_db_value[]){ K(i), T(id), NOTHING, T("t"), NOTHING }, &err_));
        OK(driver->append(db, ZOO_TABLE_ANSWERS, (zoo_db_value[]){ K(i), K(1), K(1), K(1), K(-1), NOTHING, K(-1), K(-1),
                                                                   K(-1), K(-1), D(NAN), D(NAN), D(NAN), NOTHING,
                                                                   NOTHING, { .text = text, .size = sizeof text } },
                          &err_));
    }
    assert_in_range(count_queries(db), 8, 19);
    OK(driver->commit(db, &err_));
    assert_int_equal(count_queries(db), 20);
    assert_int_equal(RUN(db, ZOO_SQL_ANSWERED_COUNT, { 0 }, { 0 }, K(0), K(1), K(1), K(1)), 20);
    driver->close(db);
    leave(&p);
}

static void refused_rows_have_a_sentence_and_leave_a_connection(void **state)
{
    struct place p;
    zoo_db *db;
    zoo_err err;

    (void)state;
    place_new(&p, "refused");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    for (int i = 0; i < 2; i++)
        OK(driver->append(db, ZOO_TABLE_EXPERTS, (zoo_db_value[]){ K(1), T("e") }, &err_));
    assert_int_equal(driver->commit(db, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "experts_pkey"));
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    OK(driver->append(db, ZOO_TABLE_EXPERTS, (zoo_db_value[]){ K(1), T("\xff") }, &err_));
    assert_int_equal(driver->commit(db, &err), ZOO_EIO);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    assert_int_equal(driver->append(db, ZOO_TABLE_EXPERTS, (zoo_db_value[]){ K(1), { .text = "a\0b", .size = 3 } },
                                    &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "NUL byte"));
    assert_int_equal(driver->append(db, ZOO_TABLE_QUERY_TAGS, (zoo_db_value[]){ K(1), K(1LL << 31), K(1) }, &err),
                     ZOO_EUSAGE);
    OK(driver->append(db, ZOO_TABLE_EXPERTS, (zoo_db_value[]){ K(1), T("e") }, &err_));
    /* what was refused before it was sent has harmed nothing */
    OK(driver->commit(db, &err_));
    assert_int_equal(driver->bind(db, ZOO_SQL_TAG_FIND, (zoo_db_value[]){ { .text = "a\0b", .size = 3 }, T("v") }, 2,
                                  &err), ZOO_EFORMAT);
    assert_int_equal(driver->bind(db, ZOO_SQL_TAG_FIND, (zoo_db_value[]){ T("v") }, 1, &err), ZOO_EUSAGE);
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_FIND, T("e")), 1);
    driver->close(db);
    leave(&p);
}

/* ---- opening ---- */
static void *open_in_thread(void *url)
{
    zoo_db *db;
    zoo_err err = { 0 };

    if (driver->open(&db, url, ZOO_STORE_CREATE, &err))
        return strdup(err.message);
    driver->close(db);
    return NULL;
}

static void several_may_open_an_empty_database_at_once(void **state)
{
    pthread_t threads[6];
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "several");
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_in_thread, p.url), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *message;
        pthread_join(threads[i], &message);
        if (message)
            print_error("%s\n", (char *)message);
        assert_null(message);
    }
    db = open_at(&p, ZOO_STORE_READ);
    driver->close(db);
    leave(&p);
}

static void expect_refused(const struct place *p, enum zoo_store_mode mode, int code, const char *part)
{
    zoo_db *db;
    zoo_err err = { 0 };

    assert_int_equal(driver->open(&db, p->url, mode, &err), code);
    assert_null(db);
    if (!strstr(err.message, part))
        print_error("%s\n", err.message);
    assert_non_null(strstr(err.message, part));
    assert_memory_equal(err.message, "postgresql://", 13);
}

static void what_is_no_store_is_told_apart(void **state)
{
    struct place p;
    zoo_db *db;
    zoo_err err;
    char sql[200];

    (void)state;
    place_of(&p, "kinds");
    snprintf(sql, sizeof sql, "no such database; 'createdb %s' makes one", p.name);
    expect_refused(&p, ZOO_STORE_READ, ZOO_EIO, sql);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
             p.name);
    admin(&p, sql);
    expect_refused(&p, ZOO_STORE_CREATE, ZOO_EFORMAT, "encoding is LATIN1 and has to be UTF8");
    leave(&p);

    place_new(&p, "kinds");
    expect_refused(&p, ZOO_STORE_READ, ZOO_DB_EMPTY, "it is empty");
    expect_refused(&p, ZOO_STORE_WRITE, ZOO_DB_EMPTY, "it is empty");
    db = open_at(&p, ZOO_STORE_CREATE);
    OK(zoo_pg_exec((zoo_pg *)db, "UPDATE zooter SET version = 99", &err_));
    expect_refused(&p, ZOO_STORE_READ, ZOO_EFORMAT, "newer zooter (version 99");
    OK(zoo_pg_exec((zoo_pg *)db, "UPDATE zooter SET application = 'other'", &err_));
    expect_refused(&p, ZOO_STORE_CREATE, ZOO_EFORMAT, "another program's tables");
    OK(zoo_pg_exec((zoo_pg *)db, "DROP TABLE zooter; CREATE VIEW zooter AS SELECT 1 AS one", &err_));
    expect_refused(&p, ZOO_STORE_CREATE, ZOO_EFORMAT, "another program's tables");
    OK(zoo_pg_exec((zoo_pg *)db, "DROP SCHEMA public CASCADE", &err_));
    expect_refused(&p, ZOO_STORE_CREATE, ZOO_EFORMAT, "search_path");
    OK(zoo_pg_exec((zoo_pg *)db,
                   "CREATE SCHEMA public; CREATE EXTENSION pg_stat_statements; CREATE TYPE e AS ENUM ('x')", &err_));
    driver->close(db);
    driver->close(open_at(&p, ZOO_STORE_CREATE));                        /* an extension's views are nobody's tables */
    db = open_at(&p, ZOO_STORE_READ);
    assert_int_equal(driver->bind(db, ZOO_SQL_EXPERT_PUT, (zoo_db_value[]){ T("e") }, 1, &err), ZOO_OK);
    assert_int_equal(driver->step(db, ZOO_SQL_EXPERT_PUT, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "may not be written"));
    driver->close(db);
    leave(&p);
}

static void who_is_not_let_in_learns_why(void **state)
{
    struct place p;
    zoo_db *db;
    zoo_err err;
    char *user;

    (void)state;
    place_new(&p, "roles");
    setenv("PGCONNECT_TIMEOUT", "5", 1);
    assert_int_equal(driver->open(&db, "postgresql://127.0.0.1:1/x", ZOO_STORE_READ, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "postgresql://127.0.0.1:1/x: connection to server"));
    assert_non_null(strstr(err.message, "is a server running there"));
    assert_int_equal(driver->open(&db, "postgresql://127.0.0.1:1/x?nonsense=1", ZOO_STORE_READ, &err), ZOO_EUSAGE);
    user = strstr(p.url, "postgres@");
    assert_non_null(user);
    memcpy(user, "nobody__", 8);
    expect_refused(&p, ZOO_STORE_READ, ZOO_EIO, "role \"nobody__\" does not exist; name another user");
    memcpy(user, "postgres", 8);
    unsetenv("PGCONNECT_TIMEOUT");
    leave(&p);
}

/* ---- a server that goes away ---- */
static void a_transaction_is_done_again_where_its_connection_was_lost(void **state)
{
    struct place p;
    zoo_db *db;

    (void)state;
    place_new(&p, "lost");
    db = open_at(&p, ZOO_STORE_CREATE);
    terminate(&p);
    assert_int_equal(count_queries(db), 0);                              /* outside of one */
    terminate(&p);
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    run(db, ZOO_SQL_CLAIM_LOCK, NULL, 0);
    add_query(db, 1);
    RUN(db, ZOO_SQL_ANSWER_TEXT, K(1), K(1), K(1), K(1), { .text = "a\0b", .size = 3 });
    terminate(&p);
    add_query(db, 2);                                                    /* in the middle */
    assert_int_equal(count_queries(db), 2);
    OK(driver->savepoint(db, &err_));
    add_query(db, 3);
    terminate(&p);
    driver->rollback_to(db);                                             /* undone though nobody was there to do it */
    OK(driver->savepoint(db, &err_));
    add_query(db, 4);
    OK(driver->savepoint(db, &err_));
    add_query(db, 5);
    terminate(&p);
    add_query(db, 6);
    driver->rollback_to(db);
    terminate(&p);
    OK(driver->release(db, &err_));
    terminate(&p);
    OK(driver->commit(db, &err_));                                       /* before COMMIT */
    assert_int_equal(count_queries(db), 3);                              /* 1, 2 and 4 */
    assert_int_equal(RUN(db, ZOO_SQL_ANSWERED_COUNT, { 0 }, { 0 }, K(0), K(1), K(1), K(1)), 1);
    driver->close(db);
    leave(&p);
}

static void expect_lost(zoo_db *db, int rc, const zoo_err *err, const char *part)
{
    assert_int_equal(rc, ZOO_EIO);
    if (!strstr(err->message, part))
        print_error("%s\n", err->message);
    assert_non_null(strstr(err->message, part));
    assert_non_null(strstr(err->message, "run the command again"));
    driver->rollback(db);
    assert_int_equal(count_queries(db), 1);                              /* and the next command finds all in order */
}

static void what_cannot_be_done_again_is_a_sentence(void **state)
{
    const zoo_db_value all[] = { { 0 }, { 0 }, K(0) }, expert = T("e");
    const zoo_db_value query[] = { K(7), T("seven"), NOTHING, T("t"), NOTHING };
    struct place p;
    zoo_db *db;
    zoo_err err = { 0 };
    int64_t number;

    (void)state;
    place_new(&p, "hopeless");
    db = open_at(&p, ZOO_STORE_CREATE);
    add_query(db, 1);

    OK(driver->begin(db, ZOO_BEGIN_SNAPSHOT, &err_));
    terminate(&p);
    expect_lost(db, try_run(db, ZOO_SQL_QUERIES_COUNT, all, 3, &number, &err), &err, "went away;");

    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    OK(driver->append(db, ZOO_TABLE_QUERIES, query, &err_));
    terminate(&p);
    expect_lost(db, driver->commit(db, &err), &err, "went away;");

    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    OK(driver->bind(db, ZOO_SQL_LOAD_QUERIES, all, 3, &err_));
    assert_int_equal(driver->step(db, ZOO_SQL_LOAD_QUERIES, NULL), 1);
    terminate(&p);
    expect_lost(db, try_run(db, ZOO_SQL_QUERY_NEW, query, 5, &number, &err), &err, "went away;");

    /* A key of the transaction that is gone, which the caller may have used. */
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_PUT, expert), 1);
    terminate(&p);
    expect_lost(db, driver->commit(db, &err), &err, "went away;");
    assert_int_equal(RUN(db, ZOO_SQL_EXPERT_FIND, expert), -1);

    /* A statement that failed is not forgotten. */
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    RUN(db, ZOO_SQL_QUERY_NEW, K(8), T("eight"), NOTHING, T("t"), NOTHING);
    assert_int_equal(try_run(db, ZOO_SQL_QUERY_NEW, (zoo_db_value[]){ K(8), T("nine"), NOTHING, T("t"), NOTHING }, 5,
                             &number, &err), ZOO_ECONFLICT);
    terminate(&p);
    expect_lost(db, driver->commit(db, &err), &err, "went away;");
    driver->close(db);
    leave(&p);
}

static void a_server_that_stays_away_is_a_sentence(void **state)
{
    const zoo_db_value all[] = { { 0 }, { 0 }, K(0) };
    struct place p;
    zoo_db *db;
    zoo_err err = { 0 };
    int64_t number;
    char sql[128];

    (void)state;
    place_new(&p, "gone");
    setenv("ZOOTER_DB_WAIT", "1", 1);
    db = open_at(&p, ZOO_STORE_CREATE);
    unsetenv("ZOOTER_DB_WAIT");
    OK(driver->begin(db, ZOO_BEGIN_WRITE, &err_));
    add_query(db, 1);
    snprintf(sql, sizeof sql, "ALTER DATABASE %s ALLOW_CONNECTIONS false", p.name);
    admin(&p, sql);
    terminate(&p);
    assert_int_equal(driver->commit(db, &err), ZOO_EIO);
    assert_non_null(strstr(err.message,
                           "did not come back within 1 s; what was stored before is kept; run the command again"));
    assert_int_equal(try_run(db, ZOO_SQL_QUERIES_COUNT, all, 3, &number, &err), ZOO_EIO);
    snprintf(sql, sizeof sql, "ALTER DATABASE %s ALLOW_CONNECTIONS true", p.name);
    admin(&p, sql);
    assert_int_equal(count_queries(db), 0);
    driver->close(db);
    leave(&p);
}

static void another_import_is_waited_for_and_then_named(void **state)
{
    struct place p;
    zoo_db *a, *b;
    zoo_err err;

    (void)state;
    place_new(&p, "imports");
    setenv("ZOOTER_DB_WAIT", "1", 1);
    a = open_at(&p, ZOO_STORE_CREATE);
    b = open_at(&p, ZOO_STORE_WRITE);
    unsetenv("ZOOTER_DB_WAIT");
    OK(driver->bulk_begin(a, &err_));
    assert_int_equal(driver->bulk_begin(b, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "another process is importing"));
    assert_false(driver->in_transaction(b));
    OK(driver->commit(a, &err_));
    driver->bulk_end(a);
    OK(driver->bulk_begin(b, &err_));
    driver->rollback(b);
    driver->bulk_end(b);
    driver->close(a);
    driver->close(b);
    leave(&p);
}

/* Two that change the same rows in opposite orders. */
struct rival { zoo_db *db; pthread_barrier_t *both; int64_t first, second; zoo_err err; int rc; };

static void *write_two(void *argument)
{
    struct rival *r = argument;
    int64_t number;

    r->rc = driver->begin(r->db, ZOO_BEGIN_WRITE, &r->err);
    if (!r->rc)
        r->rc = try_run(r->db, ZOO_SQL_QUERY_SET_SPLIT, (zoo_db_value[]){ K(r->first), T("new") }, 2, &number, &r->err);
    pthread_barrier_wait(r->both);
    if (!r->rc)
        r->rc = try_run(r->db, ZOO_SQL_QUERY_SET_SPLIT, (zoo_db_value[]){ K(r->second), T("new") }, 2, &number,
                        &r->err);
    if (!r->rc)
        r->rc = driver->commit(r->db, &r->err);
    return NULL;
}

static void a_deadlock_is_resolved_by_doing_one_again(void **state)
{
    pthread_barrier_t both;
    struct rival rivals[2] = { { .both = &both, .first = 1, .second = 2 }, { .both = &both, .first = 2, .second = 1 } };
    pthread_t threads[2];
    struct place p;

    (void)state;
    place_new(&p, "deadlock");
    pthread_barrier_init(&both, NULL, 2);
    for (int i = 0; i < 2; i++)
        rivals[i].db = open_at(&p, ZOO_STORE_CREATE);
    add_query(rivals[0].db, 1);
    add_query(rivals[0].db, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_two, &rivals[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        if (rivals[i].rc)
            print_error("%s\n", rivals[i].err.message);
        assert_int_equal(rivals[i].rc, ZOO_OK);
    }
    assert_int_equal(RUN(rivals[0].db, ZOO_SQL_SPLIT_EXISTS, T("train")), -1);
    for (int i = 0; i < 2; i++)
        driver->close(rivals[i].db);
    pthread_barrier_destroy(&both);
    leave(&p);
}
#else
static void needs_libpq(void **state)
{
    (void)state;
    fprintf(stderr, "skip: needs libpq-dev at build time\n");
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef ZOO_HAVE_LIBPQ
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(arrays_hold_any_text_and_key),
        cmocka_unit_test(every_statement_is_one_for_the_server),
        cmocka_unit_test(scans_go_side_by_side_with_other_statements),
        cmocka_unit_test(large_rows_come_a_few_at_a_time),
        cmocka_unit_test(savepoints_nest_and_undo),
        cmocka_unit_test(a_commit_after_a_failure_is_one),
        cmocka_unit_test(changes_are_those_of_the_last_that_wrote),
        cmocka_unit_test(tables_are_copied_in_and_read_back),
        cmocka_unit_test(appended_rows_are_sent_when_they_are_many),
        cmocka_unit_test(refused_rows_have_a_sentence_and_leave_a_connection),
        cmocka_unit_test(several_may_open_an_empty_database_at_once),
        cmocka_unit_test(what_is_no_store_is_told_apart),
        cmocka_unit_test(who_is_not_let_in_learns_why),
        cmocka_unit_test(a_transaction_is_done_again_where_its_connection_was_lost),
        cmocka_unit_test(what_cannot_be_done_again_is_a_sentence),
        cmocka_unit_test(a_server_that_stays_away_is_a_sentence),
        cmocka_unit_test(another_import_is_waited_for_and_then_named),
        cmocka_unit_test(a_deadlock_is_resolved_by_doing_one_again),
#else
        cmocka_unit_test(needs_libpq),
#endif
    };

    return cmocka_run_group_tests_name("store/driver_postgres", tests, NULL, NULL);
}
