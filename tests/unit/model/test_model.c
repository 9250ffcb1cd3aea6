/* The public API of encoders: what a program that links libzooter sees. */
#include "unit/model/golden.h"
#include <pthread.h>
#include <stdatomic.h>
#include "zooter.h"

/* ---- counting what is allocated: these stand before the C library's ---- */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define COUNTS 0
static atomic_long allocations;
#else
#define COUNTS 1
static atomic_long allocations;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}
#endif

enum { ROWS = 64, WIDTH = 64 };

static zoo_model *open_model(const char *folder, const zoo_options *options)
{
    char dir[PATH_MAX];
    zoo_model *m;
    zoo_err err = { 0 };

    golden_path(dir, folder, NULL);
    if (zoo_model_open(&m, dir, options, &err))
        fail_msg("%s", err.message);
    return m;
}

static zoo_session *session_new(const zoo_model *m, unsigned threads)
{
    zoo_options options = { .size = sizeof options, .threads = threads };
    zoo_session *s;
    zoo_err err = { 0 };

    if (zoo_session_new(&s, m, &options, &err))
        fail_msg("%s", err.message);
    return s;
}

static const zoo_options f32 = { .size = sizeof f32, .precision = ZOO_PRECISION_F32 };

static zoo_text text_of(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);

    return (zoo_text){ json_string_value(value), json_string_length(value) };
}

static void expect_near(const float *a, const json_t *row, const char *key, const char *folder)
{
    double difference = golden_difference(a, json_object_get(row, key));

    if (!(difference <= 1e-4))
        fail_msg("%s, '%.60s': %s is off by %g", folder, text_of(row, "text").data, key, difference);
}

/* ---- what a checkpoint says of itself ---- */
static void a_model_says_what_it_is(void **state)
{
    zoo_model *m = open_model("router", &f32), *backbone = open_model("backbone-bin", NULL),
                   *pair = open_model("pair-reward", &f32);

    (void)state;
    assert_int_equal(zoo_model_kind_of(m), ZOO_MODEL_CLASSIFIER);
    assert_int_equal(zoo_model_label_count(m), 6);
    assert_string_equal(zoo_model_label(m, 1), "wizardcoder-13b");
    assert_null(zoo_model_label(m, 6));
    assert_int_equal(zoo_model_hidden_size(m), 48);
    assert_int_equal(zoo_model_vocab_size(m), 4001);
    assert_int_equal(zoo_model_max_tokens(m), 512);
    assert_int_equal(zoo_model_precision(m), ZOO_PRECISION_F32);
    assert_true(zoo_model_has_tokenizer(m));
    assert_int_equal(zoo_model_kind_of(backbone), ZOO_MODEL_BACKBONE);
    assert_int_equal(zoo_model_label_count(backbone), 0);
    assert_null(zoo_model_label(backbone, 0));
    assert_int_not_equal(zoo_model_precision(backbone), ZOO_PRECISION_AUTO);
    assert_int_equal(zoo_model_kind_of(pair), ZOO_MODEL_COMPARER);
    assert_int_equal(zoo_model_label_count(pair), 1);
    zoo_model_close(m);
    zoo_model_close(backbone);
    zoo_model_close(pair);
    zoo_model_close(NULL);
}

