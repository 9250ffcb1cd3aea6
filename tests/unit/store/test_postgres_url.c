#include "unit/cm.h"
#include <stdlib.h>
#include <string.h>
#include "store/postgres.h"

static void clear_environment(void)
{
    static const char *const names[] = { "PGHOST", "PGPORT", "PGDATABASE", "PGUSER" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static void a_store_is_called_by_host_and_name(void **state)
{
    static const struct { const char *url, *name; } cases[] = {
        { "postgresql://db.lan/queries", "postgresql://db.lan/queries" },
        { "postgres://me@db.lan:5432/queries?sslmode=require", "postgresql://db.lan/queries" },
        { "postgresql://me:@db.lan:5433/q", "postgresql://db.lan:5433/q" },
        { "postgresql://me@/q", "postgresql://localhost/q" },
        { "postgresql:///q?host=/run/pg&port=6000", "postgresql://%2Frun%2Fpg:6000/q" },
        { "postgresql://%2Frun%2Fpg/q", "postgresql://%2Frun%2Fpg/q" },
        { "postgresql://a,b:7/q", "postgresql://a,b:7/q" },
        { "postgresql://[::1]:6000/q", "postgresql://[::1]:6000/q" },
        { "postgresql://me@h", "postgresql://h/me" },
        { "postgresql://h/a?dbname=b%20c", "postgresql://h/b%20c" },
        { "postgresql://h/a?passfile=/x", NULL },
    };
    char name[256];
    zoo_err err;

    (void)state;
    clear_environment();
    for (size_t i = 0; cases[i].name; i++) {
        assert_int_equal(zoo_driver_postgres.describe(cases[i].url, name, sizeof name, &err), ZOO_OK);
        assert_string_equal(name, cases[i].name);
    }
    setenv("PGHOST", "other", 1);
    setenv("PGDATABASE", "data", 1);
    assert_int_equal(zoo_driver_postgres.describe("postgresql://", name, sizeof name, &err), ZOO_OK);
    assert_string_equal(name, "postgresql://other/data");
    clear_environment();
    assert_int_equal(zoo_driver_postgres.describe("postgresql://h/q", name, 10, &err), ZOO_EUSAGE);
}

static void a_password_in_a_url_is_refused_and_not_repeated(void **state)
{
    static const char *const urls[] = {
        "postgresql://me:s3cret@h/q", "postgresql://me:%733cret@h/q", "postgresql://h/q?password=s3cret",
            "postgresql://h/q?p%61ssword=s3cret",
        "postgresql://h/q?sslpassword=s3cret", "postgresql://h/q?a=b&sslp%61ss%77ord=%733cret",
            "postgresql://me:?s3cret@h/q",
        "postgresql://me:a@s3cret@h/q",
        /* read by libpq as something else */
        "postgresql://me:s3cret/x@h/q", "postgresql://me:1/s3cret@h/q", "postgresql://h:s3cret/q",
            "postgresql://h/s3cret%zz",
        "postgresql://h/q?s3cret", "postgresql://h/q?a=s3cret=1", "postgresql://[s3cret]/q", "postgresql://[::1/s3cret",
            "postgresql://h/q%00s3cret",
        "postgresql:s3cret", "PostgreSQL://h/s3cret", "postgres:h/s3cret"
    };
    char name[256];
    zoo_err err;
    zoo_db *db;

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        *name = 0;
        assert_ptr_equal(zoo_driver_of(urls[i]), &zoo_driver_postgres);
        assert_int_equal(zoo_driver_postgres.describe(urls[i], name, sizeof name, &err), ZOO_EUSAGE);
        assert_null(strstr(err.message, "s3cret"));
        assert_null(strstr(err.message, "733cret"));
        if (i < 8)
            assert_non_null(strstr(err.message, "PGPASSWORD"));
        assert_int_equal(zoo_driver_postgres.open(&db, urls[i], ZOO_STORE_READ, &err), ZOO_EUSAGE);
        assert_null(strstr(err.message, "s3cret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_called_by_host_and_name),
        cmocka_unit_test(a_password_in_a_url_is_refused_and_not_repeated),
    };

    return cmocka_run_group_tests_name("store/postgres_url", tests, NULL, NULL);
}
