#include "unit/cm.h"
#include <string.h>
#include "base/log.h"

static void a_line_has_time_and_level_and_no_control_characters(void **state)
{
    char text[3000], longer[2000];
    FILE *to = tmpfile();
    zoo_log log = { to, ZOO_LOG_INFO };
    size_t n;

    (void)state;
    assert_non_null(to);
    zoo_log_write(&log, ZOO_LOG_WARN, "id=%d a\nb\x1b[0m\x7f caf\xc3\xa9", 7);
    zoo_log_write(&log, ZOO_LOG_DEBUG, "not this");
    zoo_log_write(NULL, ZOO_LOG_ERROR, "nor this");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    zoo_log_write(&log, ZOO_LOG_ERROR, "%s", longer);
    rewind(to);
    n = fread(text, 1, sizeof text - 1, to);
    text[n] = '\0';
    static const char first[] = " warn id=7 a?b?[0m? caf\xc3\xa9\n";
    assert_memory_equal(text + 24, first, sizeof first - 1);
    assert_true(text[4] == '-' && text[10] == 'T' && text[23] == 'Z');
    assert_null(strstr(text, "this"));
    assert_memory_equal(text + 24 + sizeof first - 1 + 24, " error xxx", 10);
    assert_true(n > 1000 && n < 1300 && text[n - 1] == '\n');
    fclose(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_line_has_time_and_level_and_no_control_characters) };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
