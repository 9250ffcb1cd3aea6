/* chat.c - requests are written and replies walked over by hand, since every answer of a collection passes here. A
 * reply has to be JSON; of what it says beyond the answer nothing is refused. Layer: llm. */
#include "llm/chat.h"
#include <math.h>
#include <string.h>
#include "base/skim.h"

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

/* ---- the reply ---- */

/* What is read of a reply, as it stands there; at NULL: not given. A key that comes twice counts as it comes last. */
struct parts {
    zoo_span finish_reason, content, refusal, reasoning_content, reasoning;
    zoo_chat_answer *out;
};

typedef void take_member(zoo_skim *s, struct parts *parts, zoo_span key);

static void take_object(zoo_skim *s, struct parts *parts, take_member *take)
{
    zoo_span key;

    if (zoo_skim_kind(s) != '{') {
        zoo_skim_value(s, NULL);
        return;
    }
    zoo_skim_enter(s, '{');
    while (zoo_skim_key(s, &key))
        take(s, parts, key);
}

/* What a server may say is foreign; a store takes whole numbers up to 2^53, and a short word for the reason.
 * Else it is not known. */
enum { FINISH_REASON_MAX = 100 };
static const int64_t tokens_max = INT64_C(1) << 53;

static void take_count(zoo_skim *s, int64_t *count)
{
    zoo_span value;
    int64_t n = 0;

    *count = -1;
    if (!zoo_skim_value(s, &value))
        return;
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9' || n > tokens_max / 10)
            return;
        n = 10 * n + (value.at[i] - '0');
    }
    *count = n <= tokens_max ? n : -1;
}

static void take_output_detail(zoo_skim *s, struct parts *parts, zoo_span key)
{
    if (zoo_skim_equals(key, "reasoning_tokens"))
        take_count(s, &parts->out->reasoning_tokens);
    else
        zoo_skim_value(s, NULL);
}

static void take_input_detail(zoo_skim *s, struct parts *parts, zoo_span key)
{
    if (zoo_skim_equals(key, "cached_tokens"))
        take_count(s, &parts->out->cached_tokens);
    else
        zoo_skim_value(s, NULL);
}

static void take_usage(zoo_skim *s, struct parts *parts, zoo_span key)
{
    if (zoo_skim_equals(key, "prompt_tokens"))
        take_count(s, &parts->out->prompt_tokens);
    else if (zoo_skim_equals(key, "completion_tokens"))
        take_count(s, &parts->out->completion_tokens);
    else if (zoo_skim_equals(key, "completion_tokens_details"))
        take_object(s, parts, take_output_detail);
    else if (zoo_skim_equals(key, "prompt_tokens_details"))
        take_object(s, parts, take_input_detail);
    else
        zoo_skim_value(s, NULL);
}

static void take_message(zoo_skim *s, struct parts *parts, zoo_span key)
{
    zoo_span *part = zoo_skim_equals(key, "content") ? &parts->content : zoo_skim_equals(key, "refusal") ?
                     &parts->refusal : zoo_skim_equals(key, "reasoning_content") ? &parts->reasoning_content :
                     zoo_skim_equals(key, "reasoning") ? &parts->reasoning : NULL;

    zoo_skim_value(s, part);
}

static void take_choice(zoo_skim *s, struct parts *parts, zoo_span key)
{
    if (zoo_skim_equals(key, "message"))
        take_object(s, parts, take_message);
    else
        zoo_skim_value(s, zoo_skim_equals(key, "finish_reason") ? &parts->finish_reason : NULL);
}

static void take_choices(zoo_skim *s, struct parts *parts)
{
    if (zoo_skim_kind(s) != '[') {
        zoo_skim_value(s, NULL);
        return;
    }
    zoo_skim_enter(s, '[');
    for (int is_first = 1; zoo_skim_item(s); is_first = 0)
        if (is_first)
            take_object(s, parts, take_choice);
        else
            zoo_skim_value(s, NULL);
}

static void take_reply(zoo_skim *s, struct parts *parts, zoo_span key)
{
    if (zoo_skim_equals(key, "choices"))
        take_choices(s, parts);
    else if (zoo_skim_equals(key, "usage"))
        take_object(s, parts, take_usage);
    else
        zoo_skim_value(s, NULL);
}

/* ---- what it says ---- */

/* Inside of a string's quotes; empty where the part is none. */
static zoo_span string_of(zoo_span part)
{
    return part.at && part.at[0] == '"' ? zoo_skim_inside(part) : (zoo_span){ NULL, 0 };
}

