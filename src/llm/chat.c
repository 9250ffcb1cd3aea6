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

/* What a server may say is foreign; a store takes whole numbers up to 2^53, and a short word for the reason. Else it is not known. */
enum { FINISH_REASON_MAX = 100 };
static const int64_t tokens_max = INT64_C(1) << 53;

static int64_t token_count(const json_t *usage, const char *key)
{
    const json_t *n = json_object_get(usage, key);

    return json_is_integer(n) && json_integer_value(n) >= 0 && json_integer_value(n) <= tokens_max ? json_integer_value(n) : -1;
}

static const char *finish_reason_of(const json_t *choice)
{
    const json_t *reason = json_object_get(choice, "finish_reason");
    const char *text = json_string_value(reason);

    if (!text || json_string_length(reason) > FINISH_REASON_MAX)
        return NULL;
    for (size_t i = 0; i < json_string_length(reason); i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return NULL;
    return text;
}

/* What will not change: a filter, a refusal, a length that was used up before any text. */
static int check_end(const json_t *message, const char *finish_reason, zoo_err *err)
{
    const char *refusal = json_string_value(json_object_get(message, "refusal"));
    int is_empty = !json_string_length(json_object_get(message, "content"));

    if (finish_reason && !strcmp(finish_reason, "content_filter"))
        return zoo_fail(err, ZOO_ECONFLICT, "the endpoint's content filter ended the answer");
    if (is_empty && refusal && *refusal)
        return zoo_fail(err, ZOO_ECONFLICT, "refused: %.200s", refusal);
    if (is_empty && finish_reason && !strcmp(finish_reason, "length"))
        return zoo_fail(err, ZOO_ECONFLICT, "its tokens were used up before it gave any text (finish_reason: length)");
    return ZOO_OK;
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

static void read_usage(zoo_chat_answer *out, const json_t *usage)
{
    out->prompt_tokens = token_count(usage, "prompt_tokens");
    out->completion_tokens = token_count(usage, "completion_tokens");
    out->reasoning_tokens = token_count(json_object_get(usage, "completion_tokens_details"), "reasoning_tokens");
    out->cached_tokens = token_count(json_object_get(usage, "prompt_tokens_details"), "cached_tokens");
}

/* Servers call it so or so. */
static void read_reasoning(zoo_chat_answer *out, const json_t *message)
{
    const json_t *text = json_object_get(message, "reasoning_content");

    if (!json_string_length(text))
        text = json_object_get(message, "reasoning");
    out->reasoning = json_string_length(text) ? json_string_value(text) : NULL;
    out->reasoning_size = json_string_length(text);
}

int zoo_chat_read(zoo_chat_answer *out, const char *reply, size_t size, zoo_err *err)
{
    json_t *root = zoo_json_parse(reply, size, "reply", err);
    const json_t *choice = json_array_get(json_object_get(root, "choices"), 0), *message = json_object_get(choice, "message");
    const json_t *content = json_object_get(message, "content");
    const char *finish_reason = finish_reason_of(choice);
    int rc;

    memset(out, 0, sizeof *out);
    read_usage(out, json_object_get(root, "usage"));
    if (!root)
        return ZOO_EFORMAT;
    rc = check_end(message, finish_reason, err);
    if (!rc)
        rc = check_content(content, finish_reason, err);
    if (rc) {
        json_decref(root);
        return rc;
    }
    out->finish_reason = finish_reason;
    out->reply = root;
    out->text = json_string_value(content);
    out->size = json_string_length(content);
    read_reasoning(out, message);
    return ZOO_OK;
}

void zoo_chat_answer_release(zoo_chat_answer *answer)
{
    json_decref(answer->reply);
    memset(answer, 0, sizeof *answer);
}
