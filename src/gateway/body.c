/* body.c - what the gateway reads of a chat request, and the one value it changes in it; see body.h. */
#include "gateway/body.h"
#include <string.h>

/* Puts a value of the right kind under its key, once. */
static int take(zoo_skim *s, zoo_span *value, const char *name, char kind, const char *expected, zoo_err *err)
{
    if (value->size)
        return zoo_fail(err, ZOO_EFORMAT, "'%s' is given twice", name);
    if (zoo_skim_kind(s) != kind && zoo_skim_kind(s))
        return zoo_fail(err, ZOO_EFORMAT, "'%s' should be %s", name, expected);
    zoo_skim_value(s, value);
    return ZOO_OK;
}

static int take_stream(zoo_skim *s, zoo_span *value, int *is_stream, zoo_err *err)
{
    char kind = zoo_skim_kind(s);

    if (value->size)
        return zoo_fail(err, ZOO_EFORMAT, "'stream' is given twice");
    if (kind && !strchr("tfn", kind))
        return zoo_fail(err, ZOO_EFORMAT, "'stream' should be true or false");
    zoo_skim_value(s, value);
    *is_stream = kind == 't';
    return ZOO_OK;
}

static int not_json(const zoo_skim *s, zoo_err *err)
{
    return zoo_fail(err, ZOO_EFORMAT, "the body is not a JSON object: %s, at byte %zu", s->error,
                    (size_t)(s->at - s->text) + 1);
}

int zoo_chat_body_parse(zoo_chat_body *body, const char *text, size_t size, zoo_err *err)
{
    zoo_skim s;
    zoo_span key, stream = { NULL, 0 };
    int failed = ZOO_OK;

    *body = (zoo_chat_body){ .text = text, .size = size };
    zoo_skim_begin(&s, text, size);
    if (zoo_skim_enter(&s, '{'))
        while (!failed && zoo_skim_key(&s, &key)) {
            if (zoo_skim_equals(key, "model"))
                failed = take(&s, &body->model, "model", '"', "a string", err);
            else if (zoo_skim_equals(key, "messages"))
                failed = take(&s, &body->messages, "messages", '[', "an array", err);
            else if (zoo_skim_equals(key, "query"))
                failed = take(&s, &body->query, "query", '"', "a string", err);
            else if (zoo_skim_equals(key, "stream"))
                failed = take_stream(&s, &stream, &body->is_stream, err);
            else
                zoo_skim_value(&s, NULL);
        }
    if (!failed && !zoo_skim_end(&s))
        failed = not_json(&s, err);
    return failed;
}

/* ---- the text ---- */

/* Appends a string's text, behind a newline where there is some already. */
static int add_text(zoo_buf *out, zoo_span string, size_t start, size_t limit)
{
    size_t have = out->size - start, most = limit + 4, room = have < most ? most - have : 0;
    zoo_span inside = zoo_skim_inside(string);

    if (!inside.size || !room)
        return ZOO_OK;
    if (room > inside.size + 1)
        room = inside.size + 1;
    if (zoo_buf_reserve(out, room))
        return ZOO_ENOMEM;
    if (have) {
        out->data[out->size++] = '\n';
        room--;
    }
    out->size += zoo_skim_decode(inside, out->data + out->size, room);
    out->data[out->size] = '\0';
    return ZOO_OK;
}

