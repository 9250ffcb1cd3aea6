/* train_log.c - the log of a fine-tuning, RUN/log.jsonl: a line a step and a line an epoch; see train_log.h. */
#include "cli/train_log.h"
#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/lines.h"

extern char **environ;

enum { LINE_MAX_BYTES = 4096 };
static const size_t LOG_MAX = (size_t)1 << 30;

/* Out of our hands at once: a state that is written later must not know of steps that the log does not. */
static int put_line(zoo_train_log *log, const zoo_buf *line, zoo_err *err)
{
    if (fwrite(line->data, 1, line->size, log->file) != line->size || fflush(log->file))
        return zoo_fail_errno(err, errno, "%s", log->path);
    return ZOO_OK;
}

static double seconds_of(const zoo_train_log *log)
{
    return log->seconds_before + (double)(zoo_clock_ns() - log->started_ns) * 1e-9;
}

static int look(void *context, const zoo_trainer_moment *m, int ends_epoch, zoo_err *err)
{
    zoo_train_log *log = context;
    zoo_buf line = ZOO_BUF_INIT(LINE_MAX_BYTES);
    int rc;

    zoo_buf_addf(&line, "{\"step\":%llu,\"epoch\":%u,\"%s\":%.6g", (unsigned long long)m->step, m->epoch,
                 ends_epoch ? "mean_loss" : "loss", m->loss);
    if (!ends_epoch)
        zoo_buf_addf(&line, ",\"rate\":%.6g,\"norm\":%.6g", m->rate, m->norm);
    else if (isfinite(m->reward))
        zoo_buf_addf(&line, ",\"reward\":%.15g,\"best\":%s", m->reward, m->is_best ? "true" : "false");
    rc = zoo_buf_addf(&line, ",\"tokens\":%llu,\"seconds\":%.3f}\n", (unsigned long long)m->work, seconds_of(log));
    rc = rc ? zoo_fail_nomem(err) : put_line(log, &line, err);
    zoo_buf_release(&line);
    return rc;
}

/* Whether a line of the log is of a step that the state knows; the seconds it tells. */
static int is_known(const char *line, size_t size, uint64_t step, double *seconds)
{
    json_t *object = json_loadb(line, size, 0, NULL);
    const json_t *at = json_object_get(object, "step");
    int known = json_is_integer(at) && (uint64_t)json_integer_value(at) <= step;

    if (known)
        *seconds = json_number_value(json_object_get(object, "seconds"));
    json_decref(object);
    return known;
}

static int keep_known(zoo_train_log *log, uint64_t step, zoo_buf *kept, zoo_err *err)
{
    zoo_lines in;
    char *line;
    size_t size;
    int rc = zoo_lines_open(&in, log->path, LINE_MAX_BYTES, err);

    if (rc)
        return rc;
    while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1)
        if (is_known(line, size, step, &log->seconds_before) &&
            (zoo_buf_add(kept, line, size) || zoo_buf_add(kept, "\n", 1))) {
            rc = zoo_fail_nomem(err);
            break;
        }
    zoo_lines_close(&in);
    return rc;
}

static int reopen(zoo_train_log *log, const char *mode, zoo_err *err)
{
    if (log->file)
        fclose(log->file);
    log->file = fopen(log->path, mode);
    return log->file ? ZOO_OK : zoo_fail_errno(err, errno, "%s", log->path);
}

static int resume(void *context, uint64_t step, zoo_err *err)
{
    zoo_train_log *log = context;
    zoo_buf kept = ZOO_BUF_INIT(LOG_MAX);
    int rc = keep_known(log, step, &kept, err);

    if (!rc)
        rc = zoo_fs_write(log->path, kept.data ? kept.data : "", kept.size, err);
    zoo_buf_release(&kept);
    return rc ? rc : reopen(log, "ae", err);
}

int zoo_train_log_open(zoo_train_log *log, const char *run, int resumes, zoo_err *err)
{
    int rc;

    *log = (zoo_train_log){ .started_ns = zoo_clock_ns() };
    log->watch = (zoo_trainer_watch){ log, look, resume };
    if (mkdir(run, 0777) && errno != EEXIST)
        return zoo_fail_errno(err, errno, "%s", run);
    rc = zoo_fs_join(log->path, sizeof log->path, run, "log.jsonl", err);
    return rc ? rc : reopen(log, resumes ? "ae" : "we", err);
}

