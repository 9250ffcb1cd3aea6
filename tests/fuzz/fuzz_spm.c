/* An spm.model: whatever is accepted tokenises, and every id is below its size. */
#include "fuzz.h"
#include "text/tokenizer_parts.h"

static const char text[] = "The qu\xc3\xaf"
                           "ck  [SEP] br\xef\xac\x81wn\r\n\xe4\xbd\xa0 \xe2\x96\x81 fox's <0x41> \xf0\x9f\x91\x8d "
                           "a\xcc\x81 \xff end";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_source from = { .path = "input", .text = (const char *)data, .size = size };
    zoo_tokenization *work;
    zoo_tokenizer *t;
    zoo_err err = { 0 };
    zoo_ids ids;

    if (zoo_tokenizer_open_source(&t, zoo_tokenizer_read_spm, &from, &err)) {
        MUST(err.code && *err.message && !t);
        return 0;
    }
    MUST(!zoo_tokenization_new(&work, t, NULL));
    MUST(!zoo_tokenizer_encode(t, work, text, sizeof text - 1, text, 20, ZOO_UNTRUNCATED, &ids, &err));
    for (size_t i = 0; i < ids.count; i++)
        MUST(ids.ids[i] < zoo_tokenizer_size(t));
    zoo_tokenization_free(work);
    zoo_tokenizer_close(t);
    return 0;
}
