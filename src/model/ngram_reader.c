/* ngram_reader.c - text to pooled embedding, fast: what routing does instead of listing n-grams and summing their
 * rows; see ngram_reader.h. */
#include "model/ngram_reader.h"
#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 512 << 10, SLOTS_MIN = 256 };      /* sums that fit a core's own cache */

int zoo_ngram_reader_init(zoo_ngram_reader *r, const zoo_ngram_net *net, const float *params, zoo_err *err)
{
    size_t limit = net->config.features.text_limit, row = net->config.dim * sizeof(float);

    memset(r, 0, sizeof *r);
    for (r->slots = SLOTS_MIN; 2 * r->slots * row <= KEPT_BYTES; r->slots *= 2)
        ;
    r->net = net;
    r->table = params + net->params[ZOO_NGRAM_EMBEDDING].offset;
    if (zoo_words_init(&r->words, limit, err))
        return ZOO_ENOMEM;
    r->runs = malloc(limit * 3 * sizeof *r->runs);
    r->hashes = calloc(r->slots, sizeof *r->hashes);
    r->counts = calloc(r->slots, sizeof *r->counts);
    r->sums = aligned_alloc(64, r->slots * row);
    if (r->runs && r->hashes && r->counts && r->sums)
        return ZOO_OK;
    zoo_ngram_reader_release(r);
    return zoo_fail_nomem(err);
}

void zoo_ngram_reader_release(zoo_ngram_reader *r)
{
    zoo_words_release(&r->words);
    free(r->runs);
    free(r->hashes);
    free(r->counts);
    free(r->sums);
    memset(r, 0, sizeof *r);
}

static void add(float *restrict to, const float *restrict from, size_t D)
{
#pragma omp simd
    for (size_t d = 0; d < D; d++)
        to[d] += from[d];
}

/* Puts word i into its slot. */
static void keep(zoo_ngram_reader *r, size_t i, size_t slot)
{
    uint32_t rows[ZOO_NGRAMS_WORD_MAX];
    size_t D = r->net->config.dim, n = zoo_ngrams_word(&r->net->config.features, &r->words, i, rows);
    float *sum = r->sums + slot*D;

    memset(sum, 0, D * sizeof *sum);
    for (size_t j = 0; j < n; j++)
        add(sum, r->table + rows[j]*D, D);
    r->hashes[slot] = r->words.items[i].hash;
    r->counts[slot] = (uint32_t)n;
}

/* Rows of the runs of 2..word_order words. Everything that add_all() will read is asked for here, well before. */
static size_t list_runs(zoo_ngram_reader *r)
{
    const zoo_ngrams *spec = &r->net->config.features;
    const zoo_word *words = r->words.items;
    size_t D = r->net->config.dim, n = 0;

    for (size_t i = 0; i < r->words.count; i++) {
        uint64_t run = words[i].hash;
        __builtin_prefetch(r->sums + (run & (r->slots - 1))*D);
        __builtin_prefetch(r->hashes + (run & (r->slots - 1)));
        for (size_t j = 1; j < spec->word_order && i + j < r->words.count; j++) {
            run = zoo_ngrams_join(run, words[i + j].hash);
            r->runs[n] = zoo_ngrams_row(spec->buckets, run);
            __builtin_prefetch(r->table + r->runs[n++]*D);
        }
    }
    return n;
}

/* sum (D) += the embeddings of all words and of `runs` runs; returns the n-grams of the words. */
static size_t add_all(zoo_ngram_reader *r, size_t runs, float *restrict sum, size_t D)
{
    size_t n = 0;

    for (size_t i = 0; i < r->words.count; i++) {
        uint64_t hash = r->words.items[i].hash;
        size_t slot = hash & (r->slots - 1);
        if (r->hashes[slot] != hash || !r->counts[slot])
            keep(r, i, slot);
        add(sum, r->sums + slot*D, D);
        n += r->counts[slot];
    }
    for (size_t i = 0; i < runs; i++)
        add(sum, r->table + r->runs[i]*D, D);
    return n;
}

int zoo_ngram_reader_pool(zoo_ngram_reader *r, const char *s, size_t size, float *pooled)
{
    size_t D = r->net->config.dim, n, runs;
    float scale;

    zoo_words_scan(&r->words, s, size);
    n = runs = list_runs(r);
    memset(pooled, 0, D * sizeof *pooled);
    n += add_all(r, runs, pooled, D);
    scale = zoo_ngrams_scale(n);
    for (size_t d = 0; d < D; d++)
        pooled[d] *= scale;
    return size > r->words.read;
}
