#include "unit/cm.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/fs.h"

static char root[] = "/tmp/zooter-fs-XXXXXX";

static const char *in_root(const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void what_is_written_is_read_and_replaced(void **state)
{
    char *data;
    size_t size;

    (void)state;
    assert_int_equal(zoo_fs_write(in_root("file"), "one", 3, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_write(in_root("file"), "second", 6, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_read(&data, &size, in_root("file"), 6, NULL), ZOO_OK);
    assert_int_equal(size, 6);
    assert_string_equal(data, "second");
    free(data);
    assert_int_equal(zoo_fs_read(&data, &size, in_root("file"), 5, NULL), ZOO_EFORMAT);
    assert_null(data);
    assert_int_equal(zoo_fs_read(&data, &size, root, 5, NULL), ZOO_EIO);
}

static void a_folder_appears_whole_or_not_at_all(void **state)
{
    char beside[PATH_MAX], file[PATH_MAX], dir[PATH_MAX];
    struct stat st;
    zoo_err err;

    (void)state;
    snprintf(dir, sizeof dir, "%s", in_root("router"));
    assert_int_equal(zoo_fs_folder_begin(beside, sizeof beside, dir, 0, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_join(file, sizeof file, beside, "config.json", NULL), ZOO_OK);
    assert_int_equal(zoo_fs_write(file, "{}", 2, NULL), ZOO_OK);
    assert_int_not_equal(stat(dir, &st), 0);
    assert_int_equal(zoo_fs_folder_commit(beside, dir, NULL), ZOO_OK);
    assert_int_equal(stat(in_root("router/config.json"), &st), 0);
    assert_int_not_equal(stat(beside, &st), 0);

    assert_int_equal(zoo_fs_folder_begin(beside, sizeof beside, dir, 0, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "--force"));
    assert_int_equal(zoo_fs_folder_begin(beside, sizeof beside, dir, 1, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_join(file, sizeof file, beside, "other", NULL), ZOO_OK);
    assert_int_equal(zoo_fs_write(file, "x", 1, NULL), ZOO_OK);
    assert_int_equal(stat(in_root("router/config.json"), &st), 0);          /* the old one until the new is there */
    assert_int_equal(zoo_fs_folder_commit(beside, dir, NULL), ZOO_OK);
    assert_int_not_equal(stat(in_root("router/config.json"), &st), 0);
    assert_int_equal(stat(in_root("router/other"), &st), 0);
    assert_int_not_equal(stat(beside, &st), 0);
}

static void an_abandoned_folder_leaves_nothing(void **state)
{
    char beside[PATH_MAX];
    struct stat st;

    (void)state;
    assert_int_equal(zoo_fs_folder_begin(beside, sizeof beside, in_root("never/"), 0, NULL), ZOO_OK);
    zoo_fs_folder_abandon(beside);
    assert_int_not_equal(stat(beside, &st), 0);
    assert_int_not_equal(stat(in_root("never"), &st), 0);
}

static void a_file_is_no_folder(void **state)
{
    char beside[PATH_MAX];
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_fs_write(in_root("plain"), "x", 1, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_folder_begin(beside, sizeof beside, in_root("plain"), 1, &err), ZOO_EUSAGE);
    assert_non_null(strstr(err.message, "not a folder"));
}

static void folders_are_made_with_those_above(void **state)
{
    struct stat st;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_fs_make_folders(in_root("a/b/c/"), NULL), ZOO_OK);
    assert_int_equal(zoo_fs_make_folders(in_root("a/b/c"), NULL), ZOO_OK);
    assert_int_equal(stat(in_root("a/b/c"), &st), 0);
    assert_true(zoo_fs_exists(in_root("a/b")));
    assert_false(zoo_fs_exists(in_root("a/c")));
    assert_int_equal(zoo_fs_write(in_root("a/file"), "x", 1, NULL), ZOO_OK);
    assert_int_not_equal(zoo_fs_make_folders(in_root("a/file"), &err), ZOO_OK);
    assert_non_null(strstr(err.message, "a/file"));
    assert_int_not_equal(zoo_fs_make_folders(in_root("a/file/b"), &err), ZOO_OK);
}

static void a_copy_is_a_file_of_its_own(void **state)
{
    char from[PATH_MAX], *text;
    size_t size;

    (void)state;
    snprintf(from, sizeof from, "%s", in_root("from"));
    assert_int_equal(zoo_fs_write(from, "some bytes", 10, NULL), ZOO_OK);
    assert_int_equal(symlink(from, in_root("to")), 0);
    assert_int_equal(zoo_fs_copy(from, in_root("to"), NULL), ZOO_OK);       /* the link goes, what it led to stays */
    assert_int_equal(zoo_fs_write(in_root("to"), "other", 5, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_read(&text, &size, from, 100, NULL), ZOO_OK);
    assert_string_equal(text, "some bytes");
    free(text);
    snprintf(from, sizeof from, "%s", in_root("missing"));
    assert_int_equal(zoo_fs_copy(from, in_root("to"), NULL), ZOO_EIO);
    /* no size, not copied by the kernel */
    assert_int_equal(zoo_fs_copy("/proc/self/status", in_root("to"), NULL), ZOO_OK);
    assert_int_equal(zoo_fs_read(&text, &size, in_root("to"), 1 << 20, NULL), ZOO_OK);
    assert_true(size > 100);
    free(text);
}

static void what_killed_processes_left_is_swept(void **state)
{
    char dead[64], alive[64];
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    snprintf(dead, sizeof dead, "thing.part.%ld/below", (long)child);
    snprintf(alive, sizeof alive, "thing.part.%ld", (long)getpid());
    assert_int_equal(zoo_fs_make_folders(in_root(dead), NULL), ZOO_OK);
    assert_int_equal(zoo_fs_write(in_root(alive), "x", 1, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_write(in_root("thing.part.of"), "x", 1, NULL), ZOO_OK);
    assert_int_equal(zoo_fs_sweep(in_root("thing/"), NULL), ZOO_OK);
    assert_false(zoo_fs_exists(in_root(dead)));
    assert_true(zoo_fs_exists(in_root(alive)) && zoo_fs_exists(in_root("thing.part.of")));
    assert_int_equal(zoo_fs_sweep(in_root("nowhere/thing"), NULL), ZOO_OK);
    assert_int_equal(zoo_fs_sweep("nowhere", NULL), ZOO_OK);
}

static void a_folder_is_taken_once(void **state)
{
    const char *path = in_root("taken");
    zoo_err err;
    int first, second;

    (void)state;
    assert_int_equal(zoo_fs_take_folder(&first, path, &err), ZOO_OK);
    assert_int_equal(zoo_fs_take_folder(&second, path, &err), ZOO_EUSAGE);
    assert_int_equal(second, -1);
    assert_non_null(strstr(err.message, "taken: another process is at work there"));
    close(first);
    assert_int_equal(zoo_fs_take_folder(&second, path, &err), ZOO_OK);
    close(second);
    assert_int_equal(zoo_fs_take_folder(&first, in_root("nowhere/taken"), &err), ZOO_EIO);
    assert_int_equal(first, -1);
}

static int make_root(void **state)
{
    (void)state;
    return mkdtemp(root) == NULL;
}

static int drop_root(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(root, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_replaced),
        cmocka_unit_test(a_folder_appears_whole_or_not_at_all),
        cmocka_unit_test(an_abandoned_folder_leaves_nothing),
        cmocka_unit_test(a_file_is_no_folder),
        cmocka_unit_test(folders_are_made_with_those_above),
        cmocka_unit_test(a_copy_is_a_file_of_its_own),
        cmocka_unit_test(what_killed_processes_left_is_swept),
        cmocka_unit_test(a_folder_is_taken_once),
    };
    return cmocka_run_group_tests_name("base/fs", tests, make_root, drop_root);
}
