/* utf8.c - reading UTF-8 (RFC 3629) from foreign bytes; see utf8.h. */
#include "base/utf8.h"

uint32_t zoo_utf8_next(const char *s, size_t size, size_t *used)
{
    const unsigned char *u = (const unsigned char *)s;
    uint32_t code, least;
    size_t n;

    *used = 1;
    if (u[0] < 0x80)
        return u[0];
    if (u[0] >= 0xc2 && u[0] <= 0xdf) {
        n = 2, code = u[0] & 0x1fu, least = 0x80;
    } else if ((u[0] & 0xf0) == 0xe0) {
        n = 3, code = u[0] & 0x0fu, least = 0x800;
    } else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
        n = 4, code = u[0] & 0x07u, least = 0x10000;
    } else {
        return ZOO_UTF8_BAD;
    }
    if (size < n)
        return ZOO_UTF8_BAD;
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return ZOO_UTF8_BAD;
        code = code << 6 | (u[i] & 0x3fu);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return ZOO_UTF8_BAD;
    *used = n;
    return code;
}

size_t zoo_utf8_valid(const char *s, size_t size)
{
    size_t i = 0, used;

    while (i < size) {
        if ((unsigned char)s[i] < 0x80) {
            i++;
            continue;
        }
        if (zoo_utf8_next(s + i, size - i, &used) == ZOO_UTF8_BAD)
            break;
        i += used;
    }
    return i;
}

size_t zoo_utf8_cut(const char *s, size_t size, size_t limit)
{
    size_t n = limit, back = 0;

    if (size <= limit)
        return size;
    while (n > 0 && back < 3 && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--, back++;
    return ((unsigned char)s[n] & 0xc0) == 0x80 ? limit : n;
}

size_t zoo_utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
