#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/lines.h"

static char path[] = "/tmp/zooter-lines-XXXXXX";

static void put(const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void lines_end_with_lf_crlf_or_the_file(void **state)
{
    zoo_lines in;
    char *line;
    size_t size;

    (void)state;
    put("one\r\n\ntwo\0x\nlast", 16);
    assert_int_equal(zoo_lines_open(&in, path, 100, NULL), ZOO_OK);
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_string_equal(line, "one");
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_int_equal(size, 0);
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_int_equal(size, 5);
    assert_memory_equal(line, "two\0x", 5);
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_string_equal(line, "last");
    assert_int_equal(in.number, 4);
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 0);
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 0);
    assert_int_equal(in.offset, 16);
    zoo_lines_close(&in);
}

static void a_line_over_the_limit_is_named_and_left_behind(void **state)
{
    zoo_lines in;
    char *line;
    size_t size;
    zoo_err err;

    (void)state;
    put("short\n0123456789x\nthird\n0123456789\n0123456789xy", 47);
    assert_int_equal(zoo_lines_open(&in, path, 10, NULL), ZOO_OK);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), 1);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, ":2: a line of over 10 bytes"));
    assert_int_equal(in.number, 2);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), 1);
    assert_string_equal(line, "third");
    assert_int_equal(in.number, 3);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), 1);
    assert_string_equal(line, "0123456789");                         /* as long as may be */
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), ZOO_EFORMAT);
    assert_non_null(strstr(err.message, ":5: "));
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), 0);    /* it was the last and had no end */
    assert_int_equal(in.offset, 47);
    zoo_lines_close(&in);
}

/* Far longer than a block, so that it is read in many pieces, of which none is kept. */
static void a_line_that_is_left_behind_takes_no_memory(void **state)
{
    enum { LONG = 10 << 20 };
    char *bytes = malloc(LONG + 5), *line;
    size_t size;
    zoo_lines in;
    zoo_err err;

    (void)state;
    assert_non_null(bytes);
    memset(bytes, 'x', LONG);
    memcpy(bytes + LONG, "\nend\n", 5);
    put(bytes, LONG + 5);
    free(bytes);
    assert_int_equal(zoo_lines_open(&in, path, 100000, NULL), ZOO_OK);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), ZOO_EFORMAT);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), 1);
    assert_string_equal(line, "end");
    assert_int_equal(in.number, 2);
    assert_true(in.capacity < 4 * 100000);
    assert_int_equal(zoo_lines_next(&in, &line, &size, &err), 0);
    assert_int_equal(in.offset, LONG + 5);
    zoo_lines_close(&in);
}

static void a_line_is_ready_when_all_of_it_is_there(void **state)
{
    zoo_lines in;
    char *line;
    size_t size;
    int ends[2];

    (void)state;
    assert_int_equal(zoo_lines_open(&in, "/dev/null", 100, NULL), ZOO_OK);
    close(in.fd);
    assert_int_equal(pipe(ends), 0);
    in.fd = ends[0];
    assert_false(zoo_lines_ready(&in));
    assert_int_equal(write(ends[1], "one\ntw", 6), 6);
    assert_true(zoo_lines_ready(&in));
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_false(zoo_lines_ready(&in));                  /* "tw" may go on */
    assert_int_equal(write(ends[1], "o\n", 2), 2);
    assert_true(zoo_lines_ready(&in));
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_string_equal(line, "two");
    in.max = 4;
    assert_int_equal(write(ends[1], "12345", 5), 5);
    assert_true(zoo_lines_ready(&in));                   /* too long already: that can be said */
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), ZOO_EFORMAT);
    assert_false(zoo_lines_ready(&in));
    assert_int_equal(write(ends[1], "6789\n", 5), 5);
    assert_false(zoo_lines_ready(&in));                  /* that was the rest of it */
    assert_int_equal(write(ends[1], "ok\n", 3), 3);
    assert_true(zoo_lines_ready(&in));
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
    assert_string_equal(line, "ok");
    close(ends[1]);
    assert_true(zoo_lines_ready(&in));
    assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 0);
    zoo_lines_close(&in);
}

/* Lines around the size of the block that is read at once, so that every way of being split is met. */
static void long_lines_cross_blocks_unharmed(void **state)
{
    enum { MOST = 200000 };
    char *bytes = malloc(MOST + 2), *line;
    size_t size;
    zoo_lines in;

    (void)state;
    assert_non_null(bytes);
    for (size_t n = 65000; n <= MOST; n += 13499) {
        memset(bytes, 'x', n);
        bytes[n] = '\n';
        bytes[n + 1] = 'y';
        put(bytes, n + 2);
        assert_int_equal(zoo_lines_open(&in, path, MOST, NULL), ZOO_OK);
        assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
        assert_int_equal(size, n);
        assert_int_equal(line[n - 1], 'x');
        assert_int_equal(zoo_lines_next(&in, &line, &size, NULL), 1);
        assert_string_equal(line, "y");
        zoo_lines_close(&in);
    }
    free(bytes);
}

static void missing_files_and_folders_are_sentences(void **state)
{
    zoo_lines in;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_lines_open(&in, "/nonexistent/rows.jsonl", 10, &err), ZOO_EIO);
    assert_string_equal(err.message, "/nonexistent/rows.jsonl: No such file or directory");
    assert_int_equal(zoo_lines_open(&in, "/tmp", 10, &err), ZOO_EIO);
    assert_string_equal(err.message, "/tmp: a folder, expected a file of lines");
}

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 || close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_ready_when_all_of_it_is_there),
        cmocka_unit_test(lines_end_with_lf_crlf_or_the_file),
        cmocka_unit_test(a_line_over_the_limit_is_named_and_left_behind),
        cmocka_unit_test(a_line_that_is_left_behind_takes_no_memory),
        cmocka_unit_test(long_lines_cross_blocks_unharmed),
        cmocka_unit_test(missing_files_and_folders_are_sentences),
    };
    return cmocka_run_group_tests_name("base/lines", tests, make_file, drop_file);
}
