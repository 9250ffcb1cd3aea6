/* test_sample.c - the sample folder: enough rows, each gradable, test questions apart from training,
 * the same bytes again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fs.h"
#include "base/json.h"
#include "base/lines.h"
#include "sim/expert.h"
#include "sim/sample.h"

static char folder[] = "/tmp/zooter-test-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return zoo_fs_remove_tree(folder, NULL);
}

static const char *path_of(const char *sub, const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s/%s", folder, sub, name);
    return path;
}

static void write_sample(const char *sub, uint64_t seed, int leave_out, zoo_sim_sample_counts *counts)
{
    char dir[200];
    zoo_err err;
    zoo_sim_sample sample = { dir, seed, 8001, 8080, leave_out };

    snprintf(dir, sizeof dir, "%s/%s", folder, sub);
    if (zoo_sim_sample_write(&sample, counts, &err))
        fail_msg("%s", err.message);
}

static void check_row(const json_t *row, zoo_sim_sample_counts *seen)
{
    const char *query = zoo_json_str(row, "query", "row", NULL), *split = zoo_json_str(row, "split", "row", NULL);
    const char *id = zoo_json_str(row, "id", "row", NULL), *reference = zoo_json_str(row, "reference", "row", NULL);
    char expected[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task;
    int is_copy = !strncmp(id, "copy-", 5);

    assert_true(zoo_sim_match(query, strlen(query), &task));
    assert_int_equal(zoo_sim_reference(&task, expected, sizeof expected), 0);
    assert_string_equal(reference, expected);
    assert_string_equal(zoo_json_str(row, "grader", "row", NULL), task.kind->grader);
    assert_string_equal(zoo_json_str(row, "subset", "row", NULL), task.kind->group);
    assert_int_equal(task.frame->is_held_out, !strcmp(split, "test") || is_copy);
    assert_int_equal(json_array_size(json_object_get(row, "tags")), 2);
    assert_true(json_is_object(json_object_get(row, "rewards")));
    *(!strcmp(split, "test") ? &seen->test : &seen->pool) += 1;
    seen->copies += (size_t)is_copy;
}

static void test_rows_are_gradable_and_test_frames_held_out(void **state)
{
    zoo_sim_sample_counts counts, seen = { 0 };
    zoo_lines in;
    size_t size;
    char *line;
    zoo_err err;

    (void)state;
    write_sample("a", 1, 0, &counts);
    assert_int_equal(zoo_lines_open(&in, path_of("a", "queries.jsonl"), 1 << 20, &err), 0);
    while (zoo_lines_next(&in, &line, &size, &err) == 1) {
        json_t *row = zoo_json_parse(line, size, "row", &err);
        assert_non_null(row);
        check_row(row, &seen);
        json_decref(row);
    }
    zoo_lines_close(&in);
    assert_int_equal(seen.pool, counts.pool);
    assert_int_equal(seen.test, counts.test);
    assert_int_equal(seen.copies, counts.copies);
    assert_true(counts.pool - counts.copies >= 600);
    assert_true(counts.test >= 200);
    assert_true(counts.copies >= 10);
    assert_true(counts.kinds >= 12 && counts.langs >= 4 && counts.experts >= 5);
}

static void test_same_seed_same_bytes(void **state)
{
    static const char *const files[] = { "queries.jsonl", "benchmark.jsonl", "sim.yaml" };
    zoo_sim_sample_counts counts;
    char *a, *b;
    size_t n, m;
    zoo_err err;

    (void)state;
    write_sample("a", 1, 0, &counts);
    write_sample("b", 1, 0, &counts);
    write_sample("c", 2, 0, &counts);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(zoo_fs_read(&a, &n, path_of("a", files[i]), 1 << 24, &err), 0);
        assert_int_equal(zoo_fs_read(&b, &m, path_of("b", files[i]), 1 << 24, &err), 0);
        assert_int_equal(n, m);
        assert_memory_equal(a, b, n);
        free(b);
        assert_int_equal(zoo_fs_read(&b, &m, path_of("c", files[i]), 1 << 24, &err), 0);
        assert_true(n != m || memcmp(a, b, n));
        free(a);
        free(b);
    }
}

static void test_programs_can_be_left_out(void **state)
{
    zoo_sim_sample_counts all, without;
    char *text;
    size_t n;
    zoo_err err;

    (void)state;
    write_sample("a", 1, 0, &all);
    write_sample("d", 1, 1, &without);
    assert_int_equal(without.kinds + 1, all.kinds);
    assert_true(without.pool < all.pool && without.test < all.test);
    assert_int_equal(zoo_fs_read(&text, &n, path_of("d", "queries.jsonl"), 1 << 24, &err), 0);
    assert_null(strstr(text, "\"program\""));
    free(text);
}

static void test_experts_are_complementary(void **state)
{
    zoo_sim_sample_counts counts;
    zoo_sim_config config;
    zoo_err err;
    double best = 0, ideal = 0;

    (void)state;
    write_sample("a", 1, 0, &counts);
    assert_int_equal(zoo_sim_config_load(&config, path_of("a", "sim.yaml"), &err), 0);
    assert_int_equal(config.count, counts.experts);
    for (size_t i = 0; i < config.count; i++) {
        double mean = 0;
        for (size_t kind = 0; kind < zoo_sim_kind_count(); kind++)
            mean += config.experts[i].strengths[kind] / (double)zoo_sim_kind_count();
        best = mean > best ? mean : best;
    }
    for (size_t kind = 0; kind < zoo_sim_kind_count(); kind++) {
        double most = 0;
        for (size_t i = 0; i < config.count; i++)
            most = config.experts[i].strengths[kind] > most ? config.experts[i].strengths[kind] : most;
        ideal += most / (double)zoo_sim_kind_count();
    }
    assert_true(ideal - best > 0.2);
    zoo_sim_config_release(&config);
}

static void test_a_folder_that_cannot_be_made(void **state)
{
    zoo_sim_sample sample = { "/nonexistent/sample", 1, 8001, 8080, 0 };
    zoo_sim_sample_counts counts;
    zoo_err err;

    (void)state;
    assert_int_equal(zoo_sim_sample_write(&sample, &counts, &err), ZOO_EIO);
    assert_non_null(strstr(err.message, "/nonexistent/sample"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_gradable_and_test_frames_held_out),
        cmocka_unit_test(test_same_seed_same_bytes),
        cmocka_unit_test(test_programs_can_be_left_out),
        cmocka_unit_test(test_experts_are_complementary),
        cmocka_unit_test(test_a_folder_that_cannot_be_made)
    };

    return cmocka_run_group_tests_name("sim/sample", tests, make_folder, remove_folder);
}
