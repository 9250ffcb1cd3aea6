/* http_parse.c - an HTTP/1.1 request from foreign bytes, in place: head and chunked body; see http_parse.h. */
#include "net/http_parse.h"
#include <string.h>
#include <strings.h>

enum { MAX_CHUNK_LINE = 4096 };

/* RFC 9110: what a method and a header's name are made of. */
static int is_token(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* ---- the head ---- */

/* "GET /path HTTP/1.1", NUL-terminated. */
static int parse_request_line(zoo_http_head *head, char *bytes, size_t at)
{
    char *s = bytes + at, *target, *version;

    for (target = s; is_token((unsigned char)*target); target++) { }
    if (target == s || target - s > 32 || *target != ' ')
        return -400;
    *target++ = '\0';
    for (version = target; (unsigned char)*version > ' ' && *version != 0x7f; version++) { }
    if (version == target || *version != ' ')
        return -400;
    *version++ = '\0';
    if (strncmp(version, "HTTP/", 5))
        return -400;
    if (strcmp(version, "HTTP/1.1") && strcmp(version, "HTTP/1.0"))
        return -505;
    /* as to a proxy: the path counts */
    if (!strncasecmp(target, "http://", 7) || !strncasecmp(target, "https://", 8)) {
        target = strchr(strchr(target, ':') + 3, '/');
        if (!target)
            return -400;
    }
    if (*target != '/' && strcmp(target, "*"))
        return -400;
    head->minor = version[7] - '0';
    head->keep_alive = head->minor;
    head->method = at;
    head->target = (size_t)(target - bytes);
    return 1;
}

/* Whether a list such as "keep-alive, Upgrade" has `word`. */
static int has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list) {
        size_t size;
        list += strspn(list, " \t,");
        size = strcspn(list, " \t,");
        if (size == n && !strncasecmp(list, word, n))
            return 1;
        list += size;
    }
    return 0;
}

static int parse_length(zoo_http_head *head, const char *value)
{
    int64_t n = 0;

    if (head->content_length >= 0 || !*value)
        return -400;
    for (; *value; value++) {
        if (*value < '0' || *value > '9' || n > INT64_MAX / 100)
            return -400;
        n = n * 10 + (*value - '0');
    }
    head->content_length = n;
    return 1;
}

/* The headers that say where the request ends. */
static int obey_header(zoo_http_head *head, const char *name, const char *value)
{
    if (!strcasecmp(name, "content-length"))
        return parse_length(head, value);
    if (!strcasecmp(name, "transfer-encoding")) {
        if (strcasecmp(value, "chunked"))
            return -501;
        if (head->is_chunked || !head->minor)
            return -400;
        head->is_chunked = 1;
    } else if (!strcasecmp(name, "connection")) {
        if (has_word(value, "close"))
            head->keep_alive = 0;
        else if (!head->minor && has_word(value, "keep-alive"))
            head->keep_alive = 1;
    } else if (!strcasecmp(name, "expect")) {
        if (strcasecmp(value, "100-continue"))
            return -417;
        head->expects_continue = head->minor;
    }
    return 1;
}

/* "Name: value", NUL-terminated. */
static int parse_header(zoo_http_head *head, char *bytes, size_t at)
{
    char *name = bytes + at, *colon, *value, *end;

    for (colon = name; is_token((unsigned char)*colon); colon++) { }
    if (colon == name || *colon != ':')
        return -400;
    if (head->header_count == ZOO_HTTP_MAX_HEADERS)
        return -431;
    *colon = '\0';
    value = colon + 1 + strspn(colon + 1, " \t");
    for (end = value; *end; end++)
        if (((unsigned char)*end < ' ' && *end != '\t') || *end == 0x7f)
            return -400;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    head->headers[head->header_count].name = at;
    head->headers[head->header_count++].value = (size_t)(value - bytes);
    return obey_header(head, name, value);
}

/* One line, its CRLF already NUL. */
static int parse_line(zoo_http_head *head, char *bytes, size_t at, size_t size)
{
    if (memchr(bytes + at, '\0', size) || memchr(bytes + at, '\r', size))
        return -400;
    if (!head->target)
        return parse_request_line(head, bytes, at);
    return parse_header(head, bytes, at);
}

static int check_head(const zoo_http_head *head, const char *bytes)
{
    size_t hosts = 0;

    for (size_t i = 0; i < head->header_count; i++)
        hosts += !strcasecmp(bytes + head->headers[i].name, "host");
    if (hosts > 1 || (head->minor && !hosts))
        return -400;
    return head->is_chunked && head->content_length >= 0 ? -400 : 1;
}

