#include "unit/cm.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "model/router.h"
#include "unit/model/tiny.h"

static char root[] = "/tmp/zooter-router-XXXXXX";
static char dir[PATH_MAX];

static int make_root(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    snprintf(dir, sizeof dir, "%s/router", root);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(root, NULL);
}

static zoo_router *open_tiny(void)
{
    zoo_router *router;
    zoo_err err = { 0 };

    if (tiny_save(dir, 1, 1, &err) || zoo_router_open(&router, dir, &err))
        fail_msg("%s", err.message);
    return router;
}

static void a_saved_router_says_what_it_was_given(void **state)
{
    zoo_router *router = open_tiny();

    (void)state;
    assert_int_equal(zoo_router_expert_count(router), 3);
    assert_string_equal(zoo_router_expert(router, 1), "org/beta-7b");
    assert_null(zoo_router_expert(router, 3));
    assert_int_equal(zoo_router_best_on_average(router), 1);
    assert_int_equal(zoo_router_text_limit(router), ZOO_TEXT_LIMIT);
    assert_true(fabsf(zoo_router_temperature(router) - 0.1f) <= 1e-7f);
    assert_int_equal(zoo_router_tag_count(router), 5);
    assert_string_equal(zoo_router_facts_of(router)->tags[1].values[2], "c");
    zoo_router_close(router);
}

/* Routing text agrees with listing the n-grams and running the network on them. */
static void routing_agrees_with_the_plain_network(void **state)
{
    static const char query[] = "What is 12 times 12? \xe4\xb8\xad\xe6\x96\x87 Caf\xc3\x89 what what";
    zoo_router *router = open_tiny();
    zoo_workspace *workspace;
    zoo_decision decision;
    zoo_ngram_net net;
    zoo_ngram_config config = tiny_config();
    zoo_words words;
    float p[3], logits[3], tags[5], activations[8 + 4], *params, sum = 0;
    uint32_t *rows;
    float *weights;

    (void)state;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "tiny", NULL), ZOO_OK);
    params = tiny_params(&net, 1);
    assert_int_equal(zoo_words_init(&words, config.features.text_limit, NULL), ZOO_OK);
    rows = malloc(zoo_ngrams_max(&config.features) * sizeof *rows);
    weights = malloc(zoo_ngrams_max(&config.features) * sizeof *weights);
    size_t n = zoo_ngrams_extract(&config.features, &words, query, sizeof query - 1, rows, weights);
    zoo_ngram_forward(&net, params, &(zoo_bag){ rows, weights, n }, 1, activations, logits, tags);
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(zoo_router_route(router, workspace, query, sizeof query - 1, p, &decision, NULL), ZOO_OK);
        for (size_t i = 0; i < 3; i++)
            sum += expf(logits[i]);
        for (size_t i = 0; i < 3; i++) {
            assert_true(fabsf(p[i] - expf(logits[i]) / sum) <= 1e-5f);
            assert_true(p[decision.expert] >= p[i]);
        }
        assert_true(fabsf(p[decision.expert] - decision.probability) <= 1e-7f);
        sum = 0;
    }
    free(rows);
    free(weights);
    free(params);
    zoo_words_release(&words);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
}

static void an_empty_query_is_fine_and_a_long_one_is_cut(void **state)
{
    zoo_router *router = open_tiny();
    zoo_workspace *workspace;
    zoo_decision empty, cut;
    float p[3], q[3];
    char *longer = malloc(ZOO_TEXT_LIMIT + 100);

    (void)state;
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    assert_int_equal(zoo_router_route(router, workspace, "", 0, NULL, &empty, NULL), ZOO_OK);
    assert_false(empty.was_cut);
    memset(longer, 'a', ZOO_TEXT_LIMIT + 100);
    for (size_t i = 5; i < ZOO_TEXT_LIMIT + 100; i += 6)
        longer[i] = ' ';
    assert_int_equal(zoo_router_route(router, workspace, longer, ZOO_TEXT_LIMIT, p, &cut, NULL), ZOO_OK);
    assert_false(cut.was_cut);
    memset(longer + ZOO_TEXT_LIMIT, 'z', 100);
    assert_int_equal(zoo_router_route(router, workspace, longer, ZOO_TEXT_LIMIT + 100, q, &cut, NULL), ZOO_OK);
    assert_true(cut.was_cut);
    assert_memory_equal(p, q, sizeof p);
    free(longer);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
}