/* ---- texts ---- */
/* Text to logits, as the reference has them; what is longer than 512 tokens is cut, which expected.jsonl does not. */
static void texts_are_scored(void **state)
{
    static const struct { const char *folder, *pair; } cases[] = { { "router", NULL }, { "bert", NULL },
                                                                   { "reward", "pair" } };
    static float logits[GOLDEN_ROWS_MAX * 6];
    static zoo_text texts[GOLDEN_ROWS_MAX], pairs[GOLDEN_ROWS_MAX];
    static size_t rows[GOLDEN_ROWS_MAX];

    (void)state;
    for (size_t c = 0; c < 3; c++) {
        zoo_model *m = open_model(cases[c].folder, &f32);
        zoo_session *s = session_new(m, 2);
        size_t n = 0;
        golden g;
        zoo_err err = { 0 };

        golden_open(&g, cases[c].folder, "expected.jsonl");
        for (size_t i = 0; i < g.n; i++) {
            if (json_object_get(g.rows[i], "max_length") || json_array_size(json_object_get(g.rows[i], "ids")) > 512 ||
                !json_object_get(g.rows[i], "pair") != !cases[c].pair)
                continue;
            texts[n] = text_of(g.rows[i], "text");
            pairs[n] = cases[c].pair ? text_of(g.rows[i], "pair") : (zoo_text){ NULL, 0 };
            rows[n++] = i;
        }
        assert_true(n > 5);
        if (zoo_model_score(m, s, texts, cases[c].pair ? pairs : NULL, n, logits, &err))
            fail_msg("%s", err.message);
        for (size_t i = 0; i < n; i++)
            expect_near(logits + i * zoo_model_label_count(m), g.rows[rows[i]], "logits", cases[c].folder);
        golden_close(&g);
        zoo_session_free(s);
        zoo_model_close(m);
    }
}

static void answers_are_compared(void **state)
{
    zoo_model *m = open_model("pair-reward", &f32);
    zoo_session *s = session_new(m, 1);
    zoo_err err = { 0 };
    golden g;

    (void)state;
    golden_open(&g, "pair-reward", "expected.jsonl");
    for (size_t i = 0; i < g.n; i++) {
        zoo_text query = text_of(g.rows[i], "query"), a = text_of(g.rows[i], "candidate1"),
                         b = text_of(g.rows[i], "candidate2");
        float there, back;
        zoo_tokens tokens;
        if (zoo_model_compare(m, s, &query, &a, &b, 1, &there, &err) ||
            zoo_model_compare(m, s, &query, &b, &a, 1, &back, &err) ||
            zoo_model_tokenize_comparison(m, s, &query, &a, &b, 0, &tokens, &err))
            fail_msg("%s", err.message);
        assert_int_equal(tokens.lengths[0], json_array_size(json_object_get(g.rows[i], "ids")));
        for (size_t j = 0; j < tokens.lengths[0]; j++)
            assert_int_equal(tokens.ids[j], json_integer_value(json_array_get(json_object_get(g.rows[i], "ids"), j)));
        expect_near(&there, g.rows[i], "logit", "pair-reward");
        assert_true(there != back);
    }
    golden_close(&g);
    zoo_session_free(s);
    zoo_model_close(m);
}

static void a_comparison_is_cut_part_by_part(void **state)
{
    zoo_model *m = open_model("pair-reward", &f32);
    zoo_session *s = session_new(m, 1);
    static char words[6000];
    zoo_text text = { words, sizeof words }, shorter = { "a word", 6 };
    zoo_tokens tokens;
    zoo_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof words; i++)
        words[i] = i % 5 == 4 ? ' ' : (char)('a' + i % 7);
    assert_int_equal(zoo_model_tokenize_comparison(m, s, &text, &text, &text, 107, &tokens, &err), ZOO_OK);
    assert_int_equal(tokens.lengths[0], 107);
    assert_true(tokens.was_cut);
    assert_int_equal(tokens.ids[62], 2);                /* [CLS], marker, 60 of the query, [SEP] */
    assert_int_equal(zoo_model_tokenize_comparison(m, s, &shorter, &shorter, &shorter, 107, &tokens, &err), ZOO_OK);
    assert_false(tokens.was_cut);
    assert_int_equal(zoo_model_tokenize_comparison(m, s, &shorter, &shorter, &shorter, 8, &tokens, &err), ZOO_EUSAGE);
    zoo_session_free(s);
    zoo_model_close(m);
}

