/* skim.c - JSON walked over without building it: checks every byte, allocates nothing, and gives places in the text,
 * so that a document can be forwarded as it came but for one value; see skim.h. */
#include "base/skim.h"
#include <stdint.h>
#include <string.h>
#include "base/utf8.h"

static int fail(zoo_skim *s, const char *error)
{
    if (!s->error)
        s->error = error;
    return 0;
}

static void skip_blanks(zoo_skim *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

void zoo_skim_begin(zoo_skim *s, const char *text, size_t size)
{
    *s = (zoo_skim){ .text = text, .at = text, .end = text + size };
}

char zoo_skim_kind(zoo_skim *s)
{
    skip_blanks(s);
    if (s->error || s->at == s->end || !*s->at)
        return '\0';
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return '0';
    return strchr("{[\"tfn", *s->at) ? *s->at : '\0';
}

/* ---- scalars ---- */

static int hex4(const char *at, const char *end, uint32_t *code)
{
    *code = 0;
    if (end - at < 4)
        return 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdefABCDEF", *digit = at[i] ? strchr(digits, at[i]) : NULL;
        if (!digit)
            return 0;
        *code = *code << 4 | (uint32_t)(digit - digits < 16 ? digit - digits : digit - digits - 6);
    }
    return 1;
}

/* Behind a backslash. */
static int take_escape(zoo_skim *s)
{
    uint32_t code;

    if (s->at == s->end)
        return fail(s, "a string does not end");
    if (*s->at == 'u') {
        if (!hex4(s->at + 1, s->end, &code))
            return fail(s, "a \\u escape needs four hexadecimal digits");
        s->at += 5;
        return 1;
    }
    if (!*s->at || !strchr("\"\\/bfnrt", *s->at))
        return fail(s, "an unknown escape");
    s->at++;
    return 1;
}

/* At its opening quote; *inside, where not NULL, is what the quotes hold. */
static int take_string(zoo_skim *s, zoo_span *inside)
{
    const char *begin = ++s->at;
    size_t used;

    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at;
        if (c >= 0x80) {
            if (zoo_utf8_next(s->at, (size_t)(s->end - s->at), &used) == ZOO_UTF8_BAD)
                return fail(s, "bytes that are not UTF-8");
            s->at += used;
        } else if (c == '"') {
            if (inside)
                *inside = (zoo_span){ begin, (size_t)(s->at - begin) };
            s->at++;
            return 1;
        } else if (c == '\\') {
            s->at++;
            if (!take_escape(s))
                return 0;
        } else if (c < ' ') {
            return fail(s, "a control character in a string");
        } else {
            s->at++;
        }
    }
    return fail(s, "a string does not end");
}

static int take_digits(zoo_skim *s)
{
    const char *begin = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > begin ? 1 : fail(s, "a number without digits");
}

static int take_number(zoo_skim *s)
{
    const char *begin;

    if (*s->at == '-')
        s->at++;
    begin = s->at;
    if (!take_digits(s))
        return 0;
    if (*begin == '0' && s->at - begin > 1)
        return fail(s, "a number that begins with 0");
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!take_digits(s))
            return 0;
    }
    if (s->at < s->end && (*s->at | 32) == 'e') {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return take_digits(s);
    }
    return 1;
}

static int take_word(zoo_skim *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n))
        return fail(s, "a word that is not true, false or null");
    s->at += n;
    return 1;
}

/* ---- objects and arrays ---- */

int zoo_skim_enter(zoo_skim *s, char kind)
{
    if (zoo_skim_kind(s) != kind)
        return fail(s, kind == '{' ? "expected an object" : "expected an array");
    if (s->depth == ZOO_SKIM_DEPTH)
        return fail(s, "nested deeper than 128 levels");
    s->at++;
    s->depth++;
    s->is_first = 1;
    return 1;
}

