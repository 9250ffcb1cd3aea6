#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fs.h"
#include "model/weights.h"
#include "model/weights_writer.h"

static char dir[] = "/tmp/zooter-writer-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(dir, NULL);
}

static int clear(void **state)
{
    remove_dir(state);
    return mkdir(dir, 0700);
}

static const float values[6] = { 1, -2.5f, 0.1f, 4, 5, 65504 };

/* Writes a, b, c, d of four types and returns the files that this took. */
static size_t write_four(uint64_t max_shard)
{
    zoo_planned plan[] = {
        { "d", ZOO_I8, 1, { 3 } }, { "c", ZOO_F16, 2, { 3, 2 } }, { "empty", ZOO_F32, 2, { 0, 5 } },
            { "b", ZOO_BF16, 1, { 6 } },
        { "a", ZOO_F32, 2, { 2, 3 } },
    };
    static const int8_t bytes[] = { -127, 0, 3 };
    zoo_weights_writer *w;
    zoo_weights *back;
    size_t files;

    assert_int_equal(zoo_weights_writer_new(&w, dir, plan, 5, max_shard, NULL), ZOO_OK);
    assert_string_equal(plan[0].name, "a");
    assert_string_equal(plan[1].name, "empty");
    assert_string_equal(plan[4].name, "d");
    assert_int_equal(zoo_weights_writer_add(w, values, 4, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_add(w, values + 4, 2, NULL), ZOO_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(zoo_weights_writer_add(w, values, 6, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_add_bytes(w, bytes, 3, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_end(w, NULL), ZOO_OK);
    zoo_weights_writer_free(w);

    assert_int_equal(zoo_weights_open(&back, dir, NULL), ZOO_OK);
    files = zoo_weights_file_count(back);
    zoo_weights_close(back);
    return files;
}

static void check_four(void)
{
    zoo_weights *w;
    zoo_err err;
    float out[6];

    assert_int_equal(zoo_weights_open(&w, dir, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_count(w), 5);
    assert_int_equal(zoo_weights_read(w, "a", (size_t[]){ 2, 3 }, 2, out, NULL), ZOO_OK);
    assert_memory_equal(out, values, sizeof out);
    assert_int_equal(zoo_weights_read(w, "b", (size_t[]){ 6 }, 1, out, NULL), ZOO_OK);
    assert_true(out[2] > 0.1f - 5e-4f && out[2] < 0.1f + 5e-4f && out[0] >= 1 && out[0] <= 1);
    assert_int_equal(zoo_weights_read(w, "c", (size_t[]){ 3, 2 }, 2, out, NULL), ZOO_OK);
    assert_true(out[2] > 0.1f - 5e-5f && out[2] < 0.1f + 5e-5f && out[5] >= 65504);
    assert_int_equal(zoo_weights_read_row(w, zoo_weights_find(w, "c"), 2, out, NULL), ZOO_OK);
    assert_true(out[0] >= 5 && out[0] <= 5 && out[1] >= 65504);
    assert_int_equal(zoo_weights_read(w, "empty", (size_t[]){ 0, 5 }, 2, out, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_read(w, "d", (size_t[]){ 3 }, 1, out, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "is I8"));
    assert_int_equal(zoo_weights_check_unchanged(w, NULL), ZOO_OK);
    zoo_weights_close(w);
}

static void one_file_or_many_hold_the_same(void **state)
{
    (void)state;
    assert_int_equal(write_four(ZOO_ONE_FILE), 1);
    check_four();
    clear(NULL);
    assert_int_equal(write_four(24), 3);
    check_four();
    clear(NULL);
    assert_int_equal(write_four(1), 4);                 /* each has a file; what is empty needs none of its own */
    check_four();
    clear(NULL);
}

static void an_int8_weight_reads_as_floats(void **state)
{
    zoo_planned plan[] = { { "w.weight", ZOO_I8, 2, { 2, 3 } }, { "w.weight_scale", ZOO_F32, 2, { 2, 1 } } };
    static const int8_t bytes[] = { -127, 1, 64, 127, 0, -1 };
    static const float scales[] = { 0.5f, 2 }, want[] = { -63.5f, 0.5f, 32, 254, 0, -2 };
    zoo_weights_writer *writer;
    zoo_weights *w;
    float out[6];

    (void)state;
    assert_int_equal(zoo_weights_writer_new(&writer, dir, plan, 2, ZOO_ONE_FILE, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_add(writer, scales, 2, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_add_bytes(writer, bytes, 6, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_end(writer, NULL), ZOO_OK);
    zoo_weights_writer_free(writer);
    assert_int_equal(zoo_weights_open(&w, dir, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_read(w, "w.weight", (size_t[]){ 2, 3 }, 2, out, NULL), ZOO_OK);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(zoo_weights_read_some(w, zoo_weights_find(w, "w.weight"), 2, 2, out, NULL), ZOO_OK);
    assert_memory_equal(out, want + 2, 2 * sizeof *want);
    assert_int_equal(zoo_weights_read_row(w, zoo_weights_find(w, "w.weight"), 1, out, NULL), ZOO_OK);
    assert_memory_equal(out, want + 3, 3 * sizeof *want);
    zoo_weights_close(w);
    clear(NULL);
}

static void what_was_not_planned_is_refused(void **state)
{
    zoo_planned plan[] = { { "a", ZOO_F16, 1, { 2 } }, { "b", ZOO_I8, 1, { 1 } } };
    const float large[] = { 1, 70000 };
    zoo_weights_writer *w;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_weights_writer_new(&w, dir, plan, 2, ZOO_ONE_FILE, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_writer_add(w, large, 2, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "'a' is too large for F16"));
    assert_int_equal(zoo_weights_writer_end(w, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "values of 'a' are missing"));
    assert_int_equal(zoo_weights_writer_add_bytes(w, (const int8_t[]){ 1 }, 1, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_weights_writer_add(w, values, 2, &err), ZOO_OK);
    assert_int_equal(zoo_weights_writer_add(w, values, 1, &err), ZOO_EUSAGE);
    assert_int_equal(zoo_weights_writer_add_bytes(w, (const int8_t[]){ 1, 2 }, 2, &err), ZOO_EUSAGE);
    zoo_weights_writer_free(w);
    clear(NULL);
    assert_int_equal(zoo_weights_writer_new(&w, "/nowhere", plan, 2, ZOO_ONE_FILE, &err), ZOO_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_file_or_many_hold_the_same),
        cmocka_unit_test(an_int8_weight_reads_as_floats),
        cmocka_unit_test(what_was_not_planned_is_refused),
    };
    return cmocka_run_group_tests_name("model/weights_writer", tests, make_dir, remove_dir);
}
