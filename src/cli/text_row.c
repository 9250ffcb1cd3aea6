/* text_row.c - see text_row.h. Layer: cli. */
#include "cli/text_row.h"
#include <stdint.h>
#include <string.h>
#include "base/skim.h"
#include "base/utf8.h"

static const char *const keys[ROW_TEXTS] = {
    [ROW_AT_TEXT] = "text", [ROW_AT_PAIR] = "pair", [ROW_AT_QUERY] = "query", [ROW_AT_CANDIDATE1] = "candidate1",
    [ROW_AT_CANDIDATE2] = "candidate2"
};
enum { OPTIONAL = ROW_PAIR };

/* line[0..size) with U+FFFD for every byte that is not UTF-8. */
static int make_valid(zoo_buf *out, const char *line, size_t size, zoo_err *err)
{
    zoo_buf_clear(out);
    while (size) {
        size_t good = zoo_utf8_valid(line, size);
        if (zoo_buf_add(out, line, good) || (good < size && zoo_buf_add(out, "\xef\xbf\xbd", 3)))
            return zoo_fail_nomem(err);
        good += good < size;
        line += good;
        size -= good;
    }
    return ZOO_OK;
}

static int wrong_kind(const char *place, const char *key, const char *expected, zoo_span value, zoo_err *err)
{
    return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' should be %s, is %.*s", place, key, expected,
                    (int)(value.size < 40 ? value.size : 40), value.at);
}

/* Leaves the place of the string; they are decoded when all of the row is known to be JSON. */
static int take_text(zoo_span *spans, int i, char kind, zoo_span value, const char *place, zoo_err *err)
{
    if (spans[i].at)
        return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' is there twice", place, keys[i]);
    if (kind == 'n' && (1 << i & OPTIONAL))
        return ZOO_OK;
    if (kind != '"')
        return wrong_kind(place, keys[i], "a string", value, err);
    spans[i] = zoo_skim_inside(value);
    return ZOO_OK;
}

static int take_max_length(zoo_text_row *row, char kind, zoo_span value, const char *place, zoo_err *err)
{
    size_t n = 0;

    if (kind == 'n')
        return ZOO_OK;
    for (size_t i = 0; i < value.size; i++) {
        if (kind != '0' || value.at[i] < '0' || value.at[i] > '9' || n > SIZE_MAX / 10 - 10)
            return wrong_kind(place, "max_length", "a number of tokens", value, err);
        n = 10 * n + (size_t)(value.at[i] - '0');
    }
    if (!n)
        return wrong_kind(place, "max_length", "at least 1 token", value, err);
    row->max_length = n;
    return ZOO_OK;
}

static int take_id(zoo_text_row *row, char kind, zoo_span value, const char *place, zoo_err *err)
{
    int is_whole = kind == '0' && !memchr(value.at, '.', value.size) && !memchr(value.at, 'e', value.size) &&
                   !memchr(value.at, 'E', value.size);

    if (kind == 'n')
        return ZOO_OK;
    if (kind != '"' && !is_whole)
        return wrong_kind(place, "id", "a string or a whole number", value, err);
    row->id = (zoo_text){ value.at, value.size };
    return ZOO_OK;
}

static int take_value(zoo_text_row *row, zoo_skim *s, zoo_span key, zoo_span *spans, unsigned wanted, const char *place,
                      zoo_err *err)
{
    char kind = zoo_skim_kind(s);
    zoo_span value;

    if (!zoo_skim_value(s, &value))
        return ZOO_OK;                           /* said by who sees the end of the walk */
    for (int i = 0; i < ROW_TEXTS; i++)
        if (wanted >> i & 1 && zoo_skim_equals(key, keys[i]))
            return take_text(spans, i, kind, value, place, err);
    if (zoo_skim_equals(key, "max_length"))
        return take_max_length(row, kind, value, place, err);
    return zoo_skim_equals(key, "id") ? take_id(row, kind, value, place, err) : ZOO_OK;
}

/* All of the row's texts into one block, which is made first, so that none moves. */
static int decode(zoo_text_row *row, const zoo_span *spans, zoo_err *err)
{
    size_t most = 0;

    zoo_buf_clear(&row->decoded);
    for (int i = 0; i < ROW_TEXTS; i++)
        most += spans[i].at ? spans[i].size + 4 : 0;
    if (zoo_buf_reserve(&row->decoded, most))
        return zoo_fail_nomem(err);
    for (int i = 0; i < ROW_TEXTS; i++) {
        char *to = row->decoded.data + row->decoded.size;
        if (!spans[i].at)
            continue;
        row->texts[i] = (zoo_text){ to, zoo_skim_decode(spans[i], to, most - row->decoded.size) };
        row->decoded.size += row->texts[i].size;
    }
    return ZOO_OK;
}

static int check_all(const zoo_span *spans, unsigned wanted, const char *place, zoo_err *err)
{
    const char *missing = NULL;
    int found = 0;

    for (int i = ROW_TEXTS; i-- > 0;) {
        if (wanted >> i & 1 && !(1 << i & OPTIONAL)) {
            found += spans[i].at != NULL;
            missing = spans[i].at ? missing : keys[i];
        }
    }
    if (!missing || (wanted & ROW_EITHER && found))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' is missing", place, missing);
}

static int walk(zoo_text_row *row, const char *line, size_t size, unsigned wanted, zoo_span *spans, const char *place,
                zoo_err *err)
{
    zoo_skim s;
    zoo_span key;
    int rc = ZOO_OK;

    zoo_skim_begin(&s, line, size);
    if (zoo_skim_kind(&s) != '{')
        return zoo_fail(err, ZOO_EFORMAT, "%s: should be a JSON object, as {\"%s\": \"...\"}", place,
                        wanted & ROW_TEXT ? "text" : "query");
    if (zoo_skim_enter(&s, '{'))
        while (!rc && zoo_skim_key(&s, &key))
            rc = take_value(row, &s, key, spans, wanted, place, err);
    if (!rc && !zoo_skim_end(&s))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s, column %zu: not JSON: %s", place, (size_t)(s.at - s.text) + 1,
                      s.error ? s.error : "text behind the value");
    return rc ? rc : check_all(spans, wanted, place, err);
}

int zoo_text_row_read(zoo_text_row *row, const char *line, size_t size, unsigned wanted, const char *place,
                      zoo_err *err)
{
    zoo_span spans[ROW_TEXTS] = { { NULL, 0 } };
    int rc;

    memset(row->texts, 0, sizeof row->texts);
    row->max_length = 0;
    row->id = (zoo_text){ NULL, 0 };
    if (zoo_utf8_valid(line, size) != size) {
        if ((rc = make_valid(&row->valid, line, size, err)))
            return rc;
        line = row->valid.data;
        size = row->valid.size;
    }
    rc = walk(row, line, size, wanted, spans, place, err);
    return rc ? rc : decode(row, spans, err);
}

void zoo_text_row_release(zoo_text_row *row)
{
    zoo_buf_release(&row->decoded);
    zoo_buf_release(&row->valid);
}
