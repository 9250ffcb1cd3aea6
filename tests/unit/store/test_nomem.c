/* Every allocation of an import, a load, an export, a copy, an upgrade and a claim fails in turn, SQLite's and
 * jansson's as well as ours: the allocator of this program is glibc's with a counter before it. On PostgreSQL only ours
 * fail: libpq 15 waits for ever where it has no memory for the server's answer to COPY. Of long sweeps about EACH are
 * tried (on PostgreSQL, EACH_OF_SERVER); ZOO_TEST_STRIDE=1 tries all. */
#include "unit/store/conformance.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
static void allocations_fail_in_turn(void **state)
{
    (void)state;
    fprintf(stderr, "skip: needs an allocator of its own\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(allocations_fail_in_turn) };
    return cmocka_run_group_tests_name("store/nomem", tests, NULL, NULL);
}
#else
enum { EACH = 60, EACH_OF_SERVER = 15, TEXT_MAX = 1 << 19 };

/* ---- an allocator that fails, of the libraries too ---- */

#pragma GCC visibility push(default)
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *block, size_t size);
void *aligned_alloc(size_t align, size_t size);
int posix_memalign(void **out, size_t align, size_t size);
void free(void *block);
#pragma GCC visibility pop

/* volatile: the compiler takes it that functions of libc do not come back here. */
static volatile struct {
    int is_armed, keeps_failing, spares_libraries;
    long count, fails_at, live;              /* count: since it was armed; live: blocks that were not freed */
} heap;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *block);

extern char __executable_start[], etext[];

/* caller: the address that it returns to. */
static int fails_now(const void *caller)
{
    int is_counted = heap.is_armed && (!heap.spares_libraries || ((const char *)caller >= __executable_start &&
                                                                  (const char *)caller < etext));
    long at = is_counted ? heap.count++ : -1;

    if (at < 0 || heap.fails_at < 0 || (at != heap.fails_at && !(heap.keeps_failing && at > heap.fails_at)))
        return 0;
    errno = ENOMEM;
    return 1;
}

#define CALLER __builtin_return_address(0)

static void *count_block(void *block)
{
    heap.live += block != NULL;
    return block;
}

