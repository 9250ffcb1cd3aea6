/* vocabulary.c - texts as sparse vectors of unit length: which of the known words they have, rare ones weighing
 * more; see vocabulary.h. */
#include "label/vocabulary.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/rng.h"
#include "base/utf8.h"
#include "text/ngrams.h"

enum { SLOTS_FIRST = 1 << 12, SLOTS_MAX = 1 << 21, LEAST_TEXTS = 2, WORD_SIZE = 28 };

struct feature {
    uint64_t hash;                  /* 0: a free slot */
    uint32_t texts, last;           /* that have it; the number of the last, from 1 */
    uint32_t column;
    char word[WORD_SIZE];           /* its beginning; "": not for people */
};

struct zoo_vocabulary {
    struct feature *slots;          /* (slot_count), a power of two, at most 3/4 full */
    size_t slot_count, used;
    uint32_t texts;
    size_t columns;
    float *idf;                     /* (columns) */
    char (*words)[WORD_SIZE];       /* (columns) */
};

int zoo_vocabulary_new(zoo_vocabulary **out, zoo_err *err)
{
    zoo_vocabulary *v = *out = calloc(1, sizeof *v);

    if (!v)
        return zoo_fail_nomem(err);
    v->slot_count = SLOTS_FIRST;
    v->slots = calloc(v->slot_count, sizeof *v->slots);
    if (v->slots)
        return ZOO_OK;
    zoo_vocabulary_free(v);
    *out = NULL;
    return zoo_fail_nomem(err);
}

void zoo_vocabulary_free(zoo_vocabulary *v)
{
    if (!v)
        return;
    free(v->slots);
    free(v->idf);
    free(v->words);
    free(v);
}

size_t zoo_vocabulary_size(const zoo_vocabulary *v) { return v->columns; }
float zoo_vocabulary_idf(const zoo_vocabulary *v, size_t column) { return v->idf[column]; }
const char *zoo_vocabulary_word(const zoo_vocabulary *v, size_t column)
{
    return *v->words[column] ? v->words[column] : NULL;
}

/* ---- the table ---- */

static struct feature *find(struct feature *slots, size_t slot_count, uint64_t hash)
{
    size_t at = zoo_mix64(hash) & (slot_count - 1);

    while (slots[at].hash && slots[at].hash != hash)
        at = (at + 1) & (slot_count - 1);
    return &slots[at];
}

/* Moves features that occur in at least `least` texts into a table of `slot_count`. */
static int rebuild(zoo_vocabulary *v, size_t slot_count, uint32_t least, zoo_err *err)
{
    struct feature *slots = calloc(slot_count, sizeof *slots);
    size_t used = 0;

    if (!slots)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < v->slot_count; i++) {
        if (!v->slots[i].hash || v->slots[i].texts < least)
            continue;
        *find(slots, slot_count, v->slots[i].hash) = v->slots[i];
        used++;
    }
    free(v->slots);
    v->slots = slots;
    v->slot_count = slot_count;
    v->used = used;
    return ZOO_OK;
}

static int make_room(zoo_vocabulary *v, zoo_err *err)
{
    int rc = ZOO_OK;

    if (v->used < v->slot_count / 4 * 3)
        return ZOO_OK;
    if (v->slot_count < SLOTS_MAX)
        return rebuild(v, v->slot_count * 2, 0, err);
    for (uint32_t least = 2; !rc && v->used > SLOTS_MAX / 2; least *= 2)
        rc = rebuild(v, v->slot_count, least, err);
    return rc;
}

/* ---- features of a text ---- */

/* A word that tells a person something; letters of one byte do not. */
static int is_telling(const zoo_word *word, int is_pair)
{
    return is_pair || (word->kind == ZOO_WORD_LETTERS && word->size > 1);
}

static int is_pair(const zoo_words *words, size_t i)
{
    const zoo_word *word = &words->items[i];

    return i + 1 < words->count && word[0].kind == ZOO_WORD_CJK && word[1].kind == ZOO_WORD_CJK &&
           word[0].start + word[0].size == word[1].start;                         /* no space between */
}

