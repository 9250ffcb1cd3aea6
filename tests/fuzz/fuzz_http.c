/* An HTTP request: the same bytes are read the same whether they come at once or one at a time. */
#include "fuzz.h"
#include "net/http_parse.h"

enum { HEAD_MAX = 2000, BODY_MAX = 500 };

struct outcome { int head, body; size_t head_size, body_end, next; };

/* Gives the parser `step` bytes more at a time. */
static struct outcome parse(const uint8_t *data, size_t size, size_t step)
{
    struct outcome o = { 0 };
    zoo_http_head head;
    zoo_http_chunks chunks = { 0 };
    char *bytes = malloc(size + 1);
    size_t have = 0;

    MUST(bytes);
    memcpy(bytes, data, size);
    bytes[size] = 0;
    zoo_http_head_clear(&head);
    while (!o.head && have < size) {
        have = size - have < step ? size : have + step;
        o.head = zoo_http_head_parse(&head, bytes, have, HEAD_MAX);
    }
    if (o.head == 1) {
        MUST(head.size <= have && head.header_count <= ZOO_HTTP_MAX_HEADERS);
        MUST(head.content_length < 0 || !head.is_chunked);
        o.head_size = head.size;
        if (head.is_chunked) {
            chunks.in = chunks.out = head.size;
            o.body = zoo_http_chunks_parse(&chunks, bytes, have, head.size, BODY_MAX);
            while (!o.body && have < size) {
                have = size - have < step ? size : have + step;
                o.body = zoo_http_chunks_parse(&chunks, bytes, have, head.size, BODY_MAX);
            }
            if (o.body == 1) {
                MUST(chunks.out <= chunks.in && chunks.in <= size && chunks.out - head.size <= BODY_MAX);
                o.body_end = chunks.out;
                o.next = chunks.in;
            }
        }
    }
    free(bytes);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, single;

    if (size > 8000)
        return 0;
    whole = parse(data, size, size ? size : 1);
    single = parse(data, size, 1);
    MUST(whole.head == single.head && whole.head_size == single.head_size);
    MUST(whole.body == single.body && whole.body_end == single.body_end && whole.next == single.next);
    return 0;
}
