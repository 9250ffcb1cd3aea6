/* hub.c - see hub.h. What is asked of the hub:
 *
 *     GET  /api/models/REPO/revision/REVISION  {"sha": COMMIT, "siblings": [{"rfilename": FILE}, ...]}
 *     HEAD /REPO/resolve/COMMIT/FILE           ETag and size; large files: X-Linked-Etag, X-Linked-Size on a redirect
 *     GET  /REPO/resolve/COMMIT/FILE           the bytes, by a redirect to another host where the file is large
 *
 * A download is begun at the hub each time, because the address it leads to is good for minutes only.
 * Layer: net. */
#include "net/hub.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/fs.h"
#include "base/json.h"
#include "net/checksum.h"
#include "net/hub_cache.h"
#include "net/transfer.h"

enum { URL_SIZE = 4096, API_MAX = 16 << 20, FILES_MAX = 4096, BLOCK = 1 << 20, WAIT_MS = 500, WAIT_MAX_MS = 30000,
       RETRY_AFTER_MAX_S = 300 };

/* One file that is wanted and not there yet. */
struct want {
    char file[224];
    char etag[160];
    int64_t size;                         /* ZOO_TRANSFER_UNKNOWN: the hub did not say */
    uint64_t max;
};

struct zoo_hub {
    zoo_hub_settings settings;
    zoo_transfer *transfer;
    zoo_hub_cache cache;
    char repo[128], revision[224], commit[160];
    char folder[PATH_MAX];
    int is_offline;
    json_t *info;                         /* the API's answer; NULL: offline */
    struct want *wants;
    size_t count, capacity;
    uint64_t bytes_done, bytes_wanted, bytes_fetched;
};

/* ---- talking ---- */

__attribute__((format(printf, 2, 3))) static void say(const zoo_hub *hub, const char *fmt, ...)
{
    char sentence[1400];
    va_list ap;

    if (!hub->settings.say)
        return;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    hub->settings.say(hub->settings.context, sentence);
}

static void advance(zoo_hub *hub)
{
    if (hub->settings.advance)
        hub->settings.advance(hub->settings.context, hub->bytes_done, hub->bytes_wanted);
}

static const char *token_hint(const zoo_hub *hub)
{
    if (!hub->settings.token)
        return "; if it is private, set HF_TOKEN";
    return zoo_transfer_sends_token(hub->transfer) ? "" :
           "; the token was kept back, for it would travel over http in the clear";
}

/* The sentence of a final status. What the server says itself is shown unless it shows our token. */
static int fail_status(const zoo_hub *hub, const zoo_transfer_answer *a, const char *what, zoo_err *err)
{
    const char *repo = hub->repo, *endpoint = hub->settings.endpoint, *words = a->error_message;

    if (hub->settings.token && strstr(words, hub->settings.token))
        words = "";
    if (!strcmp(a->error_code, "GatedRepo") || (a->status == 403 && !a->error_code[0]))
        return zoo_fail(err, ZOO_EIO,
                        "%s: access is granted by its owner: accept the terms at %s/%s and set HF_TOKEN to a token of "
                        "that account%s", repo, endpoint, repo, zoo_transfer_sends_token(hub->transfer) ?
                        " (this one is not enough)" : "");
    if (!strcmp(a->error_code, "RevisionNotFound"))
        return zoo_fail(err, ZOO_EIO, "%s: has no revision '%s' at %s", repo, hub->revision, endpoint);
    if (a->status == 401 || !strcmp(a->error_code, "RepoNotFound"))
        return zoo_fail(err, ZOO_EIO, "%s: %s knows no such model, or does not show it to %s (HTTP %ld)%s", repo,
                        endpoint, zoo_transfer_sends_token(hub->transfer) ? "the owner of this token" : "strangers",
                        a->status, token_hint(hub));
    if (a->status == 404)
        return zoo_fail(err, ZOO_EIO, "%s: %s has no %s (HTTP 404)%s", repo, endpoint, what, token_hint(hub));
    return zoo_fail(err, ZOO_EIO, "%s: %s answers HTTP %ld for %s%s%.200s", repo, endpoint, a->status, what,
                    *words ? ": " : "", words);
}

/* ---- trying again ---- */

