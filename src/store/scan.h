/* scan.h - one line of JSON read from left to right, without building a tree: what makes an import fast.
 *
 *     zoo_scan_begin(&scan, line, size, "rows.jsonl", 17, err);
 *     zoo_scan_space(&scan);
 *     if (*scan.at == '"' && !zoo_scan_string(&scan, &id)) ...
 *
 * Accepts what RFC 8259 calls JSON, "\u0000" only where nul_is_fine, and says with line and column where a text leaves
 * it. Half of a surrogate pair ("\ud83d", what is left of an emoji that was cut) is U+FFFD. Knows no rows.
 * Layer: store. Threads: one owner. */
#ifndef ZOO_STORE_SCAN_H
#define ZOO_STORE_SCAN_H
#include "base/buf.h"
#include "base/err.h"

enum { ZOO_SCAN_DEPTH_MAX = 64 };        /* nesting of a value */

typedef struct zoo_span { const char *text; size_t size; } zoo_span;        /* borrowed; text NULL: absent */

typedef struct zoo_scan {
    const char *line, *at, *end;         /* at: what is read next; *end is a NUL */
    const char *file;
    size_t number;                       /* of the line, 1.. */
    zoo_buf decoded;                     /* strings with escapes; as large as the line, so that it never moves */
    size_t halves;                       /* halves of surrogate pairs that were met */
    int is_doubtful;                     /* a skipped value that a stricter reader may refuse: see zoo_scan_skip() */
    int nul_is_fine;
    zoo_err *err;
} zoo_scan;

int zoo_span_equal(zoo_span a, zoo_span b);
int zoo_span_is(zoo_span span, const char *text);

/* The scanner keeps its buffer from line to line; zeroed at first. `line` is NUL-terminated and stays as it is. */
int zoo_scan_begin(zoo_scan *scan, const char *line, size_t size, const char *file, size_t number, zoo_err *err);
void zoo_scan_release(zoo_scan *scan);

/* Writes \ufffd over every half of a surrogate pair in a line of JSON, so that every other reader takes it, and no
 * column changes. Returns how many. */
size_t zoo_scan_mend(char *line, size_t size);

/* ZOO_EFORMAT: "FILE:LINE, column C: ...", C counting characters from 1. */
__attribute__((format(printf, 3, 4))) int zoo_scan_fail(zoo_scan *scan, const char *at, const char *fmt, ...);

void zoo_scan_space(zoo_scan *scan);
/* The character `c` behind white space. */
int zoo_scan_expect(zoo_scan *scan, char c);
/* At '"': the string's characters, in the line where it has no escapes; valid until the next begin. */
int zoo_scan_string(zoo_scan *scan, zoo_span *out);
/* A finite number. */
int zoo_scan_number(zoo_scan *scan, double *out);
/* Any value, checked and stepped over; *raw is its text as it stands, halves of pairs included. Sets is_doubtful for
 * objects (keys may repeat) and for numbers beyond 18 digits or with exponents (may overflow). A copy of the scanner
 * can be sent ahead over a value: *scan stays where it is. */
int zoo_scan_skip(zoo_scan *scan, zoo_span *raw);
/* "a string", "null"... of the value that begins at `at`; for sentences. */
const char *zoo_scan_kind(const char *at);

/* The members of an object: after '{' and after each value.
 *     for (more = zoo_scan_open(&scan, '{', '}'); more == 1; more = zoo_scan_more(&scan, '}'))
 *         if ((rc = zoo_scan_key(&scan, &key)) || (rc = read the value)) break;
 * 1: one follows; 0: the end has been read; negative: an error. Arrays with '[' and ']'. */
int zoo_scan_open(zoo_scan *scan, char open, char close);
int zoo_scan_more(zoo_scan *scan, char close);
int zoo_scan_key(zoo_scan *scan, zoo_span *key);
#endif
