/* A tokenizer.json: whatever is accepted tokenises, every id is below its size and has a piece that is found again. */
#include "fuzz.h"
#include "text/tokenizer_parts.h"

static const char text[] = "The qu\xc3\xaf"
                           "ck  [SEP] br\xef\xac\x81wn\r\n\xe4\xbd\xa0\xe5\xa5\xbd fox's <0x41> 3.14 "
                           "\xf0\x9f\x91\x8d\xe2\x80\x8d a\xcc\x81\xcc\x96 \xff end";

static void check(const zoo_tokenizer *t, zoo_tokenization *work, const char *pair, size_t max_length)
{
    zoo_err err = { 0 };
    zoo_ids ids;
    size_t size;
    int rc = zoo_tokenizer_encode(t, work, text, sizeof text - 1, pair, pair ? strlen(pair) : 0, max_length, &ids,
                                  &err);

    MUST(rc == err.code);
    MUST(rc || ids.count <= max_length);
    for (size_t i = 0; !rc && i < ids.count; i++)
        zoo_tokenizer_piece(t, ids.ids[i], &size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    zoo_source from = { .path = "input", .text = (const char *)data, .size = size };
    zoo_tokenization *work;
    zoo_tokenizer *t;
    zoo_err err = { 0 };
    size_t n;

    if (zoo_tokenizer_open_source(&t, zoo_tokenizer_read_json, &from, &err)) {
        MUST(err.code && *err.message && !t);
        return 0;
    }
    MUST(!zoo_tokenization_new(&work, t, NULL));
    check(t, work, NULL, ZOO_UNTRUNCATED);
    check(t, work, "and a pair", 9);
    check(t, work, NULL, 3);
    for (uint32_t id = 0; id < zoo_tokenizer_size(t) && id < 64; id++) {
        const char *piece = zoo_tokenizer_piece(t, id, &n);
        MUST(!piece || n == 0 || strlen(piece) != n || zoo_tokenizer_find(t, piece) >= 0);
    }
    zoo_tokenization_free(work);
    zoo_tokenizer_close(t);
    return 0;
}
