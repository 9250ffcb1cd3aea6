#include "unit/cm.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "label/split.h"
#include "store/jsonl.h"

enum { N = 600 };                       /* queries; its fifth, and half and a fourth of that, are whole */

struct fixture {
    char dir[32], db[64], rows[64];
    zoo_store *store;
    FILE *to;                           /* rows that are not imported yet */
    zoo_split_result result;
    zoo_err err;
};

static const zoo_split_part halves[] = { { "train", 0.7 }, { "test", 0.3 } };

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    memcpy(f->dir, "/tmp/zooter-XXXXXX", 19);
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->db, sizeof f->db, "%s/s.db", f->dir);
    snprintf(f->rows, sizeof f->rows, "%s/rows.jsonl", f->dir);
    assert_int_equal(zoo_store_open(&f->store, f->db, ZOO_STORE_CREATE, NULL, &f->err), ZOO_OK);
    f->to = fopen(f->rows, "w");
    assert_non_null(f->to);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fclose(f->to);
    zoo_split_release(&f->result);
    zoo_store_close(f->store);
    unlink(f->db);
    unlink(f->rows);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

static void add(struct fixture *f, int id, const char *text, const char *subset)
{
    fprintf(f->to, "{\"id\":\"%04d\",\"query\":\"%s\",\"rewards\":{}%s%s%s}\n", id, text,
            subset ? ",\"subset\":\"" : "", subset ? subset : "", subset ? "\"" : "");
}

static void import(struct fixture *f)
{
    zoo_import_counts n = { 0 };

    assert_int_equal(fflush(f->to), 0);
    if (zoo_store_import(f->store, f->rows, &(zoo_import_options){ 0 }, &n, &f->err))
        fail_msg("%s", f->err.message);
    f->to = freopen(f->rows, "w", f->to);
    assert_non_null(f->to);
}

/* N texts of their own from `first` on; subsets s0 to s4 of like size. */
static void many(struct fixture *f, int first)
{
    char text[40], subset[8];

    for (int i = first; i < first + N; i++) {
        snprintf(text, sizeof text, "text number %d", i);
        snprintf(subset, sizeof subset, "s%d", i % 5);
        add(f, i, text, subset);
    }
    import(f);
}

static void split(struct fixture *f, const zoo_split_options *given)
{
    zoo_split_options o = *given;

    o.parts = o.parts ? o.parts : halves;
    o.part_count = o.part_count ? o.part_count : 2;
    zoo_split_release(&f->result);
    if (zoo_split(f->store, &o, &f->result, &f->err))
        fail_msg("%s", f->err.message);
}

/* Splits in the order of ids, a letter a query: t(r)ain, t(e)st, (-) none. */
static void read_splits(struct fixture *f, char *letters)
{
    zoo_store_query *q = calloc(4 * N, sizeof *q);
    zoo_arena arena = { 0 };
    size_t n;

    assert_int_equal(zoo_store_queries(f->store, NULL, 0, 4 * N, q, &n, &arena, &f->err), ZOO_OK);
    for (size_t i = 0; i < n; i++)
        letters[i] = q[i].split ? q[i].split[1] : '-';
    letters[n] = '\0';
    zoo_arena_release(&arena);
    free(q);
}

static size_t count(const char *letters, char c)
{
    size_t n = 0;

    for (; *letters; letters++)
        n += *letters == c;
    return n;
}

static void shares_are_about_kept_and_the_same_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    char once[4 * N], again[4 * N];

    many(f, 0);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, once);
    assert_true(count(once, 'r') > N * 0.63 && count(once, 'r') < N * 0.77 && !count(once, '-'));
    assert_int_equal(f->result.moved[0], count(once, 'r'));
    assert_int_equal(f->result.queries[1], count(once, 'e'));
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, again);
    assert_string_equal(once, again);
    assert_true(f->result.candidates == 0 && f->result.moved[0] == 0 && f->result.queries[0] == count(once, 'r'));
}

static void what_comes_later_moves_nothing_and_goes_where_it_would_have_gone(void **state)
{
    struct fixture *f = *state;
    char first[4 * N], both[4 * N], fresh[4 * N];

    many(f, 0);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, first);
    many(f, N);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, both);
    assert_memory_equal(first, both, N);
    assert_int_equal(strlen(both), 2 * N);
    for (size_t i = 0; i < 2 * N; i++)
        assert_int_equal(zoo_store_set_split(f->store, (zoo_key)i + 1, NULL, &f->err), ZOO_OK);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, fresh);
    assert_string_equal(both, fresh);
}

