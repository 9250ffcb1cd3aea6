/* reward_api.c - a table of APIs: name, path, and where in the reply the score is. Layer: llm. */
#include "llm/reward_api.h"
#include <math.h>
#include <string.h>
#include "base/json.h"

static const struct api { const char *name, *path, *fields[2]; } apis[] = {
    [ZOO_REWARD_CLASSIFY] = { "classify", "/classify", { "probs", "logits" } },
    [ZOO_REWARD_SCORE] = { "score", "/score", { "score", NULL } },
    [ZOO_REWARD_POOLING] = { "pooling", "/pooling", { "data", NULL } },
};

int zoo_reward_api_find(const char *name, enum zoo_reward_api *api, zoo_err *err)
{
    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++)
        if (!strcmp(apis[i].name, name)) {
            *api = (enum zoo_reward_api)i;
            return ZOO_OK;
        }
    return zoo_fail(err, ZOO_EUSAGE, "no reward API '%.60s'; there are classify, score and pooling", name);
}

const char *zoo_reward_api_path(enum zoo_reward_api api)
{
    return apis[api].path;
}

/* ,"key":"value" */
static int add_field(zoo_buf *body, const char *key, const char *value, size_t size)
{
    int rc = zoo_buf_addf(body, ",\"%s\":", key);

    return rc ? rc : zoo_buf_add_json_str(body, value, size);
}

static int fill_template(zoo_buf *text, const char *at, const char *query, size_t query_size, const char *answer,
                         size_t answer_size)
{
    int rc = ZOO_OK;

    while (!rc && *at) {
        size_t plain = strcspn(at, "{");
        rc = zoo_buf_add(text, at, plain);
        at += plain;
        if (rc || !*at)
            break;
        if (!strncmp(at, "{query}", 7)) {
            rc = zoo_buf_add(text, query, query_size);
            at += 7;
        } else if (!strncmp(at, "{answer}", 8)) {
            rc = zoo_buf_add(text, answer, answer_size);
            at += 8;
        } else {
            rc = zoo_buf_add(text, at++, 1);
        }
    }
    return rc;
}

static int add_input(zoo_buf *body, const char *template_, const char *query, size_t query_size, const char *answer,
                     size_t answer_size)
{
    zoo_buf text = ZOO_BUF_INIT(body->max);
    int rc = fill_template(&text, template_ ? template_ : "{query}\n\n{answer}", query, query_size, answer,
                           answer_size);

    if (!rc)
        rc = add_field(body, "input", text.data ? text.data : "", text.size);
    zoo_buf_release(&text);
    return rc;
}

static int add_messages(zoo_buf *body, const char *query, size_t query_size, const char *answer, size_t answer_size)
{
    int rc = zoo_buf_add_str(body, ",\"messages\":[{\"role\":\"user\"");

    if (!rc)
        rc = add_field(body, "content", query, query_size);
    if (!rc)
        rc = zoo_buf_add_str(body, "},{\"role\":\"assistant\"");
    if (!rc)
        rc = add_field(body, "content", answer, answer_size);
    return rc ? rc : zoo_buf_add_str(body, "}]");
}

int zoo_reward_write(zoo_buf *body, const zoo_reward_request *r, const char *query, size_t query_size,
                     const char *answer, size_t answer_size)
{
    int rc = zoo_buf_add_str(body, "{\"model\":");

    if (!rc)
        rc = zoo_buf_add_json_str(body, r->model, strlen(r->model));
    if (!rc && r->api == ZOO_REWARD_SCORE) {
        rc = add_field(body, "text_1", query, query_size);
        if (!rc)
            rc = add_field(body, "text_2", answer, answer_size);
    } else if (!rc && r->api == ZOO_REWARD_POOLING && !r->template_) {
        rc = add_messages(body, query, query_size, answer, answer_size);
    } else if (!rc) {
        rc = add_input(body, r->template_, query, query_size, answer, answer_size);
    }
    return rc ? rc : zoo_buf_add(body, "}", 1);
}

static int take_number(double *reward, const json_t *value, const char *field, zoo_err *err)
{
    if (!json_is_number(value))
        return zoo_fail(err, ZOO_EFORMAT, "reply: 'data[0].%s' should hold a number, is %s", field,
                        zoo_json_kind(value));
    *reward = json_number_value(value);
    return isfinite(*reward) ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "reply: the score is not finite");
}

static int take_score(double *reward, const json_t *value, long column, const char *field, zoo_err *err)
{
    size_t n;

    if (json_is_array(json_array_get(value, 0)))          /* a row a token */
        value = json_array_get(value, json_array_size(value) - 1);
    if (!json_is_array(value))
        return take_number(reward, value, field, err);
    n = json_array_size(value);
    if (column < 0 && n > 1)
        return zoo_fail(err, ZOO_EFORMAT, "reply: 'data[0].%s' holds %zu numbers; say with --class which is the reward",
                        field, n);
    if (n == 0 || (column >= 0 && (size_t)column >= n))
        return zoo_fail(err, ZOO_EFORMAT, "reply: 'data[0].%s' holds %zu numbers and no number %ld", field, n,
                        column < 0 ? 0 : column);
    return take_number(reward, json_array_get(value, column < 0 ? 0 : (size_t)column), field, err);
}

int zoo_reward_read(double *reward, const zoo_reward_request *r, const char *reply, size_t size, zoo_err *err)
{
    json_t *root = zoo_json_parse(reply, size, "reply", err);
    const json_t *first = json_array_get(json_object_get(root, "data"), 0), *value;
    const char *field = apis[r->api].fields[0];
    int rc;

    if (!root)
        return ZOO_EFORMAT;
    value = json_object_get(first, field);
    if (!value && apis[r->api].fields[1])
        value = json_object_get(first, apis[r->api].fields[1]);
    rc = take_score(reward, value, r->column, field, err);
    json_decref(root);
    return rc;
}
