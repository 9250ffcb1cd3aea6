/* runs.c - the log of what was done to a store: which command, when, with which settings,
 * how it ended. Layer: store. */
#include "base/clock.h"
#include "store/sql.h"

int zoo_store_begin_run(zoo_store *s, const char *command, const char *settings_json, zoo_key *run, zoo_err *err)
{
    char now[ZOO_CLOCK_ISO_SIZE];
    int rc;

    zoo_clock_iso(now, zoo_clock_wall_ms());
    *run = 0;
    rc = zoo_sql_bind(s, ZOO_SQL_RUN_BEGIN, err, command, settings_json ? settings_json : "{}", now);
    return rc ? rc : zoo_sql_single(s, ZOO_SQL_RUN_BEGIN, run, NULL, err);
}

int zoo_store_end_run(zoo_store *s, zoo_key run, const char *status, const char *summary_json, zoo_err *err)
{
    char now[ZOO_CLOCK_ISO_SIZE];
    int rc;

    zoo_clock_iso(now, zoo_clock_wall_ms());
    rc = zoo_sql_run(s, ZOO_SQL_RUN_END, err, run, now, status, summary_json);
    if (!rc && !zoo_sql_changes(s))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: no run %lld", s->name, (long long)run);
    return rc;
}
