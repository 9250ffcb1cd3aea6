/* A checkpoint's weights from its folder: which file wins, 8-bit weights, many readers,
 * a file that changes meanwhile. */
#include "unit/cm.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "model/safetensors.h"
#include "model/weights.h"
#include "model/weights_writer.h"

enum { ROWS = 300, COLUMNS = 50 };
static char dir[] = "/tmp/zooter-weights-XXXXXX";
static char path[128];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(dir, NULL);
}

/* One matrix "m" whose element (i, j) is COLUMNS * i + j. */
static void write_matrix(void)
{
    static float values[ROWS * COLUMNS];
    const zoo_tensor_out tensor = { "m", 2, { ROWS, COLUMNS }, values };

    for (int i = 0; i < ROWS * COLUMNS; i++)
        values[i] = (float)i;
    assert_int_equal(zoo_safetensors_write(path, &tensor, 1, NULL), ZOO_OK);
}

/* Writes I8 weights "w" (2,2) and what else the plan says, all floats 1, and opens the folder. */
static int open_bytes(zoo_planned *plan, size_t n, zoo_err *err)
{
    static const float ones[] = { 1, 1, 1, 1 };
    static const int8_t bytes[] = { 1, 2, 3, 4 };
    zoo_weights_writer *writer;
    zoo_weights *w;
    int rc;

    assert_int_equal(zoo_weights_writer_new(&writer, dir, plan, n, ZOO_ONE_FILE, NULL), ZOO_OK);
    for (size_t i = 0; i < n; i++) {
        uint64_t count;
        zoo_shape_elements(plan[i].shape, plan[i].dims, &count);
        rc = plan[i].dtype == ZOO_I8 ? zoo_weights_writer_add_bytes(writer, bytes, (size_t)count, NULL)
                                     : zoo_weights_writer_add(writer, ones, (size_t)count, NULL);
        assert_int_equal(rc, ZOO_OK);
    }
    assert_int_equal(zoo_weights_writer_end(writer, NULL), ZOO_OK);
    zoo_weights_writer_free(writer);
    rc = zoo_weights_open(&w, dir, err);
    zoo_weights_close(w);
    return rc;
}

static void scales_have_to_fit(void **state)
{
    zoo_planned good[] = { { "w", ZOO_I8, 2, { 2, 2 } }, { "w_scale", ZOO_BF16, 1, { 2 } } };
    zoo_planned wide[] = { { "w", ZOO_I8, 2, { 2, 2 } }, { "w_scale", ZOO_F32, 2, { 1, 2 } } };
    zoo_planned one[] = { { "w", ZOO_I8, 2, { 2, 2 } }, { "w_scale", ZOO_F32, 1, { 1 } } };
    zoo_planned bytes[] = { { "w", ZOO_I8, 2, { 2, 2 } }, { "w_scale", ZOO_I8, 1, { 2 } } };
    zoo_planned zero[] = { { "w", ZOO_I8, 2, { 2, 2 } }, { "w_scale", ZOO_F32, 1, { 2 } },
                           { "w_zero_point", ZOO_I8, 1, { 2 } } };
    zoo_err err;

    (void)state;
    assert_int_equal(open_bytes(good, 2, &err), ZOO_OK);
    assert_int_equal(open_bytes(wide, 2, &err), ZOO_EFORMAT);
    assert_int_equal(open_bytes(one, 2, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "'w_scale' should hold one factor for each of the 2 rows of 'w'"));
    assert_int_equal(open_bytes(bytes, 2, &err), ZOO_EFORMAT);
    assert_int_equal(open_bytes(zero, 3, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "'w_zero_point'"));
}

