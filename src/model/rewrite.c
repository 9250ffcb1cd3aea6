/* rewrite.c - a checkpoint folder made anew from another: in another precision, or its weights in 8 bits; see
 * rewrite.h. */
#include "model/rewrite.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fs.h"
#include "model/folder.h"
#include "model/weights.h"
#include "model/weights_writer.h"

enum { CHUNK = 1 << 16 };                       /* elements at once */

struct rewriting {
    const zoo_rewrite *job;
    char beside[PATH_MAX];
    zoo_weights *weights;
    json_t *config;
    zoo_planned *plan;
    size_t planned;
    zoo_arena names;
    zoo_weights_writer *writer;
    float *values;                              /* (room) */
    int8_t *bytes;                              /* (room) */
    size_t room;
    uint64_t written;
};

/* ---- the plan ---- */
static void add_plan(struct rewriting *r, const char *name, enum zoo_dtype dtype, const size_t *shape, size_t dims)
{
    zoo_planned *p = &r->plan[r->planned++];

    *p = (zoo_planned){ .name = name, .dtype = dtype, .dims = dims };
    memcpy(p->shape, shape, dims * sizeof *shape);
}

static int has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n >= m && !strcmp(name + n - m, suffix);
}

/* Whether this tensor holds the factors of an 8-bit one. */
static int is_scale(const struct rewriting *r, const zoo_tensor *t)
{
    char name[ZOO_TENSOR_NAME_MAX + 1];
    const zoo_tensor *of;
    size_t n = strlen(t->name);

    if (!has_suffix(t->name, "_scale"))
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)(n - strlen("_scale")), t->name);
    of = zoo_weights_find(r->weights, name);
    return of && of->scale == t;
}

/* Whether its values go along. */
static int is_wanted(const struct rewriting *r, const zoo_tensor *t)
{
    return t->dtype != ZOO_OTHER_DTYPE && (t->dtype != ZOO_I8 || t->scale) && !is_scale(r, t);
}

static void plan_convert(struct rewriting *r, enum zoo_dtype dtype, zoo_rewritten *done)
{
    for (size_t i = 0; i < zoo_weights_count(r->weights); i++) {
        const zoo_tensor *t = zoo_weights_at(r->weights, i);
        done->bytes_before += t->end - t->begin;
        if (is_wanted(r, t))
            add_plan(r, t->name, dtype, t->shape, t->dims);
        else if (!is_scale(r, t))
            done->left_out++;
    }
}

/* The weight of a product in a layer: "[deberta.]encoder.layer.0.output.dense.weight". */
static int is_product(const zoo_tensor *t)
{
    return t->dims == 2 && strstr(t->name, "encoder.layer.") && has_suffix(t->name, ".weight");
}

static int plan_quantise(struct rewriting *r, zoo_rewritten *done, zoo_err *err)
{
    for (size_t i = 0; i < zoo_weights_count(r->weights); i++) {
        const zoo_tensor *t = zoo_weights_at(r->weights, i);
        size_t size = strlen(t->name) + sizeof "_scale";
        char *name;
        done->bytes_before += t->end - t->begin;
        if (!is_wanted(r, t)) {
            done->left_out += !is_scale(r, t);
        } else if (!is_product(t)) {
            add_plan(r, t->name, has_suffix(t->name, "word_embeddings.weight") ? ZOO_BF16 : ZOO_F32, t->shape, t->dims);
        } else {
            if (!(name = zoo_arena_alloc(&r->names, size)))
                return zoo_fail_nomem(err);
            snprintf(name, size, "%s_scale", t->name);
            add_plan(r, t->name, ZOO_I8, t->shape, 2);
            add_plan(r, name, ZOO_F32, (size_t[]){ t->shape[0], 1 }, 2);
            done->quantised++;
        }
    }
    return done->quantised ? ZOO_OK :
           zoo_fail(err, ZOO_EFORMAT, "%s: no weight of a layer to quantise; deberta-v2 and bert checkpoints "
                                               "are supported", r->job->in);
}

