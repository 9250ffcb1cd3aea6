/* sse.c - server-sent events of a chat answer, looked at but not changed: where they end, and whether a content
 * token is in them; see sse.h. */
#include "gateway/sse.h"
#include <string.h>
#include "base/skim.h"

/* Behind the line that begins at `at`, or NULL where it has no end yet; *line is the line without its end. */
static const char *take_line(const char *at, const char *end, zoo_span *line)
{
    const char *lf = memchr(at, '\n', (size_t)(end - at));

    if (!lf)
        return NULL;
    *line = (zoo_span){ at, (size_t)(lf - at) };
    if (line->size && lf[-1] == '\r')
        line->size--;
    return lf + 1;
}

/* The value of a field such as "data"; 0: the line is another. */
static int field(zoo_span line, const char *name, zoo_span *value)
{
    size_t n = strlen(name);

    if (line.size <= n || memcmp(line.at, name, n) || line.at[n] != ':')
        return 0;
    n += line.size > n + 1 && line.at[n + 1] == ' ' ? 2 : 1;
    *value = (zoo_span){ line.at + n, line.size - n };
    return 1;
}

static int is_word(zoo_span value, const char *word)
{
    return value.size == strlen(word) && !memcmp(value.at, word, value.size);
}

/* null, "", [] and {} say nothing. */
static int says_something(zoo_span value)
{
    return !is_word(value, "null") && !is_word(value, "\"\"") && !is_word(value, "[]") && !is_word(value, "{}");
}

static int delta_has_content(zoo_skim *s)
{
    zoo_span key, value;
    int found = 0;

    zoo_skim_enter(s, '{');
    while (zoo_skim_key(s, &key))
        if (zoo_skim_value(s, &value) && !zoo_skim_equals(key, "role") && says_something(value))
            found = 1;
    return found;
}

static int choice_has_content(zoo_skim *s)
{
    zoo_span key, value;
    int found = 0;

    zoo_skim_enter(s, '{');
    while (zoo_skim_key(s, &key))
        if (zoo_skim_equals(key, "delta") && zoo_skim_kind(s) == '{')
            found |= delta_has_content(s);
        else if (zoo_skim_value(s, &value) && zoo_skim_equals(key, "text"))
            found |= says_something(value);
    return found;
}

static int choices_have_content(zoo_skim *s)
{
    int found = 0;

    zoo_skim_enter(s, '[');
    while (zoo_skim_item(s))
        if (zoo_skim_kind(s) == '{')
            found |= choice_has_content(s);
        else
            zoo_skim_value(s, NULL);
    return found;
}

static zoo_sse_verdict judge_data(zoo_span data)
{
    zoo_sse_verdict verdict = ZOO_SSE_MORE;
    zoo_span key, value;
    zoo_skim s;

    if (is_word(data, "[DONE]"))
        return ZOO_SSE_MORE;
    zoo_skim_begin(&s, data.at, data.size);
    if (zoo_skim_enter(&s, '{'))
        while (zoo_skim_key(&s, &key)) {
            if (zoo_skim_equals(key, "choices") && zoo_skim_kind(&s) == '[') {
                if (choices_have_content(&s) && verdict == ZOO_SSE_MORE)
                    verdict = ZOO_SSE_CONTENT;
            } else if (zoo_skim_value(&s, &value) && zoo_skim_equals(key, "error") && says_something(value)) {
                verdict = ZOO_SSE_ERROR;
            }
        }
    return zoo_skim_end(&s) ? verdict : ZOO_SSE_GARBAGE;
}

/* One event, complete: its lines are at[0..end), the empty one left out. */
static zoo_sse_verdict judge_event(zoo_sse *sse, const char *at, const char *end)
{
    zoo_span line, value, data = { NULL, 0 };
    size_t data_lines = 0;
    int is_error = 0;

    while (at && at < end && (at = take_line(at, end, &line))) {
        if (field(line, "event", &value))
            is_error = is_word(value, "error");
        else if (field(line, "data", &value) && data_lines++ == 0)
            data = value;
    }
    if (!data_lines)
        return ZOO_SSE_MORE;
    sse->events++;
    if (is_error)
        return ZOO_SSE_ERROR;
    return data_lines > 1 ? ZOO_SSE_CONTENT : judge_data(data);   /* several lines: nobody does it, so it is let pass */
}

zoo_sse_verdict zoo_sse_look(zoo_sse *sse, const char *bytes, size_t size)
{
    const char *event = bytes + sse->looked, *at = event, *end = bytes + size;
    zoo_sse_verdict verdict = ZOO_SSE_MORE;
    zoo_span line;

    while (verdict == ZOO_SSE_MORE && at < end && (at = take_line(at, end, &line))) {
        if (line.size)
            continue;
        verdict = judge_event(sse, event, line.at);
        event = at;
        sse->looked = (size_t)(at - bytes);
    }
    return verdict;
}

/* Whether the LF at `lf` ends an empty line; a text begins with a line. */
static int ends_empty_line(const char *bytes, const char *lf)
{
    if (lf > bytes && lf[-1] == '\r')
        lf--;
    return lf == bytes || lf[-1] == '\n';
}

size_t zoo_sse_complete(const char *bytes, size_t size)
{
    const char *lf;

    for (; size && (lf = memrchr(bytes, '\n', size)); size = (size_t)(lf - bytes))
        if (ends_empty_line(bytes, lf))
            return (size_t)(lf - bytes) + 1;
    return 0;
}
