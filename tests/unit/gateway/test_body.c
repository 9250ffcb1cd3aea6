#include "unit/cm.h"
#include <stdio.h>
#include <string.h>
#include "gateway/body.h"

static const char *text_of(const char *messages, int *failed, zoo_err *err)
{
    static char out[1000];
    char json[2000];
    zoo_buf text = ZOO_BUF_INIT(1000);
    zoo_chat_body body;

    snprintf(json, sizeof json, "{\"model\":\"m\",\"messages\":%s}", messages);
    *failed = zoo_chat_body_parse(&body, json, strlen(json), err);
    if (!*failed)
        *failed = zoo_chat_body_text(&body, 40, &text, err);
    snprintf(out, sizeof out, "%.*s", (int)text.size, text.size ? text.data : "");
    zoo_buf_release(&text);
    return out;
}

static void the_first_user_message_gives_the_text(void **state)
{
    static const struct { const char *messages, *text; } cases[] = {
        { "[{\"role\":\"user\",\"content\":\"hi\"}]", "hi" },
        { "[{\"role\":\"system\",\"content\":\"be good\"},{\"content\":\"a\\nb "
          "\\u00e9\",\"role\":\"user\"},{\"role\":\"user\",\"content\":\"x\"}]",
          "a\nb \xc3\xa9" },
        { "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},"
          "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:\"}},"
          "{\"text\":\"two\",\"type\":\"text\"},{\"type\":\"text\",\"text\":\"\"}]}]", "one\ntwo" },
        { "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}]", "" },
        { "[{\"role\":\"user\",\"content\":[]}]", "" },
        { "[{\"role\":\"user\",\"content\":\"\"}]", "" },
        { "[{\"role\":\"system\",\"content\":\"only\"},{\"role\":\"tool\",\"content\":\"x\"}]", "" },
        { "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]},{\"role\":\"user\",\"content\":\"q\"}]", "q" },
        { "[{\"r\\u006fle\":\"us\\u0065r\",\"content\":\"escaped\"}]", "escaped" },
        { "[{\"role\":\"user\",\"content\":\"0123456789012345678901234567890123456789-----and more\"}]",
          "0123456789012345678901234567890123456789----" } };
    zoo_err err;
    int failed;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = text_of(cases[i].messages, &failed, &err);
        if (failed || strcmp(text, cases[i].text))
            fail_msg("%s: '%s' %s", cases[i].messages, text, failed ? err.message : "");
    }
}

static void wrong_messages_are_named(void **state)
{
    static const struct { const char *messages, *words; } cases[] = {
        { "{}", "'messages' should be an array" }, { "null", "'messages' should be an array" },
            { "[]", "'messages' is empty" },
        { "[1]", "'messages[0]' should be an object" }, { "[{\"role\":\"system\"},\"x\"]", "'messages[1]'" },
        { "[{\"content\":\"x\"}]", "no 'role'" }, { "[{\"role\":1}]", "'role' should be a string" },
        { "[{\"role\":\"user\"}]", "no 'content'" }, { "[{\"role\":\"user\",\"content\":5}]", "'content' should be" },
        { "[{\"role\":\"user\",\"content\":null}]", "'content' should be" },
        { "[{\"role\":\"user\",\"content\":\"a\",\"content\":\"b\"}]", "'content' is given twice" },
        { "[{\"role\":\"user\",\"role\":\"system\",\"content\":\"b\"}]", "'role' is given twice" },
        { "[{\"role\":\"user\",\"content\":[\"x\"]}]", "part" }, { "[{\"role\":\"user\",\"content\":[{}]}]", "'type'" },
        { "[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "no 'text'" },
        { "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":{}}]}]", "'text' should be a string" } };
    zoo_err err;
    int failed;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        text_of(cases[i].messages, &failed, &err);
        if (failed != ZOO_EFORMAT || !strstr(err.message, cases[i].words))
            fail_msg("%s: %s", cases[i].messages, failed ? err.message : "accepted");
    }
}

static void wrong_bodies_are_named(void **state)
{
    static const struct { const char *json, *words; } cases[] = {
        { "", "not a JSON object" }, { "[]", "not a JSON object" }, { "{\"model\":", "not a JSON object" },
            { "{} {}", "not a JSON object" },
        { "{\"model\":\"\xff\"}", "not a JSON object" }, { "{\"a\":[[[}", "not a JSON object" },
        { "{\"model\":1}", "'model' should be a string" }, { "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}",
                                                             "'model' is given twice" },
        { "{\"stream\":\"yes\"}", "'stream' should be true or false" }, { "{\"stream\":1}", "'stream'" },
        { "{\"stream\":true,\"stream\":false}", "'stream' is given twice" },
        { "{\"messages\":[],\"messages\":[]}", "'messages' is given twice" }, { "{\"query\":[]}", "'query'" } };
    zoo_chat_body body;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (zoo_chat_body_parse(&body, cases[i].json, strlen(cases[i].json), &err) != ZOO_EFORMAT ||
            !strstr(err.message, cases[i].words))
            fail_msg("%s: %s", cases[i].json, err.message);
}

static void only_the_model_is_changed(void **state)
{
    static const char json[] = "\n{ \"tools\":[1.0e2 ,{\"model\":\"inner\"}],\"model\" :  "
                               "\"zoo\\u0074er\",\"stream\":true,\"x\":\"\\u00e9\"}  ";
    static const char expected[] = "\n{ \"tools\":[1.0e2 ,{\"model\":\"inner\"}],\"model\" :  "
                                   "\"a/b\",\"stream\":true,\"x\":\"\\u00e9\"}  ";
    zoo_buf out = ZOO_BUF_INIT(1000), small = ZOO_BUF_INIT(20);
    zoo_chat_body body;

    (void)state;
    assert_int_equal(zoo_chat_body_parse(&body, json, sizeof json - 1, NULL), ZOO_OK);
    assert_true(body.is_stream);
    assert_true(zoo_skim_equals(zoo_skim_inside(body.model), "zooter"));
    assert_int_equal(zoo_chat_body_splice(&body, "\"a/b\"", &out), ZOO_OK);
    assert_string_equal(out.data, expected);
    assert_int_equal(zoo_chat_body_splice(&body, "\"a/b\"", &small), ZOO_ENOMEM);
    zoo_buf_release(&out);
    zoo_buf_release(&small);
    assert_int_equal(zoo_chat_body_parse(&body, "{\"stream\":null}", 15, NULL), ZOO_OK);
    assert_false(body.is_stream || body.model.size || body.messages.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_user_message_gives_the_text),
        cmocka_unit_test(wrong_messages_are_named),
        cmocka_unit_test(wrong_bodies_are_named),
        cmocka_unit_test(only_the_model_is_changed),
    };
    return cmocka_run_group_tests_name("gateway/body", tests, NULL, NULL);
}
