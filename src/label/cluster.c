/* cluster.c - tags for queries that have none: groups of queries with similar words; see cluster.h. */
#include "label/cluster.h"
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "label/kmeans.h"
#include "label/vocabulary.h"
#include "text/ngrams.h"

enum { PAGE = 1024, TASK = 32, SAMPLE = 50000, COLUMNS_MAX = 1 << 16, CENTRES_MAX = 1 << 25, ROUNDS = 30,
       K_LEAST = 2, K_MOST = 1000, QUERIES_PER_CLUSTER = 100 };

/* Memory of one thread that makes vectors. */
struct scribe { zoo_words words; uint32_t *columns; float *values, *scores; };

struct work {
    zoo_store *store;
    const zoo_cluster_options *o;
    zoo_clustering *out;
    zoo_parallel *threads;
    struct scribe *scribes;             /* (threads) */
    uint64_t sample_below;              /* a query whose hash is below is in the sample */
    zoo_vocabulary *vocabulary;
    size_t *offsets;                    /* (rows + 1) vectors of the sample, as in zoo_sparse */
    uint32_t *columns;
    float *values;
    size_t rows, rows_capacity, places_capacity;
    float *centres;                     /* (d,k) */
    size_t assigned;
    const zoo_store_query *page;        /* of assign_task() */
    size_t page_count;
    zoo_arena arena;                    /* of a page */
};

typedef int (*page_fn)(struct work *w, const zoo_store_query *queries, size_t count, zoo_err *err);

/* Gives every query of the split to fn, in pages. */
static int each_page(struct work *w, page_fn fn, const char *label, zoo_err *err)
{
    zoo_store_query *queries = malloc(PAGE * sizeof *queries);
    zoo_key after = 0;
    size_t count = 0;
    uint64_t seen = 0;
    zoo_progress progress;
    int rc = queries ? ZOO_OK : zoo_fail_nomem(err);

    zoo_progress_begin(&progress, w->o->progress, label, w->out->queries);
    while (!rc) {
        rc = zoo_store_queries(w->store, ZOO_IN_SPLIT(w->o->split), after, PAGE, queries, &count, &w->arena, err);
        if (!rc)
            rc = fn(w, queries, count, err);
        seen += count;
        zoo_progress_set(&progress, seen);
        if (count < PAGE)
            break;
        after = queries[count - 1].key;
        zoo_arena_release(&w->arena);
    }
    zoo_arena_release(&w->arena);
    if (!rc)
        zoo_progress_end(&progress);
    free(queries);
    return rc;
}

static int is_sampled(const struct work *w, const zoo_store_query *q)
{
    return zoo_mix64(w->o->seed ^ zoo_hash64(q->id, strlen(q->id), 0)) <= w->sample_below;
}

/* ---- the sample as vectors ---- */

static int count_words(struct work *w, const zoo_store_query *queries, size_t count, zoo_err *err)
{
    zoo_words *words = &w->scribes[0].words;
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < count; i++) {
        if (!is_sampled(w, &queries[i]))
            continue;
        zoo_words_scan(words, queries[i].text, queries[i].text_size);
        rc = zoo_vocabulary_count(w->vocabulary, words, err);
    }
    return rc;
}

static int reserve(struct work *w, size_t places, zoo_err *err)
{
    if (w->rows + 2 > w->rows_capacity) {
        size_t capacity = w->rows_capacity ? 2 * w->rows_capacity : 1024;
        size_t *offsets = realloc(w->offsets, capacity * sizeof *offsets);
        if (!offsets)
            return zoo_fail_nomem(err);
        if (!w->offsets)
            offsets[0] = 0;
        w->offsets = offsets;
        w->rows_capacity = capacity;
    }
    if (w->offsets[w->rows] + places > w->places_capacity) {
        size_t capacity = 2 * (w->offsets[w->rows] + places);
        uint32_t *columns = realloc(w->columns, capacity * sizeof *columns);
        if (columns)
            w->columns = columns;
        float *values = realloc(w->values, capacity * sizeof *values);
        if (values)
            w->values = values;
        if (!columns || !values)
            return zoo_fail_nomem(err);
        w->places_capacity = capacity;
    }
    return ZOO_OK;
}

