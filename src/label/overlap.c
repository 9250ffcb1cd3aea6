/* overlap.c - does a query share n words in a row with any sample of a benchmark? Such a query would teach the test;
 * see overlap.h. */
#include "label/overlap.h"
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/rng.h"
#include "label/plain.h"

#define TEXT_MAX ((size_t)1 << 30)          /* bytes of all samples */
#define RUNS_MAX ((size_t)1 << 26)
#define LINE_MAX_BYTES ((size_t)64 << 20)
enum { SLOTS_FIRST = 1 << 12 };
static const uint64_t BASE = UINT64_C(0x9fb21c651e98df25);       /* of the rolling hash; odd */

/* Runs point into `text`, where words are parted by ' ' and every sample is followed by '\n'. */
struct slot { uint64_t hash; size_t begin; };                    /* begin 0: free (text[0] is no word) */
struct sample { size_t begin, line; const char *file; };

struct zoo_overlap {
    size_t n;
    uint64_t drop;                          /* BASE^n: what the oldest word of a run weighs when the next one comes */
    zoo_buf text;                           /* '\n', then the samples */
    zoo_buf query;                          /* the words of the text that is looked for */
    zoo_buf shown;                          /* words of the last hit */
    struct slot *slots;                     /* (slot_count), a power of two, at most 3/4 full */
    size_t slot_count, run_count;
    struct sample *samples;                 /* by begin, ascending */
    size_t sample_count, sample_capacity;
};

int zoo_overlap_new(zoo_overlap **out, size_t n, zoo_err *err)
{
    zoo_overlap *o;

    *out = NULL;
    if (n < 1 || n > ZOO_OVERLAP_WORDS_MAX)
        return zoo_fail(err, ZOO_EUSAGE, "runs of %zu words: should be 1 to %d", n, ZOO_OVERLAP_WORDS_MAX);
    o = calloc(1, sizeof *o);
    if (!o)
        return zoo_fail_nomem(err);
    o->n = n;
    o->drop = 1;
    for (size_t i = 0; i < n; i++)
        o->drop *= BASE;
    o->text.max = TEXT_MAX;
    o->query.max = TEXT_MAX;
    o->shown.max = TEXT_MAX;
    o->slot_count = SLOTS_FIRST;
    o->slots = calloc(o->slot_count, sizeof *o->slots);
    if (!o->slots || zoo_buf_add(&o->text, "\n", 1)) {
        zoo_overlap_free(o);
        return zoo_fail_nomem(err);
    }
    *out = o;
    return ZOO_OK;
}

void zoo_overlap_free(zoo_overlap *o)
{
    if (!o)
        return;
    zoo_buf_release(&o->text);
    zoo_buf_release(&o->query);
    zoo_buf_release(&o->shown);
    free(o->slots);
    free(o->samples);
    free(o);
}

size_t zoo_overlap_samples(const zoo_overlap *o) { return o->sample_count; }
size_t zoo_overlap_runs(const zoo_overlap *o) { return o->run_count; }

/* ---- the table of runs ---- */

/* Whether the run of `size` bytes at `run` is the one that begins at text[begin]: both end where a word ends, and a run
 * that is a whole short sample equals only whole samples. */
static int is_same(const zoo_overlap *o, size_t begin, const char *run, size_t size, int is_whole)
{
    const char *there = o->text.data + begin;

    if (begin + size > o->text.size || memcmp(there, run, size) != 0 || (there[size] != ' ' && there[size] != '\n'))
        return 0;
    return !is_whole || (there[-1] == '\n' && there[size] == '\n');
}

/* The slot of a run, or the free one where it would go. */
static struct slot *find_slot(const zoo_overlap *o, uint64_t hash, const char *run, size_t size, int is_whole)
{
    size_t mask = o->slot_count - 1, at = zoo_mix64(hash) & mask;

    while (o->slots[at].begin && !(o->slots[at].hash == hash && is_same(o, o->slots[at].begin, run, size, is_whole)))
        at = (at + 1) & mask;
    return &o->slots[at];
}