/* 1, after a wait, where a failed request should be made once more. *failures counts those without progress. */
static int tries_again(const zoo_hub *hub, unsigned *failures, unsigned retries, int rc, const zoo_transfer_answer *a,
                       const zoo_err *err)
{
    unsigned long ms = *failures < 8 ? WAIT_MS << *failures : WAIT_MAX_MS;
    struct timespec wait;

    if (!a->may_pass || *failures >= retries || a->retry_after > RETRY_AFTER_MAX_S)
        return 0;
    if (ms > WAIT_MAX_MS)
        ms = WAIT_MAX_MS;
    if (a->retry_after > 0 && ms < 1000ul * (unsigned long)a->retry_after)
        ms = 1000ul * (unsigned long)a->retry_after;
    if (rc)
        say(hub, "%s; trying again in %.1f s", err->message, (double)ms / 1000);
    else
        say(hub, "%s answers HTTP %ld; trying again in %.1f s", hub->settings.endpoint, a->status, (double)ms / 1000);
    ++*failures;
    wait = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    while (nanosleep(&wait, &wait) && errno == EINTR)
        ;
    return 1;
}

/* ---- which commit, which files ---- */

static int take_text(void *context, const zoo_transfer_answer *answer, const char *bytes, size_t size, zoo_err *err)
{
    (void)answer;
    return zoo_buf_add(context, bytes, size) ? zoo_fail(err, ZOO_EFORMAT, "the hub's answer is longer than %d bytes",
                                                        API_MAX) : ZOO_OK;
}

static int ask_api(zoo_hub *hub, zoo_buf *text, unsigned retries, zoo_transfer_answer *a, zoo_err *err)
{
    char url[URL_SIZE];
    unsigned failures = 0;
    int rc, n = snprintf(url, sizeof url, "%s/api/models/%s/revision/", hub->settings.endpoint, hub->repo);

    if (n < 0 || n >= URL_SIZE || zoo_transfer_escape(url, sizeof url, hub->revision, 0))
        return zoo_fail(err, ZOO_EUSAGE, "%.200s...: address too long", hub->settings.endpoint);
    do {
        zoo_buf_clear(text);
        rc = zoo_transfer_run(hub->transfer,
                              &(zoo_transfer_request){ .url = url, .max = API_MAX, .on_data = take_text,
                                                       .context = text }, a, err);
    } while (tries_again(hub, &failures, retries, rc, a, err));
    return rc;
}

static int read_info(zoo_hub *hub, const zoo_buf *text, zoo_err *err)
{
    char place[200];
    const char *commit;

    snprintf(place, sizeof place, "the hub's description of %s", hub->repo);
    hub->info = zoo_json_parse(text->size ? text->data : "", text->size, place, err);
    if (!hub->info)
        return err->code;
    commit = zoo_json_str(hub->info, "sha", place, err);
    if (!commit)
        return err->code;
    if (!zoo_hub_is_word(commit) || strlen(commit) >= sizeof hub->commit)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'sha' should be a commit", place);
    if (!json_is_array(json_object_get(hub->info, "siblings")))
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'siblings', the list of files, is missing", place);
    memcpy(hub->commit, commit, strlen(commit) + 1);
    return ZOO_OK;
}

/* The commit that the cache knows for the revision; ZOO_EIO where it has no snapshot of it. */
static int find_in_cache(zoo_hub *hub, zoo_err *err)
{
    struct stat st;
    int rc = zoo_hub_cache_snapshot(hub->folder, &hub->cache, hub->revision, NULL, err);

    if (rc)
        return rc;
    if (!strchr(hub->revision, '/') && !stat(hub->folder, &st)) {
        memcpy(hub->commit, hub->revision, sizeof hub->commit - 1);
        return ZOO_OK;
    }
    if (zoo_hub_cache_recall(hub->commit, sizeof hub->commit, &hub->cache, hub->revision, NULL) ||
        zoo_hub_cache_snapshot(hub->folder, &hub->cache, hub->commit, NULL, NULL) || stat(hub->folder, &st))
        return zoo_fail(err, ZOO_EIO, "%s at '%s' is not in the cache %s", hub->repo, hub->revision,
                        hub->settings.cache);
    return ZOO_OK;
}