/* Behind the bracket or a value: 1 where another member comes, 0 where `close` does. */
static int next_member(zoo_skim *s, char close)
{
    int was_first = s->is_first;

    skip_blanks(s);
    if (s->error)
        return 0;
    if (s->at == s->end)
        return fail(s, "it ends in the middle");
    s->is_first = 0;
    if (*s->at == close) {
        s->at++;
        s->depth--;
        return 0;
    }
    if (was_first)
        return 1;
    if (*s->at != ',')
        return fail(s, close == '}' ? "expected , or }" : "expected , or ]");
    s->at++;
    return 1;
}

int zoo_skim_key(zoo_skim *s, zoo_span *key)
{
    if (!next_member(s, '}'))
        return 0;
    if (zoo_skim_kind(s) != '"')
        return fail(s, "expected a key in quotes");
    if (!take_string(s, key))
        return 0;
    skip_blanks(s);
    if (s->at == s->end || *s->at != ':')
        return fail(s, "expected : behind a key");
    s->at++;
    return 1;
}

int zoo_skim_item(zoo_skim *s)
{
    return next_member(s, ']');
}

static int take_value(zoo_skim *s)
{
    zoo_span key;

    switch (zoo_skim_kind(s)) {
    case '{':
        if (zoo_skim_enter(s, '{'))
            while (zoo_skim_key(s, &key))
                take_value(s);
        return !s->error;
    case '[':
        if (zoo_skim_enter(s, '['))
            while (zoo_skim_item(s))
                take_value(s);
        return !s->error;
    case '"': return take_string(s, NULL);
    case '0': return take_number(s);
    case 't': return take_word(s, "true");
    case 'f': return take_word(s, "false");
    case 'n': return take_word(s, "null");
    default: return fail(s, s->at == s->end ? "it ends in the middle" : "expected a value");
    }
}

int zoo_skim_value(zoo_skim *s, zoo_span *value)
{
    const char *begin;

    skip_blanks(s);
    begin = s->at;
    if (s->error || !take_value(s))
        return 0;
    if (value)
        *value = (zoo_span){ begin, (size_t)(s->at - begin) };
    return 1;
}

int zoo_skim_end(zoo_skim *s)
{
    skip_blanks(s);
    if (s->at < s->end)
        fail(s, "text behind the value");
    return !s->error;
}

/* ---- strings ---- */

zoo_span zoo_skim_inside(zoo_span value)
{
    return (zoo_span){ value.at + 1, value.size - 2 };
}

/* One code point of a string that was walked over; surrogate pairs are put together. */
static uint32_t next_code(const char **at, const char *end)
{
    static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
    uint32_t code, low;
    size_t used;

    if (**at != '\\') {
        code = zoo_utf8_next(*at, (size_t)(end - *at), &used);
        *at += used;
        return code;
    }
    if ((*at)[1] != 'u') {
        code = (unsigned char)codes[strchr(names, (*at)[1]) - names];
        *at += 2;
        return code;
    }
    hex4(*at + 2, end, &code);
    *at += 6;
    if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
        hex4(*at + 2, end, &low) && low >= 0xdc00 && low < 0xe000) {
        *at += 6;
        return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
}

size_t zoo_skim_decode(zoo_span string, char *out, size_t max)
{
    const char *at = string.at, *end = at + string.size;
    size_t n = 0;

    while (at < end) {
        const char *plain = at;
        char bytes[4];
        size_t size;
        while (at < end && *at != '\\' && (unsigned char)*at < 0x80 && n + (size_t)(at - plain) < max)
            at++;
        memcpy(out + n, plain, (size_t)(at - plain));
        n += (size_t)(at - plain);
        if (at == end || n == max)
            break;
        size = zoo_utf8_put(bytes, next_code(&at, end));
        if (size > max - n)
            break;
        memcpy(out + n, bytes, size);
        n += size;
    }
    return n;
}

int zoo_skim_equals(zoo_span string, const char *word)
{
    size_t n = strlen(word);
    char bytes[256];

    if (string.size == n)
        return !memcmp(string.at, word, n);
    if (string.size < n || n + 4 > sizeof bytes || !memchr(string.at, '\\', string.size))
        return 0;
    /* a further character of any size would fit */
    return zoo_skim_decode(string, bytes, n + 4) == n && !memcmp(bytes, word, n);
}
