/* conformance.h - one suite for every back end: a test is a function over a fixture that knows its back end.
 *
 *     static void a_copy_has_all_rows(void **state)
 *     {
 *         struct fixture *f = here(state);                      // skips where the back end is not there
 *         take(f, f->store, NEW("a", "alpha", ""));
 *         ...
 *     }
 *     const struct CMUnitTest tests[] = { ON_BOTH(a_copy_has_all_rows), ON_SQLITE(...) };
 *
 * On SQLite a store is a file in a temporary folder, on PostgreSQL a database of the test's own: ZOO_TEST_POSTGRES is
 * the URL of one whose role may make others (tests/postgres.py starts a server). ZOO_TEST_PLANT_SQLITE and
 * ZOO_TEST_PLANT_POSTGRES hold SQL that is run once a store's schema is made: a difference planted by it must fail the
 * suite (tests/house/test_conformance.py). */
#ifndef ZOO_TESTS_CONFORMANCE_H
#define ZOO_TESTS_CONFORMANCE_H
#include "unit/cm.h"
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "store/jsonl.h"
#include "store/store.h"

enum back_end { SQLITE, POSTGRES };
enum { PLACES_MAX = 4 };

struct place { enum back_end back; char where[512], name[64]; };       /* of a store; name: PostgreSQL's database */

struct fixture {
    enum back_end back;
    char dir[32], lines[64];                    /* lines: a file for take() */
    struct place places[PLACES_MAX];            /* places[0] is store's */
    size_t count;
    zoo_store *store;
    zoo_arena arena;
    zoo_err err;
};

#define COUNT(array) (sizeof (array) / sizeof *(array))
#define OK(call) do { if ((call) != ZOO_OK) fail_msg("%s: %s", #call, f->err.message); } while (0)
#define FAILS(code_, words_, call) do { assert_int_equal(call, code_); if (!strstr(f->err.message, words_)) \
    fail_msg("'%s' should say '%s'", f->err.message, words_); } while (0)
#define TEXTS(...) ((zoo_texts){ (const char *const[]){ __VA_ARGS__ }, COUNT(((const char *const[]){ __VA_ARGS__ })) })

/* ---- places ---- */

static inline const char *server(void)
{
    return getenv("ZOO_TEST_POSTGRES");
}

