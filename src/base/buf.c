/* buf.c - a growable byte buffer that knows its maximum; see buf.h. */
#include "base/buf.h"
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"

int zoo_buf_reserve(zoo_buf *buf, size_t more)
{
    size_t need, capacity;
    char *data;

    if (more > buf->max || buf->size > buf->max - more)
        return ZOO_ENOMEM;
    need = buf->size + more + 1;                     /* the NUL */
    if (need <= buf->capacity)
        return ZOO_OK;
    capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < need)
        capacity += capacity / 2 + 1;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    data = realloc(buf->data, capacity);
    if (!data)
        return ZOO_ENOMEM;
    buf->data = data;
    buf->capacity = capacity;
    return ZOO_OK;
}

int zoo_buf_add(zoo_buf *buf, const void *bytes, size_t size)
{
    if (zoo_buf_reserve(buf, size))
        return ZOO_ENOMEM;
    if (size)
        memcpy(buf->data + buf->size, bytes, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
    return ZOO_OK;
}

int zoo_buf_add_str(zoo_buf *buf, const char *s)
{
    return zoo_buf_add(buf, s, strlen(s));
}

int zoo_buf_addf(zoo_buf *buf, const char *fmt, ...)
{
    size_t room = buf->capacity - buf->size;             /* most often enough: then it is formatted once */
    va_list ap, again;
    int n, rc = ZOO_ENOMEM;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(room ? buf->data + buf->size : NULL, room, fmt, ap);
    if (n >= 0 && !zoo_buf_reserve(buf, (size_t)n)) {
        if ((size_t)n >= room)
            vsnprintf(buf->data + buf->size, (size_t)n + 1, fmt, again);
        buf->size += (size_t)n;
        rc = ZOO_OK;
    } else if (room) {
        buf->data[buf->size] = '\0';
    }
    va_end(again);
    va_end(ap);
    return rc;
}

int zoo_buf_add_json_str(zoo_buf *buf, const char *s, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    size_t before = buf->size, i = 0;
    int rc = zoo_buf_add(buf, "\"", 1);

    while (!rc && i < size) {
        unsigned char c = (unsigned char)s[i];
        size_t plain = i;

        while (plain < size && (unsigned char)s[plain] >= 0x20 && (unsigned char)s[plain] < 0x80 &&
               s[plain] != '"' && s[plain] != '\\')
            plain++;
        if (plain > i) {
            rc = zoo_buf_add(buf, s + i, plain - i);
            i = plain;
        } else if (c >= 0x80) {
            size_t used;
            uint32_t code = zoo_utf8_next(s + i, size - i, &used);
            rc = code == ZOO_UTF8_BAD ? zoo_buf_add(buf, "\xef\xbf\xbd", 3) : zoo_buf_add(buf, s + i, used);
            i += used;
        } else {
            char esc[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };
            switch (c) {
            case '"': case '\\': esc[1] = (char)c; break;
            case '\n': esc[1] = 'n'; break;
            case '\r': esc[1] = 'r'; break;
            case '\t': esc[1] = 't'; break;
            default: break;
            }
            rc = zoo_buf_add(buf, esc, esc[1] == 'u' ? 6 : 2);
            i++;
        }
    }
    if (!rc)
        rc = zoo_buf_add(buf, "\"", 1);
    if (rc && buf->data) {
        buf->size = before;
        buf->data[before] = '\0';
    }
    return rc;
}

/* Few decimals, as most rewards have: digits of value * 10^decimals. 0 where that is not exactly the value. */
static size_t write_short(char out[32], double value)
{
    enum { DECIMALS = 6, SCALE = 1000000 };
    double scaled = value * SCALE;
    char digits[24];
    size_t n = 0;
    int decimals = DECIMALS;
    int64_t whole;
    uint64_t rest;

    if (!(scaled > -1e15 && scaled < 1e15) || (value == 0 && signbit(value)))
        return 0;
    whole = llround(scaled);
    if ((double)whole / SCALE != value)
        return 0;
    rest = whole < 0 ? (uint64_t)-whole : (uint64_t)whole;
    for (; decimals > 1 && rest % 10 == 0; decimals--)
        rest /= 10;
    for (int i = 0; i <= decimals || rest; i++) {
        if (i == decimals)
            digits[n++] = '.';
        digits[n++] = (char)('0' + rest % 10);
        rest /= 10;
    }
    if (whole < 0)
        digits[n++] = '-';
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

int zoo_buf_add_number(zoo_buf *buf, double value)
{
    char text[40];
    size_t n = write_short(text, value);

    for (int precision = 15; !n && precision <= 17; precision++) {
        snprintf(text, sizeof text - 3, "%.*g", precision, value);
        if (precision == 17 || strtod(text, NULL) == value)
            n = strlen(text);
    }
    if (!memchr(text, '.', n) && !memchr(text, 'e', n)) {
        memcpy(text + n, ".0", 2);
        n += 2;
    }
    return zoo_buf_add(buf, text, n);
}

/* digits (9 of them) * 10^(e - 8), e from -4 to 6. */
static size_t put_digits(char *out, uint32_t digits, int e, int is_negative)
{
    char text[9];
    size_t n = 0, count = sizeof text, whole = e < 0 ? 0 : (size_t)e + 1;

    for (size_t i = count; i-- > 0; digits /= 10)
        text[i] = (char)('0' + digits % 10);
    while (count > whole && count > 1 && text[count - 1] == '0')
        count--;
    if (is_negative)
        out[n++] = '-';
    if (e < 0) {
        memcpy(out + n, "0.000", 5);
        n += (size_t)(1 - e);
    }
    memcpy(out + n, text, whole);
    n += whole;
    if (whole && count > whole)
        out[n++] = '.';
    memcpy(out + n, text + whole, count - whole);
    return n + count - whole;
}

int zoo_buf_add_float(zoo_buf *buf, float value)
{
    /* 10^(8 - e) for e from -4 */
    static const double scale[] = { 1e12, 1e11, 1e10, 1e9, 1e8, 1e7, 1e6, 1e5, 1e4, 1e3, 1e2 };
    double x = fabs((double)value), bound = 1e-3, scaled;
    int e = -4;

    if (!(x >= 1e-4 && x < 1e7))
        return zoo_buf_addf(buf, "%.9g", (double)value);
    if (zoo_buf_reserve(buf, 24))
        return ZOO_ENOMEM;
    for (; x >= bound; e++)
        bound *= 10;
    scaled = x * scale[e + 4] + 0.5;              /* the product is off by far less than a float's last bit */
    if (scaled >= 1e9) {
        scaled /= 10;
        e++;
    }
    buf->size += put_digits(buf->data + buf->size, (uint32_t)scaled, e, value < 0);
    buf->data[buf->size] = '\0';
    return ZOO_OK;
}

void zoo_buf_clear(zoo_buf *buf)
{
    buf->size = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

void zoo_buf_release(zoo_buf *buf)
{
    free(buf->data);
    buf->data = NULL;
    buf->size = buf->capacity = 0;
}
