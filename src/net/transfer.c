/* transfer.c - see transfer.h. Layer: net. */
#include "net/transfer.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { REDIRECTS_MAX = 10, CONNECT_S = 20, IDLE_S = 30 };

/* scheme://host:port */
struct origin { char scheme[8], host[256]; unsigned port; };

struct zoo_transfer {
    CURL *easy;
    struct origin endpoint;
    struct curl_slist authorization;      /* the header with the token; data NULL: none is sent */
    char user_agent[64];
    char reason[CURL_ERROR_SIZE];
};

/* One run, as libcurl's callbacks see it. */
struct run {
    zoo_transfer *transfer;
    const zoo_transfer_request *request;
    zoo_transfer_answer *answer;
    uint64_t received;
    int refused;                          /* by on_data or a limit; *err says why */
    zoo_err *err;
};

/* ---- addresses ---- */

static int take_part(char *out, size_t size, CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    int failed = curl_url_get(url, part, &text, flags) || (size_t)snprintf(out, size, "%s", text) >= size;

    curl_free(text);
    return failed;
}

/* Non-zero: no http or https address. */
static int origin_of(struct origin *out, const char *address)
{
    CURLU *url = curl_url();
    char port[8], *user = NULL;
    int failed = !url || curl_url_set(url, CURLUPART_URL, address, 0) ||
                 take_part(out->scheme, sizeof out->scheme, url, CURLUPART_SCHEME, 0) ||
                 take_part(out->host, sizeof out->host, url, CURLUPART_HOST, 0) ||
                 take_part(port, sizeof port, url, CURLUPART_PORT, CURLU_DEFAULT_PORT) ||
                 (strcmp(out->scheme, "http") && strcmp(out->scheme, "https")) ||
                 curl_url_get(url, CURLUPART_USER, &user, 0) !=
                     CURLUE_NO_USER;  /* a name and password would be sent along */

    curl_free(user);
    out->port = failed ? 0 : (unsigned)strtoul(port, NULL, 10);
    curl_url_cleanup(url);
    return failed;
}

static int same_origin(const struct origin *a, const struct origin *b)
{
    return a->port == b->port && !strcmp(a->scheme, b->scheme) && !strcasecmp(a->host, b->host);
}

