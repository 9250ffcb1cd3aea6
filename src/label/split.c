/* split.c - divides queries among splits by shares: train 0.7, test 0.3; see split.h. */
#include "label/split.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/buf.h"
#include "base/names.h"
#include "base/rng.h"
#include "label/plain.h"

enum { PAGE = 512, NO_PART = UINT16_MAX };

/* A query that may be moved; one that is in a part; the same, but of another tag than --where asks for. */
enum role { CANDIDATE, STANDS, PINS };

struct entry { uint64_t number; zoo_key key; uint32_t group; uint16_t part, role; };

_Static_assert(sizeof(struct entry) == 24, "the header promises it");

struct work {
    zoo_store *store;
    const zoo_split_options *o;
    zoo_split_result *out;
    struct entry *entries;              /* by number and key: texts one after another */
    size_t count, capacity;
    zoo_names tags;                     /* of the kind o->by; group 0 has none, tag i is group i + 1 */
    uint64_t *texts;
        /* (groups, columns): texts in each part before, last: texts to deal; then, of the
                                           latter, how many go to this part and those before it */
    uint64_t *dealt;                    /* (groups) */
    const char **splits;                /* those that are read */
    uint64_t seen, standing;
    zoo_buf plain;
    zoo_arena page;
};

/* ---- what was asked for ---- */

static int check_part(const zoo_split_options *o, size_t at, zoo_err *err)
{
    const zoo_split_part *part = &o->parts[at];
    size_t size = strlen(part->name);

    if (!size || size > ZOO_STORE_SPLIT_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "the name of a part should have 1 to %d bytes, not %zu", ZOO_STORE_SPLIT_MAX,
                        size);
    if (!(part->share > 0 && part->share <= 1))
        return zoo_fail(err, ZOO_EUSAGE, "the share of '%s' should be above 0 and at most 1, not %g", part->name,
                        part->share);
    for (size_t i = 0; i < at; i++)
        if (!strcmp(o->parts[i].name, part->name))
            return zoo_fail(err, ZOO_EUSAGE, "the part '%s' is named twice", part->name);
    for (size_t i = 0; i < o->from.count; i++)
        if (!strcmp(o->from.items[i], part->name))
            return zoo_fail(err, ZOO_EUSAGE,
                            "'%s' is divided and is also a part; what is in a part stays there, so name only the "
                            "parts to take out of it", part->name);
    return ZOO_OK;
}

static int check_options(const zoo_split_options *o, zoo_err *err)
{
    double sum = 0;
    int rc = ZOO_OK;

    if (!o->part_count || o->part_count > ZOO_SPLIT_PARTS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "there should be 1 to %d parts, not %zu", ZOO_SPLIT_PARTS_MAX, o->part_count);
    for (size_t i = 0; !rc && i < o->part_count; i++) {
        rc = check_part(o, i, err);
        sum += o->parts[i].share;
    }
    if (!rc && !(sum <= 1 + 1e-9))
        rc = zoo_fail(err, ZOO_EUSAGE, "the shares add up to %.10g; 1 is the most", sum);
    return rc;
}

/* ---- reading ---- */

/* Texts without words are told apart by their bytes. */
static int number_text(struct work *w, const zoo_store_query *q, uint64_t *number, zoo_err *err)
{
    uint64_t seed = zoo_mix64(w->o->seed);

    zoo_buf_clear(&w->plain);
    if (zoo_plain_words(&w->plain, q->text, q->text_size))
        return zoo_fail_nomem(err);
    *number = w->plain.size ? zoo_hash64(w->plain.data, w->plain.size, seed) : zoo_hash64(q->text, q->text_size, ~seed);
    return ZOO_OK;
}