static int write_vectors(struct work *w, const zoo_store_query *queries, size_t count, zoo_err *err)
{
    struct scribe *s = &w->scribes[0];
    int rc = ZOO_OK;

    for (size_t i = 0; !rc && i < count; i++) {
        if (!is_sampled(w, &queries[i]))
            continue;
        zoo_words_scan(&s->words, queries[i].text, queries[i].text_size);
        size_t places = zoo_vocabulary_vector(w->vocabulary, &s->words, s->columns, s->values);
        if (!places)
            continue;
        rc = reserve(w, places, err);
        if (rc)
            break;
        size_t begin = w->offsets[w->rows];
        memcpy(w->columns + begin, s->columns, places * sizeof *s->columns);
        memcpy(w->values + begin, s->values, places * sizeof *s->values);
        w->offsets[++w->rows] = begin + places;
    }
    return rc;
}

/* ---- groups ---- */

static int group_sample(struct work *w, zoo_err *err)
{
    zoo_sparse x = { w->rows, zoo_vocabulary_size(w->vocabulary), w->offsets, w->columns, w->values };
    uint32_t *groups = malloc((w->rows + 1) * sizeof *groups);
    zoo_progress progress;
    zoo_kmeans_options o = { w->out->k, ROUNDS, w->o->seed, w->threads, &progress };
    int rc;

    w->centres = malloc((x.d * o.k + 1) * sizeof *w->centres);
    zoo_progress_begin(&progress, w->o->progress, "cluster", ROUNDS);
    rc = groups && w->centres ? zoo_kmeans(&x, &o, w->centres, groups, &w->out->similarity, err) : zoo_fail_nomem(err);
    if (!rc)
        zoo_progress_end(&progress);
    free(groups);
    return rc;
}

static void assign_task(void *context, size_t task, unsigned thread)
{
    struct work *w = context;
    struct scribe *s = &w->scribes[thread];
    size_t end = (task + 1) * TASK < w->page_count ? (task + 1) * TASK : w->page_count;

    for (size_t i = task * TASK; i < end; i++) {
        zoo_words_scan(&s->words, w->page[i].text, w->page[i].text_size);
        size_t places = zoo_vocabulary_vector(w->vocabulary, &s->words, s->columns, s->values);
        w->out->keys[w->assigned + i] = w->page[i].key;
        w->out->groups[w->assigned + i] = !places ? ZOO_CLUSTER_NONE :
            zoo_kmeans_nearest(w->centres, w->out->k, s->columns, s->values, places, s->scores);
    }
}

static int fail_changed(zoo_err *err)
{
    return zoo_fail(err, ZOO_ECONFLICT, "the store changed while it was read; try again");
}

static int assign_page(struct work *w, const zoo_store_query *queries, size_t count, zoo_err *err)
{
    if (w->assigned + count > w->out->queries)
        return fail_changed(err);
    w->page = queries;
    w->page_count = count;
    zoo_parallel_run(w->threads, (count + TASK - 1) / TASK, assign_task, w);
    w->assigned += count;
    return ZOO_OK;
}

/* ---- names and typical words ---- */

static int by_size(const void *a, const void *b)
{
    const zoo_cluster *x = a, *y = b;

    return x->queries != y->queries ? (x->queries < y->queries ? 1 : -1) :
           (x->number > y->number) - (x->number < y->number);
}

/* Keeps the words with the largest weights, the largest first. */
static void offer_word(zoo_cluster *cluster, double *weights, const char *word, double weight)
{
    size_t at = ZOO_CLUSTER_WORDS;

    while (at && (!cluster->words[at - 1] || weight > weights[at - 1])) {
        at--;
        if (at + 1 < ZOO_CLUSTER_WORDS) {
            cluster->words[at + 1] = cluster->words[at];
            weights[at + 1] = weights[at];
        }
    }
    if (at < ZOO_CLUSTER_WORDS) {
        cluster->words[at] = word;
        weights[at] = weight;
    }
}

