/* sse.h - server-sent events of a chat answer, looked at but not changed: where they end, and whether a content token
 * is in them. Pure; allocates nothing. Lines end with LF or CRLF. Layer: gateway -> base. */
#ifndef ZOO_GATEWAY_SSE_H
#define ZOO_GATEWAY_SSE_H
#include <stddef.h>

typedef enum zoo_sse_verdict {
    ZOO_SSE_MORE,             /* nothing but roles, comments and empty deltas so far */
    ZOO_SSE_CONTENT,          /* a first content token, tool call, refusal...: anything in a delta but the role */
    ZOO_SSE_ERROR,            /* the expert reports an error */
    ZOO_SSE_GARBAGE           /* data that is not a JSON object */
} zoo_sse_verdict;

typedef struct zoo_sse {
    size_t looked;            /* bytes of complete events looked at */
    size_t events;            /* with data, [DONE] included */
} zoo_sse;                    /* zeroed at the start */

/* Looks at the complete events in bytes[0..size), which grew since the last call, up to the first that decides. */
zoo_sse_verdict zoo_sse_look(zoo_sse *sse, const char *bytes, size_t size);
/* Bytes up to the end of the last complete event; bytes[0] begins a line. */
size_t zoo_sse_complete(const char *bytes, size_t size);
#endif
