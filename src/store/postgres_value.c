/* postgres_value.c - values in PostgreSQL's binary format, there and back. Everything is big-endian; an array is a head
 * of five numbers and its elements, each with its size before it. Layer: store. */
#include "store/postgres.h"
#ifdef ZOO_HAVE_LIBPQ
#include <math.h>
#include <string.h>

int zoo_pg_add_bytes(zoo_buf *out, uint64_t value, int bytes)
{
    char text[8];

    for (int i = 0; i < bytes; i++)
        text[i] = (char)(value >> (8 * (bytes - 1 - i)));
    return zoo_buf_add(out, text, (size_t)bytes);
}

static int add_null(zoo_buf *out)
{
    return zoo_pg_add_bytes(out, UINT32_MAX, 4);
}

static int add_sized(zoo_buf *out, const char *text, size_t size)
{
    int rc = zoo_pg_add_bytes(out, size, 4);

    return rc || !size ? rc : zoo_buf_add(out, text, size);
}

static int add_number(zoo_buf *out, int64_t value, int bytes)
{
    int rc = zoo_pg_add_bytes(out, (uint64_t)bytes, 4);

    return rc ? rc : zoo_pg_add_bytes(out, (uint64_t)value, bytes);
}

static int add_real(zoo_buf *out, double value)
{
    int64_t bits;

    if (isnan(value))
        return add_null(out);
    memcpy(&bits, &value, sizeof bits);
    return add_number(out, bits, 8);
}

static int add_text(const zoo_pg *pg, zoo_buf *out, char type, const char *text, size_t size, zoo_err *err)
{
    if (!text)
        return add_null(out);
    if (size > ZOO_PG_VALUE_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "%s: a text is too large to be stored: %zu bytes", pg->db.name, size);
    if (type != 'b' && memchr(text, 0, size))
        return zoo_fail(err, ZOO_EFORMAT, "%s: a text has a NUL byte in it, which PostgreSQL cannot store there; take"
                        " it out, or use a store of SQLite",
                        pg->db.name);
    return add_sized(out, text, size);
}

/* One dimension, counted from 1; none where it is empty. */
static int add_array_head(zoo_buf *out, unsigned element, size_t count)
{
    const uint64_t head[] = { count ? 1 : 0, 0, element, count, 1 };
    int rc = ZOO_OK;

    for (size_t i = 0; i < (count ? 5u : 3u) && !rc; i++)
        rc = zoo_pg_add_bytes(out, head[i], 4);
    return rc;
}

static int add_array(zoo_buf *out, char type, const zoo_db_value *value)
{
    const size_t count = type == 'S' ? value->texts->count : value->keys->count, at = out->size;
    zoo_buf size = ZOO_BUF_INIT(4);
    int rc = add_null(out);                     /* in the place of its size */

    if (!rc)
        rc = add_array_head(out, type == 'S' ? ZOO_PG_TEXT : ZOO_PG_INT8, count);
    for (size_t i = 0; i < count && !rc; i++)
        rc = type == 'S' ? add_sized(out, value->texts->items[i], strlen(value->texts->items[i])) :
             add_number(out, value->keys->items[i], 8);
    if (!rc)
        rc = zoo_pg_add_bytes(&size, out->size - at - 4, 4);
    if (!rc)
        memcpy(out->data + at, size.data, 4);
    zoo_buf_release(&size);
    return rc;
}

static int add_narrow(const zoo_pg *pg, zoo_buf *out, int64_t value, int bytes, zoo_err *err)
{
    const int64_t most = bytes == 4 ? INT32_MAX : INT16_MAX;

    if (value > most || value < -most)
        return zoo_fail(err, ZOO_EUSAGE, "%s: a number is too large to be stored: %lld, at most %lld is allowed",
                        pg->db.name, (long long)value,
                        (long long)most);
    return add_number(out, value, bytes);
}

/* Failures of `out` alone have no sentence yet. */
static int add_value(const zoo_pg *pg, zoo_buf *out, char type, const zoo_db_value *v, zoo_err *err)
{
    switch (type) {
    case 'k':
        return add_number(out, v->k, 8);
    case 'n':
        return v->k == -1 ? add_null(out) : add_number(out, v->k, 8);
    case 'i':
    case 'h':
        return add_narrow(pg, out, v->k, type == 'i' ? 4 : 2, err);
    case 'd':
        return add_real(out, v->d);
    case 'S':
        return v->texts ? add_array(out, type, v) : add_null(out);
    case 'K':
        return v->keys ? add_array(out, type, v) : add_null(out);
    default:
        return add_text(pg, out, type, v->text, type != 's' ? v->size : v->text ? strlen(v->text) : 0, err);
    }
}

