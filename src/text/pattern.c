/* pattern.c - the few regular expressions that tokenizers' Replace steps are made of: alternatives, each one set of
 * characters with a count: ` {2,}`, `\s+`, `\s{2,}|[\n\r\t]`, `[^\S\n]`; see pattern.h. */
#include "text/pattern.h"
#include "base/utf8.h"
#include "text/unicode.h"

/* ---- reading ---- */

struct reader { const char *at, *end; };

static int take(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return 0;
    r->at++;
    return 1;
}

static int add_range(zoo_pattern_branch *b, uint32_t first, uint32_t last)
{
    if (b->range_count == ZOO_PATTERN_RANGES || first > last)
        return 0;
    b->ranges[b->range_count].first = first;
    b->ranges[b->range_count++].last = last;
    return 1;
}

/* One character, behind a backslash or not. 1: *code; 2: a class, already in the set; 0: not understood. */
static int take_char(struct reader *r, zoo_pattern_branch *b, uint32_t *code)
{
    size_t used;

    if (r->at == r->end)
        return 0;
    if (*r->at != '\\') {
        *code = zoo_utf8_next(r->at, (size_t)(r->end - r->at), &used);
        r->at += used;
        return *code != ZOO_UTF8_BAD;
    }
    if (r->end - r->at < 2)
        return 0;
    r->at += 2;
    switch (r->at[-1]) {
    case 'n': *code = '\n'; return 1;
    case 'r': *code = '\r'; return 1;
    case 't': *code = '\t'; return 1;
    case 's': b->has_white = 1; return 2;
    case 'S': b->has_not_white = 1; return 2;
    default:
        *code = (unsigned char)r->at[-1];
        return *code < 0x80 && zoo_unicode_is_punctuation(*code);
    }
}

static int take_set(struct reader *r, zoo_pattern_branch *b)
{
    uint32_t first, last;

    b->is_negated = (uint8_t)take(r, '^');
    while (!take(r, ']')) {
        int kind;
        if (r->at < r->end && (*r->at == '[' || *r->at == '&'))
            return 0;                                          /* sets of sets */
        kind = take_char(r, b, &first);
        if (!kind)
            return 0;
        if (kind == 2)
            continue;
        last = first;
        if (r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']') {
            r->at++;
            if (take_char(r, b, &last) != 1)
                return 0;
        }
        if (!add_range(b, first, last))
            return 0;
    }
    return b->range_count || b->has_white || b->has_not_white;
}

static int take_number(struct reader *r, size_t *n)
{
    const char *begin = r->at;

    for (*n = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9' && *n < 100000; r->at++)
        *n = *n * 10 + (size_t)(*r->at - '0');
    return r->at > begin;
}

static int take_count(struct reader *r, zoo_pattern_branch *b)
{
    b->least = b->most = 1;
    if (take(r, '+')) {
        b->most = SIZE_MAX;
    } else if (take(r, '{')) {
        if (!take_number(r, &b->least))
            return 0;
        b->most = b->least;
        if (take(r, ',') && !take_number(r, &b->most))
            b->most = SIZE_MAX;
        if (!take(r, '}'))
            return 0;
    }
    return b->least >= 1 && b->least <= b->most && (r->at == r->end || *r->at == '|');
}

static int take_branch(struct reader *r, zoo_pattern_branch *b)
{
    uint32_t code;
    int kind;

    if (take(r, '['))
        return take_set(r, b) && take_count(r, b);
    if (r->at == r->end || (*r->at != '\\' && (unsigned char)*r->at < 0x80 &&
                            zoo_unicode_is_punctuation((unsigned char)*r->at) && *r->at != '_' && *r->at != '-' &&
                            *r->at != '\'' && *r->at != '"' && *r->at != '`' && *r->at != ','))
        return 0;
    kind = take_char(r, b, &code);
    return kind && (kind == 2 || add_range(b, code, code)) && take_count(r, b);
}

static int holds(const zoo_pattern_branch *b, uint32_t code)
{
    int is_in = 0;

    for (size_t i = 0; i < b->range_count; i++)
        is_in |= code >= b->ranges[i].first && code <= b->ranges[i].last;
    if (b->has_white || b->has_not_white)
        is_in |= zoo_unicode_is_white(code) ? b->has_white : b->has_not_white;
    return is_in != b->is_negated;
}

/* Characters beyond ASCII are told apart when they come. */
static void note_begins(zoo_pattern *pattern)
{
    for (unsigned c = 0; c < 256; c++)
        for (size_t i = 0; i < pattern->count; i++)
            pattern->begins[c] |= c < 0x80 ? (uint8_t)holds(&pattern->branches[i], c) : c >= 0xc0;
}

void zoo_pattern_begin_with(zoo_pattern *pattern, char first)
{
    pattern->begins[(unsigned char)first] = 1;
}

int zoo_pattern_read(zoo_pattern *pattern, const char *s, size_t size, const char *place, zoo_err *err)
{
    struct reader r = { s, s + size };

    *pattern = (zoo_pattern){ 0 };
    do {
        if (pattern->count == ZOO_PATTERN_BRANCHES || !take_branch(&r, &pattern->branches[pattern->count++]))
            return zoo_fail(err, ZOO_EFORMAT,
                            "%s: the regular expression '%.*s' is not supported, only alternatives of one character or "
                            "set with + or {n,m}", place, size > 200 ? 200 : (int)size, s);
    } while (take(&r, '|'));
    note_begins(pattern);
    return ZOO_OK;
}

/* Nothing matches one space alone, and what matches more matches no letters with it. */
int zoo_pattern_keeps_space(const zoo_pattern *pattern)
{
    for (size_t i = 0; i < pattern->count; i++) {
        const zoo_pattern_branch *b = &pattern->branches[i];
        if (!holds(b, ' '))
            continue;
        if (b->least < 2)
            return 0;
        for (uint32_t c = '0'; c <= 'z'; c++)
            if (zoo_unicode_is_word(c) && holds(b, c))
                return 0;
    }
    return 1;
}

/* ---- matching ---- */

static size_t match_branch(const zoo_pattern_branch *b, const char *s, size_t size)
{
    size_t n = 0, at = 0, used;

    for (; n < b->most && at < size; n++, at += used)
        if (!holds(b, zoo_utf8_next(s + at, size - at, &used)))
            break;
    return n >= b->least ? at : 0;
}

size_t zoo_pattern_match(const zoo_pattern *pattern, const char *s, size_t size)
{
    for (size_t i = 0; i < pattern->count; i++) {
        size_t matched = match_branch(&pattern->branches[i], s, size);
        if (matched)
            return matched;
    }
    return 0;
}
