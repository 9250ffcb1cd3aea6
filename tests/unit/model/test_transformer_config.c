#include "unit/cm.h"
#include <string.h>
#include "base/json.h"
#include "compute/attention.h"
#include "model/transformer_config.h"

static int parse(zoo_transformer_config *c, const char *text, zoo_err *err)
{
    json_t *config = json_loads(text, 0, NULL);
    int rc;

    assert_non_null(config);
    rc = zoo_transformer_config_parse(c, config, "config.json", err);
    json_decref(config);
    return rc;
}

static void missing_keys_have_the_defaults_of_the_family(void **state)
{
    zoo_transformer_config c;
    zoo_err err = { 0 };

    (void)state;
    assert_int_equal(parse(&c, "{\"model_type\": \"deberta-v2\"}", &err), ZOO_OK);
    assert_int_equal(c.vocab_size, 128100);
    assert_int_equal(c.hidden_size, 1536);
    assert_int_equal(c.embedding_size, 1536);
    assert_int_equal(c.layers, 24);
    assert_true(c.has_positions && !c.has_relative && !c.shares_keys);
    assert_int_equal(c.types, 0);
    assert_true(c.eps == 1e-7f);
    assert_int_equal(c.pooler_act, ZOO_GELU);
    assert_int_equal(c.labels, 2);
    assert_int_equal(c.head, ZOO_HEAD_NONE);
    assert_int_equal(c.max_tokens, 512);
    assert_int_equal(parse(&c, "{\"model_type\": \"bert\"}", &err), ZOO_OK);
    assert_int_equal(c.vocab_size, 30522);
    assert_int_equal(c.types, 2);
    assert_true(c.eps == 1e-12f);
    assert_int_equal(c.pooler_act, ZOO_TANH);
    assert_true(c.has_positions);
}

static void both_forms_of_pos_att_type_are_read(void **state)
{
    static const char *const forms[] = { "\"p2c|c2p\"", "\"c2p|p2c\"", "[\"c2p\", \"p2c\"]" };
    zoo_transformer_config c;
    zoo_err err = { 0 };
    char text[300];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof text,
                 "{\"model_type\": \"deberta-v2\", \"relative_attention\": true, \"pos_att_type\": %s, "
                 "\"position_buckets\": 256, \"max_relative_positions\": -1}", forms[i]);
        assert_int_equal(parse(&c, text, &err), ZOO_OK);
        assert_true(c.has_c2p && c.has_p2c && c.has_relative);
        assert_int_equal(zoo_transformer_span(&c), 256);
        assert_int_equal(c.max_relative, 512);
    }
    assert_int_equal(parse(&c, "{\"model_type\": \"deberta-v2\", \"relative_attention\": true, \"position_buckets\": "
                               "-1}", &err), ZOO_OK);
    assert_int_equal(zoo_transformer_span(&c), 512);
}

static void heads_follow_the_architecture(void **state)
{
    zoo_transformer_config c;
    zoo_err err = { 0 };

    (void)state;
    assert_int_equal(parse(&c, "{\"model_type\": \"bert\", \"architectures\": [\"BertForSequenceClassification\"], "
                               "\"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}}", &err), ZOO_OK);
    assert_int_equal(c.head, ZOO_HEAD_CLASSIFIER);
    assert_int_equal(c.labels, 3);
    assert_int_equal(parse(&c, "{\"model_type\": \"bert\", \"architectures\": [\"BertForMaskedLM\"]}", &err), ZOO_OK);
    assert_int_equal(c.head, ZOO_HEAD_NONE);
    assert_int_equal(parse(&c, "{\"model_type\": \"deberta-v2\", \"architectures\": [\"DebertaV2PairRM\"], "
                               "\"n_tasks\": 1, \"sep_token_id\": 2, \"source_prefix_id\": 10, "
                               "\"cand1_prefix_id\": 11, \"cand2_prefix_id\": 12}", &err), ZOO_OK);
    assert_int_equal(c.head, ZOO_HEAD_PAIR);
    assert_int_equal(c.candidate2_id, 12);
}

static void a_limit_of_tokens_is_kept_to_what_the_model_has(void **state)
{
    zoo_transformer_config c;
    zoo_err err = { 0 };

    (void)state;
    assert_int_equal(parse(&c, "{\"model_type\": \"bert\", \"zooter\": {\"max_tokens\": 100}}", &err), ZOO_OK);
    assert_int_equal(c.max_tokens, 100);
    assert_int_equal(parse(&c, "{\"model_type\": \"bert\", \"zooter\": {\"max_tokens\": 513}}", &err), ZOO_EFORMAT);
    assert_int_equal(parse(&c, "{\"model_type\": \"deberta-v2\", \"position_biased_input\": false, \"zooter\": "
                               "{\"max_tokens\": 2000}}", &err), ZOO_OK);
    assert_int_equal(c.max_tokens, 2000);
}