int zoo_pg_add_value(const zoo_pg *pg, zoo_buf *out, char type, const zoo_db_value *value, zoo_err *err)
{
    int rc = add_value(pg, out, type, value, err);

    if (rc == ZOO_ENOMEM && out->capacity > ZOO_PG_ROW_MAX / 2)
        return zoo_fail(err, ZOO_EUSAGE, "%s: a row is too large to be stored: it has more than %d MiB", pg->db.name,
                        ZOO_PG_ROW_MAX >> 20);
    return rc == ZOO_ENOMEM ? zoo_fail_nomem(err) : rc;
}

unsigned zoo_pg_oid_of(char type)
{
    switch (type) {
    case 'k':
    case 'n':
        return ZOO_PG_INT8;
    case 'd':
        return ZOO_PG_FLOAT8;
    case 'b':
        return ZOO_PG_BYTEA;
    case 'S':
        return ZOO_PG_TEXTS;
    case 'K':
        return ZOO_PG_INT8S;
    default:
        return ZOO_PG_TEXT;
    }
}

int64_t zoo_pg_integer(const char *bytes, int size)
{
    uint64_t value = size > 0 && (signed char)bytes[0] < 0 ? UINT64_MAX : 0;

    for (int i = 0; i < size; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return (int64_t)value;
}

/* The bytes of a number of `type`; 0: it is none. */
static int width_of(unsigned type)
{
    switch (type) {
    case ZOO_PG_BOOL:
        return 1;
    case ZOO_PG_INT2:
        return 2;
    case ZOO_PG_INT4:
    case ZOO_PG_FLOAT4:
        return 4;
    case ZOO_PG_INT8:
    case ZOO_PG_FLOAT8:
        return 8;
    default:
        return 0;
    }
}

/* The value's bits as an integer with a sign; 0 where it is not as long as its type. */
static int64_t bits_at(const zoo_pg *pg, const PGresult *rows, int row, int column)
{
    const int size = rows ? pg->lib.PQgetlength(rows, row, column) : 0;

    if (!size || size != width_of(pg->lib.PQftype(rows, column)))
        return 0;
    return zoo_pg_integer(pg->lib.PQgetvalue(rows, row, column), size);
}

int64_t zoo_pg_number_at(const zoo_pg *pg, const PGresult *rows, int row, int column)
{
    const unsigned type = rows ? pg->lib.PQftype(rows, column) : ZOO_PG_INT8;
    double real;

    if (type != ZOO_PG_FLOAT4 && type != ZOO_PG_FLOAT8)
        return bits_at(pg, rows, row, column);
    real = zoo_pg_real_at(pg, rows, row, column);
    return real > -9e18 && real < 9e18 ? (int64_t)real : 0;
}

double zoo_pg_real_at(const zoo_pg *pg, const PGresult *rows, int row, int column)
{
    const int64_t bits = bits_at(pg, rows, row, column);
    const int32_t narrow_bits = (int32_t)bits;
    double real;
    float narrow;

    switch (rows ? pg->lib.PQftype(rows, column) : ZOO_PG_INT8) {
    case ZOO_PG_FLOAT8:
        memcpy(&real, &bits, sizeof real);
        return real;
    case ZOO_PG_FLOAT4:
        memcpy(&narrow, &narrow_bits, sizeof narrow);
        return narrow;
    default:
        return (double)bits;
    }
}

int zoo_pg_check_columns(const zoo_pg *pg, const PGresult *rows, zoo_err *err)
{
    for (int i = 0; i < pg->lib.PQnfields(rows); i++) {
        const unsigned type = pg->lib.PQftype(rows, i);
        if (!width_of(type) && type != ZOO_PG_TEXT && type != ZOO_PG_BYTEA && type != ZOO_PG_VARCHAR &&
            type != ZOO_PG_VOID)
            return zoo_fail(err, ZOO_EFORMAT, "%s: column %d of a result has a type that zooter does not read (%u);"
                            " was a table altered?", pg->db.name,
                            i + 1, type);
    }
    return ZOO_OK;
}
#endif
