/* json.c - jansson with this project's limits and sentences; see json.h. */
#include "base/json.h"
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"

enum { DEPTH_MAX = 2048 };        /* what jansson reads; deeper values are not written either */

json_t *zoo_json_parse(const char *text, size_t size, const char *place, zoo_err *err)
{
    const char *nul = size ? memchr(text, '\0', size) : NULL;
    json_error_t why;
    json_t *value;

    if (nul) {                     /* jansson would take it for the end of a number */
        zoo_fail(err, ZOO_EFORMAT, "%s: not JSON: NUL at byte %zu", place, (size_t)(nul - text) + 1);
        return NULL;
    }
    errno = 0;
    value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

    if (value)
        return value;
    /* jansson has no code for it, and may call a string without memory an invalid token */
    if (errno == ENOMEM || !why.text[0])
        zoo_fail_nomem(err);
    else if (size == 0)
        zoo_fail(err, ZOO_EFORMAT, "%s: expected JSON, found nothing", place);
    else if (why.line > 1)
        zoo_fail(err, ZOO_EFORMAT, "%s, line %d, column %d: not JSON: %s", place, why.line, why.column, why.text);
    else
        zoo_fail(err, ZOO_EFORMAT, "%s, column %d: not JSON: %s", place, why.column, why.text);
    return NULL;
}

json_t *zoo_json_read(const char *path, size_t max, zoo_err *err)
{
    char *text;
    size_t size;
    json_t *value;

    if (zoo_fs_read(&text, &size, path, max, err))
        return NULL;
    value = zoo_json_parse(text, size, path, err);
    free(text);
    return value;
}

const char *zoo_json_kind(const json_t *value)
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: case JSON_REAL: return "a number";
    case JSON_TRUE: case JSON_FALSE: return "a boolean";
    default: return "null";
    }
}

const char *zoo_json_str(const json_t *object, const char *key, const char *place, zoo_err *err)
{
    const json_t *value = json_object_get(object, key);

    if (!value)
        zoo_fail(err, ZOO_EFORMAT, "%s: '%s' is missing", place, key);
    else if (!json_is_string(value))
        zoo_fail(err, ZOO_EFORMAT, "%s: '%s' should be a string, is %s", place, key, zoo_json_kind(value));
    else if (strlen(json_string_value(value)) != json_string_length(value))
        zoo_fail(err, ZOO_EFORMAT, "%s: '%s' contains a NUL character", place, key);
    else
        return json_string_value(value);
    return NULL;
}

/* The fewest digits that read back as the same double; always with a point or exponent, so that it stays a real. */
static int add_real(zoo_buf *out, double x)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    return zoo_buf_addf(out, strpbrk(text, ".e") ? "%s" : "%s.0", text);
}

static int add_value(zoo_buf *out, const json_t *value, int depth, int indent);

/* Where an item begins or, with one level less, its list ends; indent 0: on the same line. */
static int add_break(zoo_buf *out, int depth, int indent)
{
    return indent ? zoo_buf_addf(out, "\n%*s", depth * indent, "") : ZOO_OK;
}

static int add_array(zoo_buf *out, const json_t *array, int depth, int indent)
{
    int rc = zoo_buf_add(out, "[", 1);

    for (size_t i = 0; !rc && i < json_array_size(array); i++)
        if (!(i && (rc = zoo_buf_add(out, ",", 1))) && !(rc = add_break(out, depth + 1, indent)))
            rc = add_value(out, json_array_get(array, i), depth + 1, indent);
    if (!rc && json_array_size(array))
        rc = add_break(out, depth, indent);
    return rc ? rc : zoo_buf_add(out, "]", 1);
}

static int add_object(zoo_buf *out, const json_t *object, int depth, int indent)
{
    json_t *members = (json_t *)(uintptr_t)object;          /* jansson's iterators are not const */
    int rc = zoo_buf_add(out, "{", 1), is_first = 1;

    for (void *at = json_object_iter(members); !rc && at; at = json_object_iter_next(members, at)) {
        const char *key = json_object_iter_key(at);
        if ((!is_first && (rc = zoo_buf_add(out, ",", 1))) || (rc = add_break(out, depth + 1, indent)) ||
            (rc = zoo_buf_add_json_str(out, key, strlen(key))) || (rc = zoo_buf_add_str(out, indent ? ": " : ":")))
            break;
        rc = add_value(out, json_object_iter_value(at), depth + 1, indent);
        is_first = 0;
    }
    if (!rc && !is_first)
        rc = add_break(out, depth, indent);
    return rc ? rc : zoo_buf_add(out, "}", 1);
}

static int add_value(zoo_buf *out, const json_t *value, int depth, int indent)
{
    if (depth > DEPTH_MAX)
        return ZOO_ENOMEM;
    switch (json_typeof(value)) {
    case JSON_OBJECT: return add_object(out, value, depth, indent);
    case JSON_ARRAY: return add_array(out, value, depth, indent);
    case JSON_STRING: return zoo_buf_add_json_str(out, json_string_value(value), json_string_length(value));
    case JSON_INTEGER: return zoo_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: return add_real(out, json_real_value(value));
    case JSON_TRUE: return zoo_buf_add_str(out, "true");
    case JSON_FALSE: return zoo_buf_add_str(out, "false");
    default: return zoo_buf_add_str(out, "null");
    }
}

static int dump(zoo_buf *out, const json_t *value, int indent)
{
    size_t before = out->size;

    if (!add_value(out, value, 0, indent))
        return ZOO_OK;
    out->size = before;
    if (out->data)
        out->data[before] = '\0';
    return ZOO_ENOMEM;
}

int zoo_json_dump(zoo_buf *out, const json_t *value)
{
    return dump(out, value, 0);
}

int zoo_json_dump_lines(zoo_buf *out, const json_t *value)
{
    int rc = dump(out, value, 2);

    return rc ? rc : zoo_buf_add(out, "\n", 1);
}