static int resolve(zoo_hub *hub, zoo_err *err)
{
    int is_cached = !find_in_cache(hub, NULL), rc;
    zoo_buf text = ZOO_BUF_INIT(API_MAX);
    zoo_transfer_answer a;

    rc = ask_api(hub, &text, is_cached ? 0 : hub->settings.retries, &a, err);
    if (rc && a.may_pass && !is_cached) {
        zoo_err why = *err;
        rc = zoo_fail(err, rc, "%s; the cache has nothing of %s at '%s'. HF_ENDPOINT names another hub", why.message,
                      hub->repo, hub->revision);
    } else if (is_cached && a.may_pass) {
        if (!rc)
            fail_status(hub, &a, "its description", err);
        say(hub, "%s; taking what the cache has of commit %s", err->message, hub->commit);
        hub->is_offline = 1;
        rc = ZOO_OK;
    } else {
        if (!rc && a.status != 200)
            rc = fail_status(hub, &a, "such model or revision", err);
        if (!rc)
            rc = read_info(hub, &text, err);
    }
    zoo_buf_release(&text);
    return rc ? rc : zoo_hub_cache_snapshot(hub->folder, &hub->cache, hub->commit, NULL, err);
}

static int open_offline(zoo_hub *hub, zoo_err *err)
{
    hub->is_offline = 1;
    return find_in_cache(hub, err) ? zoo_fail_within(err, "HF_HUB_OFFLINE is set") : ZOO_OK;
}

int zoo_hub_open(zoo_hub **out, const zoo_hub_settings *settings, const char *repo, const char *revision, zoo_err *err)
{
    zoo_hub *hub = *out = NULL;
    zoo_err unread = { 0 };
    int rc;

    err = err ? err : &unread;
    if ((rc = zoo_hub_check_repo(repo, err)) || (rc = zoo_hub_check_revision(revision, err)))
        return rc;
    if (!(hub = calloc(1, sizeof *hub)))
        return zoo_fail_nomem(err);
    hub->settings = *settings;
    snprintf(hub->repo, sizeof hub->repo, "%s", repo);
    snprintf(hub->revision, sizeof hub->revision, "%s", revision);
    rc = zoo_hub_cache_init(&hub->cache, settings->cache, repo, err);
    if (!rc && settings->is_offline)
        rc = open_offline(hub, err);
    else if (!rc)
        rc = zoo_transfer_new(&hub->transfer,
                              &(zoo_transfer_settings){ .endpoint = settings->endpoint, .token = settings->token,
                                                        .ca_file = settings->ca_file, .idle_s = settings->idle_s },
                              err);
    if (!rc && !settings->is_offline)
        rc = resolve(hub, err);
    if (rc)
        zoo_hub_close(hub);
    else
        *out = hub;
    return rc;
}

void zoo_hub_close(zoo_hub *hub)
{
    if (!hub)
        return;
    json_decref(hub->info);
    zoo_transfer_free(hub->transfer);
    free(hub->wants);
    free(hub);
}

const char *zoo_hub_commit(const zoo_hub *hub)
{
    return hub->commit;
}

const char *zoo_hub_folder(const zoo_hub *hub)
{
    return hub->folder;
}

int zoo_hub_is_offline(const zoo_hub *hub)
{
    return hub->is_offline;
}

uint64_t zoo_hub_bytes_fetched(const zoo_hub *hub)
{
    return hub->bytes_fetched;
}

static int is_in_snapshot(const zoo_hub *hub, const char *file)
{
    char path[PATH_MAX];
    struct stat st;

    return !zoo_hub_cache_snapshot(path, &hub->cache, hub->commit, file, NULL) && !stat(path, &st) &&
           S_ISREG(st.st_mode);
}

int zoo_hub_has(const zoo_hub *hub, const char *file)
{
    const json_t *files = json_object_get(hub->info, "siblings"), *one;
    size_t i;

    if (zoo_hub_check_file(file, NULL))
        return 0;
    if (hub->is_offline)
        return is_in_snapshot(hub, file);
    json_array_foreach(files, i, one) {
        const char *name = json_string_value(json_object_get(one, "rfilename"));
        if (name && !strcmp(name, file))
            return 1;
    }
    return 0;
}

int zoo_hub_remember(zoo_hub *hub, zoo_err *err)
{
    return hub->is_offline ? ZOO_OK : zoo_hub_cache_remember(&hub->cache, hub->revision, hub->commit, err);
}

/* ---- what is wanted ---- */

