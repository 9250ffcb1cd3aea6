/* sql.c - see sql.h. Layer: store. */
#include "store/sql.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/name.h"
#include "base/utf8.h"

enum { ARGUMENTS_MAX = 20 };

/* ---- statements ---- */

static void take_argument(zoo_db_value *v, char type, va_list *from)
{
    switch (type) {
    case 'd':
        v->d = va_arg(*from, double);
        break;
    case 's':
        v->text = va_arg(*from, const char *);
        v->size = v->text ? strlen(v->text) : 0;
        break;
    case 't':
    case 'b':
        v->text = va_arg(*from, const char *);
        v->size = va_arg(*from, size_t);
        break;
    case 'S':
        v->texts = va_arg(*from, const zoo_texts *);
        break;
    case 'K':
        v->keys = va_arg(*from, const zoo_keys *);
        break;
    default:
        v->k = va_arg(*from, int64_t);
    }
}

static int bind_from(zoo_store *s, enum zoo_sql id, zoo_err *err, va_list *from)
{
    const char *types = zoo_statements[id].types;
    zoo_db_value values[ARGUMENTS_MAX] = { 0 };
    size_t n = 0;

    for (; n < ARGUMENTS_MAX && types[n]; n++)
        take_argument(&values[n], types[n], from);
    return s->db->driver->bind(s->db, id, values, n, err);
}

int zoo_sql_bind(zoo_store *s, enum zoo_sql id, zoo_err *err, ...)
{
    va_list from;
    int rc;

    va_start(from, err);
    rc = bind_from(s, id, err, &from);
    va_end(from);
    return rc;
}

int zoo_sql_step(zoo_store *s, enum zoo_sql id, zoo_err *err)
{
    return s->db->driver->step(s->db, id, err);
}

int zoo_sql_run(zoo_store *s, enum zoo_sql id, zoo_err *err, ...)
{
    va_list from;
    int rc;

    va_start(from, err);
    rc = bind_from(s, id, err, &from);
    va_end(from);
    while (!rc && (rc = zoo_sql_step(s, id, err)) == 1)
        rc = ZOO_OK;
    return rc;
}

void zoo_sql_reset(zoo_store *s, enum zoo_sql id)
{
    s->db->driver->reset(s->db, id);
}

int64_t zoo_sql_number(zoo_store *s, enum zoo_sql id, int column)
{
    return s->db->driver->number(s->db, id, column);
}

double zoo_sql_real(zoo_store *s, enum zoo_sql id, int column)
{
    return s->db->driver->is_null(s->db, id, column) ? (double)NAN : s->db->driver->real(s->db, id, column);
}

int64_t zoo_sql_count_or_none(zoo_store *s, enum zoo_sql id, int column)
{
    return s->db->driver->is_null(s->db, id, column) ? -1 : s->db->driver->number(s->db, id, column);
}

const char *zoo_sql_text(zoo_store *s, enum zoo_sql id, int column, size_t *size)
{
    return s->db->driver->text(s->db, id, column, size);
}

int64_t zoo_sql_changes(zoo_store *s)
{
    return s->db->driver->changes(s->db);
}

int zoo_sql_single(zoo_store *s, enum zoo_sql id, int64_t *out, int *found, zoo_err *err)
{
    int rc = zoo_sql_step(s, id, err);

    *out = rc == 1 ? zoo_sql_number(s, id, 0) : 0;
    if (found)
        *found = rc == 1;
    if (rc == 1)
        zoo_sql_reset(s, id);
    return rc < 0 ? rc : ZOO_OK;
}

int zoo_sql_get(zoo_store *s, enum zoo_sql id, int column, const char **out, size_t *size, zoo_err *err)
{
    *out = zoo_sql_text(s, id, column, size);
    return *out || s->db->driver->is_null(s->db, id, column) ? ZOO_OK : zoo_fail_nomem(err);
}

int zoo_sql_copy(zoo_store *s, enum zoo_sql id, int column, zoo_arena *arena, const char **out, size_t *size,
                 zoo_err *err)
{
    size_t n;
    const char *text;
    int rc = zoo_sql_get(s, id, column, &text, &n, err);

    *out = !rc && text ? zoo_arena_copy(arena, text, n) : NULL;
    if (size)
        *size = n;
    return rc || !text || *out ? rc : zoo_fail_nomem(err);
}

int zoo_sql_row(zoo_store *s, enum zoo_sql id, const char *types, zoo_db_value *row, zoo_err *err)
{
    int rc = ZOO_OK;

    for (int i = 0; !rc && types[i]; i++) {
        row[i] = (zoo_db_value){ 0 };
        if (types[i] == 'd')
            row[i].d = zoo_sql_real(s, id, i);
        else if (strchr("stb", types[i]))
            rc = zoo_sql_get(s, id, i, &row[i].text, &row[i].size, err);
        else
            row[i].k = types[i] == 'n' ? zoo_sql_count_or_none(s, id, i) : zoo_sql_number(s, id, i);
    }
    return rc;
}

