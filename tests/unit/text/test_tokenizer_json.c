#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text/tokenizer_parts.h"

#define UNIGRAM "\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-1],[\"b\",-2]," \
                "[\"ab\",-3],[\"c\",-4],[\"\xe2\x96\x81\",-5]]}"

/* The ids of a text as words; the tokenizer is a JSON text. */
static const char *ids_of(const char *json, const char *text, size_t size, size_t max_length)
{
    static char out[1024];
    zoo_source from = { .path = "tokenizer.json", .text = json, .size = strlen(json) };
    zoo_tokenization *work;
    zoo_tokenizer *t;
    zoo_err err = { 0 };
    zoo_ids ids;
    size_t at = 0;

    if (zoo_tokenizer_open_source(&t, zoo_tokenizer_read_json, &from, &err))
        fail_msg("%s", err.message);
    assert_int_equal(zoo_tokenization_new(&work, t, NULL), ZOO_OK);
    assert_int_equal(zoo_tokenizer_encode(t, work, text, size, NULL, 0, max_length, &ids, NULL), ZOO_OK);
    out[0] = '\0';
    for (size_t i = 0; i < ids.count && at < sizeof out - 12; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%u", i ? " " : "", ids.ids[i]);
    zoo_tokenization_free(work);
    zoo_tokenizer_close(t);
    return out;
}

static void of_equal_sums_the_first_path_stays(void **state)
{
    (void)state;
    assert_string_equal(ids_of("{" UNIGRAM "}", "ab", 2, 9), "3");                 /* -3 is not less than -1 - 2 */
    assert_string_equal(ids_of("{" UNIGRAM "}", "abc", 3, 9), "3 4");
}

/* 0.1 + 0.2 is above 0.3 in doubles; and serde_json reads the last score as -7.246778011322021, not ...0215. */
static void scores_are_summed_as_doubles_and_read_as_the_reference_reads_them(void **state)
{
    static const char sums[] = "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",0.1],"
                               "[\"b\",0.2],[\"ab\",0.3]]}}";
    static const char digits[] = "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",-50],"
                                 "[\"a\",-7.2467780113220215],[\"b\",0],[\"ab\",-7.246778011322021]]}}";

    (void)state;
    assert_string_equal(ids_of(sums, "ab", 2, 9), "1 2");
    assert_string_equal(ids_of(digits, "ab", 2, 9), "3");
}

static void unknown_text_is_one_piece_or_bytes(void **state)
{
    static char bytes[16384];
    size_t at = (size_t)snprintf(bytes, sizeof bytes,
                                 "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"byte_fallback\":true,"
                                 "\"vocab\":[[\"<unk>\",0],[\"a\",-1]");

    (void)state;
    for (int b = 0; b < 256; b++)
        at += (size_t)snprintf(bytes + at, sizeof bytes - at, ",[\"<0x%02X>\",-9]", b);
    snprintf(bytes + at, sizeof bytes - at, "]}}");
    assert_string_equal(ids_of("{" UNIGRAM "}", "xyzaxx", 6, 9), "0 1 0");
    assert_string_equal(ids_of(bytes, "\xc3\xa9" "a!", 4, 9), "197 171 1 35");
}

static void bytes_that_are_not_utf8_are_read_as_a_replacement_character(void **state)
{
    static const char json[] = "{\"model\":{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"<unk>\",0],[\"a\",-1],"
                               "[\"\\ufffd\",-2]]}}";

    (void)state;
    assert_string_equal(ids_of(json, "a\xff\xe4\xbd" "a\0a\xc3", 8, 99), "1 2 2 2 1 0 1 2");
    assert_string_equal(ids_of(json, "", 0, 99), "");
}

static void what_would_change_ids_and_is_not_known_is_refused_by_name(void **state)
{
    static const struct { const char *json, *names; } cases[] = {
        { "{\"normalizer\":{\"type\":\"ByteLevel\"}," UNIGRAM "}", "ByteLevel" },
        { "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a|b)*\"},\"content\":\"\"}," UNIGRAM "}",
          "(a|b)*" },
        { "{\"pre_tokenizer\":{\"type\":\"Split\"}," UNIGRAM "}", "Split" },
        { "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"sometimes\"},"
          UNIGRAM "}", "sometimes" },
        { "{\"post_processor\":{\"type\":\"RobertaProcessing\"}," UNIGRAM "}", "RobertaProcessing" },
        { "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", "BPE" },
        { "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\"]]}}", "score" },
        { "{\"model\":{\"type\":\"Unigram\",\"unk_id\":7,\"vocab\":[[\"a\",0]]}}", "unk_id" },
        { "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", "score" },
        { "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0,\"b\":0}}}", "id 0" },
        { "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":4000000000}}}", "too high" },
        { "{\"added_tokens\":[{\"id\":1}]," UNIGRAM "}", "content" },
        { "{\"post_processor\":{\"type\":\"TemplateProcessing\","
          "\"single\":[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}}],\"pair\":[]}," UNIGRAM "}", "x" },
        { "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAA\"}," UNIGRAM "}", "charsmap" },
        { "{}", "model" }, { "", "expected" }, { "[", "expected" }, { "{" UNIGRAM "} x", "behind" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        zoo_source from = { .path = "dir/tokenizer.json", .text = cases[i].json, .size = strlen(cases[i].json) };
        zoo_tokenizer *t;
        zoo_err err = { 0 };
        assert_int_equal(zoo_tokenizer_open_source(&t, zoo_tokenizer_read_json, &from, &err), ZOO_EFORMAT);
        assert_null(t);
        if (!strstr(err.message, "dir/tokenizer.json") || !strstr(err.message, cases[i].names))
            fail_msg("case %zu: %s", i, err.message);
    }
}

/* Sequences in sequences without end; arrays deeper than a walk goes. */
static void depth_is_bounded(void **state)
{
    static char json[200000];

    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        zoo_source from = { .path = "tokenizer.json", .text = json };
        zoo_tokenizer *t;
        zoo_err err = { 0 };
        size_t at = (size_t)snprintf(json, sizeof json, "{\"normalizer\":");
        for (int i = 0; i < 50; i++)
            at += (size_t)snprintf(json + at, sizeof json - at, kind ? "[[[[" :
                                   "{\"type\":\"Sequence\",\"normalizers\":[");
        at += (size_t)snprintf(json + at, sizeof json - at, "{\"type\":\"NFC\"}");
        for (int i = 0; i < 50; i++)
            at += (size_t)snprintf(json + at, sizeof json - at, kind ? "]]]]" : "]}");
        from.size = at + (size_t)snprintf(json + at, sizeof json - at, "," UNIGRAM "}");
        assert_int_equal(zoo_tokenizer_open_source(&t, zoo_tokenizer_read_json, &from, &err), ZOO_EFORMAT);
        assert_non_null(strstr(err.message, kind ? "deep" : "nested"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_equal_sums_the_first_path_stays),
        cmocka_unit_test(scores_are_summed_as_doubles_and_read_as_the_reference_reads_them),
        cmocka_unit_test(unknown_text_is_one_piece_or_bytes),
        cmocka_unit_test(bytes_that_are_not_utf8_are_read_as_a_replacement_character),
        cmocka_unit_test(what_would_change_ids_and_is_not_known_is_refused_by_name),
        cmocka_unit_test(depth_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
