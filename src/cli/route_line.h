/* route_line.h - one query in, one line of JSON out: what `zooter route` does for every line, without memory of its own
 * where it counts. Layer: cli. Threads: a zoo_result_format is immutable once made; the rest has one owner. */
#ifndef ZOO_CLI_ROUTE_LINE_H
#define ZOO_CLI_ROUTE_LINE_H
#include <stddef.h>
#include "base/buf.h"
#include "base/err.h"
#include "zooter.h"

/* The parts of a result that are the same for every query. */
typedef struct zoo_result_format {
    const zoo_router *router;
    size_t k;
    zoo_buf names;                              /* "name" with its quotes, one behind the other */
    size_t *ends;                               /* (k): where each ends in names */
} zoo_result_format;

int zoo_result_format_init(zoo_result_format *format, const zoo_router *router, zoo_err *err);
void zoo_result_format_release(zoo_result_format *format);
/* Appends {"id": ..., "expert", "probability", "margin", "probabilities"} and a newline.
 * id: JSON text, id_size bytes. */
int zoo_result_add(const zoo_result_format *format, zoo_buf *out, const char *id, size_t id_size,
                   const float *probabilities, const zoo_decision *decision);

/* Writes x, 0..1, with up to 6 significant digits; returns how many bytes of out. */
enum { ZOO_SHARE_SIZE = 24 };
size_t zoo_share_put(char out[ZOO_SHARE_SIZE], float x);

/* The query and the id (JSON text; empty: there is none) of one JSONL row, appended to `out`: the query is out[*query,
 * *id), the id out[*id, out->size). Everything else in the row is checked to be JSON and ignored. `place` begins the
 * sentence of an error. */
int zoo_query_line_read(zoo_buf *out, size_t *query, size_t *id, const char *line, size_t size, const char *place,
                        zoo_err *err);
#endif