static void any_part_of_a_matrix_is_read(void **state)
{
    static float out[ROWS * COLUMNS];
    zoo_weights *w;
    const zoo_tensor *t;

    (void)state;
    write_matrix();
    assert_int_equal(zoo_weights_open(&w, dir, NULL), ZOO_OK);
    t = zoo_weights_find(w, "m");
    assert_string_equal(zoo_weights_path(w, t), path);
    assert_ptr_equal(zoo_weights_at(w, 0), t);
    assert_null(zoo_weights_find(w, "n"));
    assert_int_equal(zoo_weights_check(w, "m", (size_t[]){ ROWS, COLUMNS }, 2, NULL), ZOO_OK);
    assert_int_equal(zoo_weights_check(w, "m", (size_t[]){ COLUMNS, ROWS }, 2, NULL), ZOO_EFORMAT);
    assert_int_equal(zoo_weights_check(w, "n", (size_t[]){ 1 }, 1, NULL), ZOO_EFORMAT);
    assert_int_equal(zoo_weights_read_row(w, t, ROWS - 1, out, NULL), ZOO_OK);
    assert_true(out[0] >= (ROWS - 1) * COLUMNS && out[COLUMNS - 1] <= ROWS * COLUMNS - 1);
    assert_int_equal(zoo_weights_read_some(w, t, 77, 3, out, NULL), ZOO_OK);
    assert_true(out[0] >= 77 && out[0] <= 77 && out[2] >= 79 && out[2] <= 79);
    assert_int_equal(zoo_weights_read(w, "m", (size_t[]){ ROWS, COLUMNS }, 2, out, NULL), ZOO_OK);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        assert_true(out[i] >= (float)i && out[i] <= (float)i);
    zoo_weights_close(w);
}

static void *read_rows(void *opaque)
{
    const zoo_weights *w = opaque;
    const zoo_tensor *t = zoo_weights_find(w, "m");
    uintptr_t wrong = 0;

    for (size_t k = 0; k < 3000; k++) {
        size_t row = k * 7919 % ROWS;
        float out[COLUMNS];
        wrong += zoo_weights_read_row(w, t, row, out, NULL) != ZOO_OK || !(out[1] >= (float)(row * COLUMNS + 1)) ||
                 !(out[1] <= (float)(row * COLUMNS + 1)) || zoo_weights_check_unchanged(w, NULL);
    }
    return (void *)wrong;
}

static void many_threads_may_read(void **state)
{
    pthread_t threads[4];
    zoo_weights *w;
    void *wrong;

    (void)state;
    write_matrix();
    assert_int_equal(zoo_weights_open(&w, dir, NULL), ZOO_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_rows, w), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    zoo_weights_close(w);
}

static void a_file_that_is_cut_is_an_error(void **state)
{
    zoo_weights *w;
    zoo_err err;
    float out[COLUMNS];

    (void)state;
    write_matrix();
    assert_int_equal(zoo_weights_open(&w, dir, NULL), ZOO_OK);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(zoo_weights_read_row(w, zoo_weights_find(w, "m"), ROWS - 1, out, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "model.safetensors: cut short"));
    assert_int_equal(zoo_weights_check_unchanged(w, &err), ZOO_EIO);
    zoo_weights_close(w);
    assert_int_equal(zoo_weights_open(&w, dir, &err), ZOO_EFORMAT);
    assert_null(w);
}

/* A link that leads nowhere is named, and not passed over for the next form. */
static void a_broken_link_is_named(void **state)
{
    zoo_weights *w;
    zoo_err err;

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere/blob", path), 0);
    assert_int_equal(zoo_weights_open(&w, dir, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "model.safetensors: No such file"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(zoo_weights_open(&w, dir, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "nor pytorch_model.bin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_have_to_fit),
        cmocka_unit_test(any_part_of_a_matrix_is_read),
        cmocka_unit_test(many_threads_may_read),
        cmocka_unit_test(a_file_that_is_cut_is_an_error),
        cmocka_unit_test(a_broken_link_is_named),
    };
    return cmocka_run_group_tests_name("model/weights", tests, make_dir, remove_dir);
}