void *malloc(size_t size)
{
    return fails_now(CALLER) ? NULL : count_block(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
    return fails_now(CALLER) ? NULL : count_block(__libc_calloc(n, size));
}

void *realloc(void *block, size_t size)
{
    void *moved;

    if (fails_now(CALLER))
        return NULL;
    moved = __libc_realloc(block, size);
    heap.live += (!block && moved) - (block && !size);
    return moved;
}

void *aligned_alloc(size_t align, size_t size)
{
    return fails_now(CALLER) ? NULL : count_block(__libc_memalign(align, size));
}

int posix_memalign(void **out, size_t align, size_t size)
{
    *out = aligned_alloc(align, size);
    return *out ? 0 : ENOMEM;
}

void free(void *block)
{
    heap.live -= block != NULL;
    __libc_free(block);
}

/* ---- what is done ---- */

struct trial {
    struct fixture *f;
    struct place *at, *target;               /* target: of a copy */
    struct place *kept;                      /* on PostgreSQL: a database as it was before */
    int is_reader;                           /* the store cannot change */
    int (*act)(struct trial *t, zoo_err *err);
    const char *model;                       /* a reward model of the store */
    const zoo_import_options *options;
    zoo_import_counts counts;                /* of the last import */
    char text[TEXT_MAX];                     /* of the last export */
    char file[TEXT_MAX];                     /* (size): the store's, before; of SQLite */
    size_t size;
    char before[TEXT_MAX], after[TEXT_MAX];  /* all that the store says of itself; target's where there is one */
};

static int import(struct trial *t, zoo_err *err)
{
    zoo_store *s;
    int rc = zoo_store_open(&s, t->at->where, ZOO_STORE_WRITE, NULL, err);

    t->counts = (zoo_import_counts){ 0 };
    if (!rc)
        rc = zoo_store_import(s, t->f->lines, t->options, &t->counts, err);
    zoo_store_close(s);
    return rc;
}

/* What is loaded is whole, or nothing. */
static int load(struct trial *t, zoo_err *err)
{
    const zoo_store_filter filter = { .reward_models = TEXTS("rm", "other"), .aside = "test",
                                      .where = TEXTS("k=x", "k=y") };
    zoo_dataset d = { 0 };
    zoo_store *s;
    int rc = zoo_store_open(&s, t->at->where, ZOO_STORE_READ, NULL, err);

    if (!rc)
        rc = zoo_store_load(s, &filter, &d, err);
    if (rc ? d.n != 0 || d.arena.blocks : d.n != 2 || d.aside != 1 || d.k != 3 || d.m != 2 || d.rewards[2] != 3 ||
        d.rewards[9] != 7 || !d.costs || d.costs[0] != 0.5 || d.kind_count != 2 || d.kinds[1].offsets[2] != 3 ||
        strlen(d.queries[1]) != d.query_sizes[1] || d.query_sizes[1] < 9000)
        rc = 1;
    zoo_dataset_release(&d);
    zoo_store_close(s);
    return rc;
}

/* All five kinds. The stream is the test's own, and has all memory. */
static int export(struct trial *t, zoo_err *err)
{
    static char buffer[BUFSIZ];
    const zoo_store_filter filter = { .reward_models = TEXTS("rm"), .without = TEXTS("last") };
    const int was_armed = heap.is_armed;
    zoo_store *s;
    FILE *to;
    int rc;

    heap.is_armed = 0;
    to = fmemopen(t->text, sizeof t->text, "w");
    setvbuf(to, buffer, _IOFBF, sizeof buffer);
    heap.is_armed = was_armed;
    rc = zoo_store_open(&s, t->at->where, ZOO_STORE_READ, NULL, err);
    for (int what = 0; !rc && what <= ZOO_EXPORT_JUDGEMENTS; what++)
        rc = zoo_store_export(s, &(zoo_export_options){ .what = (enum zoo_export_what)what, .filter = &filter }, to,
                              err);
    zoo_store_close(s);
    heap.is_armed = 0;
    fclose(to);
    return rc;
}

static int copy(struct trial *t, zoo_err *err)
{
    zoo_store *from, *to = NULL;
    int rc = zoo_store_open(&from, t->at->where, ZOO_STORE_READ, NULL, err);

    if (!rc)
        rc = zoo_store_open(&to, t->target->where, ZOO_STORE_CREATE, NULL, err);
    if (!rc)
        rc = zoo_store_copy(from, to, NULL, err);
    zoo_store_close(from);
    zoo_store_close(to);
    return rc;
}

static int upgrade(struct trial *t, zoo_err *err)
{
    zoo_store *s;
    int rc = zoo_store_open(&s, t->at->where, ZOO_STORE_WRITE, NULL, err);

    zoo_store_close(s);
    return rc;
}

/* With a lease so short that what one that failed could not give back is free for the next. */
static int claim(struct trial *t, zoo_err *err)
{
    const zoo_address like = { .expert = 1, .sample = 30000, .turn = 1 }, first = { 0 };
    zoo_store_query q[8];
    zoo_store_answer a[8];
    zoo_arena arena = { 0 };
    zoo_store *s;
    size_t n;
    int rc = zoo_store_open(&s, t->at->where, ZOO_STORE_WRITE, NULL, err);

    if (!rc)
        rc = zoo_store_join(s, 1, err);
    if (!rc)
        rc = zoo_store_claim_questions(s, NULL, &like, 0, 0, COUNT(q), q, &n, &arena, err);
    if (!rc && (n != 3 || strcmp(q[2].id, "c") || !q[1].split || strlen(q[1].text) != q[1].text_size ||
                strlen(q[0].extra) < 3))
        rc = 1;
    if (!rc)
        rc = zoo_store_claim_answers(s, NULL, 1, &first, COUNT(a), a, &n, &arena, err);
    if (!rc && (n != 2 || !a[0].expert_name || a[1].text_size < 9000))
        rc = 1;
    zoo_arena_release(&arena);
    zoo_store_close(s);
    return rc;
}

/* ---- trying it ---- */

/* Puts the store back to what it was before. */
static void restore_database(const struct place *to, const struct place *from)
{
    char drop[128], create[192];

    snprintf(drop, sizeof drop, "DROP DATABASE IF EXISTS %s WITH (FORCE)", to->name);
    snprintf(create, sizeof create, "CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", to->name, from->name);
    psql(server(), drop, create);
}

static void restore(const struct trial *t)
{
    FILE *file;

    if (t->at->back == POSTGRES) {
        restore_database(t->at, t->kept);
        return;
    }
    file = fopen(t->at->where, "wb");
    assert_int_equal(fwrite(t->file, 1, t->size, file), t->size);
    fclose(file);
    if (t->target)
        unlink(t->target->where);
}

static void read_content(struct trial *t, char out[TEXT_MAX])
{
    struct fixture *f = t->f;
    zoo_store *s = open_store(f, t->target ? t->target : t->at, ZOO_STORE_CREATE);
    zoo_store_totals n;

    OK(zoo_store_count(s, &n, &f->err));
    assert_true(snprintf(out, TEXT_MAX, "%d queries\n%s", (int)n.queries, n.queries ? give_all(f, s, t->model) : "") <
                TEXT_MAX);
    zoo_store_close(s);
    zoo_arena_release(&f->arena);
}

static int says(const zoo_err *err, const char *words)
{
    return strstr(err->message, words) != NULL;
}

/* at < 0: nothing fails. Returns the action's code. */
static int attempt(struct trial *t, long at, int keeps_failing)
{
    zoo_err err = { 0 };
    long live;
    int rc;

    OPENSSL_thread_stop();                   /* what it keeps of its errors */
    live = heap.live;
    heap.spares_libraries = t->at->back == POSTGRES;
    heap.count = 0, heap.fails_at = at, heap.keeps_failing = keeps_failing, heap.is_armed = 1;
    rc = t->act(t, &err);
    heap.is_armed = 0;
    OPENSSL_thread_stop();
    if (heap.live != live)
        fail_msg("allocation %ld: %ld blocks leak", at, heap.live - live);
    if (rc && rc != ZOO_ENOMEM && !says(&err, "SHA-256") && !says(&err, "given up"))
        fail_msg("allocation %ld: %d: %s", at, rc, err.message);
    return rc;
}

/* The store holds everything; where the action failed (code rc), it may hold what it did before. */
static void expect_content(struct trial *t, long at, int rc)
{
    static char now[TEXT_MAX];

    if (t->is_reader)
        return;
    read_content(t, now);
    if (strcmp(now, t->after) && (!rc || strcmp(now, t->before)))
        fail_msg("allocation %ld, code %d: the store holds %s", at, rc, now);
}

static void expect_result(const struct trial *t, const struct trial *whole, long at)
{
    if (memcmp(&t->counts, &whole->counts, sizeof t->counts) || strcmp(t->text, whole->text))
        fail_msg("allocation %ld: succeeded with another result", at);
}

/* Once and for good; afterwards the same must succeed on what is left. */
static void sweep(struct trial *t)
{
    static struct trial whole;
    const char *stride = getenv("ZOO_TEST_STRIDE");
    long total, step;
    int rc;

    assert_int_equal(attempt(t, -1, 0), ZOO_OK);     /* what is made once in a process is made here */
    restore(t);
    assert_int_equal(attempt(t, -1, 0), ZOO_OK);
    total = heap.count;
    whole = *t;
    read_content(t, t->after);
    step = stride ? strtol(stride, NULL, 10) : total / (t->at->back == POSTGRES ? EACH_OF_SERVER : EACH) + 1;
    assert_true(total > 20 && step > 0);
    for (int keeps_failing = 0; keeps_failing < 2; keeps_failing++)
        for (long at = 0; at < total; at += step) {
            restore(t);
            rc = attempt(t, at, keeps_failing);
            expect_content(t, at, rc);
            if (!rc) {
                expect_result(t, &whole, at);
                restore(t);
            }
            nanosleep(&(struct timespec){ 0, 2000000 }, NULL);           /* a lease ends */
            assert_int_equal(attempt(t, -1, 0), ZOO_OK);
            expect_content(t, at, ZOO_OK);
        }
}

/* ---- the stores ---- */

#define R(id, rest) "{\"id\": \"" id "\"" rest "}\n"
/* %s: a text of several of SQLite's pages. */
static const char begin[] =
    NEW("a", "alpha", IN("train") ", \"tags\": [\"k:x\", \"k:y\"], \"dataset\": \"d\", \"n\": {\"b\": [1, 2]}, "
                                  "\"long\": \"%s\", \"costs\": {\"m\": 0.5}, "
    "\"responses\": {\"m\": \"%s\"}")
    NEW("b", "%s", IN("test") ", \"tags\": [\"k:y\"], \"responses\": {\"m\": \"b\", \"last\": \"%s\"}, \"tokens\": "
                              "{\"m\": 7}") NEW("c", "", "")
    R("a", ", \"reward_model\": \"rm\", \"rewards\": {\"m\": 1, \"last\": 2, \"z\": 3}")
    R("b", ", \"reward_model\": \"other\", \"rewards\": {\"m\": 7}")
    R("a", ", \"expert\": \"z\", \"sample\": 2, \"settings\": {\"seed\": 7, \"system\": \"%s\"}, \"text\": \"t\", "
           "\"reasoning\": \"%s\", \"asked\": \"2026-11-22T21:05:01Z\", \"finish_reason\": \"stop\", "
           "\"scores\": {\"rm\": 3}, \"failed\": {\"cause\": \"%s\", \"last\": \"2026-11-22T21:05:01Z\"}")
    R("a", ", \"reward_model\": \"rm\", \"a\": {\"expert\": \"m\"}, \"b\": {\"expert\": \"z\"}, \"verdict\": \"a\", "
           "\"text\": \"%s\"");

/* New rows; rows that are there already, alike and with more; answers and judgements, alike and new. */
static const char more[] =
    NEW("new", "half \\ud83d of one",
        IN("new") ", \"tags\": [\"k:x\", \"l:%s\"], \"subset\": \"s\", \"x\": \"%s\", \"responses\": {\"m\": \"%s\", "
                  "\"p\": \"\"}, \"costs\": {\"m\": 1, \"q\": 2}, \"tokens\": {\"q\": 1}")
    NEW("a", "alpha", ", \"tags\": [\"k:x\", \"k:z\"], \"n\": {\"b\":[1,2]}, \"more\": 1, \"costs\": {\"m\": 0.5}, "
                      "\"responses\": {\"m\": \"%s\", \"new\": \"%s\"}")
    R("a", ", \"reward_model\": \"rm\", \"rewards\": {\"m\": 1, \"new\": 2}")
    R("b", ", \"rewards\": {\"m\": 7}, \"reward_model\": \"other\"")
    R("b", ", \"rewards\": {\"m\": 7}, \"reward_model\": \"third\"")
    R("new", ", \"rewards\": {\"m\": 7}, \"reward_model\": \"rm\"")
    R("a", ", \"expert\": \"z\", \"sample\": 2, \"settings\": {\"seed\": 7, \"system\": \"%s\"}, \"text\": \"t\", "
           "\"reasoning\": \"%s\", \"asked\": \"2026-11-22T21:05:01Z\", \"finish_reason\": \"stop\", "
           "\"scores\": {\"rm\": 3}, \"failed\": {\"cause\": \"%s\", \"last\": \"2026-11-22T21:05:01Z\"}")
    R("c", ", \"expert\": \"w\", \"turn\": 2, \"settings\": {\"system\": \"other %s\"}, \"text\": \"%s\", \"scores\": "
           "{\"rm\": 3, \"fourth\": 1}")
    R("a", ", \"reward_model\": \"rm\", \"a\": {\"expert\": \"m\"}, \"b\": {\"expert\": \"z\"}, \"verdict\": \"a\", "
           "\"text\": \"%s\"")
    R("a", ", \"reward_model\": \"rm\", \"a\": {\"expert\": \"w\"}, \"b\": {\"expert\": \"z\"}, \"verdict\": \"tie\"");

/* What is left out, each after something of it was found right. */
static const char bad[] =
    "not a line\n" R("none", ", \"rewards\": {}") R("c", ", \"expert\": \"v\", \"text\": \"x\", \"scores\": {\"rm\": "
                                                         "\"x\"}")
    R("c", ", \"expert\": \"w\", \"turn\": 2, \"scores\": {\"fifth\": 1, \"rm\": 4}")
    R("a", ", \"rewards\": {}, \"n\": {\"b\":[1,3]}")
    R("a", ", \"expert\": \"z\", \"sample\": 2, \"failed\": {\"cause\": \"other\"}");

/* Lines with a long text for each "%s". */
static void add_lines(char out[TEXT_MAX], const char *form)
{
    static char text[9001];
    size_t used = strlen(out), size;

    memset(text, 'x', sizeof text - 1);
    for (const char *mark; (mark = strstr(form, "%s")); form = mark + 2) {
        size = (size_t)(mark - form);
        used += (size_t)snprintf(out + used, TEXT_MAX - used, "%.*s%s", (int)size, form,
                                 size > 3 && !memcmp(mark - 3, "\"l:", 3) ? "long" : text);
    }
    assert_true(snprintf(out + used, TEXT_MAX - used, "%s", form) < (int)(TEXT_MAX - used));
}

static void prepare(struct trial *t, struct fixture *f, int (*act)(struct trial *t, zoo_err *err))
{
    FILE *file;

    memset(t, 0, sizeof *t);
    t->f = f;
    t->at = &f->places[0];
    t->act = act;
    t->model = "rm";
    add_lines(t->before, begin);
    take(f, f->store, t->before);
    zoo_store_close(f->store);
    f->store = NULL;
    if (t->at->back == POSTGRES) {
        t->kept = new_place(f, POSTGRES);
        restore_database(t->kept, t->at);
    } else {
        file = fopen(t->at->where, "rb");
        t->size = fread(t->file, 1, sizeof t->file, file);
        fclose(file);
        assert_true(t->size > 0 && t->size < sizeof t->file);
    }
    read_content(t, t->before);
}

static void write_lines(struct fixture *f, const char *lines)
{
    FILE *file = fopen(f->lines, "w");

    fputs(lines, file);
    fclose(file);
}

static struct trial trial;

static void an_import_is_whole_or_leaves_nothing(void **state)
{
    static const zoo_import_options options;
    static char lines[TEXT_MAX];
    struct fixture *f = here(state);

    lines[0] = 0;
    prepare(&trial, f, import);
    trial.options = &options;
    add_lines(lines, more);
    write_lines(f, lines);
    sweep(&trial);
    assert_int_equal(trial.counts.mended, 1);
    assert_non_null(strstr(trial.after, "fourth"));
}

static void an_import_without_its_bad_lines_leaves_out_no_others(void **state)
{
    static const zoo_import_options options = { .skip_bad = 1 };
    static char lines[TEXT_MAX];
    struct fixture *f = here(state);

    lines[0] = 0;
    prepare(&trial, f, import);
    trial.options = &options;
    add_lines(lines, more);
    add_lines(lines, bad);
    add_lines(lines, NEW("end", "", ""));
    write_lines(f, lines);
    sweep(&trial);
}

static void an_import_that_replaces_is_whole_or_leaves_nothing(void **state)
{
    static const zoo_import_options options = { .skip_bad = 1, .update = 1 };
    static char lines[TEXT_MAX];
    struct fixture *f = here(state);

    lines[0] = 0;
    prepare(&trial, f, import);
    trial.options = &options;
    add_lines(lines, bad);
    add_lines(lines, NEW("a", "other %s",
                         IN("other") ", \"tags\": [\"k:w\"], \"dataset\": \"e\", \"responses\": {\"m\": \"other\"}, "
                                     "\"costs\": {\"m\": 3}"));
    write_lines(f, lines);
    sweep(&trial);
}

static void a_load_is_whole_or_nothing(void **state)
{
    prepare(&trial, here(state), load);
    trial.is_reader = 1;
    sweep(&trial);
}

static void an_export_is_whole_or_an_error(void **state)
{
    prepare(&trial, here(state), export);
    trial.is_reader = 1;
    sweep(&trial);
}

static void a_copy_is_whole_or_empty(void **state)
{
    struct fixture *f = here(state);

    prepare(&trial, f, copy);
    trial.target = new_place(f, SQLITE);
    read_content(&trial, trial.before);
    unlink(trial.target->where);
    sweep(&trial);
}

static void claims_are_whole(void **state)
{
    prepare(&trial, here(state), claim);
    sweep(&trial);
}

static void an_upgrade_is_whole_or_the_store_stays_old(void **state)
{
    struct fixture *f = here(state);
    FILE *file = fopen("tests/golden/store/v1.db", "rb");

    prepare(&trial, f, upgrade);
    trial.size = fread(trial.file, 1, sizeof trial.file, file);
    fclose(file);
    trial.model = "default";
    memset(trial.before, 0, sizeof trial.before);            /* reading it would upgrade it: only all of it is right */
    sweep(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOTH(an_import_is_whole_or_leaves_nothing),
        ON_BOTH(an_import_without_its_bad_lines_leaves_out_no_others),
        ON_SQLITE(an_import_that_replaces_is_whole_or_leaves_nothing),
        ON_BOTH(a_load_is_whole_or_nothing),
        ON_SQLITE(an_export_is_whole_or_an_error),
        ON_SQLITE(a_copy_is_whole_or_empty),
        ON_SQLITE(claims_are_whole),
        ON_SQLITE(an_upgrade_is_whole_or_the_store_stays_old),
    };
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);           /* small blocks of a reserve would never fail */
    return cmocka_run_group_tests_name("store/nomem", tests, NULL, NULL);
}
#endif
