#include "unit/cm.h"
#include <string.h>
#include "base/buf.h"
#include "net/http_parse.h"

enum { MAX = 1000 };

/* Gives `text` to the parser in pieces of `step` bytes. */
static int parse(zoo_http_head *head, char *bytes, const char *text, size_t size, size_t step)
{
    int rc = 0;

    memcpy(bytes, text, size);
    zoo_http_head_clear(head);
    for (size_t n = step < size ? step : size;; n = n + step < size ? n + step : size) {
        rc = zoo_http_head_parse(head, bytes, n, MAX);
        if (rc || n == size)
            return rc;
    }
}

static void a_request_is_read_alike_in_any_pieces(void **state)
{
    static const char text[] = "\r\nPOST /v1/x?y=1 HTTP/1.1\r\nHost: a\r\nContent-Length:  12 \r\nX-Empty:\r\n\r\nbody";
    zoo_http_head head;
    char bytes[MAX];

    (void)state;
    for (size_t step = 1; step < sizeof text; step++) {
        assert_int_equal(parse(&head, bytes, text, sizeof text - 1, step), 1);
        assert_string_equal(bytes + head.method, "POST");
        assert_string_equal(bytes + head.target, "/v1/x?y=1");
        assert_string_equal(zoo_http_head_find(&head, bytes, "content-length"), "12");
        assert_string_equal(zoo_http_head_find(&head, bytes, "x-empty"), "");
        assert_null(zoo_http_head_find(&head, bytes, "y"));
        assert_int_equal(head.content_length, 12);
        assert_int_equal(head.size, sizeof text - 1 - 4);
        assert_true(head.keep_alive);
    }
}

static void what_two_parsers_could_read_differently_is_refused(void **state)
{
    static const struct { int status; const char *text; } cases[] = {
        { 1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { 1, "GET / HTTP/1.0\r\n\r\n" },
        { 1, "GET http://a:1/x HTTP/1.1\r\nHost: a\r\n\r\n" },
        { 1, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" },
        { 0, "GET / HTTP/1.1\r\nHost: a\r\n" },
        { -400, "GET / HTTP/1.1\nHost: a\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost: a\n\n" },
        { -400, "GET / HTTP/1.1\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
        { -400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, "GET / x HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, "G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { -400, "\x16\x03\x01\x02\n" },
        { -505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
        { -505, "GET / HTTP/1.12\r\nHost: a\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x02\r\n\r\n" },
        { -400, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n" },
        { -400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { -400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { -501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" },
        { -417, "POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n" } };
    zoo_http_head head;
    char bytes[MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 90; step += 11) {
            int rc = parse(&head, bytes, cases[i].text, strlen(cases[i].text), step);
            if (rc != cases[i].status)
                fail_msg("case %zu in steps of %zu: %d, expected %d: %s", i, step, rc, cases[i].status, cases[i].text);
        }
    assert_int_equal(parse(&head, bytes, "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 30, 30), -400);
}

static void heads_have_limits(void **state)
{
    zoo_http_head head;
    zoo_buf text = ZOO_BUF_INIT(20000);
    char bytes[20000];

    (void)state;
    zoo_buf_add_str(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i <= ZOO_HTTP_MAX_HEADERS; i++)
        zoo_buf_add_str(&text, "X: y\r\n");
    assert_int_equal(parse(&head, bytes, text.data, text.size, 7), -431);
    zoo_buf_clear(&text);
    zoo_buf_add_str(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
    while (text.size < 2000)
        zoo_buf_add_str(&text, "xxxxxxxxxx");
    assert_int_equal(parse(&head, bytes, text.data, text.size, 100), -431);
    zoo_buf_release(&text);
}

static void connections_are_kept_as_asked(void **state)
{
    static const struct { int kept; const char *text; } cases[] = {
        { 1, "GET / HTTP/1.1\r\nHost: a\r\n\r\n" },
        { 0, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n" },
        { 0, "GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\n\r\n" },
        { 1, "GET / HTTP/1.1\r\nHost: a\r\nConnection: closer\r\n\r\n" },
        { 0, "GET / HTTP/1.0\r\n\r\n" },
        { 1, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" } };
    zoo_http_head head;
    char bytes[MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(&head, bytes, cases[i].text, strlen(cases[i].text), 5), 1);
        assert_int_equal(head.keep_alive, cases[i].kept);
    }
}

/* The decoded body, in pieces of `step` bytes; rc as the parser gave it. */
static int dechunk(char *bytes, const char *text, size_t step, size_t max, zoo_http_chunks *chunks)
{
    size_t size = strlen(text);
    int rc;

    memcpy(bytes, text, size);
    memset(chunks, 0, sizeof *chunks);
    for (size_t n = step < size ? step : size;; n = n + step < size ? n + step : size) {
        rc = zoo_http_chunks_parse(chunks, bytes, n, 0, max);
        if (rc || n == size)
            return rc;
    }
}

static void chunks_are_put_together_in_any_pieces(void **state)
{
    static const char text[] = "4\r\nWiki\r\n5;ext=1\r\npedia\r\nE\r\n in\r\n\r\nchunks.\r\n0\r\n"
                               "Trailer: x\r\n\r\nnext";
    zoo_http_chunks chunks;
    char bytes[200];

    (void)state;
    for (size_t step = 1; step < sizeof text; step++) {
        assert_int_equal(dechunk(bytes, text, step, 23, &chunks), 1);
        assert_int_equal(chunks.out, 23);
        assert_memory_equal(bytes, "Wikipedia in\r\n\r\nchunks.", 23);
        assert_memory_equal(bytes + chunks.in, step + 4 >= sizeof text ? "next" : "n", step + 4 >= sizeof text ? 4 : 0);
    }
    assert_int_equal(dechunk(bytes, text, 3, 22, &chunks), -413);
}

static void broken_chunks_are_refused(void **state)
{
    static const char *const cases[] = { "x\r\n", "\r\n", "-1\r\n", "4\nWiki", "4\r\nWikipedia\r\n", "4 4\rx\r\n",
                                         "\x11\r\n",
                                         "fffffffffffffffffffff\r\n", "7fffffffffffffff\r\n", "0x4\r\nWiki\r\n" };
    zoo_http_chunks chunks;
    char bytes[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 20; step += 6) {
            int rc = dechunk(bytes, cases[i], step, 1000, &chunks);
            if (rc != -400 && rc != -413)
                fail_msg("case %zu in steps of %zu: %d", i, step, rc);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read_alike_in_any_pieces),
        cmocka_unit_test(what_two_parsers_could_read_differently_is_refused),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(connections_are_kept_as_asked),
        cmocka_unit_test(chunks_are_put_together_in_any_pieces),
        cmocka_unit_test(broken_chunks_are_refused),
    };
    return cmocka_run_group_tests_name("net/http_parse", tests, NULL, NULL);
}
