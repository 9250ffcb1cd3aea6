#include "unit/cm.h"
#include <string.h>
#include "gateway/sse.h"

static zoo_sse_verdict look(const char *text, size_t step, zoo_sse *sse)
{
    size_t size = strlen(text);

    memset(sse, 0, sizeof *sse);
    for (size_t n = step < size ? step : size;; n = n + step < size ? n + step : size) {
        zoo_sse_verdict verdict = zoo_sse_look(sse, text, n);
        if (verdict != ZOO_SSE_MORE || n == size)
            return verdict;
    }
}

#define ROLE "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"

static void the_first_content_token_is_found(void **state)
{
    static const struct { zoo_sse_verdict verdict; const char *text; } cases[] = {
        { ZOO_SSE_MORE, "" },
        { ZOO_SSE_MORE, ": ping\n\n" },
        { ZOO_SSE_MORE, ROLE },
        { ZOO_SSE_MORE, ROLE "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n" },
        { ZOO_SSE_MORE,
          ROLE "data: {\"choices\":[{\"delta\":{\"content\":null,\"tool_calls\":[]},\"finish_reason\":null}]}\n\n" },
        { ZOO_SSE_MORE, "data: {\"choices\":[],\"usage\":{\"total_tokens\":1}}\n\ndata: [DONE]\n\n" },
        { ZOO_SSE_MORE, "data: {\"choices\":[null, 1]}\n\n" },
        { ZOO_SSE_CONTENT, ROLE "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n" },
        { ZOO_SSE_CONTENT, "data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n" },
        { ZOO_SSE_CONTENT, "id: 1\nevent: message\ndata: {\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\" "
                           "\"}}]}\n\n" },
        { ZOO_SSE_CONTENT, ROLE "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n" },
        { ZOO_SSE_CONTENT, ROLE "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n" },
        { ZOO_SSE_CONTENT, ROLE "data: {\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\n" },
        { ZOO_SSE_CONTENT, "data: {\"choices\":[{\"text\":\"a\"}]}\n\n" },
        { ZOO_SSE_CONTENT, "data: {\ndata: }\n\n" },
        { ZOO_SSE_ERROR, ROLE "data: {\"error\":{\"message\":\"broken\"}}\n\n" },
        { ZOO_SSE_ERROR, ROLE "event: error\ndata: {\"message\":\"broken\"}\n\n" },
        { ZOO_SSE_MORE, ROLE "data: {\"error\":null,\"choices\":[]}\n\n" },
        { ZOO_SSE_GARBAGE, ROLE "data: <html>\n\n" },
        { ZOO_SSE_GARBAGE, ROLE "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]\n\n" },
        { ZOO_SSE_GARBAGE, ROLE "data: {\"choices\":[{\"delta\":{\"content\":\"a\xff\"}}]}\n\n" },
        { ZOO_SSE_GARBAGE, "data: 1\n\n" } };
    zoo_sse sse;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 200; step += 13) {
            zoo_sse_verdict verdict = look(cases[i].text, step, &sse);
            if (verdict != cases[i].verdict)
                fail_msg("case %zu in steps of %zu: %d: %s", i, step, (int)verdict, cases[i].text);
        }
}

static void events_with_data_are_counted(void **state)
{
    zoo_sse sse;

    (void)state;
    look(": ping\n\n" ROLE "event: x\n\n\n\ndata: [DONE]\n\ndata: half", 7, &sse);
    assert_int_equal(sse.events, 2);
}

static void the_end_of_the_last_event_is_found(void **state)
{
    static const struct { size_t complete; const char *text; } cases[] = {
        { 0, "" }, { 1, "\n" }, { 1, "\ndata: 1" }, { 2, "\r\n" }, { 2, "\n\n" }, { 0, "data: 1" }, { 0, "data: 1\n" },
            { 9, "data: 1\n\n" }, { 9, "data: 1\n\ndata: 2\n" },
        { 11, "data: 1\r\n\r\n" }, { 11, "data: 1\r\n\r\ndata: 2\r\n\r" }, { 18, "data: 1\n\ndata: 2\n\n" },
            { 10, "data: 1\n\n\nx" } };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (zoo_sse_complete(cases[i].text, strlen(cases[i].text)) != cases[i].complete)
            fail_msg("case %zu: %zu", i, zoo_sse_complete(cases[i].text, strlen(cases[i].text)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_content_token_is_found),
        cmocka_unit_test(events_with_data_are_counted),
        cmocka_unit_test(the_end_of_the_last_event_is_found),
    };
    return cmocka_run_group_tests_name("gateway/sse", tests, NULL, NULL);
}
