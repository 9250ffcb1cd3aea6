#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "llm/reward_api.h"

static void requests_have_the_shape_of_their_api(void **state)
{
    static const struct { zoo_reward_request request; const char *body; } cases[] = {
        { { ZOO_REWARD_CLASSIFY, "m", NULL, -1 }, "{\"model\":\"m\",\"input\":\"q\\n\\na\"}" },
        { { ZOO_REWARD_CLASSIFY, "m", "{answer}|{query}|{x}{", -1 }, "{\"model\":\"m\",\"input\":\"a|q|{x}{\"}" },
        { { ZOO_REWARD_SCORE, "m", "unused", -1 }, "{\"model\":\"m\",\"text_1\":\"q\",\"text_2\":\"a\"}" },
        { { ZOO_REWARD_POOLING, "m", NULL, -1 },
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"},"
          "{\"role\":\"assistant\",\"content\":\"a\"}]}" },
        { { ZOO_REWARD_POOLING, "m", "", -1 }, "{\"model\":\"m\",\"input\":\"\"}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_buf body = ZOO_BUF_INIT(1000);
        assert_int_equal(zoo_reward_write(&body, &cases[i].request, "q", 1, "a", 1), ZOO_OK);
        assert_string_equal(body.data, cases[i].body);
        zoo_buf_release(&body);
    }
}

static void what_a_query_says_is_not_taken_for_the_template(void **state)
{
    zoo_buf body = ZOO_BUF_INIT(1000);

    (void)state;
    assert_int_equal(zoo_reward_write(&body, &(zoo_reward_request){ ZOO_REWARD_CLASSIFY, "m", "{query}{answer}", -1 },
                                      "{answer}", 8, "a", 1), ZOO_OK);
    assert_string_equal(body.data, "{\"model\":\"m\",\"input\":\"{answer}a\"}");
    zoo_buf_release(&body);
}

static void the_score_is_found_or_the_reply_refused(void **state)
{
    static const struct { enum zoo_reward_api api; long column; const char *data; double want; } cases[] = {
        { ZOO_REWARD_CLASSIFY, -1, "{\"probs\":[0.5],\"logits\":[9]}", 0.5 },
            { ZOO_REWARD_CLASSIFY, -1, "{\"logits\":[-2]}", -2 },
        { ZOO_REWARD_CLASSIFY, 1, "{\"probs\":[0.1,0.9]}", 0.9 }, { ZOO_REWARD_CLASSIFY, -1, "{\"probs\":[0.1,0.9]}",
                                                                    NAN },
        { ZOO_REWARD_CLASSIFY, 2, "{\"probs\":[0.1,0.9]}", NAN }, { ZOO_REWARD_CLASSIFY, -1, "{\"probs\":[]}", NAN },
        { ZOO_REWARD_SCORE, -1, "{\"score\":3}", 3 }, { ZOO_REWARD_SCORE, -1, "{\"score\":\"3\"}", NAN },
            { ZOO_REWARD_SCORE, -1, "{}", NAN },
        { ZOO_REWARD_SCORE, -1, "{\"score\":null}", NAN }, { ZOO_REWARD_SCORE, -1, "7", NAN },
        { ZOO_REWARD_POOLING, -1, "{\"data\":[1.5]}", 1.5 }, { ZOO_REWARD_POOLING, -1, "{\"data\":[[1],[2]]}", 2 },
        { ZOO_REWARD_POOLING, 0, "{\"data\":[[1,2],[3,4]]}", 3 }, { ZOO_REWARD_POOLING, -1, "{\"data\":[[]]}", NAN },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_reward_request request = { cases[i].api, "m", NULL, cases[i].column };
        zoo_buf reply = ZOO_BUF_INIT(1000);
        zoo_err err = { 0, "" };
        double got = NAN;
        zoo_buf_addf(&reply, "{\"data\":[%s]}", cases[i].data);
        int rc = zoo_reward_read(&got, &request, reply.data, reply.size, &err);
        if (isnan(cases[i].want)) {
            assert_int_equal(rc, ZOO_EFORMAT);
            assert_true(err.message[0]);
        } else {
            assert_int_equal(rc, ZOO_OK);
            assert_true(got == cases[i].want);
        }
        zoo_buf_release(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_have_the_shape_of_their_api),
        cmocka_unit_test(what_a_query_says_is_not_taken_for_the_template),
        cmocka_unit_test(the_score_is_found_or_the_reply_refused),
    };
    return cmocka_run_group_tests_name("llm/reward_api", tests, NULL, NULL);
}
