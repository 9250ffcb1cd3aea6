#include "base/json.h"
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"

json_t *zoo_json_parse(const char *text, size_t size, const char *place, zoo_err *err)
{
    json_error_t why;
    json_t *value = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);

    if (value)
        return value;
    if (json_error_code(&why) == json_error_out_of_memory)
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

static int append(const char *bytes, size_t size, void *out)
{
    return zoo_buf_add(out, bytes, size) ? -1 : 0;
}

int zoo_json_dump(zoo_buf *out, const json_t *value)
{
    size_t before = out->size;

    if (!json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)))
        return ZOO_OK;
    out->size = before;
    return ZOO_ENOMEM;
}
