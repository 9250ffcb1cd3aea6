#include "unit/cm.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/progress.h"

static void the_last_line_has_the_figures(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    zoo_progress p;

    (void)state;
    zoo_progress_begin(&p, to, "collect", 10);
    zoo_progress_note(&p, "%d failed", 3);
    zoo_progress_set(&p, 50);
    zoo_progress_end(&p);
    fclose(to);
    assert_memory_equal(text, "collect: 10/10 (100%)", 21);
    assert_non_null(strstr(text, ", 3 failed, took "));
    free(text);
    zoo_progress_begin(&p, NULL, "silent", 1);
    zoo_progress_set(&p, 1);
    zoo_progress_end(&p);
    zoo_progress_set(NULL, 1);
}

static void what_was_there_before_does_not_count_as_speed(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    zoo_progress p;

    (void)state;
    zoo_progress_begin(&p, to, "fetch", 1000);
    p.before = 900;
    p.started_ns -= 10000000000u;
    zoo_progress_set(&p, 950);
    zoo_progress_end(&p);
    fclose(to);
    assert_memory_equal(text, "fetch: 950/1000 (95%), 5/s, took 10", 35);
    free(text);
}

static void times_are_readable(void **state)
{
    char out[32], iso[ZOO_CLOCK_ISO_SIZE];

    (void)state;
    zoo_clock_human(out, sizeof out, 3.21);
    assert_string_equal(out, "3.2 s");
    zoo_clock_human(out, sizeof out, 75);
    assert_string_equal(out, "1 min 15 s");
    zoo_clock_human(out, sizeof out, 7900);
    assert_string_equal(out, "2 h 11 min");
    zoo_clock_iso(iso, 1700000000123);
    assert_string_equal(iso, "2023-11-14T22:13:20.123Z");
}

static void a_log_line_is_one_line(void **state)
{
    char *text = NULL;
    size_t size = 0;
    zoo_log log = { open_memstream(&text, &size), ZOO_LOG_INFO };

    (void)state;
    zoo_log_write(&log, ZOO_LOG_WARN, "expert %s\nfake", "a");
    zoo_log_write(&log, ZOO_LOG_DEBUG, "not shown");
    zoo_log_write(NULL, ZOO_LOG_ERROR, "nobody listens");
    fclose(log.to);
    assert_string_equal(text + 24, " warn expert a?fake\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_line_has_the_figures),
        cmocka_unit_test(what_was_there_before_does_not_count_as_speed),
        cmocka_unit_test(times_are_readable),
        cmocka_unit_test(a_log_line_is_one_line),
    };
    return cmocka_run_group_tests_name("base/progress", tests, NULL, NULL);
}