static const char *kind_of(zoo_span part)
{
    switch (part.at ? part.at[0] : '\0') {
    case '\0': return "nothing";
    case '{': return "an object";
    case '[': return "an array";
    case 't': case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
    }
}

/* Decoded behind what is in `room`, which has space for it, and a NUL behind it. */
static const char *decode(zoo_buf *room, zoo_span string, size_t *size)
{
    char *text = room->data + room->size;

    *size = zoo_skim_decode(string, text, string.size);
    text[*size] = '\0';
    room->size += *size + 1;
    return text;
}

static const char *finish_reason_of(zoo_buf *room, zoo_span part)
{
    zoo_span string = string_of(part);
    const char *text;
    size_t size;

    if (!string.at)
        return NULL;
    text = decode(room, string, &size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return NULL;
    return size <= FINISH_REASON_MAX ? text : NULL;
}

/* What will not change: a filter, a refusal, a length that was used up before any text. */
static int check_end(const struct parts *parts, const char *finish_reason, zoo_err *err)
{
    int is_empty = !string_of(parts->content).size;
    zoo_span refusal = string_of(parts->refusal);
    char words[201];

    if (finish_reason && !strcmp(finish_reason, "content_filter"))
        return zoo_fail(err, ZOO_ECONFLICT, "the endpoint's content filter ended the answer");
    if (is_empty && refusal.size)
        return zoo_fail(err, ZOO_ECONFLICT, "refused: %.*s", (int)zoo_skim_decode(refusal, words, 200), words);
    if (is_empty && finish_reason && !strcmp(finish_reason, "length"))
        return zoo_fail(err, ZOO_ECONFLICT, "its tokens were used up before it gave any text (finish_reason: length)");
    return ZOO_OK;
}

static int check_content(zoo_span content, const char *finish_reason, zoo_err *err)
{
    if (!string_of(content).at)
        return zoo_fail(err, ZOO_EFORMAT, "reply: 'choices[0].message.content' should be a string, is %s",
                        kind_of(content));
    if (!string_of(content).size)
        return zoo_fail(err, ZOO_EFORMAT, "reply: the answer is empty (finish_reason: %.40s)",
                        finish_reason ? finish_reason : "not given");
    return ZOO_OK;
}

/* Servers call it so or so. */
static zoo_span reasoning_of(const struct parts *parts)
{
    zoo_span named = string_of(parts->reasoning_content);

    return named.size ? named : string_of(parts->reasoning);
}

static int walk(struct parts *parts, const char *reply, size_t size, zoo_err *err)
{
    zoo_skim s;

    zoo_skim_begin(&s, reply, size);
    take_object(&s, parts, take_reply);
    if (zoo_skim_end(&s))
        return ZOO_OK;
    if (!size)
        return zoo_fail(err, ZOO_EFORMAT, "reply: expected JSON, found nothing");
    return zoo_fail(err, ZOO_EFORMAT, "reply, byte %zu: not JSON: %s", (size_t)(s.at - s.text) + 1, s.error);
}

int zoo_chat_read(zoo_chat_answer *out, const char *reply, size_t size, zoo_err *err)
{
    zoo_buf room = out->room;
    struct parts parts = { .out = out };
    zoo_span reasoning;
    const char *finish_reason;
    int rc;

    *out = (zoo_chat_answer){ .room = room, .prompt_tokens = -1, .completion_tokens = -1, .reasoning_tokens = -1,
                              .cached_tokens = -1 };
    rc = walk(&parts, reply, size, err);
    if (rc)
        return rc;
    zoo_buf_clear(&out->room);
    out->room.max = SIZE_MAX / 2;                /* as the reply, which somebody has limited */
    if (zoo_buf_reserve(&out->room, size + 3))   /* decoded, no string is longer; and their NULs */
        return zoo_fail_nomem(err);
    finish_reason = finish_reason_of(&out->room, parts.finish_reason);
    rc = check_end(&parts, finish_reason, err);
    if (!rc)
        rc = check_content(parts.content, finish_reason, err);
    if (rc)
        return rc;
    out->finish_reason = finish_reason;
    out->text = decode(&out->room, string_of(parts.content), &out->size);
    reasoning = reasoning_of(&parts);
    if (reasoning.size)
        out->reasoning = decode(&out->room, reasoning, &out->reasoning_size);
    return ZOO_OK;
}

void zoo_chat_answer_release(zoo_chat_answer *answer)
{
    zoo_buf_release(&answer->room);
    memset(answer, 0, sizeof *answer);
}
