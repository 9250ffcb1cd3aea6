/* fuzz_sse.c - streams of events: the verdict does not depend on where they are cut into pieces,
 * and what counts as complete is. */
#include "fuzz.h"
#include "gateway/sse.h"

static zoo_sse_verdict look(const char *bytes, size_t size, size_t step, zoo_sse *sse)
{
    zoo_sse_verdict verdict = ZOO_SSE_MORE;

    *sse = (zoo_sse){ 0, 0 };
    for (size_t n = step < size ? step : size; verdict == ZOO_SSE_MORE; n = n + step < size ? n + step : size) {
        verdict = zoo_sse_look(sse, bytes, n);
        MUST(sse->looked <= n);
        if (n == size)
            break;
    }
    return verdict;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size ? size : 1);
    zoo_sse whole, pieces;
    size_t complete;

    MUST(bytes);
    memcpy(bytes, data, size);
    MUST(look(bytes, size, size ? size : 1, &whole) == look(bytes, size, 3, &pieces));
    MUST(whole.looked == pieces.looked && whole.events == pieces.events);
    complete = zoo_sse_complete(bytes, size);
    MUST(complete <= size && complete >= whole.looked);
    MUST(!complete || bytes[complete - 1] == '\n');
    free(bytes);
    return 0;
}
