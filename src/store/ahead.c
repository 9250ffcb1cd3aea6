/* ahead.c - see ahead.h. Layer: store. */
#include "store/ahead.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"

enum { FIRST_LINES = 1024 };

static const struct { enum zoo_sql id; const char *types; } kinds[ZOO_AHEAD_KINDS] = {
    [ZOO_AHEAD_QUERIES] = { ZOO_SQL_AHEAD_QUERIES, "kttt" },
    [ZOO_AHEAD_TAGS] = { ZOO_SQL_AHEAD_TAGS, "kttk" },
    [ZOO_AHEAD_REWARDS] = { ZOO_SQL_AHEAD_REWARDS, "kkkttd" },
    [ZOO_AHEAD_ANSWERS] = { ZOO_SQL_AHEAD_ANSWERS, "kkktttnnnndddtbb" },
    [ZOO_AHEAD_FAILURES] = { ZOO_SQL_AHEAD_FAILURES, "kkktktkdt" },
    [ZOO_AHEAD_JUDGEMENTS] = { ZOO_SQL_AHEAD_JUDGEMENTS, "kttktkkktdb" },
};

size_t zoo_ahead_columns(enum zoo_ahead_kind kind)
{
    return strlen(kinds[kind].types);
}

int zoo_ahead_init(zoo_ahead *a, zoo_store *store, zoo_err *err)
{
    *a = (zoo_ahead){ .store = store, .wanted = malloc(ZOO_AHEAD_LINES * sizeof *a->wanted),
                      .names = malloc(ZOO_AHEAD_MODELS * sizeof *a->names), .models.limit = ZOO_AHEAD_MODELS };
    for (size_t i = 0; i < ZOO_AHEAD_KINDS; i++)
        a->parts[i].window = FIRST_LINES;
    return a->wanted && a->names ? ZOO_OK : zoo_fail_nomem(err);
}

static void forget(struct zoo_ahead_part *p)
{
    zoo_arena_release(&p->arena);
    p->rows = p->bytes = 0;
}

void zoo_ahead_release(zoo_ahead *a)
{
    for (size_t i = 0; i < ZOO_AHEAD_KINDS; i++) {
        forget(&a->parts[i]);
        free(a->parts[i].cells);
    }
    zoo_names_clear(&a->models);
    free(a->wanted);
    free(a->names);
    *a = (zoo_ahead){ 0 };
}

void zoo_ahead_begin(zoo_ahead *a, const zoo_key *keys, size_t lines)
{
    a->keys = keys;
    a->lines = lines;
    a->at = 0;
    for (size_t i = 0; i < ZOO_AHEAD_KINDS; i++) {
        forget(&a->parts[i]);
        a->parts[i].end = 0;
    }
}

/* Texts of the current row outlive it. 1: taken; 0: there is no room for it. */
static int take_row(zoo_ahead *a, enum zoo_ahead_kind kind, zoo_err *err)
{
    struct zoo_ahead_part *p = &a->parts[kind];
    const size_t columns = zoo_ahead_columns(kind);
    zoo_db_value *row;
    int rc = zoo_array_grow(&p->cells, &p->capacity, (p->rows + 1) * columns, sizeof *p->cells,
                            ZOO_AHEAD_BYTES / sizeof *p->cells);

    if (rc)
        return rc == ZOO_EUSAGE ? 0 : zoo_fail_nomem(err);
    row = &p->cells[p->rows * columns];
    rc = zoo_sql_row(a->store, kinds[kind].id, kinds[kind].types, row, err);
    p->bytes += columns * sizeof *row;
    for (size_t i = 0; !rc && i < columns; i++) {
        if (!row[i].text)
            continue;
        p->bytes += row[i].size;
        if (p->bytes > ZOO_AHEAD_BYTES)
            return 0;
        row[i].text = zoo_arena_copy(&p->arena, row[i].text, row[i].size);
        if (!row[i].text)
            rc = zoo_fail_nomem(err);
    }
    p->rows += !rc;
    return rc ? rc : 1;
}

