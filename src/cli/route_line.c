/* route_line.c - one query in, one line of JSON out: what `zooter route` does for every line, without memory of its
 * own where it counts; see route_line.h. */
#include "cli/route_line.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"

int zoo_result_format_init(zoo_result_format *format, const zoo_router *router, zoo_err *err)
{
    memset(format, 0, sizeof *format);
    format->router = router;
    format->k = zoo_router_expert_count(router);
    format->names = (zoo_buf)ZOO_BUF_INIT(1 << 24);
    format->ends = calloc(format->k, sizeof *format->ends);
    for (size_t i = 0; format->ends && i < format->k; i++) {
        const char *name = zoo_router_expert(router, i);
        if (zoo_buf_add_json_str(&format->names, name, strlen(name)))
            break;
        format->ends[i] = format->names.size;
    }
    if (format->ends && format->ends[format->k - 1])
        return ZOO_OK;
    zoo_result_format_release(format);
    return zoo_fail_nomem(err);
}

void zoo_result_format_release(zoo_result_format *format)
{
    free(format->ends);
    zoo_buf_release(&format->names);
    memset(format, 0, sizeof *format);
}

size_t zoo_share_put(char out[ZOO_SHARE_SIZE], float x)
{
    static const double scale[] = { 1e6, 1e7, 1e8, 1e9 };
    uint32_t digits;
    int places = 6;                             /* behind the point */
    size_t n = 0;

    if (!(x >= 1e-4f && x < 0.9999995f))        /* rare: 0, 1, next to 0, out of range */
        return (size_t)snprintf(out, ZOO_SHARE_SIZE, "%.6g", (double)x);
    places += (x < 0.1f) + (x < 0.01f) + (x < 0.001f);
    digits = (uint32_t)((double)x * scale[places - 6] + 0.5);
    while (digits % 10 == 0) {
        digits /= 10;
        places--;
    }
    out[n++] = '0';
    out[n++] = '.';
    for (size_t i = n + (size_t)places; i > n; digits /= 10)
        out[--i] = (char)('0' + digits % 10);
    return n + (size_t)places;
}

static char *put(char *to, const char *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

static char *put_name(char *to, const zoo_result_format *format, size_t i)
{
    size_t start = i ? format->ends[i - 1] : 0;

    return put(to, format->names.data + start, format->ends[i] - start);
}

int zoo_result_add(const zoo_result_format *format, zoo_buf *out, const char *id, size_t id_size,
                   const float *probabilities, const zoo_decision *decision)
{
    size_t most = id_size + 2 * format->names.size + (format->k + 2) * (ZOO_SHARE_SIZE + 2) + 100;
    char *to;

    if (zoo_buf_reserve(out, most))
        return ZOO_ENOMEM;
    to = out->data + out->size;
    to = PUT(to, "{\"id\":");
    to = put(to, id, id_size);
    to = PUT(to, ",\"expert\":");
    to = put_name(to, format, decision->expert);
    to = PUT(to, ",\"probability\":");
    to += zoo_share_put(to, decision->probability);
    to = PUT(to, ",\"margin\":");
    to += zoo_share_put(to, decision->margin);
    to = PUT(to, ",\"probabilities\":{");
    for (size_t i = 0; i < format->k; i++) {
        if (i)
            *to++ = ',';
        to = put_name(to, format, i);
        *to++ = ':';
        to += zoo_share_put(to, probabilities[i]);
    }
    to = PUT(to, "}}\n");
    *to = '\0';
    out->size = (size_t)(to - out->data);
    return ZOO_OK;
}

static int add_id(zoo_buf *out, const json_t *value, const char *place, zoo_err *err)
{
    if (!value || json_is_null(value))
        return ZOO_OK;
    if (json_is_string(value))
        return zoo_buf_add_json_str(out, json_string_value(value), json_string_length(value)) ? zoo_fail_nomem(err) :
               ZOO_OK;
    if (json_is_integer(value))
        return zoo_buf_addf(out, "%lld", (long long)json_integer_value(value)) ? zoo_fail_nomem(err) : ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "%s: 'id' should be a string or a whole number, is %s", place,
                    zoo_json_kind(value));
}

int zoo_query_line_read(zoo_buf *out, size_t *query, size_t *id, const char *line, size_t size, const char *place,
                        zoo_err *err)
{
    json_t *row = zoo_json_parse(line, size, place, err);
    const json_t *text = json_object_get(row, "query");
    int rc = ZOO_OK;

    if (!row)
        return ZOO_EFORMAT;
    if (!json_is_object(row))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: should be an object with 'query', is %s", place, zoo_json_kind(row));
    else if (!json_is_string(text))
        rc = zoo_fail(err, ZOO_EFORMAT, "%s: 'query' should be a string, is %s", place, zoo_json_kind(text));
    *query = out->size;
    if (!rc && zoo_buf_add(out, json_string_value(text), json_string_length(text)))
        rc = zoo_fail_nomem(err);
    *id = out->size;
    if (!rc)
        rc = add_id(out, json_object_get(row, "id"), place, err);
    json_decref(row);
    return rc;
}
