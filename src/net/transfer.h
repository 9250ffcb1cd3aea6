/* transfer.h - one HTTP request after the other, each waited for: what a download needs of libcurl.
 *
 *     zoo_transfer_new(&t, &(zoo_transfer_settings){ .endpoint = "https://huggingface.co", .token = token }, &err);
 *     zoo_transfer_run(t, &(zoo_transfer_request){ .url = url, .on_data = write, .context = file }, &answer, &err);
 *
 * Redirects are followed here and not by libcurl, so that the rule is in one place: the token goes to the endpoint's
 * scheme, host and port and to nothing else; over http:// only to this machine; and https:// never leads to http://.
 * Certificates are verified. The usual variables (https_proxy, no_proxy) name a proxy. Sentences show neither token nor
 * query strings, which in signed addresses are secrets.
 * Layer: net. Threads: one owner. Refuses to try again: that is the caller's decision (answer.may_pass). */
#ifndef ZOO_NET_TRANSFER_H
#define ZOO_NET_TRANSFER_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define ZOO_TRANSFER_UNKNOWN (-1)

typedef struct zoo_transfer zoo_transfer;

typedef struct zoo_transfer_settings {
    const char *endpoint;                 /* "https://host[:port][/path]" */
    const char *token;                    /* NULL: none */
    const char *ca_file;                  /* certificates to trust; NULL: the system's */
    unsigned connect_s, idle_s;           /* seconds to connect, and without a byte; 0: 20, 30 */
} zoo_transfer_settings;

typedef struct zoo_transfer_answer {
    long status;                          /* of the last response; 0: none was had */
    int64_t length;                       /* bytes of its body; ZOO_TRANSFER_UNKNOWN */
    int64_t from;                         /* 206: its first byte; else 0 */
    int64_t linked_size;                  /* X-Linked-Size; ZOO_TRANSFER_UNKNOWN */
    char etag[160], linked_etag[160];     /* without W/ and quotes; "" where missing or too long */
    char error_code[64], error_message[256];      /* X-Error-Code, X-Error-Message */
    long retry_after;                     /* seconds; -1: it did not say */
    int may_pass;                         /* nothing or half an answer came, or a status that another try may change */
} zoo_transfer_answer;

typedef struct zoo_transfer_request {
    const char *url;
    int is_head;                  /* ends at a redirect that names the file's ETag, which may be its own host's alone */
    uint64_t from;                        /* asks for the bytes from here on */
    uint64_t max;                         /* bytes of body; one more is an error. 0: none may come */
    /* Bytes of a 200 or 206; `answer` is known by the first. Non-zero ends the transfer with the error left in *err. */
    int (*on_data)(void *context, const zoo_transfer_answer *answer, const char *bytes, size_t size, zoo_err *err);
    void *context;
} zoo_transfer_request;

/* ZOO_EUSAGE where the endpoint is no address that can be used. */
int zoo_transfer_new(zoo_transfer **out, const zoo_transfer_settings *settings, zoo_err *err);
void zoo_transfer_free(zoo_transfer *transfer);             /* NULL is fine */
/* Whether the token, if there is one, is sent at all. */
int zoo_transfer_sends_token(const zoo_transfer *transfer);
/* ZOO_OK: a whole response is there, whatever its status. */
int zoo_transfer_run(zoo_transfer *transfer, const zoo_transfer_request *request, zoo_transfer_answer *answer,
                     zoo_err *err);
/* Appends `text` to out[0..size) with all but letters, digits and -._~ (and '/', where `keeps_slash`) as %XX;
 * non-zero: no room. */
int zoo_transfer_escape(char *out, size_t size, const char *text, int keeps_slash);
#endif
