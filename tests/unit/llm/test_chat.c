#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "llm/chat.h"

static void a_request_holds_what_was_set_and_nothing_else(void **state)
{
    static const struct { zoo_chat_request request; const char *query, *body; } cases[] = {
        { { "m", NULL, NAN, 0 }, "hi", "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}" },
        { { "a\"b", "be\nbrief", 0, 5 }, "\xff",
          "{\"model\":\"a\\\"b\",\"messages\":[{\"role\":\"system\",\"content\":\"be\\nbrief\"},"
          "{\"role\":\"user\",\"content\":\"\xef\xbf\xbd\"}],"
          "\"temperature\":0,\"max_tokens\":5}" },
        { { "m", NULL, 0.7, 0 }, "",
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"temperature\":0.7}" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_buf body = ZOO_BUF_INIT(1000);
        assert_int_equal(zoo_chat_write(&body, &cases[i].request, cases[i].query, strlen(cases[i].query)), ZOO_OK);
        assert_string_equal(body.data, cases[i].body);
        zoo_buf_release(&body);
    }
}

static void a_request_that_does_not_fit_is_an_error(void **state)
{
    zoo_buf body = ZOO_BUF_INIT(40);

    (void)state;
    assert_int_equal(zoo_chat_write(&body, &(zoo_chat_request){ .model = "m", .temperature = NAN }, "hi", 2),
                     ZOO_ENOMEM);
    zoo_buf_release(&body);
}

static void an_answer_is_read_with_its_counts(void **state)
{
    static const char full[] = "{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":\"hello\"}}],"
                               "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,"
                               "\"completion_tokens_details\":{\"reasoning_tokens\":2},"
                               "\"prompt_tokens_details\":{\"cached_tokens\":1}}}";
    static const char bare[] = "{\"choices\":[{\"message\":{\"content\":\" \"}}],\"usage\":{\"prompt_tokens\":-3}}";
    zoo_chat_answer a = { 0 };

    (void)state;
    assert_int_equal(zoo_chat_read(&a, full, strlen(full), NULL), ZOO_OK);
    assert_string_equal(a.text, "hello");
    assert_int_equal(a.size, 5);
    assert_string_equal(a.finish_reason, "length");
    assert_int_equal(a.prompt_tokens, 3);
    assert_int_equal(a.completion_tokens, 4);
    assert_int_equal(a.reasoning_tokens, 2);
    assert_int_equal(a.cached_tokens, 1);
    assert_null(a.reasoning);
    zoo_chat_answer_release(&a);
    assert_int_equal(zoo_chat_read(&a, bare, strlen(bare), NULL), ZOO_OK);
    assert_null(a.finish_reason);
    assert_int_equal(a.prompt_tokens, -1);
    assert_int_equal(a.completion_tokens, -1);
    zoo_chat_answer_release(&a);
}

static void what_no_store_takes_is_not_known(void **state)
{
    static const char *const reasons[] = { "a\\n", "\\u007f", "stop\\u0000",
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789+" };
    char reply[300];
    zoo_chat_answer a = { 0 };

    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        snprintf(reply, sizeof reply, "{\"choices\":[{\"finish_reason\":\"%s\",\"message\":{\"content\":\"x\"}}],"
                 "\"usage\":{\"prompt_tokens\":9007199254740993,\"completion_tokens\":9007199254740992}}", reasons[i]);
        assert_int_equal(zoo_chat_read(&a, reply, strlen(reply), NULL), ZOO_OK);
        assert_null(a.finish_reason);
        assert_int_equal(a.prompt_tokens, -1);
        assert_int_equal(a.completion_tokens, 9007199254740992);
        zoo_chat_answer_release(&a);
    }
}

static void replies_without_an_answer_are_refused_with_a_sentence(void **state)
{
    static const struct { const char *reply, *words; } cases[] = {
        { "", "found nothing" }, { "<html>", "not JSON" }, { "[]", "content" }, { "{}", "is nothing" },
            { "{\"choices\":[]}", "is nothing" },
        { "{\"choices\":[{\"message\":{\"content\":null}}]}", "is null" },
            { "{\"choices\":[{\"message\":{\"content\":[]}}]}", "is an array" },
        { "{\"choices\":[{\"finish_reason\":\"stop\",\"message\":{\"content\":\"\"}}]}",
          "empty (finish_reason: stop)" },
        { "{\"choices\":{\"message\":1}}", "is nothing" },
    };
    zoo_chat_answer a = { 0 };
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(zoo_chat_read(&a, cases[i].reply, strlen(cases[i].reply), &err), ZOO_EFORMAT);
        assert_non_null(strstr(err.message, cases[i].words));
    }
    zoo_chat_answer_release(&a);
}

