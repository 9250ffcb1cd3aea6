#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/fs.h"
#include "net/hub_cache.h"

static char root[64];
static zoo_hub_cache cache;

static void repositories_are_one_or_two_names(void **state)
{
    static const char *const good[] = { "bert-base-uncased", "org/name", "a/b", "A.b_c-d/0" };
    static const char *const bad[] = { "", "/", "a/", "/a", "a/b/c", "..", "../a", "a/..", "a/.", ".a", "-a", "a..b",
                                       "a--b", "a b", "a\\b", "a\nb" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(zoo_hub_check_repo(good[i], NULL), ZOO_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(zoo_hub_check_repo(bad[i], NULL), ZOO_EUSAGE);
}

static void files_stay_in_their_folder(void **state)
{
    static const char *const good[] = { "config.json", "1_Pooling/config.json", "a/b/c", "..a", "a..", "with blank",
                                        "\xc3\xa4" };
    static const char *const bad[] = { "", ".", "..", "/", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a\\b",
                                       "a\nb", "a\x7f" };
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(zoo_hub_check_file(good[i], NULL), ZOO_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(zoo_hub_check_file(bad[i], NULL), ZOO_EFORMAT);
    memset(longest, 'a', sizeof longest);
    longest[201] = '\0';
    assert_int_equal(zoo_hub_check_file(longest, NULL), ZOO_EFORMAT);
    longest[200] = '\0';
    assert_int_equal(zoo_hub_check_file(longest, NULL), ZOO_OK);
}

static void revisions_and_words(void **state)
{
    (void)state;
    assert_int_equal(zoo_hub_check_revision("refs/pr/1", NULL), ZOO_OK);
    assert_int_equal(zoo_hub_check_revision("v1.0", NULL), ZOO_OK);
    assert_int_equal(zoo_hub_check_revision("../x", NULL), ZOO_EUSAGE);
    assert_int_equal(zoo_hub_check_revision("a?b", NULL), ZOO_EUSAGE);
    assert_int_equal(zoo_hub_check_revision("", NULL), ZOO_EUSAGE);
    assert_true(zoo_hub_is_word("5e7f-1a2b"));
    assert_false(zoo_hub_is_word(""));
    assert_false(zoo_hub_is_word("..") || zoo_hub_is_word("a/b") || zoo_hub_is_word("a b"));
}

static void paths_are_those_of_huggingface_hub(void **state)
{
    char path[PATH_MAX];
    zoo_hub_cache plain;

    (void)state;
    assert_int_equal(zoo_hub_cache_init(&plain, "/c", "name", NULL), ZOO_OK);
    assert_string_equal(plain.folder, "/c/models--name");
    assert_int_equal(zoo_hub_cache_init(&plain, "/c", "org/name", NULL), ZOO_OK);
    assert_string_equal(plain.folder, "/c/models--org--name");
    assert_string_equal(plain.locks, "/c/.locks/models--org--name");
    assert_int_equal(zoo_hub_cache_snapshot(path, &plain, "abc", "1_Pooling/config.json", NULL), ZOO_OK);
    assert_string_equal(path, "/c/models--org--name/snapshots/abc/1_Pooling/config.json");
    assert_int_equal(zoo_hub_cache_blob(path, &plain, "tag", ".incomplete", NULL), ZOO_OK);
    assert_string_equal(path, "/c/models--org--name/blobs/tag.incomplete");
}

static void a_revision_is_remembered_without_a_newline(void **state)
{
    char path[PATH_MAX + 32], commit[64], *text;
    size_t size;

    (void)state;
    assert_int_equal(zoo_hub_cache_recall(commit, sizeof commit, &cache, "refs/pr/1", NULL), ZOO_EIO);
    assert_int_equal(zoo_hub_cache_remember(&cache, "refs/pr/1", "abc", NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_remember(&cache, "refs/pr/1", "abcd", NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_recall(commit, sizeof commit, &cache, "refs/pr/1", NULL), ZOO_OK);
    assert_string_equal(commit, "abcd");
    snprintf(path, sizeof path, "%s/refs/refs/pr/1", cache.folder);
    assert_int_equal(zoo_fs_read(&text, &size, path, 100, NULL), ZOO_OK);
    assert_int_equal(size, 4);
    free(text);
    assert_int_equal(zoo_fs_write(path, "../../evil", 10, NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_recall(commit, sizeof commit, &cache, "refs/pr/1", NULL), ZOO_EFORMAT);
}

static void a_snapshot_links_to_its_blobs(void **state)
{
    char path[PATH_MAX], *text, target[64] = "";
    size_t size;

    (void)state;
    assert_int_equal(zoo_hub_cache_blob(path, &cache, "", "", NULL), ZOO_OK);
    assert_int_equal(zoo_fs_make_folders(path, NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_blob(path, &cache, "tag", "", NULL), ZOO_OK);
    assert_int_equal(zoo_fs_write(path, "bytes", 5, NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_link(&cache, "abc", "a/b/c.json", "other", NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_link(&cache, "abc", "a/b/c.json", "tag", NULL), ZOO_OK);
    assert_int_equal(zoo_hub_cache_snapshot(path, &cache, "abc", "a/b/c.json", NULL), ZOO_OK);
    assert_true(readlink(path, target, sizeof target - 1) > 0);
    assert_string_equal(target, "../../../../blobs/tag");
    assert_int_equal(zoo_fs_read(&text, &size, path, 100, NULL), ZOO_OK);
    assert_string_equal(text, "bytes");
    free(text);
}

static void count_wait(void *context)
{
    ++*(int *)context;
}

static void a_lock_is_one_process_at_a_time(void **state)
{
    int fd, waits = 0, report[2], status;
    char path[PATH_MAX + 32], word;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(report), 0);
    assert_int_equal(zoo_hub_cache_lock(&fd, &cache, "tag", count_wait, &waits, NULL), ZOO_OK);
    assert_int_equal(waits, 0);
    child = fork();
    if (!child) {
        zoo_hub_cache_unlock(fd);                /* a copy of the parent's: the parent's stays locked */
        if (zoo_hub_cache_lock(&fd, &cache, "tag", count_wait, &waits, NULL) || write(report[1], "x", 1) != 1)
            _exit(1);
        _exit(waits == 1 ? 0 : 2);
    }
    usleep(100000);
    /* Who deletes a lock that it holds, as filelock does, must not let a second one in beside a third. */
    snprintf(path, sizeof path, "%s/tag.lock", cache.locks);
    assert_int_equal(unlink(path), 0);
    zoo_hub_cache_unlock(fd);
    assert_int_equal(read(report[0], &word, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(access(path, F_OK), 0);
    close(report[0]);
    close(report[1]);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/zooter-hub-cache-XXXXXX");
    return !mkdtemp(root) || zoo_hub_cache_init(&cache, root, "org/name", NULL);
}

static int tear_down(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(root, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repositories_are_one_or_two_names),
        cmocka_unit_test(files_stay_in_their_folder),
        cmocka_unit_test(revisions_and_words),
        cmocka_unit_test(paths_are_those_of_huggingface_hub),
        cmocka_unit_test(a_revision_is_remembered_without_a_newline),
        cmocka_unit_test(a_snapshot_links_to_its_blobs),
        cmocka_unit_test(a_lock_is_one_process_at_a_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
