#include "unit/model/golden.h"
#include "base/clock.h"
#include "model/transformer.h"

/* What a folder's expected.jsonl holds, and how far each precision may be off. */
static const struct folder { const char *name, *key; double bf16, int8; } folders[] = {
    { "router", "logits", 0.1, 0.3 },           { "router-v5", "logits", 0.1, 0.3 },
    { "router-variants", "logits", 0.1, 0.3 },
    { "reward", "logits", 0.1, 0.3 },           { "pair-reward", "logit", 0.1, 0.3 },
    { "bert", "logits", 0.1, 0.3 },
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
        printf("%s: bf16 off by %g, int8 by %g\n", folders[i].name, bf16, int8);
        if (!(bf16 <= folders[i].bf16) || !(int8 <= folders[i].int8))
            fail_msg("%s: bf16 off by %g, int8 by %g", folders[i].name, bf16, int8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_agree_with_the_reference),
        cmocka_unit_test(narrow_precisions_are_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
