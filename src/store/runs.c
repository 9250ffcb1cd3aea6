/* runs.c - the log of what was done to a store: which command, when, with which settings, how it ended. Layer: store. */
#include "base/clock.h"
#include "store/db.h"

int zoo_store_begin_run(zoo_store *s, const char *command, const char *settings_json, zoo_key *run, zoo_err *err)
{
    char now[ZOO_CLOCK_ISO_SIZE];
    sqlite3_stmt *st;
    int rc;

    zoo_clock_iso(now, zoo_clock_wall_ms());
    *run = 0;
    rc = zoo_db_prepare(s, &st, err, "INSERT INTO runs (command, settings, started) VALUES (?1, ?2, ?3)", "sss", command,
                        settings_json ? settings_json : "{}", now);
    if (!rc)
        rc = zoo_db_run(s, st, err);
    if (!rc)
        *run = sqlite3_last_insert_rowid(s->db);
    return rc;
}

int zoo_store_end_run(zoo_store *s, zoo_key run, const char *status, const char *summary_json, zoo_err *err)
{
    char now[ZOO_CLOCK_ISO_SIZE];
    sqlite3_stmt *st;
    int rc;

    zoo_clock_iso(now, zoo_clock_wall_ms());
    rc = zoo_db_prepare(s, &st, err, "UPDATE runs SET ended = ?2, status = ?3, summary = ?4 WHERE key = ?1", "ksss", run, now, status,
                        summary_json);
    if (!rc)
        rc = zoo_db_run(s, st, err);
    if (!rc && !sqlite3_changes(s->db))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: no run %lld", s->path, (long long)run);
    return rc;
}
