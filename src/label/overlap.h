/* overlap.h - does a query share n words in a row with any sample of a benchmark? Such a query would teach the test.
 *
 *     zoo_overlap *overlap;
 *     zoo_overlap_new(&overlap, 6, &err);
 *     zoo_overlap_add_file(overlap, "gsm8k.jsonl", &err);
 *     zoo_overlap_find(overlap, query, size, &hit, &err);             // 1: hit says which words, 0: none
 *
 * Words are those of plain.h. A query of fewer than n words has no run of n: it overlaps where it equals a whole
 * sample, word by word. Exact: runs are found by hash and then compared.
 * Memory: the plain text of the samples (at most 1 GiB)
 * and 16 bytes a slot for at most 2^26 distinct runs; more is refused.
 * Layer: label -> base. Threads: one owner. */
#ifndef ZOO_LABEL_OVERLAP_H
#define ZOO_LABEL_OVERLAP_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum { ZOO_OVERLAP_WORDS_MAX = 64 };

typedef struct zoo_overlap zoo_overlap;

typedef struct zoo_overlap_hit {
    const char *words;              /* the shared run, valid until the next call */
    const char *file;               /* of the first sample that has it; as given to zoo_overlap_add_file() */
    size_t line;
} zoo_overlap_hit;

/* n: 1..ZOO_OVERLAP_WORDS_MAX words. */
int zoo_overlap_new(zoo_overlap **out, size_t n, zoo_err *err);
void zoo_overlap_free(zoo_overlap *overlap);
/* One sample. `file` must outlive the overlap. */
int zoo_overlap_add(zoo_overlap *overlap, const char *text, size_t size, const char *file, size_t line, zoo_err *err);
/* Every sample of a file. Where the first line that is not empty begins with '{', each line is a JSON object whose
 * string `query` is a sample, as is every string of the array `turns` where there is one; else each line is a sample. A
 * file without any sample is refused. `path` must outlive the overlap; "-" is stdin. */
int zoo_overlap_add_file(zoo_overlap *overlap, const char *path, zoo_err *err);
size_t zoo_overlap_samples(const zoo_overlap *overlap);
size_t zoo_overlap_runs(const zoo_overlap *overlap);
/* 1: *hit is the first shared run of the text; 0: none; negative: an error. */
int zoo_overlap_find(zoo_overlap *overlap, const char *text, size_t size, zoo_overlap_hit *hit, zoo_err *err);
#endif