static int file_url(char url[URL_SIZE], const zoo_hub *hub, const char *file, zoo_err *err)
{
    int n = snprintf(url, URL_SIZE, "%s/%s/resolve/%s/", hub->settings.endpoint, hub->repo, hub->commit);

    if (n < 0 || n >= URL_SIZE || zoo_transfer_escape(url, URL_SIZE, file, 1))
        return zoo_fail(err, ZOO_EUSAGE, "%.200s...: address too long", hub->settings.endpoint);
    return ZOO_OK;
}

/* ETag and size of `want->file`. */
static int ask_head(zoo_hub *hub, struct want *want, zoo_err *err)
{
    char url[URL_SIZE];
    zoo_transfer_answer a;
    unsigned failures = 0;
    int rc = file_url(url, hub, want->file, err);

    if (rc)
        return rc;
    do {
        rc = zoo_transfer_run(hub->transfer, &(zoo_transfer_request){ .url = url, .is_head = 1 }, &a, err);
    } while (tries_again(hub, &failures, hub->settings.retries, rc, &a, err));
    if (rc)
        return zoo_fail_within(err, "%s", want->file);
    if (a.status >= 400 || a.status < 200)
        return fail_status(hub, &a, want->file, err);
    snprintf(want->etag, sizeof want->etag, "%s", a.linked_etag[0] ? a.linked_etag : a.etag);
    want->size = a.linked_size != ZOO_TRANSFER_UNKNOWN ? a.linked_size : a.status == 200 ? a.length :
                 ZOO_TRANSFER_UNKNOWN;
    if (!zoo_hub_is_word(want->etag))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: the hub gives no usable ETag, by which the file could be kept and checked", want->file);
    if (want->size > 0 && (uint64_t)want->size > want->max)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %lld bytes, at most %llu are fetched", want->file, (long long)want->size,
                        (unsigned long long)want->max);
    return ZOO_OK;
}

/* 1: the blob is there, linked; 0: it has to be fetched. */
static int link_blob(const zoo_hub *hub, const struct want *want, zoo_err *err)
{
    char blob[PATH_MAX];
    struct stat st;
    int rc = zoo_hub_cache_blob(blob, &hub->cache, want->etag, "", err);

    if (rc)
        return rc;
    if (stat(blob, &st) || !S_ISREG(st.st_mode) || (want->size != ZOO_TRANSFER_UNKNOWN && st.st_size != want->size))
        return 0;
    rc = zoo_hub_cache_link(&hub->cache, hub->commit, want->file, want->etag, err);
    return rc ? rc : 1;
}

