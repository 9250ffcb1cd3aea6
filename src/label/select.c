/* select.c - chooses training queries from a pool: none that overlaps with a benchmark, then at most N drawn for
 * each tag; see select.h. */
#include "label/select.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "label/draw.h"

enum { PAGE = 512, LISTED = 20 };       /* queries read at a time; names that a sentence lists */

/* Names that were met, for the sentence about one that was not. */
struct names { const char *items[LISTED]; size_t count; int has_more; };

struct work {
    zoo_store *store;
    const zoo_select_options *o;
    zoo_select_counts *n;
    zoo_draw *tagged, *untagged;
    int64_t *inside;                    /* keys of the candidates that are in `into` now, ascending */
    size_t inside_count, inside_capacity;
    unsigned char *kind_met;            /* (o->kind_count) */
    int from_met;
    struct names splits, kinds;
    zoo_arena names, page;
};

static int note_name(struct work *w, struct names *names, const char *name, zoo_err *err)
{
    for (size_t i = 0; i < names->count; i++)
        if (!strcmp(names->items[i], name))
            return ZOO_OK;
    if (names->count == LISTED) {
        names->has_more = 1;
        return ZOO_OK;
    }
    names->items[names->count] = zoo_arena_copy(&w->names, name, strlen(name));
    return names->items[names->count++] ? ZOO_OK : zoo_fail_nomem(err);
}

static int fail_unknown(const char *what, const char *name, const struct names *names, zoo_err *err)
{
    zoo_buf list = ZOO_BUF_INIT(600);
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < names->count; i++)
        rc = zoo_buf_addf(&list, "%s'%.128s'", i ? ", " : "", names->items[i]);
    rc = zoo_fail(err, ZOO_EUSAGE, "no query %s '%.128s'; there %s %s%s", what, name, names->count == 1 ? "is" : "are",
                  list.size ? list.data : "none", rc || names->has_more ? " and more" : "");
    zoo_buf_release(&list);
    return rc;
}

static int is_same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static int note_inside(struct work *w, zoo_key key, zoo_err *err)
{
    if (w->inside_count == w->inside_capacity) {
        size_t capacity = w->inside_capacity ? 2 * w->inside_capacity : 1024;
        int64_t *inside = realloc(w->inside, capacity * sizeof *inside);
        if (!inside)
            return zoo_fail_nomem(err);
        w->inside = inside;
        w->inside_capacity = capacity;
    }
    w->inside[w->inside_count++] = key;
    return ZOO_OK;
}

static int is_wanted(struct work *w, const char *kind)
{
    for (size_t i = 0; i < w->o->kind_count; i++)
        if (!strcmp(w->o->kinds[i], kind)) {
            w->kind_met[i] = 1;
            return 1;
        }
    return !w->o->kind_count;
}

static uint64_t hash_tag(const zoo_store_tag *tag)
{
    return zoo_draw_hash(tag->kind) * 31 + zoo_draw_hash(tag->value);
}

/* Offers a query that may be trained on to the draws of its tags. */
static int offer(struct work *w, const zoo_store_query *q, const zoo_store_tag *tags, size_t count, zoo_err *err)
{
    uint64_t hash = zoo_draw_hash(q->id);
    int rc = ZOO_OK, wanted = 0;

    for (size_t i = 0; !rc && i < count; i++) {
        rc = note_name(w, &w->kinds, tags[i].kind, err);
        if (rc || !is_wanted(w, tags[i].kind))
            continue;
        wanted = 1;
        rc = zoo_draw_offer(w->tagged, (size_t)tags[i].key, hash_tag(&tags[i]), hash, q->key, err);
    }
    if (rc || wanted)
        return rc;
    w->n->untagged++;
    return zoo_draw_offer(w->untagged, 0, 0, hash, q->key, err);
}

static int consider(struct work *w, const zoo_store_query *q, zoo_err *err)
{
    const zoo_select_options *o = w->o;
    zoo_overlap_hit hit;
    zoo_store_tag *tags;
    size_t count;
    int rc = q->split ? note_name(w, &w->splits, q->split, err) : ZOO_OK, is_inside = is_same(q->split, o->into);

    if (rc || (!is_inside && !is_same(q->split, o->from)))
        return rc;
    w->n->candidates++;
    w->from_met |= !is_inside;
    if (is_inside)
        rc = note_inside(w, q->key, err);
    if (!rc)
        rc = zoo_store_tags(w->store, q->key, &tags, &count, &w->page, err);
    if (!rc && o->overlap)
        rc = zoo_overlap_find(o->overlap, q->text, q->text_size, &hit, err);
    if (rc == 1) {
        w->n->overlapping++;
        return o->report ? o->report(o->context, q->id, &hit, err) : ZOO_OK;
    }
    return rc ? rc : offer(w, q, tags, count, err);
}

