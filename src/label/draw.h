/* draw.h - a random draw of at most N queries for each tag; a query drawn for several tags counts once.
 *
 *     zoo_draw *draw;
 *     zoo_draw_new(&draw, 10, seed, &err);
 *     zoo_draw_offer(draw, tag, zoo_draw_hash("topic:law"), zoo_draw_hash(id), row, &err);  // each tag of each query
 *     zoo_draw_take(draw, &rows, &count, &err);
 *
 * Every (seed, tag, query) has a random number of its own, and a tag takes the N queries with the lowest: the draws of
 * two tags are independent, and none depends on the order of the offers, on other tags,
 * or on queries that are not drawn.
 * Memory: N entries of 16 bytes a tag at most. Layer: label -> base. Threads: one owner. */
#ifndef ZOO_LABEL_DRAW_H
#define ZOO_LABEL_DRAW_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

typedef struct zoo_draw zoo_draw;

uint64_t zoo_draw_hash(const char *name);
int zoo_draw_new(zoo_draw **out, size_t per_tag, uint64_t seed, zoo_err *err);
void zoo_draw_free(zoo_draw *draw);
/* The query `row` has the tag. tag: a small number, < 2^24. */
int zoo_draw_offer(zoo_draw *draw, size_t tag, uint64_t tag_hash, uint64_t query_hash, int64_t row, zoo_err *err);
size_t zoo_draw_tags(const zoo_draw *draw);       /* tags that were offered a query */
/* The drawn rows, each once, ascending; *rows is freed by the caller. */
int zoo_draw_take(const zoo_draw *draw, int64_t **rows, size_t *count, zoo_err *err);
#endif