/* ---- values ---- */
static int make_room(struct rewriting *r, size_t n, zoo_err *err)
{
    if (n <= r->room)
        return ZOO_OK;
    free(r->values);
    free(r->bytes);
    r->room = n;
    r->values = malloc(n * sizeof *r->values);
    r->bytes = malloc(n);
    return r->values && r->bytes ? ZOO_OK : zoo_fail_nomem(err);
}

static int copy_values(struct rewriting *r, const zoo_tensor *t, zoo_err *err)
{
    uint64_t n = zoo_tensor_elements(t);
    int rc = make_room(r, CHUNK, err);

    for (uint64_t from = 0; from < n && !rc; from += CHUNK) {
        size_t m = n - from < CHUNK ? (size_t)(n - from) : CHUNK;
        rc = zoo_weights_read_some(r->weights, t, from, m, r->values, err);
        if (!rc)
            rc = zoo_weights_writer_add(r->writer, r->values, m, err);
    }
    return rc;
}

/* The factor of a row; 0 for a row of zeros. */
static float scale_of(const float *row, size_t n)
{
    float most = 0;

    for (size_t i = 0; i < n; i++)
        most = fabsf(row[i]) > most ? fabsf(row[i]) : most;
    return most / 127;
}

static void quantise_row(int8_t *out, const float *row, size_t n)
{
    float scale = scale_of(row, n), inverse = scale > 0 ? 1 / scale : 0;

    for (size_t i = 0; i < n; i++) {
        float q = rintf(row[i] * inverse);
        out[i] = (int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
    }
}

/* Row by row: the factors, or the integers. */
static int quantise(struct rewriting *r, const zoo_tensor *t, int wants_scales, zoo_err *err)
{
    int rc = make_room(r, t->shape[1] ? t->shape[1] : 1, err);

    for (size_t row = 0; row < t->shape[0] && !rc; row++) {
        if ((rc = zoo_weights_read_row(r->weights, t, row, r->values, err)))
            break;
        if (wants_scales) {
            float scale = scale_of(r->values, t->shape[1]);
            rc = zoo_weights_writer_add(r->writer, &scale, 1, err);
        } else {
            quantise_row(r->bytes, r->values, t->shape[1]);
            rc = zoo_weights_writer_add_bytes(r->writer, r->bytes, t->shape[1], err);
        }
    }
    return rc;
}

/* A tensor that the source lacks is the factors of the one whose name it extends. */
static int write_one(struct rewriting *r, const zoo_planned *p, zoo_err *err)
{
    const zoo_tensor *t = zoo_weights_find(r->weights, p->name);
    char name[ZOO_TENSOR_NAME_MAX + 1];

    if (t)
        return p->dtype == ZOO_I8 ? quantise(r, t, 0, err) : copy_values(r, t, err);
    snprintf(name, sizeof name, "%.*s", (int)(strlen(p->name) - strlen("_scale")), p->name);
    return quantise(r, zoo_weights_find(r->weights, name), 1, err);
}

static int write_weights(struct rewriting *r, zoo_rewritten *done, zoo_err *err)
{
    int rc = zoo_weights_writer_new(&r->writer, r->beside, r->plan, r->planned, r->job->max_shard, err);

    for (size_t i = 0; i < r->planned && !rc; i++) {
        const zoo_planned *p = &r->plan[i];
        uint64_t n = 0;
        rc = write_one(r, p, err);
        zoo_shape_elements(p->shape, p->dims, &n);
        done->bytes_after += n * zoo_dtype_bytes(p->dtype);
        zoo_progress_set(r->job->progress, done->bytes_after);
    }
    done->tensors = r->planned;
    return rc ? rc : zoo_weights_writer_end(r->writer, err);
}

/* ---- the folder ---- */
static int begin(struct rewriting *r, zoo_err *err)
{
    int rc;

    if (!(r->config = zoo_folder_config(r->job->in, err)))
        return ZOO_EFORMAT;
    if ((rc = zoo_weights_open(&r->weights, r->job->in, err)))
        return rc;
    r->plan = calloc(2 * zoo_weights_count(r->weights) + 1, sizeof *r->plan);
    return r->plan ? ZOO_OK : zoo_fail_nomem(err);
}

static int write_folder(struct rewriting *r, zoo_rewritten *done, zoo_err *err)
{
    int rc = zoo_fs_folder_begin(r->beside, sizeof r->beside, r->job->out, r->job->replaces, err);

    if (rc)
        return rc;
    if ((rc = zoo_folder_copy_side_files(r->job->in, r->beside, err)) ||
        (rc = zoo_folder_write_config(r->beside, r->config, err)) || (rc = write_weights(r, done, err)) ||
        (rc = zoo_weights_check_unchanged(r->weights, err))) {
        zoo_fs_folder_abandon(r->beside);
        return rc;
    }
    return zoo_fs_folder_commit(r->beside, r->job->out, err);
}

static void end(struct rewriting *r)
{
    zoo_weights_writer_free(r->writer);
    zoo_weights_close(r->weights);
    json_decref(r->config);
    zoo_arena_release(&r->names);
    free(r->plan);
    free(r->values);
    free(r->bytes);
}

int zoo_rewrite_convert(const zoo_rewrite *job, enum zoo_dtype dtype, zoo_rewritten *done, zoo_err *err)
{
    struct rewriting r = { .job = job };
    int rc = begin(&r, err);

    *done = (zoo_rewritten){ 0 };
    if (!rc) {
        plan_convert(&r, dtype, done);
        zoo_folder_set_dtype(r.config, dtype == ZOO_F32 ? "float32" : dtype == ZOO_F16 ? "float16" : "bfloat16");
        json_object_del(r.config, "quantization_config");
        rc = write_folder(&r, done, err);
    }
    end(&r);
    return rc;
}

/* How the compressed-tensors library describes what plan_quantise() makes. */
static json_t *describe_scheme(const struct rewriting *r)
{
    json_t *ignored = json_array();

    /* Products that stay as they are: every matrix outside of the layers that is no table of embeddings. */
    for (size_t i = 0; i < r->planned; i++) {
        const zoo_planned *p = &r->plan[i];
        if (p->dims == 2 && p->dtype != ZOO_I8 && has_suffix(p->name, ".weight") &&
            !has_suffix(p->name, "embeddings.weight"))
            json_array_append_new(ignored, json_stringn(p->name, strlen(p->name) - strlen(".weight")));
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:{s:{s:[s], s:{s:i, s:s, s:b, s:s, s:b}, s:{s:i, s:s, s:b, s:s, s:b}}}}",
                     "quant_method", "compressed-tensors", "format", "int-quantized", "quantization_status",
                     "compressed",
                     "ignore", ignored, "config_groups", "group_0", "targets", "Linear",
                     "weights", "num_bits", 8, "type", "int", "symmetric", 1, "strategy", "channel", "dynamic", 0,
                     "input_activations", "num_bits", 8, "type", "int", "symmetric", 1, "strategy", "token", "dynamic",
                     1);
}

int zoo_rewrite_quantise(const zoo_rewrite *job, zoo_rewritten *done, zoo_err *err)
{
    struct rewriting r = { .job = job };
    int rc = begin(&r, err);

    *done = (zoo_rewritten){ 0 };
    if (!rc && json_object_get(r.config, "quantization_config"))
        rc = zoo_fail(err, ZOO_EUSAGE, "%s: its weights are quantised already", job->in);
    if (!rc)
        rc = plan_quantise(&r, done, err);
    if (!rc) {
        zoo_folder_set_dtype(r.config, "float32");
        if (json_object_set_new(r.config, "quantization_config", describe_scheme(&r)))
            rc = zoo_fail_nomem(err);
    }
    if (!rc)
        rc = write_folder(&r, done, err);
    end(&r);
    return rc;
}
