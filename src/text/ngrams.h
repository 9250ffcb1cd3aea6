/* ngrams.h - a text as hashed word and character n-grams: the features of the embedded encoder and of clustering.
 * Layer: text -> base. Threads: pure functions over the caller's memory. (The interface is the owner's to settle.) */
#ifndef ZOO_TEXT_NGRAMS_H
#define ZOO_TEXT_NGRAMS_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of a query that are read, in training, routing and serving alike; cut at a code point's edge. */
#define ZOO_TEXT_LIMIT 4096
#endif
