/* chat.c - written by hand and read by jansson: writing copies the query once, reading has to judge foreign bytes. Layer: llm. */
#include "llm/chat.h"
#include <math.h>
#include <string.h>
#include "base/json.h"

static int add_message(zoo_buf *body, const char *role, const char *content, size_t size)
{
    int rc = zoo_buf_addf(body, "{\"role\":\"%s\",\"content\":", role);

    if (!rc)
        rc = zoo_buf_add_json_str(body, content, size);
    return rc ? rc : zoo_buf_add(body, "}", 1);
}

int zoo_chat_write(zoo_buf *body, const zoo_chat_request *r, const char *query, size_t size)
{
    int rc = zoo_buf_add_str(body, "{\"model\":");

    if (!rc)
        rc = zoo_buf_add_json_str(body, r->model, strlen(r->model));
    if (!rc)
        rc = zoo_buf_add_str(body, ",\"messages\":[");
    if (!rc && r->system)
        rc = add_message(body, "system", r->system, strlen(r->system));
    if (!rc && r->system)
        rc = zoo_buf_add(body, ",", 1);
    if (!rc)
        rc = add_message(body, "user", query, size);
    if (!rc)
        rc = zoo_buf_add(body, "]", 1);
    if (!rc && !isnan(r->temperature))
        rc = zoo_buf_addf(body, ",\"temperature\":%g", r->temperature);
    if (!rc && r->max_tokens)
        rc = zoo_buf_addf(body, ",\"max_tokens\":%llu", (unsigned long long)r->max_tokens);
    return rc ? rc : zoo_buf_add(body, "}", 1);
}

static int64_t token_count(const json_t *usage, const char *key)
{
    const json_t *n = json_object_get(usage, key);

    return json_is_integer(n) && json_integer_value(n) >= 0 ? json_integer_value(n) : -1;
}

static int check_content(const json_t *content, const char *finish_reason, zoo_err *err)
{
    if (!json_is_string(content))
        return zoo_fail(err, ZOO_EFORMAT, "reply: 'choices[0].message.content' should be a string, is %s", zoo_json_kind(content));
    if (!json_string_length(content))
        return zoo_fail(err, ZOO_EFORMAT, "reply: the answer is empty (finish_reason: %.40s)",
                        finish_reason ? finish_reason : "not given");
    if (strlen(json_string_value(content)) != json_string_length(content))
        return zoo_fail(err, ZOO_EFORMAT, "reply: the answer contains a NUL character");
    return ZOO_OK;
}

int zoo_chat_read(zoo_chat_answer *out, const char *reply, size_t size, zoo_err *err)
{
    json_t *root = zoo_json_parse(reply, size, "reply", err);
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0), *usage = json_object_get(root, "usage");
    const json_t *content = json_object_get(json_object_get(choice, "message"), "content");
    int rc;

    memset(out, 0, sizeof *out);
    if (!root)
        return ZOO_EFORMAT;
    out->finish_reason = json_string_value(json_object_get(choice, "finish_reason"));
    rc = check_content(content, out->finish_reason, err);
    if (rc) {
        json_decref(root);
        return rc;
    }
    out->reply = root;
    out->text = json_string_value(content);
    out->size = json_string_length(content);
    out->prompt_tokens = token_count(usage, "prompt_tokens");
    out->completion_tokens = token_count(usage, "completion_tokens");
    return ZOO_OK;
}

void zoo_chat_answer_release(zoo_chat_answer *answer)
{
    json_decref(answer->reply);
    memset(answer, 0, sizeof *answer);
}
