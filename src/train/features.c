/* features.c - the n-grams of every query, extracted once and kept for all epochs and folds as far as memory allows;
 * see features.h. */
#include "train/features.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256, BYTES_PER_TEXT_BYTE = 16 };     /* rows of a block; a guess at what the n-grams of a text take */

struct block { uint32_t *rows; float *weights; size_t ends[BLOCK]; };      /* ends[i]: one past the n-grams of row i */

struct zoo_features {
    const zoo_dataset *data;
    zoo_ngrams spec;
    size_t kept;                     /* blocks */
    struct block *blocks;
    size_t longest;                  /* n-grams of any row, at most */
};

struct extraction { zoo_features *features; zoo_features_scratch *scratch; zoo_err *errors; };

static size_t text_size(const zoo_features *f, size_t row)
{
    size_t size = f->data->query_sizes[row];

    return size < f->spec.text_limit ? size : f->spec.text_limit;
}

/* Blocks from the first on whose n-grams fit into `memory`. */
static size_t blocks_that_fit(const zoo_features *f, size_t memory)
{
    size_t n = f->data->n, used = 0;

    for (size_t i = 0; i < n; i++) {
        used += BYTES_PER_TEXT_BYTE * text_size(f, i);
        if (used > memory)
            return i / BLOCK;
    }
    return (n + BLOCK - 1) / BLOCK;
}

static int alloc_scratch(zoo_features_scratch *s, const zoo_features *f, size_t capacity, zoo_err *err)
{
    *s = (zoo_features_scratch){ .capacity = capacity };
    s->rows = malloc(capacity * sizeof *s->rows);
    s->weights = malloc(capacity * sizeof *s->weights);
    if (!s->rows || !s->weights)
        return zoo_fail_nomem(err);
    return zoo_words_init(&s->words, f->spec.text_limit, err);
}

/* The n-grams of one block: into scratch text by text, then kept in exactly their size. */
static int extract_block(zoo_features *f, size_t number, zoo_features_scratch *s, zoo_err *err)
{
    struct block *b = &f->blocks[number];
    size_t first = number * BLOCK, end = first + BLOCK < f->data->n ? first + BLOCK : f->data->n, used = 0,
                   capacity = 0;

    for (size_t i = first; i < end; i++) {
        size_t count = zoo_ngrams_extract(&f->spec, &s->words, f->data->queries[i], f->data->query_sizes[i], s->rows,
                                          s->weights);
        if (used + count > capacity) {
            capacity = 2 * (used + count);
            uint32_t *rows = realloc(b->rows, capacity * sizeof *rows);
            b->rows = rows ? rows : b->rows;
            float *weights = realloc(b->weights, capacity * sizeof *weights);
            b->weights = weights ? weights : b->weights;
            if (!rows || !weights)
                return zoo_fail_nomem(err);
        }
        if (count) {
            memcpy(b->rows + used, s->rows, count * sizeof *s->rows);
            memcpy(b->weights + used, s->weights, count * sizeof *s->weights);
        }
        b->ends[i - first] = used += count;
    }
    if (used) {
        uint32_t *rows = realloc(b->rows, used * sizeof *rows);
        float *weights = realloc(b->weights, used * sizeof *weights);
        b->rows = rows ? rows : b->rows;
        b->weights = weights ? weights : b->weights;
    }
    return ZOO_OK;
}

static void extract_task(void *context, size_t task, unsigned thread)
{
    struct extraction *x = context;

    if (!x->errors[thread].code)
        extract_block(x->features, task, &x->scratch[thread], &x->errors[thread]);
}

static int extract(zoo_features *f, zoo_parallel *parallel, zoo_err *err)
{
    unsigned threads = zoo_parallel_threads(parallel);
    struct extraction x = { f, calloc(threads, sizeof *x.scratch), calloc(threads, sizeof *x.errors) };
    int rc = x.scratch && x.errors ? ZOO_OK : zoo_fail_nomem(err);

    for (unsigned i = 0; !rc && i < threads; i++)
        rc = alloc_scratch(&x.scratch[i], f, zoo_ngrams_max(&f->spec), err);
    if (!rc)
        zoo_parallel_run(parallel, f->kept, extract_task, &x);
    for (unsigned i = 0; !rc && i < threads; i++)
        if (x.errors[i].code) {
            rc = x.errors[i].code;
            *err = x.errors[i];
        }
    for (unsigned i = 0; x.scratch && i < threads; i++)
        zoo_features_scratch_release(&x.scratch[i]);
    free(x.scratch);
    free(x.errors);
    return rc;
}

static zoo_bag kept_bag(const zoo_features *f, size_t row)
{
    const struct block *b = &f->blocks[row / BLOCK];
    size_t at = row % BLOCK, start = at ? b->ends[at - 1] : 0;

    return (zoo_bag){ b->rows + start, b->weights + start, b->ends[at] - start };
}

int zoo_features_new(zoo_features **out, const zoo_dataset *data, const zoo_ngrams *spec, size_t memory,
                     zoo_parallel *parallel, zoo_err *err)
{
    zoo_features *f = calloc(1, sizeof *f);
    zoo_err unused;
    int rc;

    *out = NULL;
    if (!f)
        return zoo_fail_nomem(err);
    f->data = data;
    f->spec = *spec;
    f->kept = blocks_that_fit(f, memory);
    f->blocks = calloc(f->kept + 1, sizeof *f->blocks);
    rc = f->blocks ? extract(f, parallel, err ? err : &unused) : zoo_fail_nomem(err);
    if (rc) {
        zoo_features_free(f);
        return rc;
    }
    f->longest = f->kept * BLOCK < data->n ? zoo_ngrams_max(spec) : 0;
    for (size_t i = 0; i < data->n && i < f->kept * BLOCK; i++) {
        size_t count = kept_bag(f, i).count;
        f->longest = count > f->longest ? count : f->longest;
    }
    *out = f;
    return ZOO_OK;
}

void zoo_features_free(zoo_features *features)
{
    if (!features)
        return;
    for (size_t i = 0; features->blocks && i < features->kept; i++) {
        free(features->blocks[i].rows);
        free(features->blocks[i].weights);
    }
    free(features->blocks);
    free(features);
}

int zoo_features_scratch_init(zoo_features_scratch *scratch, const zoo_features *features, size_t batch, zoo_err *err)
{
    *scratch = (zoo_features_scratch){ 0 };
    if (features->kept * BLOCK >= features->data->n)
        return ZOO_OK;
    return alloc_scratch(scratch, features, batch * zoo_ngrams_max(&features->spec), err);
}

void zoo_features_scratch_release(zoo_features_scratch *scratch)
{
    zoo_words_release(&scratch->words);
    free(scratch->rows);
    free(scratch->weights);
    *scratch = (zoo_features_scratch){ 0 };
}

void zoo_features_begin(zoo_features_scratch *scratch)
{
    scratch->used = 0;
}

zoo_bag zoo_features_bag(const zoo_features *features, size_t row, zoo_features_scratch *scratch)
{
    const zoo_dataset *data = features->data;
    zoo_bag bag;

    if (row < features->kept * BLOCK)
        return kept_bag(features, row);
    bag.rows = scratch->rows + scratch->used;
    bag.weights = scratch->weights + scratch->used;
    bag.count = zoo_ngrams_extract(&features->spec, &scratch->words, data->queries[row], data->query_sizes[row],
                                   scratch->rows + scratch->used, scratch->weights + scratch->used);
    scratch->used += bag.count;
    return bag;
}

size_t zoo_features_longest(const zoo_features *features)
{
    return features->longest;
}
