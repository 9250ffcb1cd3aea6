/* ngram_reader.h - text to pooled embedding, fast: what routing does instead of listing n-grams and summing their rows.
 *
 * Most words of a text were in the texts before it. A reader keeps, for the words seen last, the sum of the embeddings
 * of the word and of its character n-grams, so that a word costs one vector addition. What is kept is what would be
 * computed again, to the
 * bit: a result does not depend on the texts before it.
 * Layer: model -> text, compute, base. Threads: a reader has one owner; params are only read.
 * Reading allocates nothing. */
#ifndef ZOO_MODEL_NGRAM_READER_H
#define ZOO_MODEL_NGRAM_READER_H
#include "model/ngram.h"

typedef struct zoo_ngram_reader {
    const zoo_ngram_net *net;
    const float *table;                         /* (V,D): the embeddings */
    zoo_words words;
    uint32_t *runs;                             /* (text_limit * 3): rows of the runs of words */
    size_t slots;                               /* a power of two */
    uint64_t *hashes;                           /* (slots): of the word that is kept */
    uint32_t *counts;                           /* (slots): its n-grams; 0: the slot is free */
    float *sums;                                /* (slots, D), aligned to 64 bytes */
} zoo_ngram_reader;

/* net and params are borrowed; params must not change while the reader is used. */
int zoo_ngram_reader_init(zoo_ngram_reader *reader, const zoo_ngram_net *net, const float *params, zoo_err *err);
void zoo_ngram_reader_release(zoo_ngram_reader *reader);
/* pooled (D) = weighted sum of the embeddings of the n-grams of s[0..size); zeros where there are none.
 * Returns 1 where the text was cut. */
int zoo_ngram_reader_pool(zoo_ngram_reader *reader, const char *s, size_t size, float *pooled);
#endif