static zoo_keys keys_of(const zoo_ahead *a, size_t lines)
{
    zoo_keys wanted = { a->wanted, 0 };

    for (size_t i = a->at; i < a->at + lines; i++)
        if (a->keys[i])
            a->wanted[wanted.count++] = a->keys[i];
    return wanted;
}

static zoo_texts names_of(const zoo_ahead *a)
{
    for (size_t i = 0; i < a->models.count; i++)
        a->names[i] = a->models.items[i].text;
    return (zoo_texts){ a->names, a->models.count };
}

/* 1: all of these lines' queries; 0: they are too much. */
static int read_lines(zoo_ahead *a, enum zoo_ahead_kind kind, size_t lines, zoo_err *err)
{
    const zoo_keys wanted = keys_of(a, lines);
    const zoo_texts models = names_of(a);
    const enum zoo_sql id = kinds[kind].id;
    int rc, has_room = 1;

    forget(&a->parts[kind]);
    /* of kinds other than rewards the statement takes no names */
    rc = zoo_sql_bind(a->store, id, err, &wanted, &models);
    while (!rc && has_room && (rc = zoo_sql_step(a->store, id, err)) == 1) {
        has_room = take_row(a, kind, err);
        rc = has_room < 0 ? has_room : ZOO_OK;
    }
    zoo_sql_reset(a->store, id);
    return rc ? rc : has_room;
}

/* Lines that fill half of the room, going by the last ones; window: how many they could have been. */
static size_t next_window(const struct zoo_ahead_part *p, size_t lines, size_t window)
{
    const size_t fitting = lines * (ZOO_AHEAD_BYTES / 2) / (p->bytes + 1) + 1,
                           most = 4 * window < ZOO_AHEAD_LINES ? 4 * window : ZOO_AHEAD_LINES;

    return fitting < most ? fitting : most;
}

/* From line `at` on, for fewer lines where they are too much. 0: they are even for this one. */
static int look(zoo_ahead *a, enum zoo_ahead_kind kind, zoo_err *err)
{
    struct zoo_ahead_part *p = &a->parts[kind];
    int rc = 0;

    for (size_t window = p->window; window && !rc; window /= 4) {
        size_t lines = window < a->lines - a->at ? window : a->lines - a->at;
        rc = read_lines(a, kind, lines, err);
        if (rc != 1)
            continue;
        p->end = a->at + lines;
        p->window = next_window(p, lines, window);
    }
    if (!rc)
        p->window = 1;
    return rc;
}

int zoo_ahead_add_model(zoo_ahead *a, const char *name, size_t size, zoo_err *err)
{
    const size_t before = a->models.count;
    uint32_t number;
    int rc;

    if (!a->store)
        return ZOO_OK;
    rc = zoo_names_add(&a->models, name, size, &number);
    if (rc == ZOO_EUSAGE) {
        zoo_names_clear(&a->models);
        rc = zoo_names_add(&a->models, name, size, &number);
    }
    if (rc)
        return zoo_fail_nomem(err);
    if (a->models.count != before)
        a->parts[ZOO_AHEAD_REWARDS].end = 0;         /* those that were read are not all any more */
    return ZOO_OK;
}

static size_t first_of(const struct zoo_ahead_part *p, size_t columns, zoo_key query)
{
    size_t low = 0, high = p->rows;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->cells[middle * columns].k < query)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int zoo_ahead_rows(zoo_ahead *a, enum zoo_ahead_kind kind, zoo_key query, const zoo_db_value **rows, size_t *count,
                   zoo_err *err)
{
    struct zoo_ahead_part *p = &a->parts[kind];
    const size_t columns = zoo_ahead_columns(kind);
    size_t first, end;
    int rc = 1;

    if (!a->store || a->is_blind)
        return 0;
    if (a->at >= p->end)
        rc = look(a, kind, err);
    if (rc != 1)
        return rc;
    first = end = first_of(p, columns, query);
    while (end < p->rows && p->cells[end * columns].k == query)
        end++;
    *rows = p->rows ? &p->cells[first * columns] : NULL;
    *count = end - first;
    return 1;
}
