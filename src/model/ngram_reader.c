#include "model/ngram_reader.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096 };

int zoo_ngram_reader_init(zoo_ngram_reader *r, const zoo_ngram_net *net, const float *params, zoo_err *err)
{
    size_t limit = net->config.features.text_limit, bytes = SLOTS * net->config.dim * sizeof(float);

    memset(r, 0, sizeof *r);
    r->net = net;
    r->table = params + net->params[ZOO_NGRAM_EMBEDDING].offset;
    if (zoo_words_init(&r->words, limit, err))
        return ZOO_ENOMEM;
    r->runs = malloc(limit * 3 * sizeof *r->runs);
    r->hashes = calloc(SLOTS, sizeof *r->hashes);
    r->counts = calloc(SLOTS, sizeof *r->counts);
    r->sums = aligned_alloc(64, bytes);
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
    size_t D = r->net->config.dim, n = zoo_ngrams_word(&r->net->config.features, &r->words, i, rows, NULL);
    float *sum = r->sums + slot*D;

    memset(sum, 0, D * sizeof *sum);
    for (size_t j = 0; j < n; j++)
        add(sum, r->table + rows[j]*D, D);
    r->hashes[slot] = r->words.items[i].hash;
    r->counts[slot] = (uint32_t)n;
}

/* Rows of the runs of 2..word_order words. */
static size_t list_runs(zoo_ngram_reader *r)
{
    const zoo_ngrams *spec = &r->net->config.features;
    const zoo_word *words = r->words.items;
    size_t n = 0;

    for (size_t i = 0; i < r->words.count; i++) {
        uint64_t run = words[i].hash;
        for (size_t j = 1; j < spec->word_order && i + j < r->words.count; j++) {
            run = zoo_ngrams_join(run, words[i + j].hash);
            r->runs[n++] = zoo_ngrams_row(spec->buckets, run);
        }
    }
    return n;
}

int zoo_ngram_reader_pool(zoo_ngram_reader *r, const char *s, size_t size, float *pooled)
{
    size_t D = r->net->config.dim, n, runs;
    float scale;

    zoo_words_scan(&r->words, s, size);
    memset(pooled, 0, D * sizeof *pooled);
    n = runs = list_runs(r);
    for (size_t i = 0; i < r->words.count; i++) {
        size_t slot = r->words.items[i].hash % SLOTS;
        if (r->hashes[slot] != r->words.items[i].hash || !r->counts[slot])
            keep(r, i, slot);
        add(pooled, r->sums + slot*D, D);
        n += r->counts[slot];
    }
    for (size_t i = 0; i < runs; i++)
        add(pooled, r->table + r->runs[i]*D, D);
    scale = zoo_ngrams_scale(n);
    for (size_t d = 0; d < D; d++)
        pooled[d] *= scale;
    return size > r->words.read;
}
