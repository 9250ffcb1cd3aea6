/* pattern.h - the few regular expressions that tokenizers' Replace steps are made of: alternatives, each one set of
 * characters with a count: ` {2,}`, `\s+`, `\s{2,}|[\n\r\t]`, `[^\S\n]`. Others are refused, by their text.
 * Layer: text -> base. Threads: immutable once read. */
#ifndef ZOO_TEXT_PATTERN_H
#define ZOO_TEXT_PATTERN_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_PATTERN_BRANCHES = 8, ZOO_PATTERN_RANGES = 16 };

typedef struct zoo_pattern_branch {
    struct { uint32_t first, last; } ranges[ZOO_PATTERN_RANGES];
    uint8_t range_count;
    uint8_t has_white, has_not_white;       /* \s, \S in the set */
    uint8_t is_negated;
    size_t least, most;                     /* how many characters, as many as there are; SIZE_MAX: no end */
} zoo_pattern_branch;

typedef struct zoo_pattern {
    zoo_pattern_branch branches[ZOO_PATTERN_BRANCHES];
    size_t count;
    uint8_t begins[256];                    /* a match may begin with this byte */
} zoo_pattern;

/* ZOO_EFORMAT with a sentence that begins with `place` and quotes the expression. */
int zoo_pattern_read(zoo_pattern *pattern, const char *s, size_t size, const char *place, zoo_err *err);
/* For a string that is matched by other means: only begins[]. */
void zoo_pattern_begin_with(zoo_pattern *pattern, char first);
/* Whether a single space between two ASCII letters or digits stays one, whatever stands around. */
int zoo_pattern_keeps_space(const zoo_pattern *pattern);
/* Bytes that match at the very start of s[0..size) (UTF-8), at least 1; 0: none do. */
size_t zoo_pattern_match(const zoo_pattern *pattern, const char *s, size_t size);
#endif