/* One part of a message's content: {"type": "text", "text": "..."} gives text, other types none. */
static int add_part(zoo_skim *s, zoo_buf *out, size_t start, size_t limit, zoo_err *err)
{
    zoo_span key, type = { NULL, 0 }, text = { NULL, 0 };
    int failed = ZOO_OK;

    if (zoo_skim_kind(s) != '{')
        return zoo_fail(err, ZOO_EFORMAT, "a part of a message's 'content' should be an object");
    zoo_skim_enter(s, '{');
    while (!failed && zoo_skim_key(s, &key)) {
        if (zoo_skim_equals(key, "type"))
            failed = take(s, &type, "type", '"', "a string", err);
        else if (zoo_skim_equals(key, "text"))
            failed = take(s, &text, "text", '"', "a string", err);
        else
            zoo_skim_value(s, NULL);
    }
    if (!failed && !type.size)
        failed = zoo_fail(err, ZOO_EFORMAT, "a part of a message's 'content' has no 'type'");
    if (failed || !zoo_skim_equals(zoo_skim_inside(type), "text"))
        return failed;
    if (!text.size)
        return zoo_fail(err, ZOO_EFORMAT, "a text part of a message's 'content' has no 'text'");
    return add_text(out, text, start, limit) ? zoo_fail_nomem(err) : ZOO_OK;
}

static int add_content(zoo_span content, size_t limit, zoo_buf *out, zoo_err *err)
{
    size_t start = out->size;
    zoo_skim s;
    int failed = ZOO_OK;

    if (*content.at == '"')
        return add_text(out, content, start, limit) ? zoo_fail_nomem(err) : ZOO_OK;
    if (*content.at != '[')
        return zoo_fail(err, ZOO_EFORMAT, "a user message's 'content' should be a string or an array of parts");
    zoo_skim_begin(&s, content.at, content.size);
    zoo_skim_enter(&s, '[');
    while (!failed && zoo_skim_item(&s))
        failed = add_part(&s, out, start, limit, err);
    return failed;
}

/* One message; its role and content. */
static int read_message(zoo_skim *s, zoo_span *role, zoo_span *content, size_t number, zoo_err *err)
{
    zoo_span key;
    int failed = ZOO_OK;

    *role = *content = (zoo_span){ NULL, 0 };
    if (zoo_skim_kind(s) != '{')
        return zoo_fail(err, ZOO_EFORMAT, "'messages[%zu]' should be an object", number);
    zoo_skim_enter(s, '{');
    while (!failed && zoo_skim_key(s, &key)) {
        if (zoo_skim_equals(key, "role"))
            failed = take(s, role, "role", '"', "a string", err);
        else if (zoo_skim_equals(key, "content") && content->size)
            failed = zoo_fail(err, ZOO_EFORMAT, "'content' is given twice");
        else
            zoo_skim_value(s, zoo_skim_equals(key, "content") ? content : NULL);
    }
    if (!failed && !role->size)
        failed = zoo_fail(err, ZOO_EFORMAT, "'messages[%zu]' has no 'role'", number);
    return failed;
}

int zoo_chat_body_text(const zoo_chat_body *body, size_t limit, zoo_buf *text, zoo_err *err)
{
    zoo_span role, content;
    zoo_skim s;
    size_t number = 0;
    int failed;

    if (!body->messages.size)
        return zoo_fail(err, ZOO_EFORMAT, "'messages' is missing");
    zoo_skim_begin(&s, body->messages.at, body->messages.size);
    zoo_skim_enter(&s, '[');
    for (; zoo_skim_item(&s); number++) {
        failed = read_message(&s, &role, &content, number, err);
        if (failed)
            return failed;
        if (!zoo_skim_equals(zoo_skim_inside(role), "user"))
            continue;
        if (!content.size)
            return zoo_fail(err, ZOO_EFORMAT, "'messages[%zu]' has no 'content'", number);
        return add_content(content, limit, text, err);
    }
    return number ? ZOO_OK : zoo_fail(err, ZOO_EFORMAT, "'messages' is empty");
}

int zoo_chat_body_splice(const zoo_chat_body *body, const char *model, zoo_buf *out)
{
    size_t before = (size_t)(body->model.at - body->text), behind = before + body->model.size, n = strlen(model);

    if (zoo_buf_reserve(out, body->size - body->model.size + n) || zoo_buf_add(out, body->text, before) ||
        zoo_buf_add(out, model, n) || zoo_buf_add(out, body->text + behind, body->size - behind))
        return ZOO_ENOMEM;
    return ZOO_OK;
}