static void another_seed_divides_otherwise(void **state)
{
    struct fixture *f = *state;
    char one[4 * N], two[4 * N];
    size_t equal = 0;

    many(f, 0);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, one);
    for (int i = 0; i < N; i++)
        zoo_store_set_split(f->store, i + 1, NULL, &f->err);
    split(f, &(zoo_split_options){ .seed = 2 });
    read_splits(f, two);
    for (int i = 0; i < N; i++)
        equal += one[i] == two[i];
    assert_true(equal > N * 0.48 && equal < N * 0.68);                   /* 0.58 by chance */
}

static void no_text_stands_on_both_sides(void **state)
{
    struct fixture *f = *state;
    char text[80], letters[4 * N];

    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, i % 2 ? "Wie gro\xc3\x9f IST es, %d?" : "  wie gross\\n ist ES %d", i / 2);
        add(f, i, text, i % 2 ? "a" : "b");
    }
    import(f);
    for (int by = 0; by < 2; by++) {
        for (int i = 0; i < N; i++)
            zoo_store_set_split(f->store, i + 1, NULL, &f->err);
        split(f, &(zoo_split_options){ .seed = 3, .by = by ? "subset" : NULL });
        read_splits(f, letters);
        for (int i = 0; i < N; i += 2)
            assert_int_equal(letters[i], letters[i + 1]);
        assert_true(count(letters, 'r') && count(letters, 'e'));
    }
}

static void texts_without_words_are_told_apart_by_their_bytes(void **state)
{
    struct fixture *f = *state;
    char text[80], letters[4 * N];

    for (int i = 0; i < 64; i++) {
        snprintf(text, sizeof text, "%.*s?", i, "++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++");
        add(f, i, text, NULL);
    }
    import(f);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, letters);
    assert_true(count(letters, 'r') > 30 && count(letters, 'e') > 5);
}

static void a_text_of_a_part_draws_its_copies_there_whatever_their_tags(void **state)
{
    struct fixture *f = *state;
    const zoo_split_part parts[] = { { "train", 0.999999 }, { "test", 1e-9 } };
    const char *const where[] = { "subset=b" };
    char letters[4 * N];

    add(f, 0, "known", "a");
    for (int i = 1; i < 20; i++)
        add(f, i, i % 2 ? "Known!" : "other", "b");
    import(f);
    assert_int_equal(zoo_store_set_split(f->store, 1, "test", &f->err), ZOO_OK);
    split(f, &(zoo_split_options){ .parts = parts, .part_count = 2, .where = { where, 1 } });
    read_splits(f, letters);
    for (int i = 0; i < 20; i++)
        assert_int_equal(letters[i], i == 0 || i % 2 ? 'e' : 'r');
    assert_int_equal(f->result.joined, 10);
}

static void by_a_kind_each_tag_gets_its_share_to_the_text(void **state)
{
    struct fixture *f = *state;
    const zoo_split_part parts[] = { { "train", 0.5 }, { "test", 0.25 } };

    many(f, 0);
    add(f, N, "alone", NULL);
    import(f);
    split(f, &(zoo_split_options){ .parts = parts, .part_count = 2, .by = "subset", .seed = 5 });
    assert_int_equal(f->result.groups, 6);
    for (size_t g = 1; g < 6; g++) {
        assert_int_equal(f->result.queries[g * 3], N / 5 / 2);
        assert_int_equal(f->result.queries[g * 3 + 1], N / 5 / 4);
        assert_int_equal(f->result.queries[g * 3 + 2], N / 5 / 4);
    }
    assert_string_equal(f->result.names[1], "s0");
    assert_null(f->result.names[0]);
    split(f, &(zoo_split_options){ .parts = parts, .part_count = 2, .by = "subset", .seed = 5 });
    assert_true(f->result.moved[0] + f->result.moved[1] == 0 && f->result.queries[3 + 2] == N / 5 / 4);
    many(f, N + 1);                                                     /* what is there counts in the shares */
    split(f, &(zoo_split_options){ .parts = parts, .part_count = 2, .by = "subset", .seed = 5 });
    for (size_t g = 1; g < 6; g++)
        assert_true(f->result.queries[g * 3] == N / 5 && f->result.queries[g * 3 + 1] == N / 10);
}

/* Always down, or always up, would leave a part without any. */
static void many_tags_of_one_text_add_up_to_the_shares(void **state)
{
    struct fixture *f = *state;
    char text[40], letters[4 * N];

    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "text%d", i);
        add(f, i, text, text);
    }
    import(f);
    split(f, &(zoo_split_options){ .by = "subset", .seed = 1 });
    read_splits(f, letters);
    assert_true(count(letters, 'r') > N * 0.63 && count(letters, 'r') < N * 0.77 && !count(letters, '-'));
}