/* The group of the query's first tag of the kind o->by. */
static int find_group(struct work *w, zoo_key query, uint32_t *group, zoo_err *err)
{
    zoo_store_tag *tags;
    size_t count, i = 0;
    int rc = zoo_store_tags(w->store, query, &tags, &count, &w->page, err);

    *group = 0;
    while (!rc && i < count && strcmp(tags[i].kind, w->o->by) != 0)
        i++;
    if (rc || i == count)
        return rc;
    rc = zoo_names_add(&w->tags, tags[i].value, strlen(tags[i].value), group);
    ++*group;
    if (rc == ZOO_EUSAGE)
        return zoo_fail(err, rc, "more than %d tags of the kind '%s'; divide by a coarser kind", ZOO_SPLIT_TAGS_MAX,
                        w->o->by);
    return rc ? zoo_fail_nomem(err) : ZOO_OK;
}

static uint16_t find_part(const zoo_split_options *o, const char *split)
{
    for (size_t i = 0; split && i < o->part_count; i++)
        if (!strcmp(o->parts[i].name, split))
            return (uint16_t)i;
    return NO_PART;
}

static int add(struct work *w, const zoo_store_query *q, int is_pin, zoo_err *err)
{
    struct entry e = { .key = q->key, .part = find_part(w->o, q->split) };
    int rc;

    e.role = is_pin ? PINS : e.part == NO_PART ? CANDIDATE : STANDS;
    if (e.role == CANDIDATE && q->split && !w->o->from.count)
        return ZOO_OK;
    rc = number_text(w, q, &e.number, err);
    if (!rc && w->o->by && !is_pin)
        rc = find_group(w, q->key, &e.group, err);
    if (!rc && zoo_array_grow(&w->entries, &w->capacity, w->count + 1, sizeof e, SIZE_MAX / sizeof e))
        rc = zoo_fail_nomem(err);
    if (rc)
        return rc;
    w->entries[w->count++] = e;
    w->out->candidates += e.role == CANDIDATE;
    w->standing += e.role == STANDS;
    return ZOO_OK;
}

static int scan(struct work *w, const zoo_selection *selection, int is_pin, zoo_err *err)
{
    zoo_store_query queries[PAGE];
    zoo_key after = 0;
    size_t count;
    int rc;

    do {
        rc = zoo_store_queries(w->store, selection, after, PAGE, queries, &count, &w->page, err);
        for (size_t i = 0; !rc && i < count; i++)
            rc = add(w, &queries[i], is_pin, err);
        if (count)
            after = queries[count - 1].key;
        w->seen += count;
        zoo_progress_set(w->o->progress, w->seen);
        zoo_arena_release(&w->page);
    } while (!rc && count == PAGE);
    return rc;
}

/* The splits o->from and the parts; without o->from every query is looked at. */
static int read_all(struct work *w, zoo_err *err)
{
    const zoo_split_options *o = w->o;
    const zoo_store_filter filter = { .where = o->where };
    zoo_selection selection = { 0 };
    int rc = ZOO_OK;

    w->splits = malloc((o->part_count + o->from.count) * sizeof *w->splits);
    if (!w->splits)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < o->part_count; i++)
        w->splits[i] = o->parts[i].name;
    for (size_t i = 0; i < o->from.count; i++)
        w->splits[o->part_count + i] = o->from.items[i];
    rc = zoo_store_select(w->store, &filter, &selection, err);
    if (o->from.count)
        selection.splits = (zoo_texts){ w->splits, o->part_count + o->from.count };
    if (!rc)
        rc = scan(w, &selection, 0, err);
    zoo_selection_release(&selection);
    selection.splits = (zoo_texts){ w->splits, o->part_count };
    return rc || !o->where.count ? rc : scan(w, &selection, 1, err);
}

