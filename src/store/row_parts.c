/* row_parts.c - see row_parts.h. */
#include "store/row_parts.h"
#include <math.h>
#include <string.h>
#include "base/array.h"
#include "base/name.h"
#include "store/store.h"

int zoo_row_end(zoo_scan *s)
{
    zoo_scan_space(s);
    return s->at < s->end ? zoo_scan_fail(s, s->at, "not JSON: something stands behind the row's '}'") : ZOO_OK;
}

/* ---- labels ---- */

int zoo_row_is_null(zoo_scan *s)
{
    zoo_span raw;
    int rc;

    if (*s->at != 'n')
        return 0;
    rc = zoo_scan_skip(s, &raw);
    return rc ? rc : 1;
}

static int check_label(zoo_scan *s, const char *at, const char *name, size_t least, size_t most, zoo_span label)
{
    if (label.size < least)
        return zoo_scan_fail(s, at, "'%s' is empty", name);
    if (label.size > most)
        return zoo_scan_fail(s, at, "'%s' has %zu bytes, at most %zu are allowed", name, label.size, most);
    for (size_t i = 0; i < label.size; i++)
        if ((unsigned char)label.text[i] < 0x20 || label.text[i] == 0x7f)
            return zoo_scan_fail(s, at, "'%s' contains a control character", name);
    return ZOO_OK;
}

int zoo_row_label_of(zoo_scan *s, const char *name, size_t least, size_t most, zoo_span *out)
{
    const char *at = s->at;
    int rc;

    if (*at != '"')
        return zoo_scan_fail(s, at, "'%s' should be a string, is %s", name, zoo_scan_kind(at));
    rc = zoo_scan_string(s, out);
    return rc ? rc : check_label(s, at, name, least, most, *out);
}

/* A number that is whole as it is written. */
static int read_digits(zoo_scan *s, zoo_span *out)
{
    const char *at = s->at;
    int rc = zoo_scan_skip(s, out);

    if (rc)
        return rc;
    for (size_t i = 0; i < out->size; i++)
        if (out->text[i] == '.' || out->text[i] == 'e' || out->text[i] == 'E')
            return zoo_scan_fail(s, at, "'id' should be a string or a whole number, is %.*s",
                                 (int)(out->size < 40 ? out->size : 40), at);
    return check_label(s, at, "id", 1, ZOO_STORE_ID_MAX, *out);
}

int zoo_row_id_of(zoo_scan *s, zoo_span *out)
{
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return read_digits(s, out);
    if (*s->at != '"')
        return zoo_scan_fail(s, s->at, "'id' should be a string or a whole number, is %s", zoo_scan_kind(s->at));
    return zoo_row_label_of(s, "id", 1, ZOO_STORE_ID_MAX, out);
}

/* ---- names ---- */

int zoo_row_is_name(zoo_span name)
{
    char text[ZOO_NAME_MAX + 1] = "";

    if (name.size <= ZOO_NAME_MAX)
        memcpy(text, name.text, name.size);
    return zoo_name_is_valid(text) && strlen(text) == name.size;
}

int zoo_row_reward_model_of(zoo_scan *s, zoo_span *out)
{
    const char *at = s->at;
    int rc = zoo_row_label_of(s, "reward_model", 1, ZOO_NAME_MAX, out);

    if (!rc && !zoo_row_is_name(*out))
        rc = zoo_scan_fail(s, at, "'reward_model' should be 1 to %d characters of " ZOO_NAME_CHARACTERS, ZOO_NAME_MAX);
    return rc;
}

/* Room for one more expert in what is known by expert. */
static int grow_last(zoo_row *row)
{
    int rc = zoo_array_grow(&row->last, &row->last_capacity, row->experts.count + 1, sizeof *row->last,
                            row->experts.limit);

    return rc == ZOO_ENOMEM ? rc : ZOO_OK;       /* the limit is said with the name */
}