static int is_loopback(const struct origin *o)
{
    struct in_addr address;

    return !strcasecmp(o->host, "localhost") || !strcmp(o->host, "[::1]") ||
           (inet_pton(AF_INET, o->host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

int zoo_transfer_escape(char *out, size_t size, const char *text, int keeps_slash)
{
    size_t n = strlen(out);

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        int plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || strchr("-._~", c) ||
                    (c == '/' && keeps_slash);
        if (n + 4 > size)
            return -1;
        n += (size_t)snprintf(out + n, size - n, plain ? "%c" : "%%%02X", c);
    }
    return 0;
}

/* ---- headers ---- */

/* The value of header `name` in line[0..size), without blanks around it; NULL: another header. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *length)
{
    size_t n = strlen(name);

    if (size <= n || line[n] != ':' || strncasecmp(line, name, n))
        return NULL;
    line += n + 1;
    size -= n + 1;
    while (size && (*line == ' ' || *line == '\t'))
        line++, size--;
    while (size && strchr("\r\n \t", line[size - 1]))
        size--;
    *length = size;
    return line;
}

static void take_text(char *out, size_t room, const char *value, size_t size)
{
    if (size < room) {
        memcpy(out, value, size);
        out[size] = '\0';
    }
}

static void take_etag(char *out, size_t room, const char *value, size_t size)
{
    if (size > 1 && value[0] == 'W' && value[1] == '/')
        value += 2, size -= 2;
    if (size > 1 && value[0] == '"' && value[size - 1] == '"')
        value++, size -= 2;
    take_text(out, room, value, size);
}

/* Digits that end before `stop` (or at the end). ZOO_TRANSFER_UNKNOWN: no such number. */
static int64_t take_number(const char *value, size_t size, char stop)
{
    int64_t n = 0;
    size_t i;

    for (i = 0; i < size && value[i] >= '0' && value[i] <= '9'; i++) {
        if (n > (INT64_MAX - 9) / 10)
            return ZOO_TRANSFER_UNKNOWN;
        n = 10 * n + (value[i] - '0');
    }
    return i && (i == size ? !stop : value[i] == stop) ? n : ZOO_TRANSFER_UNKNOWN;
}

static void answer_clear(zoo_transfer_answer *a)
{
    memset(a, 0, sizeof *a);
    a->length = a->linked_size = ZOO_TRANSFER_UNKNOWN;
    a->retry_after = -1;
}

static size_t on_header(char *line, size_t one, size_t size, void *context)
{
    struct run *run = context;
    zoo_transfer_answer *a = run->answer;
    const char *v;
    size_t n;

    size *= one;
    if (size >= 5 && !memcmp(line, "HTTP/", 5))
        answer_clear(a);                         /* a 1xx before, or a proxy's answer, does not count */
    else if ((v = header_value(line, size, "etag", &n)))
        take_etag(a->etag, sizeof a->etag, v, n);
    else if ((v = header_value(line, size, "x-linked-etag", &n)))
        take_etag(a->linked_etag, sizeof a->linked_etag, v, n);
    else if ((v = header_value(line, size, "x-linked-size", &n)))
        a->linked_size = take_number(v, n, 0);
    else if ((v = header_value(line, size, "x-error-code", &n)))
        take_text(a->error_code, sizeof a->error_code, v, n);
    else if ((v = header_value(line, size, "x-error-message", &n)))
        take_text(a->error_message, sizeof a->error_message, v, n);
    else if ((v = header_value(line, size, "content-range", &n)))
        a->from = n > 6 && !strncasecmp(v, "bytes ", 6) ? take_number(v + 6, n - 6, '-') : ZOO_TRANSFER_UNKNOWN;
    return size;
}

/* What libcurl knows by the end of the headers. */
static void answer_complete(struct run *run)
{
    curl_off_t length = -1, retry = 0;
    CURL *easy = run->transfer->easy;
    zoo_transfer_answer *a = run->answer;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &a->status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
    a->length = length < 0 ? ZOO_TRANSFER_UNKNOWN : (int64_t)length;
    a->retry_after = retry > 0 ? (long)retry : -1;
    if (a->status != 206)
        a->from = 0;
    a->may_pass = a->status >= 500 || a->status == 408 || a->status == 429;
}

/* ---- one response ---- */

static size_t on_body(char *bytes, size_t one, size_t size, void *context)
{
    struct run *run = context;

    size *= one;
    if (!run->received)
        answer_complete(run);
    if (run->answer->status != 200 && run->answer->status != 206)
        return size;                             /* a page about an error or a redirect */
    if (size > run->request->max - run->received) {
        zoo_fail(run->err, ZOO_EFORMAT, "the server sends more than %llu bytes", (unsigned long long)run->request->max);
        run->refused = 1;
        return CURL_WRITEFUNC_ERROR;
    }
    run->received += size;
    if (!size || !run->request->on_data(run->request->context, run->answer, bytes, size, run->err))
        return size;
    run->refused = 1;
    return CURL_WRITEFUNC_ERROR;
}

static int prepare(zoo_transfer *t, struct run *run, const char *url, const struct origin *origin)
{
    const zoo_transfer_request *r = run->request;
    int trusted = t->authorization.data && same_origin(origin, &t->endpoint);
    char range[32];

    snprintf(range, sizeof range, "%llu-", (unsigned long long)r->from);
    return curl_easy_setopt(t->easy, CURLOPT_URL, url) || curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L) ||
           curl_easy_setopt(t->easy, CURLOPT_NOBODY, (long)r->is_head) ||
           curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, trusted ? &t->authorization : NULL) ||
           curl_easy_setopt(t->easy, CURLOPT_PROXY, is_loopback(origin) ? "" : NULL) ||
           curl_easy_setopt(t->easy, CURLOPT_RANGE, r->from ? range : NULL) ||
           curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, run) || curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, run);
}

static int fail_transfer(struct run *run, CURLcode code, const struct origin *origin)
{
    const char *reason = run->transfer->reason[0] ? run->transfer->reason : curl_easy_strerror(code);

    run->answer->may_pass = code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CACERT_BADFILE &&
                            code != CURLE_UNSUPPORTED_PROTOCOL && code != CURLE_URL_MALFORMAT &&
                                code != CURLE_OUT_OF_MEMORY;
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return zoo_fail(run->err, ZOO_EIO,
                        "%s://%s: the certificate cannot be trusted (%s); SSL_CERT_FILE names further "
                        "authorities", origin->scheme, origin->host, reason);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return zoo_fail(run->err, ZOO_EIO, "%s://%s: no byte for too long", origin->scheme, origin->host);
    return zoo_fail(run->err, ZOO_EIO, "%s://%s: %s", origin->scheme, origin->host, reason);
}

static int one_response(struct run *run, const char *url, const struct origin *origin)
{
    zoo_transfer *t = run->transfer;
    CURLcode code;

    answer_clear(run->answer);
    run->received = 0;
    t->reason[0] = '\0';
    if (prepare(t, run, url, origin))
        return zoo_fail_nomem(run->err);
    code = curl_easy_perform(t->easy);
    answer_complete(run);
    if (run->refused)
        return run->err ? run->err->code : ZOO_EIO;
    return code ? fail_transfer(run, code, origin) : ZOO_OK;
}