static int add_want(zoo_hub *hub, const struct want *want, zoo_err *err)
{
    if (hub->count == FILES_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: more than %d files", hub->repo, FILES_MAX);
    if (hub->count == hub->capacity) {
        size_t capacity = hub->capacity ? 2 * hub->capacity : 16;
        struct want *more = realloc(hub->wants, capacity * sizeof *more);
        if (!more)
            return zoo_fail_nomem(err);
        hub->wants = more;
        hub->capacity = capacity;
    }
    hub->wants[hub->count++] = *want;
    hub->bytes_wanted += want->size > 0 ? (uint64_t)want->size : 0;
    return ZOO_OK;
}

int zoo_hub_want(zoo_hub *hub, const char *file, uint64_t max, zoo_err *err)
{
    struct want want = { .size = ZOO_TRANSFER_UNKNOWN, .max = max };
    int rc = zoo_hub_check_file(file, err);

    if (rc || is_in_snapshot(hub, file))
        return rc;
    for (size_t i = 0; i < hub->count; i++)
        if (!strcmp(hub->wants[i].file, file))
            return ZOO_OK;
    if (!zoo_hub_has(hub, file))
        return hub->is_offline ? zoo_fail(err, ZOO_EIO, "%s: %s is not in the cache, and there is no hub to ask",
                                          hub->repo, file)
                               : zoo_fail(err, ZOO_EIO, "%s: has no file %s", hub->repo, file);
    snprintf(want.file, sizeof want.file, "%s", file);
    rc = ask_head(hub, &want, err);
    if (!rc)
        rc = link_blob(hub, &want, err);
    return rc > 0 ? ZOO_OK : rc ? rc : add_want(hub, &want, err);
}

/* ---- bytes ---- */

/* A file on its way into the cache. */
struct download {
    zoo_hub *hub;
    const struct want *want;
    const char *path;                     /* of the .incomplete file */
    int fd, has_begun;                    /* this response has shown its first byte */
    uint64_t have, asked;                 /* bytes in the file; where this response should begin */
    zoo_checksum *sum;
};

static int restart(struct download *d, zoo_err *err)
{
    d->hub->bytes_done -= d->have;
    d->have = 0;
    zoo_checksum_restart(d->sum);
    return ftruncate(d->fd, 0) || lseek(d->fd, 0, SEEK_SET) ? zoo_fail_errno(err, errno, "%s", d->path) : ZOO_OK;
}

/* A server may ignore the Range and send all, or say where it begins. */
static int check_begin(struct download *d, const zoo_transfer_answer *answer, zoo_err *err)
{
    d->has_begun = 1;
    if (answer->from == (int64_t)d->have)
        return ZOO_OK;
    if (answer->status == 200)
        return restart(d, err);
    return zoo_fail(err, ZOO_EFORMAT, "%s: the server begins at another byte than it was asked for", d->want->file);
}

static int write_block(void *context, const zoo_transfer_answer *answer, const char *bytes, size_t size, zoo_err *err)
{
    struct download *d = context;
    uint64_t most = d->want->size == ZOO_TRANSFER_UNKNOWN ? d->want->max : (uint64_t)d->want->size;
    int rc = d->has_begun ? ZOO_OK : check_begin(d, answer, err);

    if (rc)
        return rc;
    if (size > most - d->have)
        return zoo_fail(err, ZOO_EFORMAT, "%s: the server sends more than the %llu bytes it spoke of", d->want->file,
                        (unsigned long long)most);
    zoo_checksum_add(d->sum, bytes, size);
    d->have += size;
    d->hub->bytes_done += size;
    d->hub->bytes_fetched += size;
    while (size) {
        ssize_t n = write(d->fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return zoo_fail_errno(err, errno, "%s", d->path);
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    advance(d->hub);
    return ZOO_OK;
}

/* One response. ZOO_OK: the file is complete. */
static int get_once(struct download *d, const char *url, zoo_transfer_answer *a, zoo_err *err)
{
    zoo_transfer_request request = { .url = url, .from = d->have, .max = UINT64_MAX, .on_data = write_block,
                                     .context = d };
    int rc;

    d->has_begun = 0;
    rc = zoo_transfer_run(d->hub->transfer, &request, a, err);
    if (rc)
        return rc;
    if (a->status == 416 && d->have) {           /* what is there is of another file: from the start */
        a->may_pass = 1;
        rc = restart(d, err);
        return rc ? rc : zoo_fail(err, ZOO_EIO, "%s: the server has nothing behind what is there", d->want->file);
    }
    if (a->status != 200 && a->status != 206)
        return fail_status(d->hub, a, d->want->file, err);
    if (!d->has_begun && a->status == 200 && d->have && (rc = restart(d, err)))
        return rc;
    if (d->want->size != ZOO_TRANSFER_UNKNOWN && d->have != (uint64_t)d->want->size) {
        a->may_pass = 1;
        return zoo_fail(err, ZOO_EIO, "%s: %llu of %lld bytes came", d->want->file, (unsigned long long)d->have,
                        (long long)d->want->size);
    }
    return ZOO_OK;
}

static int get_all(struct download *d, zoo_err *err)
{
    char url[URL_SIZE];
    zoo_transfer_answer a;
    unsigned failures = 0;
    int rc = file_url(url, d->hub, d->want->file, err);

    if (rc || (d->want->size != ZOO_TRANSFER_UNKNOWN && d->have == (uint64_t)d->want->size))
        return rc;
    for (;;) {
        uint64_t before = d->have;
        rc = get_once(d, url, &a, err);
        if (!rc)
            return ZOO_OK;
        failures = d->have > before ? 0 : failures;
        if (!tries_again(d->hub, &failures, d->hub->settings.retries, rc, &a, err))
            return rc;
    }
}

/* Takes over what an earlier run has left. */
static int take_over(struct download *d, zoo_err *err)
{
    char *block = malloc(BLOCK);
    struct stat st;
    ssize_t n = 0;
    int rc = ZOO_OK;

    if (!block)
        return zoo_fail_nomem(err);
    if (fstat(d->fd, &st))
        rc = zoo_fail_errno(err, errno, "%s", d->path);
    else if (d->want->size == ZOO_TRANSFER_UNKNOWN || st.st_size > d->want->size)
        rc = ftruncate(d->fd, 0) ? zoo_fail_errno(err, errno, "%s", d->path) : ZOO_OK;
    while (!rc && (n = read(d->fd, block, BLOCK)) > 0) {
        zoo_checksum_add(d->sum, block, (size_t)n);
        d->have += (uint64_t)n;
    }
    if (!rc && n < 0)
        rc = zoo_fail_errno(err, errno, "%s", d->path);
    d->hub->bytes_done += d->have;
    free(block);
    return rc;
}

static int check_sum(struct download *d, zoo_err *err)
{
    if (zoo_checksum_agrees(d->sum))
        return ZOO_OK;
    unlink(d->path);
    return zoo_fail(err, ZOO_EFORMAT,
                    "%s: what came has another checksum than the hub announced (%s); nothing of it was kept",
                    d->want->file, d->want->etag);
}

static int download(struct download *d, const char *blob, zoo_err *err)
{
    uint64_t taken_over;
    int rc = take_over(d, err);

    taken_over = d->have;
    if (!rc)
        rc = get_all(d, err);
    if (!rc && taken_over && !zoo_checksum_agrees(d->sum)) {     /* the part that was there may be to blame */
        say(d->hub, "%s: the part from an earlier run does not fit; from the start", d->want->file);
        rc = restart(d, err);
        rc = rc ? rc : get_all(d, err);
        taken_over = 0;
        if (!rc)
            rc = check_sum(d, err);
    } else if (!rc && !taken_over) {
        rc = check_sum(d, err);
    }
    return rc ? rc : zoo_fs_replace(d->path, blob, err);
}

static void say_waits(void *context)
{
    const struct download *d = context;

    say(d->hub, "%s: another process fetches it; waiting", d->want->file);
}

static int fetch_one(zoo_hub *hub, const struct want *want, zoo_err *err)
{
    char path[PATH_MAX], blob[PATH_MAX];
    struct download d = { .hub = hub, .want = want, .path = path, .fd = -1 };
    int lock = -1, is_there = 0;
    int rc = zoo_hub_cache_lock(&lock, &hub->cache, want->etag, say_waits, &d, err);

    if (rc || (rc = zoo_hub_cache_blob(blob, &hub->cache, want->etag, "", err)) ||
        (rc = zoo_hub_cache_blob(path, &hub->cache, want->etag, ".incomplete", err)))
        goto done;
    is_there = link_blob(hub, want, err);        /* by who held the lock */
    if (is_there) {
        rc = is_there < 0 ? is_there : ZOO_OK;
        hub->bytes_done += want->size > 0 ? (uint64_t)want->size : 0;
        goto done;
    }
    d.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (d.fd < 0)
        rc = zoo_fail_errno(err, errno, "%s", path);
    else if (!(rc = zoo_checksum_new(&d.sum, want->etag, want->size, err)))
        rc = download(&d, blob, err);
    if (!rc)
        rc = zoo_hub_cache_link(&hub->cache, hub->commit, want->file, want->etag, err);
done:
    zoo_checksum_free(d.sum);
    if (d.fd >= 0)
        close(d.fd);
    zoo_hub_cache_unlock(lock);
    return rc;
}

static int check_space(const zoo_hub *hub, zoo_err *err)
{
    uint64_t needed = hub->bytes_wanted - hub->bytes_done, free_bytes;
    char path[PATH_MAX];
    struct statvfs st;
    int rc = zoo_hub_cache_blob(path, &hub->cache, "", "", err);

    if (rc || (rc = zoo_fs_make_folders(path, err)) || statvfs(path, &st))
        return rc;
    free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    if (needed <= free_bytes)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EIO,
                    "%s: %llu MiB are to be fetched and %llu MiB free there; HF_HUB_CACHE names another place", path,
                    (unsigned long long)(needed >> 20), (unsigned long long)(free_bytes >> 20));
}

int zoo_hub_fetch(zoo_hub *hub, zoo_err *err)
{
    zoo_err unread = { 0 };
    int rc;

    err = err ? err : &unread;
    rc = hub->count ? check_space(hub, err) : ZOO_OK;
    for (size_t i = 0; i < hub->count && !rc; i++)
        rc = fetch_one(hub, &hub->wants[i], err);
    advance(hub);
    if (!rc)
        hub->count = 0;
    return rc;
}
