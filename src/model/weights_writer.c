/* weights_writer.c - model.safetensors, or shards with an index, written tensor by tensor into a folder: memory does
 * not grow with the weights; see weights_writer.h. */
#include "model/weights_writer.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/fs.h"
#include "model/safetensors.h"
#include "model/shards.h"

enum { NAME_SIZE = 64, CHUNK = 8192 };          /* elements converted at once */

struct zoo_weights_writer {
    char *dir;
    const zoo_planned *plan;
    size_t n;
    size_t *starts;                             /* (shards + 1): the first tensor of each file */
    size_t shards, shard;                       /* shard: which is open */
    size_t tensor;                              /* the one being written */
    uint64_t left;                              /* elements of it that are missing */
    uint64_t total;                             /* bytes of all tensors */
    FILE *file;
    char path[PATH_MAX];                        /* of the open file */
};

/* ---- the plan ---- */
static int wide_first(const void *a, const void *b)
{
    const zoo_planned *x = a, *y = b;
    size_t bytes_x = zoo_dtype_bytes(x->dtype), bytes_y = zoo_dtype_bytes(y->dtype);

    return bytes_x != bytes_y ? (bytes_x < bytes_y ? 1 : -1) : strcmp(x->name, y->name);
}

static uint64_t elements_of(const zoo_planned *t)
{
    uint64_t n = 0;

    return zoo_shape_elements(t->shape, t->dims, &n) ? 0 : n;
}

/* Fills `starts`, and sums up. */
static void split(zoo_weights_writer *w, uint64_t max_shard)
{
    uint64_t used = 0;

    w->shards = 0;
    for (size_t i = 0; i < w->n; i++) {
        uint64_t bytes = elements_of(&w->plan[i]) * zoo_dtype_bytes(w->plan[i].dtype);
        if (!w->shards || (used && (bytes > max_shard || used > max_shard - bytes))) {
            w->starts[w->shards++] = i;
            used = 0;
        }
        used += bytes;
        w->total += bytes;
    }
    w->shards = w->shards ? w->shards : 1;
    w->starts[w->shards] = w->n;
}

static void shard_name(char out[NAME_SIZE], const zoo_weights_writer *w, size_t shard)
{
    if (w->shards == 1)
        snprintf(out, NAME_SIZE, "model.safetensors");
    else
        snprintf(out, NAME_SIZE, "model-%05zu-of-%05zu.safetensors", shard + 1, w->shards);
}

/* ---- files ---- */
static int fail_write(const zoo_weights_writer *w, zoo_err *err)
{
    return zoo_fail_errno(err, errno, "%s", w->path);
}

static int put(zoo_weights_writer *w, const void *bytes, size_t size, zoo_err *err)
{
    return fwrite(bytes, 1, size, w->file) == size ? ZOO_OK : fail_write(w, err);
}

static int open_shard(zoo_weights_writer *w, zoo_err *err)
{
    zoo_buf head = ZOO_BUF_INIT(ZOO_SAFETENSORS_HEADER_MAX);
    size_t first = w->starts[w->shard];
    char name[NAME_SIZE];
    int rc;

    shard_name(name, w, w->shard);
    rc = zoo_fs_join(w->path, sizeof w->path, w->dir, name, err);
    if (!rc && !(w->file = fopen(w->path, "wbe")))
        rc = fail_write(w, err);
    if (!rc && zoo_safetensors_add_head(&head, w->plan + first, w->starts[w->shard + 1] - first))
        rc = zoo_fail(err, ZOO_ENOMEM, "%s: the header is too large, or out of memory", w->path);
    if (!rc)
        rc = put(w, head.data, head.size, err);
    zoo_buf_release(&head);
    return rc;
}

static int close_shard(zoo_weights_writer *w, zoo_err *err)
{
    FILE *file = w->file;

    w->file = NULL;
    return file && fclose(file) ? fail_write(w, err) : ZOO_OK;
}

/* On to the next tensor that has elements, in the next file where it is that one's first. */
static int step(zoo_weights_writer *w, zoo_err *err)
{
    int rc = ZOO_OK;

    while (!rc && w->tensor < w->n && !w->left) {
        if (++w->tensor == w->starts[w->shard + 1] && w->shard + 1 < w->shards) {
            rc = close_shard(w, err);
            w->shard++;
            if (!rc)
                rc = open_shard(w, err);
        }
        if (w->tensor < w->n)
            w->left = elements_of(&w->plan[w->tensor]);
    }
    return rc;
}

