/* charsmap.h - SentencePiece's precompiled_charsmap: which byte strings a text's normalisation replaces, and by what.
 *
 * The bytes come from a foreign file and are checked before they are used: a walk cannot leave them.
 * Layer: text -> base. Threads: immutable once open. */
#ifndef ZOO_TEXT_CHARSMAP_H
#define ZOO_TEXT_CHARSMAP_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "base/skim.h"

typedef struct zoo_charsmap {
    uint32_t *units;                    /* (count): a double array as darts-clone writes it */
    size_t count;
    char *text;                         /* replacements, each ends with NUL */
    size_t text_size;
    uint8_t is_plain[128];              /* no entry begins with this ASCII character */
} zoo_charsmap;

/* Copies what it needs. ZOO_EFORMAT with a sentence that begins with `place`. */
int zoo_charsmap_open(zoo_charsmap *map, const void *bytes, size_t size, const char *place, zoo_err *err);
void zoo_charsmap_release(zoo_charsmap *map);
/* The replacement of the shortest entry that s[0..size) begins with, as `tokenizers` asks. 0: no entry. */
int zoo_charsmap_shortest(const zoo_charsmap *map, const char *s, size_t size, zoo_span *replacement);
/* Of the longest, as sentencepiece asks; returns the entry's bytes. 0: no entry. */
size_t zoo_charsmap_longest(const zoo_charsmap *map, const char *s, size_t size, zoo_span *replacement);
#endif
