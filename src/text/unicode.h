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
/* Does an extended grapheme cluster go on from one code point to the next? *state: 0 at the beginning of the text. */
int zoo_unicode_joins(uint32_t code, uint32_t next, int32_t *state);

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