/* Of 600 texts 500 are in test; what train (360) and valid (180) lack shares the rest, 100, in 5 subsets of 20. */
static void what_is_there_is_shared_where_a_part_has_too_much(void **state)
{
    struct fixture *f = *state;
    const zoo_split_part parts[] = { { "train", 0.6 }, { "valid", 0.3 }, { "test", 0.1 } };
    char letters[4 * N];

    many(f, 0);
    for (int i = 0; i < 500; i++)
        zoo_store_set_split(f->store, i + 1, "test", &f->err);
    split(f, &(zoo_split_options){ .parts = parts, .part_count = 3, .by = "subset", .seed = 1 });
    read_splits(f, letters);
    assert_true(count(letters, 'e') == 500 && count(letters, 'r') == 65 && count(letters, 'a') == 35);
}

static void trying_writes_nothing(void **state)
{
    struct fixture *f = *state;
    char letters[4 * N];

    many(f, 0);
    split(f, &(zoo_split_options){ .seed = 1, .dry_run = 1 });
    assert_int_equal(f->result.moved[0] + f->result.moved[1], N);
    read_splits(f, letters);
    assert_int_equal(count(letters, '-'), N);
}

static void texts_torn_before_are_told_and_stay(void **state)
{
    struct fixture *f = *state;
    char letters[4 * N];

    for (int i = 0; i < 3; i++)
        add(f, i, "the same", NULL);
    import(f);
    zoo_store_set_split(f->store, 1, "test", &f->err);
    zoo_store_set_split(f->store, 2, "train", &f->err);
    split(f, &(zoo_split_options){ .seed = 1 });
    read_splits(f, letters);
    assert_string_equal(letters, "err");                                /* the part that is named first */
    assert_true(f->result.torn == 1 && f->result.joined == 1);
}

static void refused(struct fixture *f, const zoo_split_options *o, const char *words)
{
    zoo_split_result r;

    assert_int_equal(zoo_split(f->store, o, &r, &f->err), ZOO_EUSAGE);
    if (!strstr(f->err.message, words))
        fail_msg("'%s' is not in: %s", words, f->err.message);
}

static void what_makes_no_sense_is_refused(void **state)
{
    struct fixture *f = *state;
    const char *const train[] = { "train" }, *const nil[] = { "nil" }, *const tag[] = { "subset=nil" };
    const zoo_split_part much[] = { { "a", 0.7 }, { "b", 0.3001 } }, none[] = { { "a", (double)NAN } },
                                  zero[] = { { "a", 0 } },
                         twice[] = { { "a", 0.1 }, { "a", 0.1 } }, unnamed[] = { { "", 0.1 } };

    many(f, 0);
    refused(f, &(zoo_split_options){ .parts = much, .part_count = 2 }, "add up to 1.0001");
    refused(f, &(zoo_split_options){ .parts = none, .part_count = 1 }, "share of 'a'");
    refused(f, &(zoo_split_options){ .parts = zero, .part_count = 1 }, "share of 'a'");
    refused(f, &(zoo_split_options){ .parts = twice, .part_count = 2 }, "named twice");
    refused(f, &(zoo_split_options){ .parts = unnamed, .part_count = 1 }, "1 to 128 bytes");
    refused(f, &(zoo_split_options){ .parts = halves, .part_count = 0 }, "1 to 64 parts");
    refused(f, &(zoo_split_options){ .parts = halves, .part_count = 2, .from = { train, 1 } }, "is also a part");
    refused(f, &(zoo_split_options){ .parts = halves, .part_count = 2, .from = { nil, 1 } },
            "no query is in the split 'nil'");
    refused(f, &(zoo_split_options){ .parts = halves, .part_count = 2, .where = { tag, 1 } }, "there are 's0', 's1'");
    refused(f, &(zoo_split_options){ .parts = halves, .part_count = 2, .by = "nil" }, "there is 'subset'");
    split(f, &(zoo_split_options){ .seed = 1 });
    refused(f, &(zoo_split_options){ .parts = twice, .part_count = 1 }, "no query without a split");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shares_are_about_kept_and_the_same_again_changes_nothing),
        TEST(what_comes_later_moves_nothing_and_goes_where_it_would_have_gone),
        TEST(another_seed_divides_otherwise),
        TEST(no_text_stands_on_both_sides),
        TEST(texts_without_words_are_told_apart_by_their_bytes),
        TEST(a_text_of_a_part_draws_its_copies_there_whatever_their_tags),
        TEST(by_a_kind_each_tag_gets_its_share_to_the_text),
        TEST(many_tags_of_one_text_add_up_to_the_shares),
        TEST(what_is_there_is_shared_where_a_part_has_too_much),
        TEST(trying_writes_nothing),
        TEST(texts_torn_before_are_told_and_stay),
        TEST(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
