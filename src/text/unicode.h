/* unicode.h - the properties of code points as the reference tokenizers see them.
 * Layer: text -> base. Threads: pure functions. */
#ifndef ZOO_TEXT_UNICODE_H
#define ZOO_TEXT_UNICODE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_DECOMPOSE_MAX = 18 };            /* code points of one, at most */

int zoo_unicode_is_white(uint32_t code);                /* White_Space */
int zoo_unicode_is_other(uint32_t code);                /* control, format, private: what BERT's cleaning drops */
int zoo_unicode_is_mark(uint32_t code);                 /* Mn, Mc, Me */
int zoo_unicode_is_nonspacing(uint32_t code);           /* Mn */
int zoo_unicode_is_punctuation(uint32_t code);          /* P* and ASCII's symbols: where BERT splits */
int zoo_unicode_is_word(uint32_t code);                 /* \w of regular expressions */
int zoo_unicode_is_numeric(uint32_t code);             /* Nd, Nl, No */
int zoo_unicode_is_cjk(uint32_t code);                  /* ideographs that BERT puts spaces around */
size_t zoo_unicode_lower(uint32_t code, uint32_t out[2]);

/* An extended grapheme cluster as far as it is known: begun with a code point, and each next one asked whether it
 * belongs to it. Sequences of Indic consonants are taken apart, which clusters below six bytes cannot tell. */
enum zoo_cluster_class {
    ZOO_CLUSTER_OTHER, ZOO_CLUSTER_CR, ZOO_CLUSTER_LF, ZOO_CLUSTER_BREAKS, ZOO_CLUSTER_JOINS, ZOO_CLUSTER_ZWJ,
        ZOO_CLUSTER_PREPENDS,
    ZOO_CLUSTER_PICTURE, ZOO_CLUSTER_REGIONAL, ZOO_CLUSTER_L, ZOO_CLUSTER_V, ZOO_CLUSTER_T, ZOO_CLUSTER_LV,
        ZOO_CLUSTER_LVT
};
typedef struct zoo_cluster {
    enum zoo_cluster_class last;
    int is_odd, has_picture;              /* regional indicators so far; a picture with nothing but joiners behind it */
} zoo_cluster;

void zoo_cluster_begin(zoo_cluster *cluster, uint32_t code);
int zoo_cluster_take(zoo_cluster *cluster, uint32_t code);       /* 0: the next cluster begins with it */

/* A text as decomposed code points in canonical order. */
typedef struct zoo_codes {
    uint32_t *items;
    size_t count, capacity;
    size_t run;                             /* where the run of combining marks at the end begins */
} zoo_codes;

void zoo_codes_release(zoo_codes *codes);
/* Appends the decomposition of `code`, canonical or compatible; ZOO_ENOMEM. */
int zoo_codes_add(zoo_codes *codes, uint32_t code, int is_compatible);
int zoo_codes_add_as_is(zoo_codes *codes, uint32_t code);       /* not decomposed, not ordered */
/* Puts the last run into order: once, behind the last code point. */
int zoo_codes_finish(zoo_codes *codes);
void zoo_codes_compose(zoo_codes *codes);               /* NFD to NFC, NFKD to NFKC */
#endif
