/* sqlite_backup.c - a copy of a store while others write to it. Layer: store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fs.h"
#include "store/sqlite.h"

enum { PAGES = 4096 };                   /* copied between two updates of the progress */

/* A log that was left beside the old file would be taken for the new one's. */
static int check_target(struct zoo_sqlite *s, const char *path, int force, zoo_err *err)
{
    static const char *const logs[] = { "-wal", "-journal" };
    char log[PATH_MAX];
    struct stat from, to;

    if (!stat(path, &to)) {
        if (!stat(s->path, &from) && from.st_dev == to.st_dev && from.st_ino == to.st_ino)
            return zoo_fail(err, ZOO_EUSAGE, "%s: is the store itself; name another file for the copy", path);
        if (!S_ISREG(to.st_mode))
            return zoo_fail(err, ZOO_EUSAGE, "%s: exists and is not a regular file", path);
        if (!force)
            return zoo_fail(err, ZOO_EUSAGE, "%s: exists; --force replaces it", path);
    }
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        if (snprintf(log, sizeof log, "%s%s", path, logs[i]) >= (int)sizeof log)
            return zoo_fail(err, ZOO_EUSAGE, "%s: name too long", path);
        if (!access(log, F_OK))
            return zoo_fail(err, ZOO_EUSAGE, "%s: is in use (%s exists); name another file for the copy", path, log);
    }
    return ZOO_OK;
}

static int copy_pages(struct zoo_sqlite *s, struct zoo_sqlite *to, zoo_progress *progress, zoo_err *err)
{
    sqlite3_backup *copy = sqlite3_backup_init(to->db, "main", s->db, "main");
    int rc = SQLITE_OK;

    if (!copy)
        return zoo_sqlite_fail(to, err);
    while ((rc = sqlite3_backup_step(copy, PAGES)) == SQLITE_OK)
        if (progress) {
            progress->total = (uint64_t)sqlite3_backup_pagecount(copy);
            zoo_progress_set(progress, progress->total - (uint64_t)sqlite3_backup_remaining(copy));
        }
    if (progress)
        zoo_progress_set(progress, progress->total = (uint64_t)sqlite3_backup_pagecount(copy));
    rc = sqlite3_backup_finish(copy);
    return rc == SQLITE_OK ? ZOO_OK : zoo_sqlite_fail(to, err);
}

/* The open read transaction keeps the view: without it every write of another process
 * would make the copy begin again. */
static int copy_snapshot(struct zoo_sqlite *s, struct zoo_sqlite *to, zoo_progress *progress, zoo_err *err)
{
    int64_t version;
    int own = !s->base.driver->in_transaction(&s->base);
    int rc = own ? s->base.driver->begin(&s->base, ZOO_BEGIN_SNAPSHOT, err) : ZOO_OK;

    if (!rc)
        rc = zoo_sqlite_number(s, "PRAGMA user_version", &version, err);
    if (!rc)
        rc = copy_pages(s, to, progress, err);
    if (own)
        s->base.driver->rollback(&s->base);
    return rc;
}

int zoo_sqlite_backup(zoo_db *db, const char *path, int force, zoo_progress *progress, zoo_err *err)
{
    char beside[PATH_MAX], log[PATH_MAX];
    struct zoo_sqlite *s = (struct zoo_sqlite *)db, to = { .path = beside };
    int rc = check_target(s, path, force, err);

    if (rc)
        return rc;
    if (snprintf(beside, sizeof beside, "%s.part.%ld", path, (long)getpid()) >= (int)sizeof beside)
        return zoo_fail(err, ZOO_EUSAGE, "%s: name too long", path);
    unlink(beside);
    if (sqlite3_open_v2(beside, &to.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
        rc = to.db ? zoo_sqlite_fail(&to, err) : zoo_fail_nomem(err);
    if (!rc)
        rc = copy_snapshot(s, &to, progress, err);
    if (sqlite3_close(to.db) && !rc)
        rc = zoo_fail(err, ZOO_EIO, "%s: could not be closed", beside);
    if (!rc)
        return zoo_fs_replace(beside, path, err);
    unlink(beside);
    if (snprintf(log, sizeof log, "%s-journal", beside) < (int)sizeof log)
        unlink(log);                     /* on a full disk it cannot be ended */
    return rc;
}
