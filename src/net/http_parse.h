/* http_parse.h - an HTTP/1.1 request from foreign bytes, in place: head and chunked body. Pure; see RFC 9112.
 *
 * Refuses what two parsers might read differently (request smuggling): lines that do not end in CRLF, folded headers,
 * blanks before a colon, several or signed content lengths, Content-Length beside Transfer-Encoding, other transfer
 * encodings, control characters. Layer: net. Threads: one owner. */
#ifndef ZOO_NET_HTTP_PARSE_H
#define ZOO_NET_HTTP_PARSE_H
#include <stddef.h>
#include <stdint.h>

enum { ZOO_HTTP_MAX_HEADERS = 100 };

/* Places count from the first byte of the buffer, which may move; every text is NUL-terminated in place. */
typedef struct zoo_http_head {
    size_t size;                          /* bytes of the head with its empty line, once it is complete */
    size_t method, target;                /* target: the path with its query string */
    size_t header_count;
    int64_t content_length;               /* -1: none */
    int is_chunked, keep_alive, expects_continue, minor;      /* minor: HTTP/1.minor */
    size_t looked, line;                  /* how far the search for the end got, and where its last line begins */
    struct { size_t name, value; } headers[ZOO_HTTP_MAX_HEADERS];
} zoo_http_head;

void zoo_http_head_clear(zoo_http_head *head);       /* before the first look at a request */

/* Looks at bytes[0..size), which grew since the last call. 1: complete; 0: more is needed; else the status of the
 * refusal (400, 417, 431, 501, 505), negated. */
int zoo_http_head_parse(zoo_http_head *head, char *bytes, size_t size, size_t max);
/* NULL: not there. */
const char *zoo_http_head_find(const zoo_http_head *head, const char *bytes, const char *name);

/* A chunked body, decoded in place: its data is moved together behind the head. */
typedef struct zoo_http_chunks {
    size_t in, out;                       /* read up to; data ends at */
    uint64_t left;                        /* of the chunk being read */
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER } state;
    unsigned trailers;
} zoo_http_chunks;                        /* in = out = where the body begins */

/* 1: complete, the data is at its start..out and the next request at in; 0: more is needed; -400, or -413 where the
 * data would pass `max` bytes. `start`: where the body begins. */
int zoo_http_chunks_parse(zoo_http_chunks *chunks, char *bytes, size_t size, size_t start, size_t max);
#endif
