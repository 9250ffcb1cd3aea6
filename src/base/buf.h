/* buf.h - a growable byte buffer that knows its maximum.
 *
 *     zoo_buf b = ZOO_BUF_INIT(1 << 20);
 *     if (zoo_buf_add(&b, bytes, n)) ...          // ZOO_ENOMEM: no memory, or the maximum is reached
 *     zoo_buf_release(&b);
 *
 * `data` is NUL-terminated past `size` whenever it is not NULL. Layer: base. Threads: one owner. */
#ifndef ZOO_BASE_BUF_H
#define ZOO_BASE_BUF_H
#include <stddef.h>
#include "base/err.h"

typedef struct zoo_buf {
    char *data;
    size_t size, capacity, max;     /* bytes; size <= max */
} zoo_buf;

#define ZOO_BUF_INIT(max_) { NULL, 0, 0, (max_) }

int zoo_buf_reserve(zoo_buf *buf, size_t more);              /* room for `more` bytes past size; ZOO_OK or ZOO_ENOMEM */
int zoo_buf_add(zoo_buf *buf, const void *bytes, size_t size);     /* all or nothing */
int zoo_buf_add_str(zoo_buf *buf, const char *s);
__attribute__((format(printf, 2, 3))) int zoo_buf_addf(zoo_buf *buf, const char *fmt, ...);
/* Appends `s` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
int zoo_buf_add_json_str(zoo_buf *buf, const char *s, size_t size);
/* Appends a finite number in the shortest decimal form that reads back alike,
 * always with a point or an exponent: 7.0, 0.1, 1e+300. */
int zoo_buf_add_number(zoo_buf *buf, double value);
/* Appends a finite float with 9 significant digits, less trailing zeros, which read back as the same float:
 * 0.0340721271, -7, 1e+30. Some 20 ns: for vectors. */
int zoo_buf_add_float(zoo_buf *buf, float value);
void zoo_buf_clear(zoo_buf *buf);                                  /* size = 0, memory kept */
void zoo_buf_release(zoo_buf *buf);                                /* memory given back; may be used again */
#endif