static void a_batch_gives_the_same_bytes_on_any_number_of_threads(void **state)
{
    enum { N = 500 };
    zoo_router *router = open_tiny();
    static char texts[N][40];
    const char *queries[N];
    size_t sizes[N];
    static float one[N * 3], four[N * 3];
    static zoo_decision decisions[N];

    (void)state;
    for (size_t i = 0; i < N; i++) {
        sizes[i] = (size_t)snprintf(texts[i], sizeof texts[i], "question %zu about topic%zu", i, i % 7);
        queries[i] = texts[i];
    }
    assert_int_equal(zoo_router_route_batch(router, queries, sizes, N, 1, one, decisions, NULL), ZOO_OK);
    assert_int_equal(zoo_router_route_batch(router, queries, sizes, N, 4, four, NULL, NULL), ZOO_OK);
    assert_memory_equal(one, four, sizeof one);
    assert_int_equal(zoo_router_route_batch(router, queries, sizes, 0, 4, four, NULL, NULL), ZOO_OK);
    zoo_router_close(router);
}

static void tags_sum_to_one_inside_a_kind(void **state)
{
    zoo_router *router = open_tiny();
    zoo_workspace *workspace;
    float p[5];

    (void)state;
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    assert_int_equal(zoo_router_tags(router, workspace, "write a function", 16, p, NULL), ZOO_OK);
    assert_true(fabsf(p[0] + p[1] - 1) <= 1e-5f);
    assert_true(fabsf(p[2] + p[3] + p[4] - 1) <= 1e-5f);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
}

/* The shares of the n-grams and the rest add up to the difference of the logits. */
static void an_explanation_is_exact(void **state)
{
    static const char query[] = "The cat sat on the mat, 42 times; the mat sat";
    zoo_router *router = open_tiny();
    zoo_workspace *workspace;
    zoo_evidence *reasons;
    size_t count;
    float p[3];
    double rest, sum;

    (void)state;
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    assert_int_equal(zoo_router_route(router, workspace, query, sizeof query - 1, p, NULL, NULL), ZOO_OK);
    assert_int_equal(zoo_router_explain(router, workspace, query, sizeof query - 1, 2, 0, &reasons, &count, &rest,
                                        NULL), ZOO_OK);
    assert_int_equal(count, 9 + 11);             /* distinct words, distinct pairs */
    sum = rest;
    for (size_t i = 0; i < count; i++) {
        sum += reasons[i].share;
        assert_true(!i || fabs(reasons[i].share) <= fabs(reasons[i - 1].share));
    }
    assert_true(fabs(sum - log((double)p[2] / (double)p[0])) <= 1e-4);
    free(reasons);
    assert_int_equal(zoo_router_explain(router, workspace, query, 3, 3, 0, &reasons, &count, &rest, NULL), ZOO_EUSAGE);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
}

static void replace_in_config(const char *from, const char *to)
{
    char path[PATH_MAX + 20], *text, *at;
    size_t size;
    zoo_buf out = ZOO_BUF_INIT(1 << 20);

    snprintf(path, sizeof path, "%s/config.json", dir);
    assert_int_equal(zoo_fs_read(&text, &size, path, 1 << 20, NULL), ZOO_OK);
    at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(zoo_buf_add(&out, text, (size_t)(at - text)), ZOO_OK);
    assert_int_equal(zoo_buf_add_str(&out, to), ZOO_OK);
    assert_int_equal(zoo_buf_add_str(&out, at + strlen(from)), ZOO_OK);
    assert_int_equal(zoo_fs_write(path, out.data, out.size, NULL), ZOO_OK);
    zoo_buf_release(&out);
    free(text);
}

