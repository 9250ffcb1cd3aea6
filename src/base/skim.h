/* skim.h - JSON walked over without building it: checks every byte, allocates nothing, and gives places in the text, so
 * that a document can be forwarded as it came but for one value.
 *
 *     zoo_skim s;
 *     zoo_span key, value;
 *     zoo_skim_begin(&s, text, size);
 *     if (zoo_skim_enter(&s, '{'))
 *         while (zoo_skim_key(&s, &key))
 *             zoo_skim_value(&s, &value);            // or enter it
 *     if (!zoo_skim_end(&s)) ... s.error, at byte s.at - s.text
 *
 * Strict RFC 8259: valid UTF-8, no text behind the value, at most ZOO_SKIM_DEPTH levels. Keys that are doubled are the
 * caller's business. After an error every function gives 0. Layer: base. Threads: one owner. */
#ifndef ZOO_BASE_SKIM_H
#define ZOO_BASE_SKIM_H
#include <stddef.h>

enum { ZOO_SKIM_DEPTH = 128 };

typedef struct zoo_span { const char *at; size_t size; } zoo_span;

typedef struct zoo_skim {
    const char *text, *at, *end;
    const char *error;                    /* NULL: none so far; static words */
    unsigned depth;
    int is_first;                         /* of the object or array that was entered last */
} zoo_skim;

void zoo_skim_begin(zoo_skim *s, const char *text, size_t size);
/* What comes next: '{' '[' '"' 't' 'f' 'n', '0' for a number; '\0': nothing, or no JSON. */
char zoo_skim_kind(zoo_skim *s);
/* Steps into an object ('{') or an array ('['). 0: something else comes; that is an error. */
int zoo_skim_enter(zoo_skim *s, char kind);
/* In an object: 1 and the next key, as written between its quotes; 0 behind the last, the object is left. */
int zoo_skim_key(zoo_skim *s, zoo_span *key);
/* In an array: 1: a value comes; 0 behind the last, the array is left. */
int zoo_skim_item(zoo_skim *s);
/* Steps over a value of any kind; *value, where not NULL, is its bytes. */
int zoo_skim_value(zoo_skim *s, zoo_span *value);
/* 1: the text is at its end and nothing was wrong. */
int zoo_skim_end(zoo_skim *s);

/* Strings as a walk gives them: keys, and values without their quotes (zoo_skim_inside). */
zoo_span zoo_skim_inside(zoo_span string_value);
int zoo_skim_equals(zoo_span string, const char *word);           /* escapes are understood */
/* Decodes into out[0..max), cut between code points; returns the bytes written. Lone surrogates become U+FFFD. */
size_t zoo_skim_decode(zoo_span string, char *out, size_t max);
#endif