static int grow(zoo_overlap *o, zoo_err *err)
{
    size_t count = o->slot_count * 2;
    struct slot *slots = calloc(count, sizeof *slots);

    if (!slots)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < o->slot_count; i++) {
        if (!o->slots[i].begin)
            continue;
        size_t at = zoo_mix64(o->slots[i].hash) & (count - 1);
        while (slots[at].begin)
            at = (at + 1) & (count - 1);
        slots[at] = o->slots[i];
    }
    free(o->slots);
    o->slots = slots;
    o->slot_count = count;
    return ZOO_OK;
}

static int insert(zoo_overlap *o, uint64_t hash, size_t begin, size_t size, int is_whole, zoo_err *err)
{
    struct slot *slot = find_slot(o, hash, o->text.data + begin, size, is_whole);

    if (slot->begin)
        return ZOO_OK;
    if (o->run_count == RUNS_MAX)
        return zoo_fail(err, ZOO_EUSAGE,
                        "the benchmarks have over %zu distinct runs of %zu words; select against a part of them at "
                        "a time", RUNS_MAX, o->n);
    *slot = (struct slot){ hash, begin };
    o->run_count++;
    return o->run_count > o->slot_count / 4 * 3 ? grow(o, err) : ZOO_OK;
}

/* ---- runs of a text ---- */

/* Walks over the words of plain text; gives every run of n words, then, where there was none, the whole. */
enum { RING = 128 };                      /* a power of two above ZOO_OVERLAP_WORDS_MAX */

struct walk {
    const char *s, *end;                    /* what is left; *end is no word */
    size_t n, at;                           /* words of a run; words seen */
    uint64_t drop, hash;
    int done;
    const char *starts[RING];               /* of word i at i % RING */
    uint64_t hashes[RING];
};

typedef struct run { const char *begin; size_t size; uint64_t hash; int is_whole; } run;

static void walk_begin(struct walk *w, const zoo_overlap *o, const char *s, size_t size)
{
    w->s = s;
    w->end = s + size;
    w->n = o->n;
    w->at = 0;
    w->drop = o->drop;
    w->hash = 0;
    w->done = 0;
}

static int walk_next(struct walk *w, run *out)
{
    while (w->s < w->end) {
        const char *stop = memchr(w->s, ' ', (size_t)(w->end - w->s));
        size_t size = (size_t)((stop ? stop : w->end) - w->s), at = w->at % RING;
        w->starts[at] = w->s;
        w->hashes[at] = zoo_hash64(w->s, size, 0);
        w->hash = w->hash * BASE + w->hashes[at];
        if (w->at >= w->n)
            w->hash -= w->drop * w->hashes[(w->at - w->n) % RING];
        w->at++;
        w->s += size + 1;
        if (w->at >= w->n) {
            const char *begin = w->starts[(w->at - w->n) % RING];
            *out = (run){ begin, (size_t)(w->s - 1 - begin), w->hash, 0 };
            return 1;
        }
    }
    if (w->done || !w->at || w->at >= w->n)
        return 0;
    w->done = 1;
    *out = (run){ w->starts[0], (size_t)(w->end - w->starts[0]), w->hash, 1 };
    return 1;
}

/* ---- samples ---- */

static int note_sample(zoo_overlap *o, size_t begin, const char *file, size_t line, zoo_err *err)
{
    if (o->sample_count == o->sample_capacity) {
        size_t capacity = o->sample_capacity ? o->sample_capacity * 2 : 256;
        struct sample *samples = realloc(o->samples, capacity * sizeof *samples);
        if (!samples)
            return zoo_fail_nomem(err);
        o->samples = samples;
        o->sample_capacity = capacity;
    }
    o->samples[o->sample_count++] = (struct sample){ begin, line, file };
    return ZOO_OK;
}

int zoo_overlap_add(zoo_overlap *o, const char *text, size_t size, const char *file, size_t line, zoo_err *err)
{
    size_t begin = o->text.size;
    struct walk walk;
    run r;
    int rc;

    if (zoo_plain_words(&o->text, text, size) || zoo_buf_add(&o->text, "\n", 1))
        return zoo_fail(err, ZOO_ENOMEM, "%s:%zu: no memory for more benchmark text (at most %zu MiB)", file, line,
                        TEXT_MAX >> 20);
    if (o->text.size == begin + 1) {                     /* no word */
        o->text.size = begin;
        return ZOO_OK;
    }
    rc = note_sample(o, begin, file, line, err);
    walk_begin(&walk, o, o->text.data + begin, o->text.size - begin - 1);
    while (!rc && walk_next(&walk, &r))
        rc = insert(o, r.hash, (size_t)(r.begin - o->text.data), r.size, r.is_whole, err);
    return rc;
}