static void a_wrong_config_is_named(void **state)
{
    static const struct { const char *from, *to, *sentence; } cases[] = {
        { "\"zooter-ngram\"", "\"llama\"", "model_type 'llama' is not supported" },
        { "\"1\": \"org/beta-7b\"", "\"7\": \"org/beta-7b\"", "none for \"1\"" },
        { "\"1\": \"org/beta-7b\"", "\"1\": \"no spaces\"", "expert name 'no spaces'" },
        { "\"1\": \"org/beta-7b\"", "\"1\": \"alpha\"", "'label2id'" },
        { "\"2\": \"gamma\"", "\"2\": 5", "should be an expert's name" },
        { "\"2\": \"gamma\"\n", "\"2\": \"gamma\", \"3\": \"delta\"\n", "'label2id' disagrees" },
        { "\"format\": 1", "\"format\": 2", "newer than this version" },
        { "\"temperature\": 0.1", "\"temperature\": 0", "'temperature'" },
        { "\"text_limit\": 4096", "\"text_limit\": 0", "'text_limit'" },
        { "\"dim\": 8", "\"dim\": 16", "tensor 'embedding.weight' has size 8 in dimension 1, config.json asks for 16" },
        { "\"dim\": 8", "\"dim\": 8000000000", "'dim'" },
        { "\"dim\": 8,", "", "'dim'" },
        { "\"buckets\": 512", "\"buckets\": 0", "'buckets'" },
        { "\"mean_rewards\"", "\"means\"", "'mean_rewards'" },
        { "\"alpha\": 0.25", "\"alpha\": \"x\"", "'mean_rewards' of 'alpha'" },
        { "\"kind\": \"subset\"", "\"kind\": 5", "'kind'" },
        { "\"zooter\"", "\"other\"", "'zooter'" },
    };
    zoo_router *router;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(tiny_save(dir, 1, 1, NULL), ZOO_OK);
        replace_in_config(cases[i].from, cases[i].to);
        err.message[0] = '\0';
        if (zoo_router_open(&router, dir, &err) != ZOO_EFORMAT || !strstr(err.message, cases[i].sentence) ||
            !strstr(err.message, dir))
            fail_msg("%s -> %s: '%s'", cases[i].from, cases[i].to, err.message);
        assert_null(router);
    }
}

static void a_folder_cut_short_is_named(void **state)
{
    char path[PATH_MAX + 20], *bytes;
    size_t size;
    zoo_router *router;
    zoo_err err;

    (void)state;
    for (int file = 0; file < 2; file++)
        for (size_t tenth = 0; tenth < 10; tenth++) {
            assert_int_equal(tiny_save(dir, 1, 1, NULL), ZOO_OK);
            snprintf(path, sizeof path, "%s/%s", dir, file ? "config.json" : "model.safetensors");
            assert_int_equal(zoo_fs_read(&bytes, &size, path, 1 << 20, NULL), ZOO_OK);
            assert_int_equal(zoo_fs_write(path, bytes, size * tenth / 10, NULL), ZOO_OK);
            free(bytes);
            assert_int_equal(zoo_router_open(&router, dir, &err), ZOO_EFORMAT);
            assert_non_null(strstr(err.message, path));
        }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(zoo_router_open(&router, dir, &err), ZOO_EIO);
    assert_int_equal(zoo_router_open(&router, "/nonexistent/router", &err), ZOO_EIO);
}

static void a_weight_that_is_not_a_number_is_named(void **state)
{
    zoo_ngram_net net;
    zoo_ngram_config config = tiny_config();
    zoo_router *router;
    zoo_err err;
    float *params;

    (void)state;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "tiny", NULL), ZOO_OK);
    params = tiny_params(&net, 1);
    zoo_ngram_param(&net, params, ZOO_NGRAM_HIDDEN_WEIGHT)[3] = NAN;
    assert_int_equal(zoo_ngram_save(dir, 1, &net, params, &tiny_facts, NULL, NULL), ZOO_OK);
    assert_int_equal(zoo_router_open(&router, dir, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "tensor 'hidden.weight' holds a value that is not a finite number"));
    free(params);
}