static void vectors_are_pooled_and_scaled(void **state)
{
    zoo_model *m = open_model("backbone-bin", &f32);
    zoo_session *s = session_new(m, 1);
    float cls[48], mean[48], unit[48];
    double squares = 0, dot = 0, norm = 0;
    zoo_err err = { 0 };
    golden g;

    (void)state;
    golden_open(&g, "backbone-bin", "expected.jsonl");
    zoo_text text = text_of(g.rows[0], "text");
    if (zoo_model_embed(m, s, &text, 1, ZOO_POOL_CLS, 0, cls, &err) ||
        zoo_model_embed(m, s, &text, 1, ZOO_POOL_MEAN, 0, mean, &err) ||
        zoo_model_embed(m, s, &text, 1, ZOO_POOL_MEAN, 1, unit, &err))
        fail_msg("%s", err.message);
    expect_near(cls, g.rows[0], "cls", "backbone-bin");
    for (size_t i = 0; i < 48; i++) {
        squares += (double)unit[i] * (double)unit[i];
        dot += (double)unit[i] * (double)mean[i];
        norm += (double)mean[i] * (double)mean[i];
    }
    assert_true(fabs(squares - 1) <= 1e-5);
    assert_true(dot / sqrt(norm) >= 0.999999);
    golden_close(&g);
    zoo_session_free(s);
    zoo_model_close(m);
}

/* ---- ids ---- */
/* More than a pass holds is run in several; one sequence longer than a pass makes it grow; nothing depends on it. */
static void any_number_of_sequences_is_run(void **state)
{
    zoo_options small = { .size = sizeof small, .threads = 2, .batch_tokens = 600 };
    zoo_model *m = open_model("router", &f32);
    zoo_session *s = session_new(m, 1), *t;
    static uint32_t ids[ROWS * 100];
    static uint8_t types[ROWS * 100];
    static float a[ROWS * 6], b[ROWS * 6];
    size_t lengths[ROWS], n = 0, N = 0;
    zoo_err err = { 0 };
    golden g;

    (void)state;
    assert_int_equal(zoo_session_new(&t, m, &small, NULL), ZOO_OK);
    golden_open(&g, "router", "expected.jsonl");
    for (size_t i = 0; i < g.n && n < ROWS; i++)
        if (json_array_size(json_object_get(g.rows[i], "ids")) <= 100) {
            lengths[n] = golden_ids(g.rows[i], ids + N, types + N);
            N += lengths[n++];
        }
    assert_true(N > 1024);
    zoo_tokens tokens = { ids, NULL, lengths, n, 0 };
    if (zoo_model_run(m, s, &tokens, &(zoo_outputs){ .logits = a }, &err) ||
        zoo_model_run(m, t, &tokens, &(zoo_outputs){ .logits = b }, &err))
        fail_msg("%s", err.message);
    assert_memory_equal(a, b, n * 6 * sizeof *a);
    for (size_t i = 0; i < g.n; i++)
        if (json_array_size(json_object_get(g.rows[i], "ids")) > 1024) {
            static uint32_t long_ids[GOLDEN_TOKENS_MAX];
            static uint8_t long_types[GOLDEN_TOKENS_MAX];
            size_t length = golden_ids(g.rows[i], long_ids, long_types);
            if (zoo_model_run(m, t, &(zoo_tokens){ long_ids, NULL, &length, 1, 0 }, &(zoo_outputs){ .logits = a },
                              &err))
                fail_msg("%s", err.message);
            expect_near(a, g.rows[i], "logits", "router");
        }
    size_t huge = 1 << 17;
    assert_int_equal(zoo_model_run(m, t, &(zoo_tokens){ ids, NULL, &huge, 1, 0 }, &(zoo_outputs){ .logits = a }, &err),
                     ZOO_EUSAGE);
    assert_int_equal(zoo_model_run(m, t, &tokens, &(zoo_outputs){ .logits = b }, &err), ZOO_OK);
    golden_close(&g);
    zoo_session_free(s);
    zoo_session_free(t);
    zoo_model_close(m);
}