int zoo_weights_writer_new(zoo_weights_writer **out, const char *dir, zoo_planned *plan, size_t n, uint64_t max_shard,
                           zoo_err *err)
{
    zoo_weights_writer *w = calloc(1, sizeof *w);
    int rc;

    *out = NULL;
    if (!w || !(w->dir = strdup(dir)) || !(w->starts = calloc(n + 2, sizeof *w->starts))) {
        zoo_weights_writer_free(w);
        return zoo_fail_nomem(err);
    }
    if (n)
        qsort(plan, n, sizeof *plan, wide_first);
    w->plan = plan;
    w->n = n;
    split(w, max_shard);
    if (w->shards > ZOO_SHARDS_MAX)
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: %zu shards, at most %d can be read again; allow larger ones", dir,
                      w->shards, ZOO_SHARDS_MAX);
    else
        rc = open_shard(w, err);
    if (!rc && n) {
        w->left = elements_of(&plan[0]);
        rc = step(w, err);
    }
    if (rc)
        zoo_weights_writer_free(w);
    else
        *out = w;
    return rc;
}

void zoo_weights_writer_free(zoo_weights_writer *w)
{
    if (!w)
        return;
    if (w->file)
        fclose(w->file);
    free(w->starts);
    free(w->dir);
    free(w);
}

/* ---- values ---- */
static int put_floats(zoo_weights_writer *w, const zoo_planned *t, const float *x, size_t n, zoo_err *err)
{
    union { float wide[CHUNK]; uint16_t narrow[CHUNK]; } raw;
    const size_t bytes = zoo_dtype_bytes(t->dtype);
    int rc = ZOO_OK;

    for (size_t m; n && !rc; x += m, n -= m) {
        m = n < CHUNK ? n : CHUNK;
        zoo_floats_narrow(&raw, x, t->dtype, m);
        if (t->dtype != ZOO_F32) {
            float back[CHUNK];
            zoo_floats_widen(back, &raw, t->dtype, m);
            if (zoo_floats_are_finite(x, m) && !zoo_floats_are_finite(back, m))
                return zoo_fail(err, ZOO_EFORMAT, "%s: a value of '%s' is too large for %s; f32 and bf16 can hold it",
                                w->path, t->name, zoo_dtype_name(t->dtype));
        }
        rc = put(w, &raw, m * bytes, err);
    }
    return rc;
}

static int add(zoo_weights_writer *w, const float *x, const int8_t *bytes, size_t count, zoo_err *err)
{
    int rc = ZOO_OK;

    while (count && !rc) {
        const zoo_planned *t = &w->plan[w->tensor];
        size_t n = w->left < count ? (size_t)w->left : count;
        if (w->tensor >= w->n || (t->dtype == ZOO_I8) != (x == NULL))
            return zoo_fail(err, ZOO_EUSAGE, "%s: more values than were planned, or of another type", w->path);
        if ((rc = x ? put_floats(w, t, x, n, err) : put(w, bytes, n, err)))
            return rc;
        x = x ? x + n : NULL;
        bytes = x ? NULL : bytes + n;
        count -= n;
        w->left -= n;
        rc = step(w, err);
    }
    return rc;
}

int zoo_weights_writer_add(zoo_weights_writer *w, const float *x, size_t count, zoo_err *err)
{
    return add(w, x, NULL, count, err);
}

int zoo_weights_writer_add_bytes(zoo_weights_writer *w, const int8_t *x, size_t count, zoo_err *err)
{
    return add(w, NULL, x, count, err);
}

/* ---- end ---- */
static int write_index(const zoo_weights_writer *w, zoo_err *err)
{
    zoo_buf text = ZOO_BUF_INIT(ZOO_SHARDS_INDEX_MAX);
    char name[NAME_SIZE], path[PATH_MAX];
    int rc = zoo_fs_join(path, sizeof path, w->dir, "model.safetensors.index.json", err);
    int failed = zoo_buf_addf(&text, "{\n  \"metadata\": {\"total_size\": %" PRIu64 "},\n  \"weight_map\": {",
                              w->total);

    for (size_t s = 0; s < w->shards && !failed; s++) {
        shard_name(name, w, s);
        for (size_t i = w->starts[s]; i < w->starts[s + 1] && !failed; i++)
            failed = zoo_buf_add_str(&text, i ? ",\n    " : "\n    ") ||
                     zoo_buf_add_json_str(&text, w->plan[i].name, strlen(w->plan[i].name)) ||
                         zoo_buf_addf(&text, ": \"%s\"", name);
    }
    failed = failed || zoo_buf_add_str(&text, "\n  }\n}\n");
    if (!rc)
        rc = failed ? zoo_fail_nomem(err) : zoo_fs_write(path, text.data, text.size, err);
    zoo_buf_release(&text);
    return rc;
}

int zoo_weights_writer_end(zoo_weights_writer *w, zoo_err *err)
{
    int rc;

    if (w->tensor < w->n)
        return zoo_fail(err, ZOO_EUSAGE, "%s: %" PRIu64 " values of '%s' are missing", w->path, w->left,
                        w->plan[w->tensor].name);
    rc = close_shard(w, err);
    return !rc && w->shards > 1 ? write_index(w, err) : rc;
}