static void reasoning_is_read_apart(void **state)
{
    static const char *const names[] = { "reasoning_content", "reasoning" };
    zoo_chat_answer a = { 0 };
    char reply[200];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(reply, sizeof reply, "{\"choices\":[{\"message\":{\"content\":\"4\",\"%s\":\"2 and 2\"}}]}", names[i]);
        assert_int_equal(zoo_chat_read(&a, reply, strlen(reply), NULL), ZOO_OK);
        assert_string_equal(a.reasoning, "2 and 2");
        assert_int_equal(a.reasoning_size, 7);
        assert_string_equal(a.text, "4");
        zoo_chat_answer_release(&a);
    }
}

static void ends_that_will_not_change_are_told_apart(void **state)
{
    static const struct { const char *reply, *words; } cases[] = {
        { "{\"choices\":[{\"finish_reason\":\"length\",\"message\":{\"content\":\"\"}}],"
          "\"usage\":{\"completion_tokens\":9}}", "used up" },
        { "{\"choices\":[{\"finish_reason\":\"content_filter\",\"message\":{\"content\":\"I\"}}],"
          "\"usage\":{\"completion_tokens\":9}}", "filter" },
        { "{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I "
          "cannot\"}}],\"usage\":{\"completion_tokens\":9}}", "refused: I cannot" },
    };
    zoo_chat_answer a = { 0 };
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(zoo_chat_read(&a, cases[i].reply, strlen(cases[i].reply), &err), ZOO_ECONFLICT);
        assert_non_null(strstr(err.message, cases[i].words));
        assert_int_equal(a.completion_tokens, 9);            /* they were paid for */
    }
    zoo_chat_answer_release(&a);
}

static void what_is_not_needed_may_be_anything(void **state)
{
    static const char reply[] =
        "{\"seed\":123456789012345678901234567890,\"a\":1,\"a\":1e999,\"usage\":null,"
        "\"choices\":[{\"index\":0,\"logprobs\":"
        "{\"token\":\"\\ud83d\"},\"message\":{\"content\":\"first\",\"content\":\"a\\u0000\\ud83d "
        "\\ud83d\\ude00\",\"tool_calls\":[{}]}},[1,{}],7]}";
    static const char next[] = "{\"choices\":[{\"message\":{\"content\":\"b\"}}]}";
    zoo_chat_answer a = { 0 };

    (void)state;
    assert_int_equal(zoo_chat_read(&a, reply, strlen(reply), NULL), ZOO_OK);
    assert_int_equal(a.size, 10);
    assert_memory_equal(a.text, "a\0\xef\xbf\xbd \xf0\x9f\x98\x80", 11);
    assert_int_equal(a.prompt_tokens, -1);
    assert_int_equal(zoo_chat_read(&a, next, strlen(next), NULL), ZOO_OK);        /* in the same room */
    assert_string_equal(a.text, "b");
    zoo_chat_answer_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_what_was_set_and_nothing_else),
        cmocka_unit_test(a_request_that_does_not_fit_is_an_error),
        cmocka_unit_test(an_answer_is_read_with_its_counts),
        cmocka_unit_test(what_no_store_takes_is_not_known),
        cmocka_unit_test(reasoning_is_read_apart),
        cmocka_unit_test(what_is_not_needed_may_be_anything),
        cmocka_unit_test(ends_that_will_not_change_are_told_apart),
        cmocka_unit_test(replies_without_an_answer_are_refused_with_a_sentence),
    };
    return cmocka_run_group_tests_name("llm/chat", tests, NULL, NULL);
}