static int add_json(zoo_overlap *o, const char *text, size_t size, const char *file, size_t line, zoo_err *err)
{
    char place[512];
    json_t *row;
    const char *query;
    int rc = ZOO_EFORMAT;

    snprintf(place, sizeof place, "%.480s:%zu", file, line);
    row = zoo_json_parse(text, size, place, err);
    if (!row)
        return err ? err->code : ZOO_EFORMAT;
    query = zoo_json_str(row, "query", place, err);
    if (query)
        rc = zoo_overlap_add(o, query, strlen(query), file, line, err);
    const json_t *turns = json_object_get(row, "turns");
    for (size_t i = 0; !rc && i < json_array_size(turns); i++) {
        const json_t *turn = json_array_get(turns, i);
        if (json_is_string(turn))
            rc = zoo_overlap_add(o, json_string_value(turn), json_string_length(turn), file, line, err);
    }
    json_decref(row);
    return rc;
}

int zoo_overlap_add_file(zoo_overlap *o, const char *path, zoo_err *err)
{
    size_t before = o->sample_count, size, start;
    int rc, is_json = -1;
    char *line;
    zoo_lines in;

    rc = zoo_lines_open(&in, path, LINE_MAX_BYTES, err);
    if (rc)
        return rc;
    while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
        if (in.number == 1 && size >= 3 && !memcmp(line, "\xef\xbb\xbf", 3))       /* a byte order mark */
            memset(line, ' ', 3);
        start = strspn(line, " \t");
        if (start >= size)
            continue;
        if (is_json < 0)
            is_json = line[start] == '{';
        rc = is_json ? add_json(o, line, size, path, in.number, err) :
             zoo_overlap_add(o, line, size, path, in.number, err);
        if (rc)
            break;
    }
    zoo_lines_close(&in);
    if (!rc && o->sample_count == before)
        rc = zoo_fail(err, ZOO_EFORMAT,
                      "%s: holds no sample; expected a JSON object with 'query', or a text, on each line", path);
    return rc;
}

/* ---- looking for a query ---- */

static const struct sample *sample_at(const zoo_overlap *o, size_t begin)
{
    size_t low = 0, high = o->sample_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (o->samples[middle].begin <= begin)
            low = middle;
        else
            high = middle;
    }
    return &o->samples[low];
}

/* Runs on their way to be looked up: the table is larger than any cache, so each slot is asked for some runs ahead. */
enum { AHEAD = 8 };
struct queue { run runs[AHEAD]; size_t first, count; };

static int next_run(const zoo_overlap *o, struct walk *walk, struct queue *q, run *out)
{
    run r;

    while (q->count < AHEAD && walk_next(walk, &r)) {
        __builtin_prefetch(&o->slots[zoo_mix64(r.hash) & (o->slot_count - 1)]);
        q->runs[(q->first + q->count++) % AHEAD] = r;
    }
    if (!q->count)
        return 0;
    *out = q->runs[q->first++ % AHEAD];
    q->count--;
    return 1;
}

int zoo_overlap_find(zoo_overlap *o, const char *text, size_t size, zoo_overlap_hit *hit, zoo_err *err)
{
    struct walk walk;
    struct queue queue = { .count = 0 };
    run r;

    zoo_buf_clear(&o->query);
    zoo_buf_clear(&o->shown);
    if (zoo_plain_words(&o->query, text, size))
        return zoo_fail_nomem(err);
    walk_begin(&walk, o, o->query.data ? o->query.data : "", o->query.size);
    while (next_run(o, &walk, &queue, &r)) {
        const struct slot *slot = find_slot(o, r.hash, r.begin, r.size, r.is_whole);
        if (!slot->begin)
            continue;
        if (zoo_buf_add(&o->shown, r.begin, r.size))
            return zoo_fail_nomem(err);
        const struct sample *sample = sample_at(o, slot->begin);
        *hit = (zoo_overlap_hit){ o->shown.data, sample->file, sample->line };
        return 1;
    }
    return 0;
}
