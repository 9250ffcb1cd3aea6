/* json.h - jansson with this project's limits and sentences.
 *
 *     json_t *row = zoo_json_parse(line, size, "rows.jsonl:17", &err);
 *     const char *id = zoo_json_str(row, "id", "rows.jsonl:17", &err);      // NULL: missing or no string; err says so
 *     json_decref(row);
 *
 * Layer: base. Duplicate keys, NaN, infinities, bytes that are not UTF-8 and text behind the value are refused. */
#ifndef ZOO_BASE_JSON_H
#define ZOO_BASE_JSON_H
#include <jansson.h>
#include "base/buf.h"
#include "base/err.h"

/* Parses one value of `size` bytes; `place` ("file:line", "request body") begins the sentence of an error, the column
 * follows. A new reference, or NULL with ZOO_EFORMAT / ZOO_ENOMEM in *err. */
json_t *zoo_json_parse(const char *text, size_t size, const char *place, zoo_err *err);
/* The same for a whole file of at most `max` bytes. */
json_t *zoo_json_read(const char *path, size_t max, zoo_err *err);
/* Borrowed string under `key`; NULL with a sentence where it is missing or of another type. */
const char *zoo_json_str(const json_t *object, const char *key, const char *place, zoo_err *err);
/* Appends `value` on one line, UTF-8 kept, keys in insertion order,
 * reals in the shortest form that reads back alike. */
int zoo_json_dump(zoo_buf *out, const json_t *value);
/* The same for people to read: a line a value, indented by two, a newline at the end. */
int zoo_json_dump_lines(zoo_buf *out, const json_t *value);
/* "a string", "an array"... for sentences. Static. */
const char *zoo_json_kind(const json_t *value);
#endif