static int check_found(struct work *w, zoo_err *err)
{
    const zoo_split_options *o = w->o;
    const char *tagged = o->where.count ? " with these tags" : "";
    char names[ZOO_STORE_NAMES_SIZE];

    if (o->by && (w->out->candidates || w->standing) && !w->tags.count)
        return zoo_fail(err, ZOO_EUSAGE, "none of these queries has a tag of the kind '%.128s'; %s", o->by,
                        zoo_store_say_names(w->store, ZOO_LIST_KINDS, names));
    if (w->out->candidates || w->standing)
        return ZOO_OK;
    if (o->from.count)
        return zoo_fail(err, ZOO_EUSAGE, "%s: no query%s is in the split '%.128s'%s; %s", zoo_store_name(w->store),
                        tagged, o->from.items[0], o->from.count > 1 ? " or the others" : "",
                        zoo_store_say_names(w->store, ZOO_LIST_SPLITS, names));
    return zoo_fail(err, ZOO_EUSAGE, "%s: there is no query without a split%s; --split names the splits to divide; %s",
                    zoo_store_name(w->store), tagged, zoo_store_say_names(w->store, ZOO_LIST_SPLITS, names));
}

/* ---- dealing ---- */

static int by_number(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->key > y->key) - (x->key < y->key);
}

/* One text: entries[begin..end). */
struct text { size_t begin, end; uint32_t group; uint16_t part; int is_torn, counts; };

static struct text read_text(const struct work *w, size_t begin)
{
    struct text t = { .begin = begin, .end = begin, .part = NO_PART };

    for (; t.end < w->count && w->entries[t.end].number == w->entries[begin].number; t.end++) {
        const struct entry *e = &w->entries[t.end];
        if (e->role != PINS && !t.counts) {
            t.counts = 1;
            t.group = e->group;
        }
        t.is_torn |= e->part != NO_PART && t.part != NO_PART && e->part != t.part;
        t.part = e->part < t.part ? e->part : t.part;
    }
    return t;
}

static int count_texts(struct work *w, zoo_err *err)
{
    zoo_split_result *out = w->out;

    w->texts = calloc(out->groups * out->columns, sizeof *w->texts);
    w->dealt = calloc(out->groups, sizeof *w->dealt);
    if (!w->texts || !w->dealt)
        return zoo_fail_nomem(err);
    for (struct text t = { 0 }; t.end < w->count;) {
        t = read_text(w, t.end);
        if (t.counts)
            w->texts[t.group * out->columns + (t.part == NO_PART ? out->columns - 1 : t.part)]++;
        out->torn += (uint64_t)t.is_torn;
    }
    return ZOO_OK;
}

/* From 0 to nearly 1: rounds the shares of a group, up or down. */
static double chance(const struct work *w, size_t group)
{
    const struct zoo_name *tag = group ? &w->tags.items[group - 1] : NULL;
    uint64_t seed = zoo_mix64(w->o->seed), number = tag ? zoo_hash64(tag->text, tag->size, seed) : zoo_mix64(seed);

    return (double)(number >> 11) * 0x1p-53 * 0.999999;
}

/* Turns the counts of a group into what each part takes of the texts to deal, summed up. */
static void cut_group(struct work *w, size_t group)
{
    size_t parts = w->o->part_count;
    uint64_t *texts = w->texts + group * (parts + 1), all = 0, before = 0, lacking = 0, free_texts = texts[parts];
    double shares = 0, rounding = chance(w, group) + 1e-7;

    for (size_t i = 0; i <= parts; i++)
        all += texts[i];
    for (size_t i = 0; i < parts; i++) {
        shares += w->o->parts[i].share;
        uint64_t end = (uint64_t)floor(shares * (double)all + rounding), target = (end < all ? end : all) - before;
        before += target;
        lacking += target > texts[i] ? target - texts[i] : 0;
        texts[i] = lacking;
    }
    /* a part has too much: the others share what there is */
    for (size_t i = 0; i < parts && lacking > free_texts; i++)
        texts[i] = (uint64_t)((double)texts[i] / (double)lacking * (double)free_texts + 0.5);
}

static uint16_t place_by_number(const struct work *w, uint64_t number)
{
    double place = (double)(number >> 11) * 0x1p-53, shares = 0;

    for (size_t i = 0; i < w->o->part_count; i++) {
        shares += w->o->parts[i].share;
        if (place < shares + 1e-9)
            return (uint16_t)i;
    }
    return NO_PART;
}