int zoo_row_number_expert(zoo_row *row, zoo_span name, const char *at, uint32_t *number)
{
    zoo_scan *s = &row->scan;
    int rc;

    if (zoo_names_find(&row->experts, name.text, name.size, number))
        return ZOO_OK;
    if (!zoo_row_is_name(name))
        return zoo_scan_fail(s, at, "expert name '%.*s' should be 1 to %d characters of " ZOO_NAME_CHARACTERS,
                             (int)(name.size > 140 ? 140 : name.size), name.text, ZOO_NAME_MAX);
    rc = grow_last(row);
    if (!rc)
        rc = zoo_names_add(&row->experts, name.text, name.size, number);
    if (rc == ZOO_EUSAGE)
        return zoo_scan_fail(s, at, "more than %zu experts in this file", row->experts.limit);
    return rc ? zoo_fail_nomem(s->err) : ZOO_OK;
}

/* ---- objects by a table ---- */

const zoo_row_member *zoo_row_find_member(const zoo_row_member *m, zoo_span name)
{
    while (m->name && !zoo_span_is(name, m->name))
        m++;
    return m->name ? m : NULL;
}

static int fail_unknown(zoo_scan *s, const char *at, zoo_span key, const char *what, const zoo_row_member *members)
{
    zoo_buf known = ZOO_BUF_INIT(1000);
    int rc = ZOO_OK;

    for (const zoo_row_member *m = members; !rc && m->name; m++)
        rc = zoo_buf_addf(&known, "%s%s", m == members ? "" : ", ", m->name);
    rc = rc ? zoo_fail_nomem(s->err) : zoo_scan_fail(s, at, "%s has no field '%.*s'; it may have %s", what,
                                                     (int)(key.size > 100 ? 100 : key.size), key.text, known.data);
    zoo_buf_release(&known);
    return rc;
}

static int read_member(zoo_row *row, const char *what, const zoo_row_member *members, void *to, uint64_t *seen)
{
    zoo_scan *s = &row->scan;
    const char *at = s->at;
    const zoo_row_member *m;
    zoo_span key;
    int rc = zoo_scan_key(s, &key);

    if (rc)
        return rc;
    m = zoo_row_find_member(members, key);
    if (!m)
        return fail_unknown(s, at, key, what, members);
    if (*seen & UINT64_C(1) << (m - members))
        return zoo_scan_fail(s, at, "the field '%s' comes twice", m->name);
    *seen |= UINT64_C(1) << (m - members);
    rc = m->is_required ? 0 : zoo_row_is_null(s);
    if (rc)
        return rc < 0 ? rc : ZOO_OK;
    return m->read(row, m, (char *)to + m->offset);
}

int zoo_row_members(zoo_row *row, const char *what, const zoo_row_member *members, void *to)
{
    zoo_scan *s = &row->scan;
    const char *start = s->at;
    uint64_t seen = 0;
    int more, rc;

    for (more = zoo_scan_open(s, '{', '}'); more == 1; more = zoo_scan_more(s, '}'))
        if ((rc = read_member(row, what, members, to, &seen)))
            return rc;
    if (more)
        return more;
    for (const zoo_row_member *m = members; m->name; m++)
        if (m->is_required && !(seen & UINT64_C(1) << (m - members)))
            return zoo_scan_fail(s, start, "'%s' is missing in %s", m->name, what);
    return ZOO_OK;
}

/* ---- members ---- */

static int fail_kind(zoo_scan *s, const zoo_row_member *m, const char *should)
{
    return zoo_scan_fail(s, s->at, "'%s' should be %s, is %s", m->name, should, zoo_scan_kind(s->at));
}

int zoo_row_id(zoo_row *row, const zoo_row_member *m, void *to)
{
    (void)m;
    return zoo_row_id_of(&row->scan, to);
}

int zoo_row_expert(zoo_row *row, const zoo_row_member *m, void *to)
{
    const char *at = row->scan.at;
    zoo_span name;
    int rc = zoo_row_label_of(&row->scan, m->name, 1, SIZE_MAX, &name);

    return rc ? rc : zoo_row_number_expert(row, name, at, to);
}

int zoo_row_reward_model(zoo_row *row, const zoo_row_member *m, void *to)
{
    (void)m;
    return zoo_row_reward_model_of(&row->scan, to);
}