void zoo_train_log_close(zoo_train_log *log)
{
    if (log->file)
        fclose(log->file);
    log->file = NULL;
}

/* ---- curves ---- */

/* One curve as gnuplot reads it: step and value a line. */
static int add_curve(const zoo_train_log *log, const char *key, zoo_buf *out, zoo_err *err)
{
    zoo_lines in;
    char *line;
    size_t size;
    int rc = zoo_lines_open(&in, log->path, LINE_MAX_BYTES, err);

    if (rc)
        return rc;
    while ((rc = zoo_lines_next(&in, &line, &size, err)) == 1) {
        json_t *object = json_loadb(line, size, 0, NULL);
        const json_t *value = json_object_get(object, key);
        long long step = (long long)json_integer_value(json_object_get(object, "step"));
        int failed = json_is_number(value) &&
                     zoo_buf_addf(out, "%lld %.6g\n", step, json_number_value(value));
        json_decref(object);
        if (failed) {
            rc = zoo_fail_nomem(err);
            break;
        }
    }
    zoo_lines_close(&in);
    return rc ? rc : zoo_buf_add_str(out, "e\n") ? zoo_fail_nomem(err) : ZOO_OK;
}

static int run_gnuplot(const char *script, const char *run, zoo_err *err)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = { (char *)"gnuplot", (char *)script, NULL };
    pid_t pid;
    int status = 0, failed;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    failed = posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return zoo_fail(err, ZOO_EUSAGE,
                        "%s/curves.svg is not drawn: gnuplot is not installed (on Debian: apt install gnuplot-nox)",
                        run);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && !WEXITSTATUS(status)
               ? ZOO_OK : zoo_fail(err, ZOO_EIO, "%s/curves.svg is not drawn: gnuplot failed", run);
}

/* Without rows set aside there is no reward, and gnuplot draws no axis for nothing. */
static int write_script(const zoo_train_log *log, const char *svg, zoo_buf *text, zoo_err *err)
{
    static const char head[] = "set terminal svg size 900,500 background 'white'\nset xlabel 'step'\nset ylabel "
                               "'loss'\nset key top right\n";
    static const char reward_head[] = "set y2label 'validation reward'\nset ytics nomirror\nset y2tics\n";
    zoo_buf reward = ZOO_BUF_INIT(LOG_MAX);
    int rc = add_curve(log, "reward", &reward, err), judges = !rc && reward.size > strlen("e\n");

    if (!rc &&
        (zoo_buf_add_str(text, head) || zoo_buf_add_str(text, judges ? reward_head : "") ||
         zoo_buf_addf(text, "set output '%s'\nplot '-' title 'loss of a step' with lines lc rgb '#bbbbbb', '-' title "
                            "'mean loss of an epoch' with linespoints lw 2%s\n", svg,
                      judges ? ", '-' axes x1y2 title 'validation reward' with linespoints lw 2" : "")))
        rc = zoo_fail_nomem(err);
    if (!rc && !(rc = add_curve(log, "loss", text, err)) && !(rc = add_curve(log, "mean_loss", text, err)) && judges)
        rc = zoo_buf_add(text, reward.data, reward.size) ? zoo_fail_nomem(err) : ZOO_OK;
    zoo_buf_release(&reward);
    return rc;
}

int zoo_train_log_plot(const zoo_train_log *log, const char *run, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(LOG_MAX);
    char script[PATH_MAX], svg[PATH_MAX];
    int rc;

    if ((rc = zoo_fs_join(script, sizeof script, run, "curves.gnuplot", err)) ||
        (rc = zoo_fs_join(svg, sizeof svg, run, "curves.svg", err)))
        return rc;
    rc = strchr(svg, '\'') ? zoo_fail(err, ZOO_EUSAGE, "%s is not drawn: its path has a quote", svg) :
         write_script(log, svg, &text, err);
    if (!rc)
        rc = zoo_fs_write(script, text.data, text.size, err);
    zoo_buf_release(&text);
    return rc ? rc : run_gnuplot(script, run, err);
}
