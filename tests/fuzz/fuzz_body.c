/* fuzz_body.c - chat requests: what is accepted is JSON for jansson too,
 * and splicing changes the model and nothing else. */
#include "fuzz.h"
#include "base/json.h"
#include "gateway/body.h"

/* Both read the same JSON, but that jansson refuses lone surrogates, NUL and numbers too large, and goes deeper. */
static void compare_with_jansson(const char *text, size_t size, int failed, const zoo_err *err)
{
    json_error_t why;
    json_t *value = json_loadb(text, size, 0, &why);
    enum json_error_code code = value ? json_error_unknown : json_error_code(&why);

    if (!failed && !value)
        MUST(strstr(why.text, "Unicode") || code == json_error_null_character || code == json_error_null_byte_in_key ||
             code == json_error_numeric_overflow);
    /* which jansson takes for the end of a number */
    if (json_is_object(value) && failed && !memchr(text, 0, size))
        MUST(strstr(err->message, "nested") || !strstr(err->message, "not a JSON object"));
    json_decref(value);
}

static void check_splice(const zoo_chat_body *body)
{
    static const char model[] = "\"spliced\\/model\"";
    zoo_buf out = ZOO_BUF_INIT(1 << 20);
    zoo_chat_body again;
    size_t before = (size_t)(body->model.at - body->text);

    MUST(zoo_chat_body_splice(body, model, &out) == ZOO_OK);
    MUST(out.size == body->size - body->model.size + sizeof model - 1);
    MUST(!memcmp(out.data, body->text, before));
    MUST(zoo_chat_body_parse(&again, out.data, out.size, NULL) == ZOO_OK);
    MUST(zoo_skim_equals(zoo_skim_inside(again.model), "spliced/model"));
    MUST(again.is_stream == body->is_stream && again.messages.size == body->messages.size);
    zoo_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_buf text = ZOO_BUF_INIT(1 << 20);
    char *copy = malloc(size + 1);                   /* exactly as large, so that a step too far is seen */
    zoo_chat_body body;
    zoo_err err;
    int failed;

    MUST(copy);
    copy = realloc(copy, size ? size : 1);
    memcpy(copy, data, size);
    failed = zoo_chat_body_parse(&body, copy, size, &err);
    compare_with_jansson(copy, size, failed, &err);
    if (!failed && body.model.size)
        check_splice(&body);
    if (!failed && !zoo_chat_body_text(&body, 100, &text, &err))
        MUST(text.size <= 100 + 8);
    zoo_buf_release(&text);
    free(copy);
    return 0;
}
