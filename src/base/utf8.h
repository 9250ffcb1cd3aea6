/* utf8.h - reading UTF-8 (RFC 3629) from foreign bytes. Layer: base.
 * Refuses nothing: bad bytes are reported and stepped over. */
#ifndef ZOO_BASE_UTF8_H
#define ZOO_BASE_UTF8_H
#include <stddef.h>
#include <stdint.h>

#define ZOO_UTF8_BAD UINT32_MAX

/* The code point at s[0..size), size >= 1; *used = its bytes (1..4). Overlong forms, surrogates, values past U+10FFFF
 * and cut sequences give ZOO_UTF8_BAD with *used = 1. */
uint32_t zoo_utf8_next(const char *s, size_t size, size_t *used);
/* Bytes of s that are valid UTF-8 from its start; equals size where all is. */
size_t zoo_utf8_valid(const char *s, size_t size);
/* Largest n <= limit such that s[0..n) does not end inside a code point. */
size_t zoo_utf8_cut(const char *s, size_t size, size_t limit);
/* Writes `code` (a valid code point) to out[0..4); returns its bytes. */
size_t zoo_utf8_put(char *out, uint32_t code);
#endif