/* What asks for another computation is named, and so is what makes no sense. */
static void what_is_not_computed_is_refused_by_name(void **state)
{
    static const struct { const char *model, *member, *named; } cases[] = {
        { "deberta-v2", "\"conv_kernel_size\": 3", "'conv_kernel_size'" },
        { "deberta-v2", "\"hidden_act\": \"mish\"", "'hidden_act'" },
        { "deberta-v2", "\"pooler_hidden_act\": \"mish\"", "'pooler_hidden_act'" },
        { "deberta-v2", "\"pooler_hidden_size\": 768", "'pooler_hidden_size'" },
        { "deberta-v2", "\"num_attention_heads\": 7", "'num_attention_heads'" },
        { "deberta-v2", "\"attention_head_size\": 32", "'attention_head_size'" },
        { "deberta-v2", "\"pos_att_type\": \"p2p\"", "'pos_att_type'" },
        { "deberta-v2", "\"pos_att_type\": [1]", "'pos_att_type'" },
        { "deberta-v2", "\"pos_att_type\": 1", "'pos_att_type'" },
        { "deberta-v2", "\"norm_rel_ebd\": \"batch_norm\"", "'norm_rel_ebd'" },
        { "deberta-v2", "\"relative_attention\": \"yes\"", "'relative_attention'" },
        { "deberta-v2", "\"relative_attention\": true, \"max_relative_positions\": 100000",
          "'max_relative_positions'" },
        { "deberta-v2", "\"relative_attention\": true, \"position_buckets\": 1024", "'position_buckets'" },
        { "deberta-v2", "\"hidden_size\": 0", "'hidden_size'" },
        { "deberta-v2", "\"hidden_size\": 4611686018427387904", "'hidden_size'" },
        { "deberta-v2", "\"vocab_size\": -5", "'vocab_size'" },
        { "deberta-v2", "\"num_hidden_layers\": 1.5", "'num_hidden_layers'" },
        { "deberta-v2", "\"layer_norm_eps\": \"small\"", "'layer_norm_eps'" },
        { "deberta-v2", "\"architectures\": [\"DebertaV2PairRM\"]", "'sep_token_id'" },
        { "deberta-v2", "\"architectures\": \"DebertaV2Model\"", "'architectures'" },
        { "bert", "\"position_embedding_type\": \"relative_key\"", "'position_embedding_type'" },
        { "bert", "\"is_decoder\": true", "'is_decoder'" },
        { "bert", "\"add_cross_attention\": true", "'add_cross_attention'" },
        { "bert", "\"pruned_heads\": {\"0\": [1]}", "'pruned_heads'" },
        { "bert", "\"quantization_config\": {\"quant_method\": \"gptq\"}", "'quantization_config'" },
        { "bert", "\"id2label\": {\"0\": \"a\"}, \"num_labels\": 3", "'num_labels'" },
        { "bert", "\"id2label\": [\"a\"]", "'id2label'" },
        { "bert", "\"zooter\": 3", "'zooter'" },
        { "gpt2", "\"n_layer\": 3", "model_type 'gpt2'" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_transformer_config c;
        zoo_err err = { 0 };
        char text[400];
        snprintf(text, sizeof text, "{\"model_type\": \"%s\", %s}", cases[i].model, cases[i].member);
        if (parse(&c, text, &err) != ZOO_EFORMAT || !strstr(err.message, cases[i].named) ||
            strncmp(err.message, "config.json: ", 13))
            fail_msg("%s: '%s'", text, err.message);
    }
}

static int column(const zoo_transformer_config *c, size_t distance)
{
    int A = (int)zoo_transformer_span(c), at = A - zoo_position_bucket((int)distance, (int)c->buckets,
                                                                       (int)c->max_relative);

    return at < 0 ? 0 : at;
}

static void beyond_its_reach_a_position_stays(void **state)
{
    static const size_t cases[][2] = { { 256, 512 }, { 7, 20 }, { 5, 20 }, { 2, 20 }, { 3, 20 }, { 4, 512 }, { 9, 7 },
                                       { 33, 100 }, { 0, 64 } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_transformer_config c = { .buckets = cases[i][0], .max_relative = cases[i][1], .has_relative = true };
        size_t reach = zoo_transformer_reach(&c);
        for (size_t distance = reach; distance <= ZOO_SEQUENCE_MAX; distance++)
            assert_int_equal(column(&c, distance), column(&c, reach));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_keys_have_the_defaults_of_the_family),
        cmocka_unit_test(both_forms_of_pos_att_type_are_read),
        cmocka_unit_test(heads_follow_the_architecture),
        cmocka_unit_test(a_limit_of_tokens_is_kept_to_what_the_model_has),
        cmocka_unit_test(what_is_not_computed_is_refused_by_name),
        cmocka_unit_test(beyond_its_reach_a_position_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