static uint16_t place_in_group(struct work *w, uint32_t group)
{
    uint64_t rank = w->dealt[group]++;

    for (size_t i = 0; i < w->o->part_count; i++)
        if (rank < w->texts[group * w->out->columns + i])
            return (uint16_t)i;
    return NO_PART;
}

static void deal(struct work *w)
{
    for (size_t group = 0; w->o->by && group < w->out->groups; group++)
        cut_group(w, group);
    for (struct text t = { 0 }; t.end < w->count;) {
        t = read_text(w, t.end);
        int stood = t.part != NO_PART;
        if (!stood && t.counts)
            t.part = w->o->by ? place_in_group(w, t.group) : place_by_number(w, w->entries[t.begin].number);
        for (size_t i = t.begin; i < t.end; i++)
            if (w->entries[i].role == CANDIDATE) {
                w->entries[i].part = t.part;
                w->out->joined += (uint64_t)stood;
            }
    }
}

/* ---- writing ---- */

static int alloc_result(struct work *w, zoo_err *err)
{
    zoo_split_result *out = w->out;

    out->groups = w->tags.count + 1;
    out->columns = w->o->part_count + 1;
    out->names = zoo_arena_alloc(&out->arena, out->groups * sizeof *out->names);
    out->queries = zoo_arena_alloc(&out->arena, out->groups * out->columns * sizeof *out->queries);
    out->moved = zoo_arena_alloc(&out->arena, w->o->part_count * sizeof *out->moved);
    if (!out->names || !out->queries || !out->moved)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < w->tags.count; i++)
        if (!(out->names[i + 1] = zoo_arena_copy(&out->arena, w->tags.items[i].text, w->tags.items[i].size)))
            return zoo_fail_nomem(err);
    return ZOO_OK;
}

/* In the order in which the queries lie in the store. */
static int apply(struct work *w, zoo_err *err)
{
    zoo_split_result *out = w->out;
    int rc = ZOO_OK;

    if (w->count)
        qsort(w->entries, w->count, sizeof *w->entries, by_key);
    for (size_t i = 0; !rc && i < w->count; i++) {
        const struct entry *e = &w->entries[i];
        if (e->role == PINS)
            continue;
        out->queries[e->group * out->columns + (e->part == NO_PART ? out->columns - 1 : e->part)]++;
        if (e->role != CANDIDATE || e->part == NO_PART)
            continue;
        out->moved[e->part]++;
        if (!w->o->dry_run)
            rc = zoo_store_set_split(w->store, e->key, w->o->parts[e->part].name, err);
    }
    return rc;
}

static int divide(struct work *w, zoo_err *err)
{
    int rc = read_all(w, err);

    if (rc || (rc = check_found(w, err)) || (rc = alloc_result(w, err)))
        return rc;
    if (w->count)
        qsort(w->entries, w->count, sizeof *w->entries, by_number);
    if ((rc = count_texts(w, err)))
        return rc;
    deal(w);
    return apply(w, err);
}

int zoo_split(zoo_store *store, const zoo_split_options *o, zoo_split_result *result, zoo_err *err)
{
    struct work w = { .store = store, .o = o, .out = result, .plain = ZOO_BUF_INIT((size_t)1 << 30),
                      .tags = { .limit = ZOO_SPLIT_TAGS_MAX } };
    int rc = check_options(o, err);

    memset(result, 0, sizeof *result);
    if (!rc)
        rc = divide(&w, err);
    free(w.entries);
    free(w.texts);
    free(w.dealt);
    free(w.splits);
    zoo_names_clear(&w.tags);
    zoo_buf_release(&w.plain);
    zoo_arena_release(&w.page);
    if (rc)
        zoo_split_release(result);
    return rc;
}

void zoo_split_release(zoo_split_result *result)
{
    zoo_arena_release(&result->arena);
    memset(result, 0, sizeof *result);
}