static int scan(struct work *w, zoo_err *err)
{
    zoo_store_query queries[PAGE];
    zoo_key after = 0;
    uint64_t seen = 0;
    size_t count;
    int rc;

    do {
        rc = zoo_store_queries(w->store, NULL, after, PAGE, queries, &count, &w->page, err);
        for (size_t i = 0; !rc && i < count; i++)
            rc = consider(w, &queries[i], err);
        if (count)
            after = queries[count - 1].key;
        seen += count;
        zoo_progress_set(w->o->progress, seen);
        zoo_arena_release(&w->page);
    } while (!rc && count == PAGE);
    return rc;
}

static int check_names(const struct work *w, zoo_err *err)
{
    const zoo_select_options *o = w->o;

    if (o->from && !w->from_met && !w->inside_count)
        return fail_unknown("is in the split", o->from, &w->splits, err);
    if (!w->n->candidates && !w->splits.count)
        return zoo_fail(err, ZOO_EUSAGE, "the store holds no query to select from");
    if (!w->n->candidates)
        return zoo_fail(err, ZOO_EUSAGE, "every query is in a split already; name the one to select from with --split");
    for (size_t i = 0; i < o->kind_count; i++)
        if (!w->kind_met[i] && w->n->overlapping < w->n->candidates)
            return fail_unknown("to select from has a tag of the kind", o->kinds[i], &w->kinds, err);
    return ZOO_OK;
}

static int by_key(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Tagged and untagged queries together, ascending. */
static int take(struct work *w, int64_t **rows, size_t *count, zoo_err *err)
{
    int64_t *tagged = NULL, *untagged = NULL;
    size_t tagged_count, untagged_count;
    int rc = zoo_draw_take(w->tagged, &tagged, &tagged_count, err);

    *rows = NULL;
    if (!rc)
        rc = zoo_draw_take(w->untagged, &untagged, &untagged_count, err);
    if (!rc && !(*rows = malloc((tagged_count + untagged_count + 1) * sizeof **rows)))
        rc = zoo_fail_nomem(err);
    if (!rc) {
        memcpy(*rows, tagged, tagged_count * sizeof **rows);
        memcpy(*rows + tagged_count, untagged, untagged_count * sizeof **rows);
        *count = tagged_count + untagged_count;
        qsort(*rows, *count, sizeof **rows, by_key);
    }
    free(tagged);
    free(untagged);
    return rc;
}

static int move(struct work *w, zoo_key key, const char *split, uint64_t *counter, zoo_err *err)
{
    ++*counter;
    return w->o->dry_run ? ZOO_OK : zoo_store_set_split(w->store, key, split, err);
}

/* `into` becomes rows[0..count). Both lists ascend. */
static int apply(struct work *w, const int64_t *rows, size_t count, zoo_err *err)
{
    size_t i = 0, j = 0;
    int rc = ZOO_OK;

    while (!rc && (i < count || j < w->inside_count)) {
        if (j == w->inside_count || (i < count && rows[i] < w->inside[j])) {
            rc = move(w, rows[i++], w->o->into, &w->n->moved_in, err);
        } else if (i == count || rows[i] > w->inside[j]) {
            rc = move(w, w->inside[j++], w->o->from, &w->n->moved_out, err);
        } else {
            i++;
            j++;
        }
    }
    w->n->selected = count;
    if (!rc && w->n->moved_out && !w->o->replace && !w->o->dry_run)
        return zoo_fail(err, ZOO_ECONFLICT,
                        "'%s' holds %llu quer%s that would not be selected; --replace puts %s back %s%s%s", w->o->into,
                        (unsigned long long)w->n->moved_out, w->n->moved_out == 1 ? "y" : "ies",
                        w->n->moved_out == 1 ? "it" : "them", w->o->from ? "into '" : "out of every split",
                        w->o->from ? w->o->from : "", w->o->from ? "'" : "");
    return rc;
}

int zoo_select(zoo_store *store, const zoo_select_options *o, zoo_select_counts *counts, zoo_err *err)
{
    struct work w = { .store = store, .o = o, .n = counts };
    int64_t *rows = NULL;
    size_t count;
    int rc;

    memset(counts, 0, sizeof *counts);
    if (is_same(o->from, o->into))
        return zoo_fail(err, ZOO_EUSAGE, "cannot select from '%s' into itself", o->into);
    w.kind_met = calloc(o->kind_count + 1, 1);
    rc = w.kind_met ? zoo_draw_new(&w.tagged, o->per_tag, o->seed, err) : zoo_fail_nomem(err);
    if (!rc)
        rc = zoo_draw_new(&w.untagged, o->untagged, o->seed, err);
    if (!rc)
        rc = scan(&w, err);
    if (!rc)
        rc = check_names(&w, err);
    if (!rc)
        rc = take(&w, &rows, &count, err);
    if (!rc) {
        counts->tags = zoo_draw_tags(w.tagged);
        rc = apply(&w, rows, count, err);
    }
    free(rows);
    free(w.inside);
    free(w.kind_met);
    zoo_draw_free(w.tagged);
    zoo_draw_free(w.untagged);
    zoo_arena_release(&w.names);
    zoo_arena_release(&w.page);
    return rc;
}