const zoo_texts *zoo_selected_splits(const zoo_selection *selection)
{
    return selection && selection->splits.count ? &selection->splits : NULL;
}

const zoo_keys *zoo_selected_tags(const zoo_selection *selection)
{
    return selection && selection->kinds ? &selection->tags : NULL;
}

int64_t zoo_selected_kinds(const zoo_selection *selection)
{
    return selection ? selection->kinds : 0;
}

/* ---- transactions ---- */

int zoo_store_begin(zoo_store *s, zoo_err *err)
{
    return s->db->driver->begin(s->db, ZOO_BEGIN_WRITE, err);
}

int zoo_store_commit(zoo_store *s, zoo_err *err)
{
    return s->db->driver->commit(s->db, err);
}

void zoo_store_rollback(zoo_store *s)
{
    s->db->driver->rollback(s->db);
}

int zoo_sql_atomic_begin(zoo_store *s, int *own, zoo_err *err)
{
    *own = !s->db->driver->in_transaction(s->db);
    return *own ? zoo_store_begin(s, err) : s->db->driver->savepoint(s->db, err);
}

int zoo_sql_atomic_end(zoo_store *s, int own, int rc, zoo_err *err)
{
    if (own) {
        if (!rc)
            return zoo_store_commit(s, err);
        zoo_store_rollback(s);
    } else if (!rc) {
        rc = s->db->driver->release(s->db, err);
    } else {
        s->db->driver->rollback_to(s->db);
    }
    return rc;
}

int zoo_sql_snapshot_begin(zoo_store *s, int *own, zoo_err *err)
{
    *own = !s->db->driver->in_transaction(s->db);
    return *own ? s->db->driver->begin(s->db, ZOO_BEGIN_SNAPSHOT, err) : ZOO_OK;
}

void zoo_sql_snapshot_end(zoo_store *s, int own)
{
    if (own)
        zoo_store_rollback(s);
}

/* ---- sentences and checks ---- */

int zoo_store_advise(const zoo_store *s, const char *advice, zoo_err *err)
{
    const char *mark = advice ? strstr(advice, "{store}") : NULL;
    size_t used = err ? strlen(err->message) : 0;

    if (!err)
        return ZOO_EUSAGE;
    if (advice && mark)
        snprintf(err->message + used, sizeof err->message - used, "; %.*s%s%s", (int)(mark - advice), advice, s->name,
                 mark + 7);
    else if (advice)
        snprintf(err->message + used, sizeof err->message - used, "; %s", advice);
    return err->code;
}

int zoo_store_check_label(const char *text, size_t size, size_t most, const char *place, const char *what, zoo_err *err)
{
    if (size > most)
        return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' has %zu bytes, at most %zu are allowed", place, what, size, most);
    if (zoo_utf8_valid(text, size) != size)
        return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' is not UTF-8", place, what);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return zoo_fail(err, ZOO_EFORMAT, "%s: '%s' contains a control character", place, what);
    return ZOO_OK;
}

int zoo_store_check_split_name(const char *split, const char *place, zoo_err *err)
{
    if (!split)
        return ZOO_OK;
    if (!*split)
        return zoo_fail(err, ZOO_EUSAGE, "%s: the name of a split is empty", place);
    return zoo_store_check_label(split, strlen(split), ZOO_STORE_SPLIT_MAX, place, "split", err);
}

int zoo_store_check_name(const zoo_store *s, const char *what, const char *name, zoo_err *err)
{
    if (zoo_name_is_valid(name))
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT,
                    "%s: the name of the %s, '%.140s', should be 1 to %d characters of " ZOO_NAME_CHARACTERS, s->name,
                    what, name, ZOO_NAME_MAX);
}

int zoo_store_named_key(zoo_store *s, enum zoo_sql find, enum zoo_sql put, const char *name, zoo_key *key, zoo_err *err)
{
    const enum zoo_sql ways[] = { find, put, find };
    int found = 0, rc = ZOO_OK;

    *key = 0;
    for (size_t i = 0; !rc && !found && i < sizeof ways / sizeof *ways; i++) {
        rc = zoo_sql_bind(s, ways[i], err, name);
        if (!rc)
            rc = zoo_sql_single(s, ways[i], key, &found, err);
    }
    return rc || found ? rc : zoo_fail(err, ZOO_EIO, "%s: '%.128s' came and went; run the command again", s->name,
                                       name);
}