int zoo_row_label(zoo_row *row, const zoo_row_member *m, void *to)
{
    return zoo_row_label_of(&row->scan, m->name, 0, (size_t)m->most, to);
}

int zoo_row_text(zoo_row *row, const zoo_row_member *m, void *to)
{
    return *row->scan.at == '"' ? zoo_scan_string(&row->scan, to) : fail_kind(&row->scan, m, "a string");
}

int zoo_row_said(zoo_row *row, const zoo_row_member *m, void *to)
{
    int rc;

    row->scan.nul_is_fine = 1;
    rc = zoo_row_text(row, m, to);
    row->scan.nul_is_fine = 0;
    return rc;
}

/* 2026-11-22T21:05:01, a fraction or none, Z or an offset or none. */
static int is_time(zoo_span t)
{
    static const char shape[] = "0000-00-00T00:00:00";
    size_t n = sizeof shape - 1, i = n, zone;

    if (t.size < n)
        return 0;
    for (size_t k = 0; k < n; k++)
        if (shape[k] == '0' ? t.text[k] < '0' || t.text[k] > '9' : t.text[k] != shape[k])
            return 0;
    if (i < t.size && t.text[i] == '.')
        for (i++; i < t.size && t.text[i] >= '0' && t.text[i] <= '9';)
            i++;
    zone = t.size - i;
    return zone == 0 || (zone == 1 && t.text[i] == 'Z') ||
           (zone == 6 && (t.text[i] == '+' || t.text[i] == '-') && t.text[i + 3] == ':');
}

int zoo_row_time(zoo_row *row, const zoo_row_member *m, void *to)
{
    const char *at = row->scan.at;
    zoo_span *out = to;
    int rc = zoo_row_label_of(&row->scan, m->name, 1, 64, out);

    if (!rc && !is_time(*out))
        rc = zoo_scan_fail(&row->scan, at, "'%s' should be a time like 2026-11-22T21:05:01Z, is '%.*s'", m->name,
                           (int)out->size, out->text);
    return rc;
}

int zoo_row_object(zoo_row *row, const zoo_row_member *m, void *to)
{
    if (*row->scan.at != '{')
        return fail_kind(&row->scan, m, "an object");
    return zoo_scan_skip(&row->scan, to);
}

int zoo_row_inner(zoo_row *row, const zoo_row_member *m, void *to)
{
    if (*row->scan.at != '{')
        return fail_kind(&row->scan, m, "an object");
    return zoo_row_members(row, m->name, m->members, to);
}

int zoo_row_flag(zoo_row *row, const zoo_row_member *m, void *to)
{
    zoo_span raw;
    int is_true = *row->scan.at == 't', *out = to, rc;

    if (!is_true && *row->scan.at != 'f')
        return fail_kind(&row->scan, m, "true or false");
    rc = zoo_scan_skip(&row->scan, &raw);
    *out = is_true;
    return rc;
}

static int read_number(zoo_scan *s, const zoo_row_member *m, const char *should, double *out)
{
    const char *at = s->at;
    int rc;

    if (*at && strchr("\"{[tf", *at))
        return fail_kind(s, m, should);
    rc = zoo_scan_number(s, out);
    if (!rc && !(*out >= m->least && *out <= m->most))
        rc = isinf(m->most) ? zoo_scan_fail(s, at, "'%s' should be at least %.16g, is %.17g", m->name, m->least, *out)
                            : zoo_scan_fail(s, at, "'%s' should be %.16g to %.16g, is %.17g", m->name, m->least,
                                            m->most, *out);
    return rc;
}

int zoo_row_amount(zoo_row *row, const zoo_row_member *m, void *to)
{
    return read_number(&row->scan, m, "a number", to);
}

int zoo_row_whole(zoo_row *row, const zoo_row_member *m, void *to)
{
    const char *at = row->scan.at;
    double value;
    int64_t *out = to;
    int rc = read_number(&row->scan, m, "a whole number", &value);

    if (!rc && !(floor(value) == value))
        rc = zoo_scan_fail(&row->scan, at, "'%s' should be a whole number, is %.17g", m->name, value);
    if (!rc)
        *out = (int64_t)value;
    return rc;
}
