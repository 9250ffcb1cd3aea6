/* Any text through two small tokenizers: ids are known ones, what is cut is the beginning of what is whole, and reading
 * in parts does not show. The first byte chooses the length that the text is cut to and how often it is said. */
#include "fuzz.h"
#include "text/tokenizer_parts.h"

static const char unigram[] =
    "{\"added_tokens\":[{\"content\":\"[CLS]\"},{\"content\":\"[SEP]\"},"
    "{\"content\":\"[M]\",\"lstrip\":true,\"rstrip\":true},"
    "{\"content\":\"e\\u0301 \",\"normalized\":true,\"single_word\":true}],"
    "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":["
    "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"},\"content\":\" \"},"
    "{\"type\":\"NFKC\"},{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}]},"
    "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"\\u2581\",\"prepend_scheme\":\"always\"},"
    "\"post_processor\":null,"
    "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"[CLS]\",0],[\"[SEP]\",0],"
    "[\"\\u2581\",-2],[\"a\",-3],[\"ab\",-5.5],[\"b\",-2.5],[\"\\u2581a\",-4.5],[\"aa\",-6],[\"\\u00e9\",-4],"
    "[\"\\u4f60\",-7],[\"0\",-3],[\"00\",-6],[\"x y\",-1]]}}";

static const char wordpiece[] =
    "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
    "\"strip_accents\":null,\"lowercase\":true},"
    "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"max_input_chars_per_word\":9,"
    "\"vocab\":{\"u\":0,\"a\":1,\"##a\":2,\"##b\":3,\"b\":4,\"ab\":5,\".\":6,\"##ab\":7,\"\\u4f60\":8}}}";

static zoo_tokenizer *tokenizers[2];
static zoo_tokenization *works[2], *others[2];

static void open_all(void)
{
    const zoo_source from[2] = { { .path = "unigram", .text = unigram, .size = sizeof unigram - 1 },
                                 { .path = "wordpiece", .text = wordpiece, .size = sizeof wordpiece - 1 } };

    for (int i = 0; i < 2; i++) {
        MUST(!zoo_tokenizer_open_source(&tokenizers[i], zoo_tokenizer_read_json, &from[i], NULL));
        MUST(!zoo_tokenization_new(&works[i], tokenizers[i], NULL) &&
             !zoo_tokenization_new(&others[i], tokenizers[i], NULL));
    }
}

static void check(zoo_tokenizer *t, zoo_tokenization *work, zoo_tokenization *other, const char *s, size_t size,
                  size_t cut)
{
    zoo_ids whole, some;
    int can_cut = t->can_cut;

    MUST(!zoo_tokenizer_encode(t, work, s, size, NULL, 0, ZOO_UNTRUNCATED, &whole, NULL));
    for (size_t i = 0; i < whole.count; i++)
        MUST(whole.ids[i] < zoo_tokenizer_size(t));
    t->can_cut = 0;
    MUST(!zoo_tokenizer_encode(t, other, s, size, NULL, 0, ZOO_UNTRUNCATED, &some, NULL));
    t->can_cut = can_cut;
    MUST(some.count == whole.count && (!some.count || !memcmp(some.ids, whole.ids, some.count * sizeof *some.ids)));
    MUST(!zoo_tokenizer_encode(t, other, s, size, NULL, 0, cut, &some, NULL));
    MUST(some.count == (whole.count < cut ? whole.count : cut) && some.was_cut == (whole.count > cut));
    MUST(!some.count || !memcmp(some.ids, whole.ids, some.count * sizeof *some.ids));
    MUST(!zoo_tokenizer_encode(t, other, s, size, s, size / 2, cut, &some, NULL) && some.count <= cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t cut, times, n = 0;
    char *text;

    if (!tokenizers[0])
        open_all();
    if (!size)
        return 0;
    cut = data[0] & 0x3f;
    times = (data[0] & 0xc0) == 0xc0 ? 10000 / size + 1 : 1;        /* beyond two parts */
    text = malloc(times * size);
    MUST(text);
    for (; times; times--, n += size - 1)
        if (size > 1)
            memcpy(text + n, data + 1, size - 1);
    for (int i = 0; i < 2; i++)
        check(tokenizers[i], works[i], others[i], text, n, cut);
    free(text);
    return 0;
}
