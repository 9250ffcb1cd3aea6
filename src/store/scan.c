/* scan.c - see scan.h. */
#include "store/scan.h"
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

int zoo_span_equal(zoo_span a, zoo_span b)
{
    return a.size == b.size && (!a.size || !memcmp(a.text, b.text, a.size));
}

int zoo_span_is(zoo_span span, const char *text)
{
    return zoo_span_equal(span, (zoo_span){ text, strlen(text) });
}

int zoo_scan_begin(zoo_scan *s, const char *line, size_t size, const char *file, size_t number, zoo_err *err)
{
    s->line = s->at = line;
    s->end = line + size;
    s->file = file;
    s->number = number;
    s->err = err;
    s->halves = 0;
    s->is_doubtful = s->nul_is_fine = 0;
    s->decoded.max = SIZE_MAX / 2;
    zoo_buf_clear(&s->decoded);
    return zoo_buf_reserve(&s->decoded, size) ? zoo_fail_nomem(err) : ZOO_OK;
}

void zoo_scan_release(zoo_scan *s)
{
    zoo_buf_release(&s->decoded);
}

static size_t column(const zoo_scan *s, const char *at)
{
    size_t n = 1;

    for (const char *p = s->line; p < at; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

int zoo_scan_fail(zoo_scan *s, const char *at, const char *fmt, ...)
{
    char what[600];
    va_list ap;

    if (!s->err)                         /* only looking */
        return ZOO_EFORMAT;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return zoo_fail(s->err, ZOO_EFORMAT, "%.300s:%zu, column %zu: %s", s->file, s->number, column(s, at), what);
}

static int fail_unexpected(zoo_scan *s, const char *expected)
{
    unsigned char c = (unsigned char)*s->at;
    const char *word = s->at + (c == '-');

    if (s->at >= s->end)
        return zoo_scan_fail(s, s->at, "not JSON: the line ends where %s should be", expected);
    if (c < 0x20 || c >= 0x7f)
        return zoo_scan_fail(s, s->at, "not JSON: expected %s, found the byte 0x%02x", expected, c);
    if (!strncmp(word, "NaN", 3) || !strncmp(word, "Infinity", 8))
        return zoo_scan_fail(s, s->at, "NaN and Infinity are not JSON; leave out what is not known");
    return zoo_scan_fail(s, s->at, "not JSON: expected %s, found '%c'", expected, c);
}

void zoo_scan_space(zoo_scan *s)
{
    while (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n')
        s->at++;
}

int zoo_scan_expect(zoo_scan *s, char c)
{
    char expected[4] = { '\'', c, '\'', 0 };

    zoo_scan_space(s);
    if (*s->at != c)
        return fail_unexpected(s, expected);
    s->at++;
    return ZOO_OK;
}

/* ---- strings ---- */

/* First byte at or behind p that is not plain: a quote, a backslash, a control character or not ASCII.
 * Eight at a time. */
static const char *skip_plain(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

    while (end - p >= 8) {
        uint64_t word, quote, slash;
        memcpy(&word, p, 8);
        quote = word ^ (ones * '"');
        slash = word ^ (ones * '\\');
        if ((word | (word - ones * 0x20) | (quote - ones) | (slash - ones)) & high)
            break;
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

static int read_hex(const char *p, uint32_t *out)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ?
                    c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | (uint32_t)digit;
    }
    *out = value;
    return 0;
}

/* At the backslash of \uXXXX: its bytes, 12 where a pair is whole; 0: four digits are missing.
 * Half of a pair gives itself. */
static size_t decode_unicode(const char *p, uint32_t *code)
{
    uint32_t low;

    if (read_hex(p + 2, code))
        return 0;
    if (*code < 0xd800 || *code >= 0xdc00 || p[6] != '\\' || p[7] != 'u' || read_hex(p + 8, &low) || low < 0xdc00 ||
        low >= 0xe000)
        return 6;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return 12;
}

static int is_half(uint32_t code)
{
    return code >= 0xd800 && code < 0xe000;
}

/* At the backslash of \uXXXX, which may be half of a pair. */
static int read_unicode(zoo_scan *s, uint32_t *code)
{
    size_t used = decode_unicode(s->at, code);

    if (!used)
        return zoo_scan_fail(s, s->at, "not JSON: \\u should be followed by four hexadecimal digits");
    if (*code == 0 && !s->nul_is_fine)
        return zoo_scan_fail(s, s->at, "a NUL character (\\u0000) cannot be stored");
    if (is_half(*code)) {
        *code = 0xfffd;
        s->halves++;
    }
    s->at += used;
    return ZOO_OK;
}

size_t zoo_scan_mend(char *line, size_t size)
{
    char *end = line + size, *p = line;
    size_t halves = 0, used;
    uint32_t code;

    while ((p = memchr(p, '\\', (size_t)(end - p))) && end - p > 1) {
        used = p[1] == 'u' ? decode_unicode(p, &code) : 0;
        if (used && is_half(code)) {
            memcpy(p + 2, "fffd", 4);
            halves++;
        }
        p += used ? used : 2;
    }
    return halves;
}

/* At a backslash: decodes the escape into out[0..4), *used bytes. */
static int read_escape(zoo_scan *s, char *out, size_t *used)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name;
    uint32_t code = 0;

    if (s->at[1] == 'u') {
        int rc = read_unicode(s, &code);
        if (!rc)
            *used = zoo_utf8_put(out, code);
        return rc;
    }
    name = s->at[1] ? strchr(names, s->at[1]) : NULL;
    if (!name)
        return zoo_scan_fail(s, s->at, "not JSON: a backslash that begins no escape");
    out[0] = values[name - names];
    *used = 1;
    s->at += 2;
    return ZOO_OK;
}

/* At something in a string that is not plain and not its end. */
static int fail_in_string(zoo_scan *s, const char *open)
{
    if (s->at >= s->end)
        return zoo_scan_fail(s, open, "not JSON: this string does not end");
    if ((unsigned char)*s->at >= 0x80)
        return zoo_scan_fail(s, s->at, "not UTF-8: the byte 0x%02x", (unsigned char)*s->at);
    return zoo_scan_fail(s, s->at, "not JSON: a control character in a string (0x%02x)", (unsigned char)*s->at);
}

/* Steps over valid UTF-8 beyond ASCII; 0 where there is none. */
static int skip_beyond_ascii(zoo_scan *s)
{
    size_t used;

    if ((unsigned char)*s->at < 0x80 || zoo_utf8_next(s->at, (size_t)(s->end - s->at), &used) == ZOO_UTF8_BAD)
        return 0;
    s->at += used;
    return 1;
}

/* To the quote that ends the string, a backslash, or what may not stand in a string. */
static void skip_text(zoo_scan *s)
{
    do
        s->at = skip_plain(s->at, s->end);
    while (skip_beyond_ascii(s));
}

/* From the first backslash on: what was before it is [open + 1, at). */
static int decode_string(zoo_scan *s, const char *open, zoo_span *out)
{
    char *to = s->decoded.data + s->decoded.size;    /* the line's size is reserved: a decoded string is never longer */
    const char *from = open + 1;
    int rc;

    out->text = to;
    for (;;) {
        size_t plain, used = 0;
        skip_text(s);
        plain = (size_t)(s->at - from);
        memcpy(to, from, plain);
        to += plain;
        if (*s->at == '"')
            break;
        if (*s->at != '\\')
            return fail_in_string(s, open);
        rc = read_escape(s, to, &used);
        if (rc)
            return rc;
        to += used;
        from = s->at;
    }
    s->at++;
    out->size = (size_t)(to - out->text);
    s->decoded.size += out->size;
    return ZOO_OK;
}

int zoo_scan_string(zoo_scan *s, zoo_span *out)
{
    const char *open = s->at;

    if (*open != '"')
        return fail_unexpected(s, "a string");
    s->at++;
    skip_text(s);
    if (*s->at == '\\')
        return decode_string(s, open, out);
    if (*s->at != '"')
        return fail_in_string(s, open);
    *out = (zoo_span){ open + 1, (size_t)(s->at - open - 1) };
    s->at++;
    return ZOO_OK;
}

/* ---- numbers ---- */

static const char *skip_digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* The end of the number at s->at by RFC 8259's grammar; NULL with a sentence where there is none. */
static const char *number_end(zoo_scan *s)
{
    const char *p = s->at + (*s->at == '-'), *digits = p;

    p = skip_digits(p);
    if (p == digits || (*digits == '0' && p > digits + 1)) {
        if (p == digits)
            fail_unexpected(s, "a number");
        else
            zoo_scan_fail(s, s->at, "not JSON: a number with leading zeros");
        return NULL;
    }
    if (*p == '.') {
        const char *fraction = p + 1;
        p = skip_digits(fraction);
        if (p == fraction) {
            zoo_scan_fail(s, s->at, "not JSON: a number without digits behind its point");
            return NULL;
        }
    }
    if (*p == 'e' || *p == 'E') {
        const char *exponent = p + 1 + (p[1] == '+' || p[1] == '-');
        p = skip_digits(exponent);
        if (p == exponent) {
            zoo_scan_fail(s, s->at, "not JSON: a number without digits in its exponent");
            return NULL;
        }
    }
    return p;
}

/* Exact where the digits fit 53 bits and the power of ten is exact as well (Clinger 1990); else 0. */
static int convert_exactly(const char *p, const char *end, double *out)
{
    static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                     1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    int is_negative = *p == '-', fraction = 0, in_fraction = 0;
    uint64_t digits = 0;

    if (end - p > 19)                    /* more may not fit 64 bits */
        return 0;
    for (p += is_negative; p < end; p++) {
        if (*p == '.') {
            in_fraction = 1;
        } else if (*p >= '0' && *p <= '9') {
            digits = digits * 10 + (uint64_t)(*p - '0');
            fraction += in_fraction;
        } else {
            return 0;                    /* an exponent */
        }
    }
    if (digits > (uint64_t)1 << 53)
        return 0;
    *out = (double)digits / powers[fraction];
    if (is_negative)
        *out = -*out;
    return 1;
}

int zoo_scan_number(zoo_scan *s, double *out)
{
    const char *end = number_end(s);

    if (!end)
        return ZOO_EFORMAT;
    if (!convert_exactly(s->at, end, out))
        *out = strtod(s->at, NULL);
    *out += 0.0;                 /* -0.0 is 0.0: SQLite keeps no sign there, and every back end is to export the same */
    if (!isfinite(*out))
        return zoo_scan_fail(s, s->at, "%.*s is too large for a number", (int)(end - s->at < 40 ? end - s->at : 40),
                             s->at);
    s->at = end;
    return ZOO_OK;
}

/* ---- values ---- */

const char *zoo_scan_kind(const char *at)
{
    switch (*at) {
    case '"': return "a string";
    case '{': return "an object";
    case '[': return "an array";
    case 't': case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
    }
}

int zoo_scan_open(zoo_scan *s, char open, char close)
{
    int rc = zoo_scan_expect(s, open);

    if (rc)
        return rc;
    zoo_scan_space(s);
    if (*s->at != close)
        return 1;
    s->at++;
    return 0;
}

int zoo_scan_more(zoo_scan *s, char close)
{
    zoo_scan_space(s);
    if (*s->at == ',') {
        s->at++;
        zoo_scan_space(s);
        return 1;
    }
    if (*s->at != close)
        return fail_unexpected(s, close == '}' ? "',' or '}'" : "',' or ']'");
    s->at++;
    return 0;
}

int zoo_scan_key(zoo_scan *s, zoo_span *key)
{
    int rc;

    zoo_scan_space(s);
    rc = *s->at == '"' ? zoo_scan_string(s, key) : fail_unexpected(s, "a key in quotes");
    if (!rc)
        rc = zoo_scan_expect(s, ':');
    zoo_scan_space(s);
    return rc;
}

static int skip_number(zoo_scan *s)
{
    const char *end = number_end(s);

    if (!end)
        return ZOO_EFORMAT;
    if (end - s->at > 18 || memchr(s->at, 'e', (size_t)(end - s->at)) || memchr(s->at, 'E', (size_t)(end - s->at)))
        s->is_doubtful = 1;
    s->at = end;
    return ZOO_OK;
}

static int skip_word(zoo_scan *s, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(s->at, word, n))
        return fail_unexpected(s, "a value");
    s->at += n;
    return ZOO_OK;
}

static int skip_value(zoo_scan *s, int depth);

static int skip_members(zoo_scan *s, char open, char close, int depth)
{
    zoo_span key;
    int more, rc = ZOO_OK;

    if (depth == ZOO_SCAN_DEPTH_MAX)
        return zoo_scan_fail(s, s->at, "nested more than %d deep", ZOO_SCAN_DEPTH_MAX);
    for (more = zoo_scan_open(s, open, close); more == 1; more = zoo_scan_more(s, close)) {
        if (open == '{')
            rc = zoo_scan_key(s, &key);
        if (!rc)
            rc = skip_value(s, depth + 1);
        if (rc)
            return rc;
    }
    return more;
}

static int skip_value(zoo_scan *s, int depth)
{
    zoo_span text;

    switch (*s->at) {
    case '"': return zoo_scan_string(s, &text);
    case '{': s->is_doubtful = 1; return skip_members(s, '{', '}', depth);
    case '[': return skip_members(s, '[', ']', depth);
    case 't': return skip_word(s, "true");
    case 'f': return skip_word(s, "false");
    case 'n': return skip_word(s, "null");
    default: return *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? skip_number(s) : fail_unexpected(s, "a value");
    }
}

int zoo_scan_skip(zoo_scan *s, zoo_span *raw)
{
    size_t decoded = s->decoded.size;
    const char *start = s->at;
    int rc = skip_value(s, 0);

    s->decoded.size = decoded;           /* its strings are not kept */
    *raw = (zoo_span){ start, (size_t)(s->at - start) };
    return rc;
}