static uint64_t hash_of(const zoo_words *words, size_t i, int pair)
{
    uint64_t hash = pair ? zoo_ngrams_join(words->items[i].hash, words->items[i + 1].hash) : words->items[i].hash;

    return hash ? hash : 1;
}

static int count_feature(zoo_vocabulary *v, const zoo_words *words, size_t i, int pair, zoo_err *err)
{
    uint64_t hash = hash_of(words, i, pair);
    struct feature *f = find(v->slots, v->slot_count, hash);
    const zoo_word *word = &words->items[i];

    if (!f->hash) {
        size_t size = pair ? (size_t)word->size + words->items[i + 1].size : word->size;
        *f = (struct feature){ .hash = hash };
        v->used++;
        if (is_telling(word, pair))
            memcpy(f->word, words->text + word->start, zoo_utf8_cut(words->text + word->start, size, WORD_SIZE - 1));
    }
    if (f->last != v->texts) {
        f->last = v->texts;
        f->texts++;
    }
    return make_room(v, err);
}

int zoo_vocabulary_count(zoo_vocabulary *v, const zoo_words *words, zoo_err *err)
{
    int rc = ZOO_OK;

    v->texts++;
    for (size_t i = 0; !rc && i < words->count; i++) {
        rc = count_feature(v, words, i, 0, err);
        if (!rc && is_pair(words, i))
            rc = count_feature(v, words, i, 1, err);
    }
    return rc;
}

/* ---- closing ---- */

static int by_frequency(const void *a, const void *b)
{
    const struct feature *x = *(struct feature *const *)a, *y = *(struct feature *const *)b;

    if (x->texts != y->texts)
        return x->texts < y->texts ? 1 : -1;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

int zoo_vocabulary_close(zoo_vocabulary *v, size_t most, zoo_err *err)
{
    struct feature **sorted;
    size_t n = 0;
    int rc = rebuild(v, v->slot_count, LEAST_TEXTS, err);

    if (rc)
        return rc;
    sorted = malloc((v->used + 1) * sizeof *sorted);
    if (!sorted)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < v->slot_count; i++)
        if (v->slots[i].hash)
            sorted[n++] = &v->slots[i];
    qsort(sorted, n, sizeof *sorted, by_frequency);
    v->columns = n < most ? n : most;
    v->idf = calloc(v->columns + 1, sizeof *v->idf);
    v->words = calloc(v->columns + 1, sizeof *v->words);
    for (size_t i = 0; v->idf && v->words && i < n; i++) {
        sorted[i]->column = i < v->columns ? (uint32_t)i : UINT32_MAX;
        if (i >= v->columns)
            continue;
        v->idf[i] = (float)(log((1.0 + v->texts) / (1.0 + sorted[i]->texts)) + 1.0);
        memcpy(v->words[i], sorted[i]->word, WORD_SIZE);
    }
    free(sorted);
    return v->idf && v->words ? ZOO_OK : zoo_fail_nomem(err);
}

/* ---- vectors ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

size_t zoo_vocabulary_vector(const zoo_vocabulary *v, const zoo_words *words, uint32_t *columns, float *values)
{
    size_t all = 0, n = 0;
    double square = 0;

    for (size_t i = 0; i < words->count; i++)
        for (int pair = 0; pair <= is_pair(words, i); pair++) {
            const struct feature *f = find(v->slots, v->slot_count, hash_of(words, i, pair));
            if (f->hash && f->column < v->columns)
                columns[all++] = f->column;
        }
    qsort(columns, all, sizeof *columns, by_number);
    for (size_t i = 0, end; i < all; i = end) {
        for (end = i + 1; end < all && columns[end] == columns[i]; end++)
            ;
        values[n] = (1.0f + logf((float)(end - i))) * v->idf[columns[i]];
        square += (double)values[n] * (double)values[n];
        columns[n++] = columns[i];
    }
    for (size_t i = 0; i < n; i++)
        values[i] = (float)((double)values[i] / sqrt(square));
    return n;
}
