/* normalizer.h - what happens to a text before it is split: the "normalizer" of a tokenizer.json as a list of steps,
 * and sentencepiece's own as one step. Layer: text -> base. Threads: a normaliser is immutable,
 * its work has one owner. */
#ifndef ZOO_TEXT_NORMALIZER_H
#define ZOO_TEXT_NORMALIZER_H
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/skim.h"
#include "text/charsmap.h"
#include "text/pattern.h"
#include "text/trie.h"
#include "text/unicode.h"

enum { ZOO_NORM_STEPS_MAX = 32 };

enum zoo_norm_kind {
    ZOO_NORM_STRIP, ZOO_NORM_CHARSMAP, ZOO_NORM_REPLACE, ZOO_NORM_NFC, ZOO_NORM_NFD, ZOO_NORM_NFKC, ZOO_NORM_NFKD,
    ZOO_NORM_LOWERCASE, ZOO_NORM_STRIP_ACCENTS, ZOO_NORM_BERT, ZOO_NORM_PREPEND, ZOO_NORM_NMT, ZOO_NORM_SENTENCEPIECE
};

typedef struct zoo_norm_step {
    enum zoo_norm_kind kind;
    int left, right;                            /* STRIP */
    int clean, cjk, accents, lower;             /* BERT */
    int dummy_prefix, collapse, escape, suffix; /* SENTENCEPIECE */
    zoo_charsmap map;                           /* CHARSMAP; SENTENCEPIECE: may be empty */
    zoo_trie verbatim;                          /* SENTENCEPIECE: symbols that stay as they are; may be empty */
    zoo_pattern pattern;                        /* REPLACE, where `from` is NULL */
    char *from, *to;                            /* REPLACE: from, to; PREPEND: to; owned */
    size_t from_size, to_size;
} zoo_norm_step;

typedef struct zoo_normalizer {
    zoo_norm_step *steps;                       /* (count) */
    size_t count;
} zoo_normalizer;

typedef struct zoo_norm_work {
    zoo_buf even, odd;
    zoo_codes codes;
} zoo_norm_work;

void zoo_norm_work_init(zoo_norm_work *work);
void zoo_norm_work_release(zoo_norm_work *work);

/* A new zeroed step at the end; NULL: too many, or no memory. */
zoo_norm_step *zoo_normalizer_add(zoo_normalizer *normalizer);
void zoo_normalizer_release(zoo_normalizer *normalizer);
/* Puts what becomes of text[0..size), UTF-8, into *out: borrowed from the text or from `work`. *at_start, where not 0,
 * says that the text's first byte is where the user's text begins,
 * and is cleared where the result's first no longer is. ZOO_ENOMEM. */
int zoo_normalizer_run(const zoo_normalizer *normalizer, zoo_norm_work *work, const char *text, size_t size,
                       zoo_span *out, int *at_start, zoo_err *err);
#endif
