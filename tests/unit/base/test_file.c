#include "unit/cm.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/file.h"
#include "base/fs.h"

static char dir[] = "/tmp/zooter-file-XXXXXX";
static char path[64], other[64];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a", dir);
    snprintf(other, sizeof other, "%s/b", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(dir, NULL);
}

static void open_ten_bytes(zoo_file *file)
{
    assert_int_equal(zoo_fs_write(path, "0123456789", 10, NULL), ZOO_OK);
    assert_int_equal(zoo_file_open(file, path, NULL), ZOO_OK);
    assert_int_equal(file->size, 10);
}

static void any_part_is_read(void **state)
{
    zoo_file file;
    zoo_err err;
    char out[10];

    (void)state;
    open_ten_bytes(&file);
    assert_int_equal(zoo_file_read(&file, out, 3, 7, &err), ZOO_OK);
    assert_memory_equal(out, "789", 3);
    assert_int_equal(zoo_file_read(&file, out, 0, 10, &err), ZOO_OK);
    assert_int_equal(zoo_file_read(&file, out, 4, 7, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, "cut short at byte 10"));
    zoo_file_close(&file);
    zoo_file_close(&file);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    zoo_file file;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_file_open(&file, "/nowhere/at/all", &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "/nowhere/at/all: No such file"));
    assert_int_equal(zoo_file_open(&file, dir, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "not a regular file"));
    assert_int_equal(mkfifo(other, 0600), 0);
    assert_int_equal(zoo_file_open(&file, other, &err), ZOO_EIO);          /* and does not wait for a writer */
    zoo_file_close(&file);
    unlink(other);
}

static void a_change_is_noticed(void **state)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000 } };
    zoo_file file;
    zoo_err err;

    (void)state;
    open_ten_bytes(&file);
    assert_int_equal(zoo_file_check_unchanged(&file, &err), ZOO_OK);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(zoo_file_check_unchanged(&file, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "written to"));
    zoo_file_close(&file);
    open_ten_bytes(&file);
    assert_int_equal(truncate(path, 5), 0);
    assert_int_equal(zoo_file_check_unchanged(&file, &err), ZOO_EIO);
    zoo_file_close(&file);
}

/* Who replaces a file that is served, as everything here does, leaves the open one as it was. */
static void a_file_replaced_or_deleted_is_unchanged(void **state)
{
    zoo_file file;
    char out[10];

    (void)state;
    open_ten_bytes(&file);
    assert_int_equal(zoo_fs_write(path, "others", 6, NULL), ZOO_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(zoo_file_check_unchanged(&file, NULL), ZOO_OK);
    assert_int_equal(zoo_file_read(&file, out, 10, 0, NULL), ZOO_OK);
    assert_memory_equal(out, "0123456789", 10);
    zoo_file_close(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_part_is_read),
        cmocka_unit_test(what_is_no_regular_file_is_refused),
        cmocka_unit_test(a_change_is_noticed),
        cmocka_unit_test(a_file_replaced_or_deleted_is_unchanged),
    };
    return cmocka_run_group_tests_name("base/file", tests, make_dir, remove_dir);
}
