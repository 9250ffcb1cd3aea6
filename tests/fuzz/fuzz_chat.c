/* fuzz_chat.c - replies of chat endpoints: one that is taken has a text, its strings end inside of it, and its counts
 * are what a store takes. */
#include "fuzz.h"
#include "llm/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static zoo_chat_answer a;                /* kept, as a collection keeps it */
    char *reply = malloc(size ? size : 1);
    zoo_err err;
    int rc;

    MUST(reply);
    memcpy(reply, data, size);
    rc = zoo_chat_read(&a, reply, size, &err);
    MUST(rc == ZOO_OK || rc == ZOO_EFORMAT || rc == ZOO_ECONFLICT);
    MUST(rc || (a.text && a.size && a.size <= size && !a.text[a.size]));
    MUST(rc || !a.reasoning || (a.reasoning_size && !a.reasoning[a.reasoning_size]));
    MUST(rc || !a.finish_reason || strlen(a.finish_reason) <= 100);
    MUST(rc == ZOO_EFORMAT || (a.prompt_tokens >= -1 && a.completion_tokens <= INT64_C(1) << 53));
    free(reply);
    return 0;
}