/* One command after another, each in a transaction of its own. */
static inline void psql(const char *url, const char *a, const char *b)
{
    int status;
    pid_t child = fork();

    if (!child) {
        execlp("psql", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c",
               "SET client_min_messages = warning", "-c", a, "-c", b, url, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (status)
        fail_msg("psql failed: %s", a);
}

static inline void run_sql(const struct place *p, const char *sql)
{
    sqlite3 *db;

    if (p->back == POSTGRES) {
        psql(p->where, sql, "");
        return;
    }
    assert_int_equal(sqlite3_open(p->where, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* A place where no store is yet; PostgreSQL's database is there, and empty. */
static inline struct place *new_place(struct fixture *f, enum back_end back)
{
    struct place *p = &f->places[f->count];
    char name[64], drop[128], create[128];

    assert_true(f->count < PLACES_MAX);
    p->back = back;
    if (back == SQLITE) {
        snprintf(p->where, sizeof p->where, "%s/%zu.db", f->dir, f->count);
    } else {
        snprintf(name, sizeof name, "conformance_%d_%zu", (int)getpid(), f->count);
        snprintf(p->where, sizeof p->where, "%.*s/%s", (int)(strrchr(server(), '/') - server()), server(), name);
        snprintf(drop, sizeof drop, "DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
        snprintf(create, sizeof create, "CREATE DATABASE %s", name);
        memcpy(p->name, name, sizeof name);
        psql(server(), drop, create);
    }
    f->count++;
    return p;
}

static inline void drop_place(struct place *p)
{
    char drop[128];

    snprintf(drop, sizeof drop, "DROP DATABASE IF EXISTS %s WITH (FORCE)", p->name);
    if (p->back == SQLITE)
        unlink(p->where);
    else
        psql(server(), drop, "");
}

/* What stands beside a file whose store a test that failed has left open. */
static inline void drop_logs(const struct place *p)
{
    static const char *const ends[] = { "-wal", "-shm" };
    char path[600];

    for (size_t i = 0; p->back == SQLITE && i < COUNT(ends); i++) {
        snprintf(path, sizeof path, "%s%s", p->where, ends[i]);
        unlink(path);
    }
}

static inline zoo_store *open_store(struct fixture *f, const struct place *p, enum zoo_store_mode mode)
{
    zoo_store *store;

    OK(zoo_store_open(&store, p->where, mode, NULL, &f->err));
    return store;
}

/* Makes a store, with what is planted. */
static inline zoo_store *create_store(struct fixture *f, const struct place *p)
{
    const char *plant = getenv(p->back == SQLITE ? "ZOO_TEST_PLANT_SQLITE" : "ZOO_TEST_PLANT_POSTGRES");

    zoo_store_close(open_store(f, p, ZOO_STORE_CREATE));
    if (plant)
        run_sql(p, plant);
    return open_store(f, p, ZOO_STORE_WRITE);
}

/* ---- the fixture ---- */

static inline int set_up(void **state, enum back_end back)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->back = back;
    /* no disk to wait for */
    snprintf(f->dir, sizeof f->dir, "%s/zooter-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->lines, sizeof f->lines, "%s/lines", f->dir);
    *state = f;
    if (back == SQLITE || server())
        f->store = create_store(f, new_place(f, back));
    return 0;
}

static inline int set_up_sqlite(void **state)
{
    return set_up(state, SQLITE);
}

static inline int set_up_postgres(void **state)
{
    return set_up(state, POSTGRES);
}

/* Stores that a test opened itself it closes itself. */
static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    int left;

    zoo_store_close(f->store);
    zoo_arena_release(&f->arena);
    unlink(f->lines);
    for (size_t i = 0; i < f->count; i++)
        drop_place(&f->places[i]);
    left = rmdir(f->dir);                            /* nothing is left beside a closed store */
    for (size_t i = 0; left && i < f->count; i++)
        drop_logs(&f->places[i]);
    if (left)
        rmdir(f->dir);
    free(f);
    assert_int_equal(left, 0);
    return 0;
}

#define ON_SQLITE(name) { #name " on SQLite", name, set_up_sqlite, tear_down, NULL }
#define ON_POSTGRES(name) { #name " on PostgreSQL", name, set_up_postgres, tear_down, NULL }
#define ON_BOTH(name) ON_SQLITE(name), ON_POSTGRES(name)

static inline struct fixture *here(void **state)
{
    struct fixture *f = *state;

    if (!f->store) {
        fprintf(stderr, "skip: needs PostgreSQL (Debian: postgresql)\n");
        skip();
    }
    return f;
}

/* ---- lines in and out ---- */

static inline int try_take(struct fixture *f, zoo_store *store, const char *lines, const zoo_import_options *options,
                           zoo_import_counts *counts)
{
    static const zoo_import_options none;
    zoo_import_counts ignored = { 0 };
    FILE *file = fopen(f->lines, "w");

    assert_non_null(file);
    fputs(lines, file);
    fclose(file);
    return zoo_store_import(store, f->lines, options ? options : &none, counts ? counts : &ignored, &f->err);
}

static inline void take(struct fixture *f, zoo_store *store, const char *lines)
{
    OK(try_take(f, store, lines, NULL, NULL));
}

/* What is exported; NULL: everything. */
static inline const char *give(struct fixture *f, zoo_store *store, enum zoo_export_what what,
                               const zoo_store_filter *filter)
{
    static const zoo_store_filter all;
    zoo_export_options options = { .what = what, .filter = filter ? filter : &all };
    char *text, *kept;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    OK(zoo_store_export(store, &options, to, &f->err));
    fclose(to);
    kept = zoo_arena_copy(&f->arena, text, size);
    free(text);
    return kept;
}

/* All that a store says of itself, in the five kinds of line. */
static inline const char *give_all(struct fixture *f, zoo_store *store, const char *reward_model)
{
    const char *parts[ZOO_EXPORT_JUDGEMENTS + 1];
    zoo_store_filter rows = { .reward_models = { &reward_model, 1 } };
    size_t size = 0;
    char *all;

    for (int i = 0; i <= ZOO_EXPORT_JUDGEMENTS; i++) {
        parts[i] = give(f, store, (enum zoo_export_what)i, i == ZOO_EXPORT_ROWS ? &rows : NULL);
        size += strlen(parts[i]);
    }
    all = zoo_arena_alloc(&f->arena, size + 1);
    for (int i = 0, at = 0; i <= ZOO_EXPORT_JUDGEMENTS; i++)
        at += snprintf(all + at, size + 1 - (size_t)at, "%s", parts[i]);
    return all;
}

/* ---- rows ---- */

/* A line of a new query, with further fields: NEW("a", "alpha", ", \"split\": \"train\""). */
#define NEW(id, text, rest) "{\"id\": \"" id "\", \"query\": \"" text "\", \"rewards\": {}" rest "}\n"
#define IN(split) ", \"split\": \"" split "\""

/* a and c are of the split train, b is of test; between b and c a key is missing. */
static inline void three_queries(struct fixture *f)
{
    take(f, f->store, NEW("a", "alpha", IN("train")) NEW("b", "beta", IN("test")) NEW("gone", "", "")
         NEW("c", "", IN("train")));
    OK(zoo_store_delete(f->store, ZOO_THING_QUERY, "gone", &f->err));
}

static inline zoo_key query_of(struct fixture *f, const char *id)
{
    zoo_store_query q[64];
    zoo_key key = 0;
    size_t n;

    OK(zoo_store_queries(f->store, NULL, 0, COUNT(q), q, &n, &f->arena, &f->err));
    for (size_t i = 0; i < n; i++)
        key = strcmp(q[i].id, id) ? key : q[i].key;
    assert_true(key > 0);
    return key;
}

static inline zoo_key expert_of(struct fixture *f, const char *name)
{
    zoo_key key;

    OK(zoo_store_expert(f->store, name, &key, &f->err));
    return key;
}

static inline zoo_key model_of(struct fixture *f, const char *name)
{
    zoo_key key;

    OK(zoo_store_reward_model(f->store, name, &key, &f->err));
    return key;
}

static inline zoo_address address(struct fixture *f, const char *id, const char *expert, int64_t sample, int64_t turn)
{
    return (zoo_address){ query_of(f, id), expert_of(f, expert), sample, turn };
}

static inline void put_text(struct fixture *f, const char *id, const char *expert, const char *text)
{
    zoo_answer answer = ZOO_ANSWER_NONE;
    zoo_address at = address(f, id, expert, 1, 1);

    answer.text = text;
    answer.text_size = strlen(text);
    OK(zoo_store_put_answer(f->store, &at, &answer, &f->err));
}

static inline void put_reward(struct fixture *f, const char *model, const char *id, const char *expert, int64_t sample,
                              double value)
{
    zoo_address at = address(f, id, expert, sample, 1);

    OK(zoo_store_put_reward(f->store, model_of(f, model), &at, value, &f->err));
}
#endif
