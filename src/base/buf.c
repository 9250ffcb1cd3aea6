#include "base/buf.h"
#include <stdarg.h>
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
    va_list ap, again;
    int n, rc = ZOO_ENOMEM;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    if (n >= 0 && !zoo_buf_reserve(buf, (size_t)n)) {
        vsnprintf(buf->data + buf->size, (size_t)n + 1, fmt, again);
        buf->size += (size_t)n;
        rc = ZOO_OK;
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