/* ---- wrong use ---- */
static void what_a_model_cannot_do_is_said(void **state)
{
    zoo_model *backbone = open_model("backbone-bin", &f32), *m = open_model("router", &f32),
                          *pair = open_model("pair-reward", &f32);
    zoo_session *s = session_new(backbone, 1), *t = session_new(m, 1), *u = session_new(pair, 1);
    zoo_text text = { "a", 1 };
    zoo_options wrong = { 0 };
    zoo_model *none;
    float out[WIDTH];
    zoo_err err = { 0 };

    (void)state;
    assert_int_equal(zoo_model_score(backbone, s, &text, NULL, 1, out, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_model_score(pair, u, &text, NULL, 1, out, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_model_compare(m, t, &text, &text, &text, 1, out, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_model_open(&none, "tests/golden/router", &wrong, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "sizeof"));
    wrong = (zoo_options){ .size = sizeof wrong, .threads = 5000 };
    assert_int_equal(zoo_model_open(&none, "tests/golden/router", &wrong, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_model_open(&none, "tests/golden/minilm", NULL, &err), ZOO_EIO);
    assert_null(none);
    zoo_session_free(s);
    zoo_session_free(t);
    zoo_session_free(u);
    zoo_session_free(NULL);
    zoo_model_close(backbone);
    zoo_model_close(m);
    zoo_model_close(pair);
}

/* ---- threads and memory ---- */
struct worker { const zoo_model *model; unsigned threads; float out[8 * 6]; int rc; };

static const char *const lines[] = { "What is 17 * 23?", "Write a poem.", "", "Wie spät ist es?", "SELECT * FROM t;",
                                     "a b c", "x", "end" };

static void *work(void *arg)
{
    struct worker *w = arg;
    zoo_options options = { .size = sizeof options, .threads = w->threads };
    zoo_session *s;
    zoo_text texts[8];

    for (size_t i = 0; i < 8; i++)
        texts[i] = (zoo_text){ lines[i], strlen(lines[i]) };
    w->rc = zoo_session_new(&s, w->model, &options, NULL);
    for (int i = 0; i < 20 && !w->rc; i++)
        w->rc = zoo_model_score(w->model, s, texts, NULL, 8, w->out, NULL);
    zoo_session_free(s);
    return NULL;
}

static void many_threads_share_one_model(void **state)
{
    enum { THREADS = 6 };
    zoo_model *m = open_model("router", NULL);
    static struct worker workers[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){ .model = m, .threads = 1 + i % 3 };
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].rc, ZOO_OK);
        assert_memory_equal(workers[i].out, workers[0].out, sizeof workers[0].out);
    }
    zoo_model_close(m);
}

static void nothing_is_allocated_per_call(void **state)
{
    zoo_model *m = open_model("router", NULL);
    zoo_session *s = session_new(m, 2);
    zoo_router *router;
    zoo_workspace *workspace;
    zoo_text texts[8];
    float out[8 * 6];
    long before, after = 0;

    (void)state;
    if (!COUNTS)
        goto done;
    assert_int_equal(zoo_router_open(&router, "tests/golden/bert", NULL), ZOO_OK);
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    for (size_t i = 0; i < 8; i++)
        texts[i] = (zoo_text){ lines[i], strlen(lines[i]) };
    for (int i = 0; i < 3; i++) {
        before = atomic_load(&allocations);
        assert_int_equal(zoo_model_score(m, s, texts, NULL, 8, out, NULL), ZOO_OK);
        assert_int_equal(zoo_router_route(router, workspace, lines[0], strlen(lines[0]), NULL, NULL, NULL), ZOO_OK);
        after = atomic_load(&allocations);
    }
    assert_true(before > 0);
    assert_int_equal(after - before, 0);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
done:
    zoo_session_free(s);
    zoo_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_says_what_it_is),
        cmocka_unit_test(texts_are_scored),
        cmocka_unit_test(answers_are_compared),
        cmocka_unit_test(a_comparison_is_cut_part_by_part),
        cmocka_unit_test(vectors_are_pooled_and_scaled),
        cmocka_unit_test(any_number_of_sequences_is_run),
        cmocka_unit_test(what_a_model_cannot_do_is_said),
        cmocka_unit_test(many_threads_share_one_model),
        cmocka_unit_test(nothing_is_allocated_per_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