/* Typical is what weighs more in a group than in the mean of all; common words say less. */
static int find_words(struct work *w, zoo_err *err)
{
    size_t k = w->out->k;
    double *weights = calloc(k, ZOO_CLUSTER_WORDS * sizeof *weights);

    if (!weights)
        return zoo_fail_nomem(err);
    for (size_t f = 0; f < zoo_vocabulary_size(w->vocabulary); f++) {
        const char *word = zoo_vocabulary_word(w->vocabulary, f);
        const float *row = w->centres + f * k;
        double mean = 0, idf = (double)zoo_vocabulary_idf(w->vocabulary, f);
        for (size_t c = 0; word && c < k; c++)
            mean += (double)row[c] / (double)k;
        for (size_t c = 0; word && c < k; c++)
            if ((double)row[c] > mean)
                offer_word(&w->out->clusters[c], weights + c * ZOO_CLUSTER_WORDS, word, idf * ((double)row[c] - mean));
    }
    free(weights);
    for (size_t c = 0; c < k; c++)
        for (size_t i = 0; i < ZOO_CLUSTER_WORDS && w->out->clusters[c].words[i]; i++) {
            const char *word = w->out->clusters[c].words[i];
            w->out->clusters[c].words[i] = zoo_arena_copy(&w->out->arena, word, strlen(word));
            if (!w->out->clusters[c].words[i])
                return zoo_fail_nomem(err);
        }
    return ZOO_OK;
}

/* Sorts the groups by size and renumbers w->out->groups. */
static int name_clusters(struct work *w, zoo_err *err)
{
    zoo_clustering *out = w->out;
    uint32_t *number = malloc(out->k * sizeof *number);

    if (!number)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < w->assigned; i++) {
        if (w->out->groups[i] == ZOO_CLUSTER_NONE)
            out->untagged++;
        else
            out->clusters[w->out->groups[i]].queries++;
    }
    for (size_t c = 0; c < out->k; c++)
        out->clusters[c].number = (uint32_t)c;
    qsort(out->clusters, out->k, sizeof *out->clusters, by_size);
    for (size_t c = 0; c < out->k; c++) {
        number[out->clusters[c].number] = (uint32_t)c;
        snprintf(out->clusters[c].name, sizeof out->clusters[c].name, "c%03zu", c + 1);
    }
    for (size_t i = 0; i < w->assigned; i++)
        if (w->out->groups[i] != ZOO_CLUSTER_NONE)
            w->out->groups[i] = number[w->out->groups[i]];
    free(number);
    while (out->k > 1 && !out->clusters[out->k - 1].queries)
        out->k--;
    return ZOO_OK;
}

int zoo_clustering_write(zoo_store *store, const zoo_clustering *c, const char *kind, FILE *to, zoo_err *err)
{
    zoo_progress progress;
    int rc = ZOO_OK;

    zoo_progress_begin(&progress, to, "tag", c->queries);
    for (size_t i = 0; !rc && i < c->queries; i++) {
        const char *name = c->groups[i] == ZOO_CLUSTER_NONE ? NULL : c->clusters[c->groups[i]].name;
        rc = zoo_store_set_tags(store, c->keys[i], kind, &name, name != NULL, err);
        zoo_progress_set(&progress, i + 1);
    }
    if (!rc)
        zoo_progress_end(&progress);
    return rc;
}

/* ---- all of it ---- */

static int init_scribes(struct work *w, zoo_err *err)
{
    unsigned threads = zoo_parallel_threads(w->threads);
    int rc = ZOO_OK;

    w->scribes = calloc(threads, sizeof *w->scribes);
    if (!w->scribes)
        return zoo_fail_nomem(err);
    for (unsigned i = 0; !rc && i < threads; i++) {
        struct scribe *s = &w->scribes[i];
        rc = zoo_words_init(&s->words, ZOO_TEXT_LIMIT, err);
        s->columns = malloc(2 * (size_t)ZOO_TEXT_LIMIT * sizeof *s->columns);
        s->values = malloc(2 * (size_t)ZOO_TEXT_LIMIT * sizeof *s->values);
        s->scores = malloc(w->out->k * sizeof *s->scores);
        if (!rc && (!s->columns || !s->values || !s->scores))
            rc = zoo_fail_nomem(err);
    }
    return rc;
}

