/* JSON from foreign bytes: what is read and written again reads back the same, and a refusal is one clean sentence. */
#include "fuzz.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_err err = { 0 };
    json_t *value = zoo_json_parse((const char *)data, size, "input", &err), *again;
    zoo_buf text = ZOO_BUF_INIT(64 << 20);

    if (!value) {
        MUST(err.code == ZOO_EFORMAT || err.code == ZOO_ENOMEM);
        MUST(*err.message && !strchr(err.message, '\n'));
        return 0;
    }
    MUST(zoo_json_dump(&text, value) == ZOO_OK);
    MUST(!strchr(text.data, '\n'));
    again = zoo_json_parse(text.data, text.size, "again", &err);
    MUST(again && json_equal(value, again));
    json_decref(value);
    json_decref(again);
    zoo_buf_release(&text);
    return 0;
}
