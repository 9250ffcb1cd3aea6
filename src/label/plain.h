/* plain.h - a text reduced to its words, so that copies that differ in case, punctuation or spacing become equal.
 *
 * Words are lower-cased by Unicode's case folding and compatibility decomposition (full-width forms become plain, "ﬁ"
 * becomes "fi"), parted by white space; punctuation, symbols and control characters are dropped, so "don't" is "dont";
 * every Chinese character and every kana is a word by itself. Bytes that are not UTF-8 are dropped.
 * Not the words of text/words.h: those are features, where punctuation counts. Layer: label -> base. Threads: pure. */
#ifndef ZOO_LABEL_PLAIN_H
#define ZOO_LABEL_PLAIN_H
#include <stddef.h>
#include "base/buf.h"

/* Appends the words of s[0..size), one space between two. ZOO_OK or ZOO_ENOMEM (no memory, or out->max is reached). */
int zoo_plain_words(zoo_buf *out, const char *s, size_t size);
#endif
