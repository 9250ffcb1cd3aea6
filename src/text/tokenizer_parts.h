/* tokenizer_parts.h - what a tokenizer is made of, for the files that read one: tokenizer_json.c, tokenizer_spm.c and
 * tokenizer_vocab.c fill it, tokenizer.c runs it. Layer: text -> base. */
#ifndef ZOO_TEXT_TOKENIZER_PARTS_H
#define ZOO_TEXT_TOKENIZER_PARTS_H
#include <jansson.h>
#include "text/added.h"
#include "text/normalizer.h"
#include "text/pieces.h"
#include "text/splitter.h"
#include "text/tokenizer.h"
#include "text/unigram.h"
#include "text/wordpiece.h"

enum { ZOO_TEMPLATE_MAX = 64 };

/* Where the texts go and which special tokens stand around them. */
typedef struct zoo_template {
    struct { enum { ZOO_TEMPLATE_A, ZOO_TEMPLATE_B,
                    ZOO_TEMPLATE_SPECIAL } what; uint32_t id; uint8_t type; } items[ZOO_TEMPLATE_MAX];
    size_t count, specials;
} zoo_template;

struct zoo_tokenizer {
    zoo_pieces pieces;
    zoo_added added;
    zoo_normalizer normalizer;
    zoo_splitter splitter;
    int is_wordpiece;                           /* which of the two models */
    zoo_unigram unigram;
    zoo_wordpiece wordpiece;
    zoo_template single, pair;
    size_t size;                                /* highest id + 1 */
    int can_cut;                        /* a long text may be read in parts, cut before a space between ASCII letters */
};

/* A tokenizer's file in memory. `dir`, where small files may lie beside it; NULL: none do. */
typedef struct zoo_source { const char *dir, *path, *text; size_t size; } zoo_source;

/* Each fills a zeroed tokenizer (pieces initialised); on failure what it has so far is the caller's to release. */
int zoo_tokenizer_read_json(zoo_tokenizer *t, const zoo_source *from, zoo_err *err);
int zoo_tokenizer_read_spm(zoo_tokenizer *t, const zoo_source *from, zoo_err *err);
int zoo_tokenizer_read_vocab(zoo_tokenizer *t, const zoo_source *from, zoo_err *err);

typedef int (*zoo_tokenizer_read_fn)(zoo_tokenizer *t, const zoo_source *from, zoo_err *err);
/* Opens what is in memory; zoo_tokenizer_open() is this behind reading the file. */
int zoo_tokenizer_open_source(zoo_tokenizer **out, zoo_tokenizer_read_fn read, const zoo_source *from, zoo_err *err);

/* ---- shared between the readers; `place` begins sentences ---- */

/* One item more; ZOO_EFORMAT: no room. */
int zoo_template_add(zoo_template *template, int what, uint32_t id, uint8_t type, const char *place, zoo_err *err);
/* [CLS] A [SEP] and [CLS] A [SEP] B [SEP], the second text of type 1. */
void zoo_tokenizer_set_bert_template(zoo_tokenizer *t, uint32_t cls, uint32_t sep);
/* Builds the model's tries from the pieces, once those are complete. */
int zoo_tokenizer_build_unigram(zoo_tokenizer *t, zoo_err *err);
int zoo_tokenizer_build_wordpiece(zoo_tokenizer *t, const char *prefix, size_t size, zoo_err *err);
/* Builds the sets of added tokens, once the normaliser is complete. */
int zoo_tokenizer_build_added(zoo_tokenizer *t, const char *place, zoo_err *err);
int zoo_tokenizer_may_cut(const zoo_tokenizer *t);             /* can_cut, once all else is there */
/* The token's id: of an added token, of a piece; -1. */
int64_t zoo_tokenizer_id_of(const zoo_tokenizer *t, const char *content, size_t size);
#endif