/* ---- redirects ---- */

static int is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where the response leads, as an allocated address. */
static int next_address(struct run *run, char **next, struct origin *origin)
{
    struct origin before = *origin;
    char *location = NULL;

    curl_easy_getinfo(run->transfer->easy, CURLINFO_REDIRECT_URL, &location);
    if (!location || origin_of(origin, location))
        return zoo_fail(run->err, ZOO_EFORMAT, "%s://%s: a redirect (HTTP %ld) to no usable address", before.scheme,
                        before.host, run->answer->status);
    if (!strcmp(before.scheme, "https") && strcmp(origin->scheme, "https"))
        return zoo_fail(run->err, ZOO_EFORMAT, "https://%s: a redirect from https to http is not followed",
                        before.host);
    free(*next);
    *next = strdup(location);
    return *next ? ZOO_OK : zoo_fail_nomem(run->err);
}

int zoo_transfer_run(zoo_transfer *t, const zoo_transfer_request *request, zoo_transfer_answer *answer, zoo_err *err)
{
    zoo_err unread = { 0 };
    struct run run = { .transfer = t, .request = request, .answer = answer, .err = err ? err : &unread };
    char *url = strdup(request->url);
    struct origin origin;
    int hops = 0, rc;

    answer_clear(answer);
    if (!url)
        return zoo_fail_nomem(err);
    rc = origin_of(&origin, url) ? zoo_fail(err, ZOO_EUSAGE, "not an http or https address") : ZOO_OK;
    while (!rc && !(rc = one_response(&run, url, &origin)) && is_redirect(answer->status)) {
        struct origin before = origin;
        if (request->is_head && answer->linked_etag[0])
            break;
        if (hops++ == REDIRECTS_MAX)
            rc = zoo_fail(run.err, ZOO_EFORMAT, "%s://%s: more than %d redirects", origin.scheme, origin.host,
                          REDIRECTS_MAX);
        else
            rc = next_address(&run, &url, &origin);
        if (!rc && request->is_head && answer->etag[0] && !same_origin(&before, &origin))
            break;
    }
    free(url);
    return rc;
}

/* ---- life ---- */

static int set_up(zoo_transfer *t, const zoo_transfer_settings *s)
{
    CURL *e = t->easy;

    return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") ||
           curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) || curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) ||
           curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L) || curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) ||
           curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) ||
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)(s->connect_s ? s->connect_s : CONNECT_S)) ||
           curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L) ||
           curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)(s->idle_s ? s->idle_s : IDLE_S)) ||
           curl_easy_setopt(e, CURLOPT_USERAGENT, t->user_agent) ||
           curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 256L << 10) ||
           curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) ||
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) ||
           curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) ||
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->reason) ||
           (s->ca_file && curl_easy_setopt(e, CURLOPT_CAINFO, s->ca_file));
}

static int add_token(zoo_transfer *t, const char *token, zoo_err *err)
{
    size_t size = strlen(token) + sizeof "Authorization: Bearer ";

    if (strcmp(t->endpoint.scheme, "https") && !is_loopback(&t->endpoint))
        return ZOO_OK;
    t->authorization.data = malloc(size);
    if (!t->authorization.data)
        return zoo_fail_nomem(err);
    snprintf(t->authorization.data, size, "Authorization: Bearer %s", token);
    return ZOO_OK;
}

int zoo_transfer_new(zoo_transfer **out, const zoo_transfer_settings *s, zoo_err *err)
{
    zoo_transfer *t = *out = NULL;
    int rc = ZOO_OK;

    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return zoo_fail_nomem(err);
    if (!(t = calloc(1, sizeof *t))) {
        curl_global_cleanup();
        return zoo_fail_nomem(err);
    }
    snprintf(t->user_agent, sizeof t->user_agent, "zooter/%s", zoo_version());
    if (origin_of(&t->endpoint, s->endpoint))
        rc = zoo_fail(err, ZOO_EUSAGE,
                      "the hub's address should be http:// or https://HOST[:PORT][/PATH] without a user name");
    else if (!(t->easy = curl_easy_init()) || set_up(t, s))
        rc = zoo_fail_nomem(err);
    else if (s->token)
        rc = add_token(t, s->token, err);
    if (rc)
        zoo_transfer_free(t);
    else
        *out = t;
    return rc;
}

void zoo_transfer_free(zoo_transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    free(t->authorization.data);
    free(t);
    curl_global_cleanup();
}

int zoo_transfer_sends_token(const zoo_transfer *t)
{
    return t->authorization.data != NULL;
}