/* Finite weights whose products overflow: an error, no expert out of the blue. */
static void an_overflow_on_the_way_is_an_error(void **state)
{
    zoo_ngram_net net;
    zoo_ngram_config config = tiny_config();
    zoo_router *router;
    zoo_workspace *workspace;
    zoo_decision decision;
    zoo_err err;
    float *params;

    (void)state;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "tiny", NULL), ZOO_OK);
    params = tiny_params(&net, 1);
    for (size_t i = 0; i < 3 * 4; i++)
        zoo_ngram_param(&net, params, ZOO_NGRAM_CLASSIFIER_WEIGHT)[i] = 3e38f;
    for (size_t i = 0; i < 4; i++)
        zoo_ngram_param(&net, params, ZOO_NGRAM_HIDDEN_BIAS)[i] = 100;
    assert_int_equal(zoo_ngram_save(dir, 1, &net, params, &tiny_facts, NULL, NULL), ZOO_OK);
    assert_int_equal(zoo_router_open(&router, dir, &err), ZOO_OK);
    assert_int_equal(zoo_workspace_new(&workspace, router, NULL), ZOO_OK);
    assert_int_equal(zoo_router_route(router, workspace, "x", 1, NULL, &decision, &err), ZOO_EFORMAT);
    free(params);
    zoo_workspace_free(workspace);
    zoo_router_close(router);
}

static void facts_that_do_not_fit_the_network_are_refused(void **state)
{
    zoo_ngram_net net;
    zoo_ngram_config config = tiny_config();
    zoo_router_facts facts = tiny_facts;
    float *params;

    (void)state;
    assert_int_equal(zoo_ngram_net_init(&net, &config, "tiny", NULL), ZOO_OK);
    params = tiny_params(&net, 1);
    facts.k = 2;
    assert_int_equal(zoo_ngram_save(dir, 1, &net, params, &facts, NULL, NULL), ZOO_EUSAGE);
    facts = tiny_facts;
    facts.temperature = NAN;
    assert_int_equal(zoo_ngram_save(dir, 1, &net, params, &facts, NULL, NULL), ZOO_EFORMAT);
    facts = tiny_facts;
    facts.tags = (const zoo_tag_names[]){ tiny_tags[0], { "subject", 3, (const char *const[]){ "a", "\xff", "c" } } };
    assert_int_equal(zoo_ngram_save(dir, 1, &net, params, &facts, NULL, NULL), ZOO_EFORMAT);
    facts = tiny_facts;
    facts.experts = (const char *const[]){ "alpha", "alpha", "gamma" };
    assert_int_equal(zoo_ngram_save(dir, 1, &net, params, &facts, NULL, NULL), ZOO_EFORMAT);
    assert_int_equal(zoo_ngram_save(dir, 0, &net, params, &tiny_facts, NULL, NULL), ZOO_EUSAGE);      /* not empty */
    free(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_router_says_what_it_was_given),
        cmocka_unit_test(routing_agrees_with_the_plain_network),
        cmocka_unit_test(an_empty_query_is_fine_and_a_long_one_is_cut),
        cmocka_unit_test(a_batch_gives_the_same_bytes_on_any_number_of_threads),
        cmocka_unit_test(tags_sum_to_one_inside_a_kind),
        cmocka_unit_test(an_explanation_is_exact),
        cmocka_unit_test(a_wrong_config_is_named),
        cmocka_unit_test(a_folder_cut_short_is_named),
        cmocka_unit_test(a_weight_that_is_not_a_number_is_named),
        cmocka_unit_test(an_overflow_on_the_way_is_an_error),
        cmocka_unit_test(facts_that_do_not_fit_the_network_are_refused),
    };
    return cmocka_run_group_tests_name("model/router", tests, make_root, remove_root);
}