static int fail_empty(const struct work *w, zoo_err *err)
{
    char names[ZOO_STORE_NAMES_SIZE];

    if (!w->o->split)
        return zoo_fail(err, ZOO_EUSAGE, "the store holds no query to tag");
    return zoo_fail(err, ZOO_EUSAGE, "no query is in the split '%.128s'; %s", w->o->split,
                    zoo_store_say_names(w->store, ZOO_LIST_SPLITS, names));
}

static int plan(struct work *w, zoo_err *err)
{
    zoo_clustering *out = w->out;
    uint64_t queries;
    int rc = zoo_store_count_queries(w->store, ZOO_IN_SPLIT(w->o->split), &queries, err);

    out->queries = (size_t)queries;
    if (!rc && !out->queries)
        rc = fail_empty(w, err);
    if (!rc && w->o->k > ZOO_CLUSTERS_MAX)
        rc = zoo_fail(err, ZOO_EUSAGE, "%zu groups are more than %d", w->o->k, ZOO_CLUSTERS_MAX);
    if (rc)
        return rc;
    out->k = w->o->k ? w->o->k : out->queries / QUERIES_PER_CLUSTER;
    if (!w->o->k)
        out->k = out->k < K_LEAST ? K_LEAST : out->k > K_MOST ? K_MOST : out->k;
    w->sample_below = out->queries <= SAMPLE ? UINT64_MAX : UINT64_MAX / out->queries * SAMPLE;
    out->clusters = zoo_arena_alloc(&out->arena, out->k * sizeof *out->clusters);
    w->out->keys = malloc(out->queries * sizeof *w->out->keys);
    w->out->groups = malloc(out->queries * sizeof *w->out->groups);
    if (!out->clusters || !w->out->keys || !w->out->groups)
        return zoo_fail_nomem(err);
    rc = zoo_parallel_new(&w->threads, w->o->threads, err);
    if (!rc)
        rc = init_scribes(w, err);
    return rc ? rc : zoo_vocabulary_new(&w->vocabulary, err);
}

static int learn(struct work *w, zoo_err *err)
{
    size_t most = CENTRES_MAX / w->out->k < COLUMNS_MAX ? CENTRES_MAX / w->out->k : COLUMNS_MAX;
    int rc = each_page(w, count_words, "words", err);

    if (!rc)
        rc = zoo_vocabulary_close(w->vocabulary, most, err);
    if (!rc)
        rc = each_page(w, write_vectors, "vectors", err);
    if (rc)
        return rc;
    w->out->sampled = w->rows;
    if (w->rows < w->out->k)
        return zoo_fail(err, ZOO_EUSAGE, "%zu groups are too many: only %zu quer%s share%s words with others",
                        w->out->k, w->rows, w->rows == 1 ? "y" : "ies", w->rows == 1 ? "s" : "");
    return group_sample(w, err);
}

static void release(struct work *w)
{
    for (unsigned i = 0; w->scribes && i < zoo_parallel_threads(w->threads); i++) {
        zoo_words_release(&w->scribes[i].words);
        free(w->scribes[i].columns);
        free(w->scribes[i].values);
        free(w->scribes[i].scores);
    }
    free(w->scribes);
    zoo_parallel_free(w->threads);
    zoo_vocabulary_free(w->vocabulary);
    free(w->offsets);
    free(w->columns);
    free(w->values);
    free(w->centres);
    zoo_arena_release(&w->arena);
}

int zoo_clustering_learn(zoo_store *store, const zoo_cluster_options *options, zoo_clustering *out, zoo_err *err)
{
    struct work w = { .store = store, .o = options, .out = out };
    int rc;

    memset(out, 0, sizeof *out);
    rc = plan(&w, err);
    if (!rc)
        rc = learn(&w, err);
    if (!rc)
        rc = each_page(&w, assign_page, "assign", err);
    if (!rc && w.assigned != out->queries)
        rc = fail_changed(err);
    if (!rc)
        rc = find_words(&w, err);
    if (!rc)
        rc = name_clusters(&w, err);
    release(&w);
    if (rc)
        zoo_clustering_release(out);
    return rc;
}

void zoo_clustering_release(zoo_clustering *clustering)
{
    free(clustering->keys);
    free(clustering->groups);
    zoo_arena_release(&clustering->arena);
    memset(clustering, 0, sizeof *clustering);
}