void zoo_http_head_clear(zoo_http_head *head)
{
    memset(head, 0, offsetof(zoo_http_head, headers));       /* the table is filled up to header_count */
    head->content_length = -1;
}

int zoo_http_head_parse(zoo_http_head *head, char *bytes, size_t size, size_t max)
{
    char *end;

    while (head->looked < size && (end = memchr(bytes + head->looked, '\n', size - head->looked))) {
        size_t at = head->line, length = (size_t)(end - bytes) - at;
        int rc = 1;

        head->looked = head->line = at + length + 1;
        if (head->line > max)
            return -431;
        if (!length || end[-1] != '\r')
            return -400;
        end[-1] = '\0';
        if (length > 1) {
            rc = parse_line(head, bytes, at, length - 1);
        } else if (head->target) {
            head->size = head->line;
            return check_head(head, bytes);
        } else if (at > 0) {                         /* one empty line before a request is let pass */
            return -400;
        }
        if (rc < 0)
            return rc;
    }
    head->looked = size;
    return size > max ? -431 : 0;
}

const char *zoo_http_head_find(const zoo_http_head *head, const char *bytes, const char *name)
{
    for (size_t i = 0; i < head->header_count; i++)
        if (!strcasecmp(bytes + head->headers[i].name, name))
            return bytes + head->headers[i].value;
    return NULL;
}

/* ---- a chunked body ---- */

/* Value of a chunk's line without its CRLF, "1a;extension"; -1: it is none. */
static int64_t chunk_size(const char *s, size_t size)
{
    int64_t n = 0;
    size_t i = 0;

    for (; i < size; i++) {
        const char *digits = "0123456789abcdefABCDEF", *digit = s[i] ? strchr(digits, s[i]) : NULL;
        if (!digit)
            break;
        if (n > INT64_MAX / 32)
            return -1;
        n = n * 16 + (digit - digits < 16 ? digit - digits : digit - digits - 6);
    }
    if (i == 0 || (i < size && s[i] != ';' && s[i] != ' ' && s[i] != '\t') || memchr(s, '\r', size))
        return -1;
    return n;
}

/* The line at chunks->in without its CRLF: its size, -1: not complete yet, -400: wrong. Steps over it. */
static int64_t take_line(zoo_http_chunks *chunks, const char *bytes, size_t size)
{
    const char *line = bytes + chunks->in, *end = memchr(line, '\n', size - chunks->in);

    if (!end)
        return size - chunks->in > MAX_CHUNK_LINE ? -400 : -1;
    if (end == line || end[-1] != '\r' || end - line > MAX_CHUNK_LINE)
        return -400;
    chunks->in += (size_t)(end - line) + 1;
    return end - line - 1;
}

static void take_data(zoo_http_chunks *chunks, char *bytes, size_t size)
{
    size_t n = size - chunks->in;

    if (n > chunks->left)
        n = (size_t)chunks->left;
    if (chunks->out != chunks->in)
        memmove(bytes + chunks->out, bytes + chunks->in, n);
    chunks->in += n;
    chunks->out += n;
    chunks->left -= n;
    if (!chunks->left)
        chunks->state = CHUNK_END;
}

static int begin_chunk(zoo_http_chunks *chunks, const char *line, size_t size, size_t start, size_t max)
{
    int64_t n = chunk_size(line, size);

    if (n < 0)
        return -400;
    if ((uint64_t)n > max - (chunks->out - start))
        return -413;
    chunks->left = (uint64_t)n;
    chunks->state = n ? CHUNK_DATA : CHUNK_TRAILER;
    return 0;
}

int zoo_http_chunks_parse(zoo_http_chunks *chunks, char *bytes, size_t size, size_t start, size_t max)
{
    while (chunks->in < size) {
        size_t at = chunks->in;
        int64_t line;
        int rc;

        if (chunks->state == CHUNK_DATA) {
            take_data(chunks, bytes, size);
            continue;
        }
        line = take_line(chunks, bytes, size);
        if (line < 0)
            return line == -1 ? 0 : -400;
        if (chunks->state == CHUNK_SIZE) {
            rc = begin_chunk(chunks, bytes + at, (size_t)line, start, max);
            if (rc)
                return rc;
        } else if (chunks->state == CHUNK_END) {
            if (line)
                return -400;
            chunks->state = CHUNK_SIZE;
        } else if (!line) {
            return 1;
        } else if (++chunks->trailers > ZOO_HTTP_MAX_HEADERS) {
            return -400;                             /* trailers are read over */
        }
    }
    return 0;
}
