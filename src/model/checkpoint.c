/* checkpoint.c - config.json of a router's folder: what it says besides the weights; see checkpoint.h. */
#include "model/checkpoint.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/name.h"
#include "model/ngram.h"

enum { TAG_NAME_MAX = 65536 };

/* ---- reading ---- */
/* Object member of `parent`; NULL with a sentence. */
static const json_t *member_object(const json_t *parent, const char *key, const char *place, zoo_err *err)
{
    const json_t *value = json_object_get(parent, key);

    if (json_is_object(value))
        return value;
    zoo_fail(err, ZOO_EFORMAT, "%s: '%s' should be an object, is %s", place, key, zoo_json_kind(value));
    return NULL;
}

/* Whether the names are distinct; sorts a copy. */
static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int check_distinct(const char *const *names, size_t n, const char *place, zoo_err *err)
{
    const char **sorted = malloc((n + 1) * sizeof *sorted);
    int rc = ZOO_OK;

    if (!sorted)
        return zoo_fail_nomem(err);
    memcpy(sorted, names, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 1; i < n && !rc; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            rc = zoo_fail(err, ZOO_EFORMAT, "%s: the name '%.140s' is there twice", place, sorted[i]);
    free(sorted);
    return rc;
}

static int read_experts(zoo_checkpoint *c, const char *place, zoo_err *err)
{
    const json_t *labels = member_object(c->config, "id2label", place, err), *ids;
    size_t k = json_object_size(labels);
    const char **experts;
    int rc;

    if (!labels)
        return ZOO_EFORMAT;
    if (k < 1 || k > ZOO_EXPERTS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'id2label' names %zu experts, should be 1 to %d", place, k,
                        ZOO_EXPERTS_MAX);
    experts = zoo_arena_alloc(&c->arena, k * sizeof *experts);
    if (!experts)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < k; i++) {
        char id[24];
        snprintf(id, sizeof id, "%zu", i);
        const json_t *name = json_object_get(labels, id);
        if (!name)
            return zoo_fail(err, ZOO_EFORMAT, "%s: 'id2label' has %zu names and none for \"%s\"; ids are 0 to %zu",
                            place, k, id, k - 1);
        if (!json_is_string(name) || strlen(json_string_value(name)) != json_string_length(name))
            return zoo_fail(err, ZOO_EFORMAT, "%s: 'id2label' \"%s\" should be an expert's name", place, id);
        experts[i] = json_string_value(name);
        if ((rc = zoo_name_check(experts[i], place, err)))
            return rc;
    }
    c->facts.k = k;
    c->facts.experts = experts;
    ids = json_object_get(c->config, "label2id");
    for (size_t i = 0; json_is_object(ids) && i < k; i++)
        if (json_integer_value(json_object_get(ids, experts[i])) != (json_int_t)i)
            return zoo_fail(err, ZOO_EFORMAT, "%s: 'label2id' disagrees with 'id2label' about '%s'", place, experts[i]);
    return check_distinct(experts, k, place, err);
}

static int read_means(zoo_checkpoint *c, const json_t *zooter, const char *place, zoo_err *err)
{
    int is_optional = !c->is_ngram && !json_object_get(zooter, "mean_rewards");
    const json_t *means = is_optional ? NULL : member_object(zooter, "mean_rewards", place, err);
    double *out = zoo_arena_alloc(&c->arena, c->facts.k * sizeof *out);

    if (!means && !is_optional)
        return ZOO_EFORMAT;
    if (!out)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < c->facts.k; i++) {
        const json_t *mean = json_object_get(means, c->facts.experts[i]);
        if (mean && !json_is_number(mean) && !json_is_null(mean))
            return zoo_fail(err, ZOO_EFORMAT, "%s: 'mean_rewards' of '%s' should be a number, is %s", place,
                            c->facts.experts[i], zoo_json_kind(mean));
        out[i] = json_is_number(mean) ? json_number_value(mean) : NAN;
    }
    c->facts.mean_rewards = out;
    return ZOO_OK;
}

static int is_tag_name(const json_t *value)
{
    return json_is_string(value) && json_string_length(value) <= TAG_NAME_MAX &&
           strlen(json_string_value(value)) == json_string_length(value);
}

static int read_kind(zoo_checkpoint *c, zoo_tag_names *out, const json_t *entry, const char *place, zoo_err *err)
{
    const json_t *kind = json_object_get(entry, "kind"), *values = json_object_get(entry, "values");
    size_t n = json_array_size(values);
    const char **names;

    if (!is_tag_name(kind))
        return zoo_fail(err, ZOO_EFORMAT, "%s: each of 'tags' should have a 'kind' of up to %d bytes", place,
                        TAG_NAME_MAX);
    if (n < 1 || n > ZOO_TAG_VALUES_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: tags of the kind '%.100s' should have 1 to %d 'values'", place,
                        json_string_value(kind), ZOO_TAG_VALUES_MAX);
    names = zoo_arena_alloc(&c->arena, n * sizeof *names);
    if (!names)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_array_get(values, i);
        if (!is_tag_name(value))
            return zoo_fail(err, ZOO_EFORMAT, "%s: tag %zu of the kind '%.100s' should be a string of up to %d bytes",
                            place, i, json_string_value(kind), TAG_NAME_MAX);
        names[i] = json_string_value(value);
    }
    *out = (zoo_tag_names){ json_string_value(kind), n, names };
    return ZOO_OK;
}

static int read_tags(zoo_checkpoint *c, const json_t *zooter, const char *place, zoo_err *err)
{
    const json_t *tags = json_object_get(zooter, "tags");
    size_t n = json_array_size(tags);
    zoo_tag_names *out;

    if (tags && !json_is_array(tags))
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'tags' should be an array, is %s", place, zoo_json_kind(tags));
    if (n > ZOO_TAG_KINDS_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: %zu kinds of tag, at most %d can be read", place, n, ZOO_TAG_KINDS_MAX);
    out = zoo_arena_alloc(&c->arena, (n + 1) * sizeof *out);
    if (!out)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < n; i++) {
        int rc = read_kind(c, &out[i], json_array_get(tags, i), place, err);
        if (rc)
            return rc;
    }
    c->facts.kinds = n;
    c->facts.tags = out;
    return ZOO_OK;
}

static int read_format(const json_t *zooter, const char *place, zoo_err *err)
{
    const json_t *format = json_object_get(zooter, "format");

    if (!json_is_integer(format) || json_integer_value(format) < 1)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'zooter' has no 'format' number", place);
    if (json_integer_value(format) > ZOO_CHECKPOINT_FORMAT)
        return zoo_fail(err, ZOO_EFORMAT, "%s: format %lld is newer than this version of zooter, which reads up to %d",
                        place, (long long)json_integer_value(format), ZOO_CHECKPOINT_FORMAT);
    return ZOO_OK;
}

static int read_temperature(zoo_checkpoint *c, const json_t *zooter, const char *place, zoo_err *err)
{
    const json_t *temperature = json_object_get(zooter, "temperature");

    c->facts.temperature = temperature || c->is_ngram ? json_number_value(temperature) : 1;
    if (!(c->facts.temperature > 0 && isfinite(c->facts.temperature)))
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'temperature' should be a number above 0", place);
    return ZOO_OK;
}

static int read_ngram(zoo_checkpoint *c, const json_t *zooter, const char *place, zoo_err *err)
{
    const json_t *limit = json_object_get(zooter, "text_limit");

    if (!json_is_integer(limit) || json_integer_value(limit) < 1 || json_integer_value(limit) > 1 << 20)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'text_limit' should be 1 to 1048576 bytes", place);
    c->text_limit = (size_t)json_integer_value(limit);
    if (!(c->encoder = member_object(zooter, "encoder", place, err)))
        return ZOO_EFORMAT;
    return read_tags(c, zooter, place, err);
}

/* A classifier that was made elsewhere has no `zooter`. */
static int read_zooter(zoo_checkpoint *c, const char *place, zoo_err *err)
{
    const json_t *zooter = json_object_get(c->config, "zooter");
    int rc;

    if ((zooter || c->is_ngram) && !(zooter = member_object(c->config, "zooter", place, err)))
        return ZOO_EFORMAT;
    if ((zooter && (rc = read_format(zooter, place, err))) || (rc = read_temperature(c, zooter, place, err)) ||
        (c->is_ngram && (rc = read_ngram(c, zooter, place, err))))
        return rc;
    c->training = json_object_get(zooter, "training");
    return read_means(c, zooter, place, err);
}

static int has_suffix(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);

    return n >= m && !strcmp(s + n - m, end);
}

/* Encoders of others are many things; what is no router is called by its name. */
static int check_kind(const zoo_checkpoint *c, const char *place, zoo_err *err)
{
    const char *architecture = json_string_value(json_array_get(json_object_get(c->config, "architectures"), 0));
    const json_t *labels = json_object_get(c->config, "id2label");

    if (strcmp(c->model_type, "deberta-v2") && strcmp(c->model_type, "bert"))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: model_type '%.100s' is not supported; supported: zooter-ngram, deberta-v2, bert", place,
                        c->model_type);
    if (architecture && has_suffix(architecture, "PairRM"))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: this is a PairRM reward model, which compares two answers, and no router; a router has "
                        "an expert's name for each label in 'id2label'", place);
    if (architecture ? !has_suffix(architecture, "ForSequenceClassification") : !json_is_object(labels))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: this is a bare encoder%s%.60s without a head over experts, and no router; zooter train "
                        "--encoder makes a router of it", place, architecture ? ", " : "",
                        architecture ? architecture : "");
    if (json_object_size(labels) == 1 && !json_object_get(c->config, "zooter"))
        return zoo_fail(err, ZOO_EFORMAT,
                        "%s: this is a classifier with a single label, a scalar reward model, and no router; a router "
                        "has an expert's name for each label in 'id2label'", place);
    return ZOO_OK;
}

int zoo_checkpoint_parse(zoo_checkpoint *c, const char *text, size_t size, const char *place, zoo_err *err)
{
    int rc;

    memset(c, 0, sizeof *c);
    c->config = zoo_json_parse(text, size, place, err);
    if (!c->config)
        return err ? err->code : ZOO_EFORMAT;
    if (!json_is_object(c->config))
        return zoo_fail(err, ZOO_EFORMAT, "%s: should be an object, is %s", place, zoo_json_kind(c->config));
    c->model_type = zoo_json_str(c->config, "model_type", place, err);
    if (!c->model_type)
        return ZOO_EFORMAT;
    c->is_ngram = !strcmp(c->model_type, "zooter-ngram");
    if ((!c->is_ngram && (rc = check_kind(c, place, err))) || (rc = read_experts(c, place, err)))
        return rc;
    return read_zooter(c, place, err);
}

void zoo_checkpoint_release(zoo_checkpoint *c)
{
    json_decref(c->config);
    zoo_arena_release(&c->arena);
    memset(c, 0, sizeof *c);
}

int zoo_checkpoint_count(const zoo_checkpoint *c, const char *key, size_t least, size_t most, size_t *out,
                         const char *place, zoo_err *err)
{
    const json_t *value = json_object_get(c->encoder, key);
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < 0 || (size_t)n < least || (size_t)n > most)
        return zoo_fail(err, ZOO_EFORMAT, "%s: 'encoder' should have '%s' from %zu to %zu", place, key, least, most);
    *out = (size_t)n;
    return ZOO_OK;
}

/* ---- writing ---- */
static json_t *names_to_ids(const zoo_router_facts *facts)
{
    json_t *out = json_object();

    for (size_t i = 0; i < facts->k; i++)
        json_object_set_new(out, facts->experts[i], json_integer((json_int_t)i));
    return out;
}

static json_t *ids_to_names(const zoo_router_facts *facts)
{
    json_t *out = json_object();
    char id[24];

    for (size_t i = 0; i < facts->k; i++) {
        snprintf(id, sizeof id, "%zu", i);
        json_object_set_new(out, id, json_string(facts->experts[i]));
    }
    return out;
}

static json_t *means_to_json(const zoo_router_facts *facts)
{
    json_t *out = json_object();

    for (size_t i = 0; i < facts->k; i++)
        json_object_set_new(out, facts->experts[i],
                            isfinite(facts->mean_rewards[i]) ? json_real(facts->mean_rewards[i]) : json_null());
    return out;
}

static json_t *tags_to_json(const zoo_router_facts *facts)
{
    json_t *out = json_array();

    for (size_t i = 0; i < facts->kinds; i++) {
        const zoo_tag_names *tags = &facts->tags[i];
        json_t *values = json_array();
        for (size_t j = 0; j < tags->count; j++)
            json_array_append_new(values, json_string(tags->values[j]));
        json_array_append_new(out, json_pack("{s:s, s:o}", "kind", tags->kind, "values", values));
    }
    return out;
}

static int append(const char *bytes, size_t size, void *out)
{
    return zoo_buf_add(out, bytes, size) ? -1 : 0;
}

/* Whether what was written says what it should; a name that is not UTF-8 would be missing. */
static int same_facts(const zoo_router_facts *a, const zoo_router_facts *b)
{
    int same = a->k == b->k && a->kinds == b->kinds;

    for (size_t i = 0; same && i < a->k; i++)
        same = !strcmp(a->experts[i], b->experts[i]);
    for (size_t i = 0; same && i < a->kinds; i++) {
        same = !strcmp(a->tags[i].kind, b->tags[i].kind) && a->tags[i].count == b->tags[i].count;
        for (size_t j = 0; same && j < a->tags[i].count; j++)
            same = !strcmp(a->tags[i].values[j], b->tags[i].values[j]);
    }
    return same;
}

int zoo_checkpoint_write(zoo_buf *out, const zoo_router_facts *facts, const char *architecture, const char *model_type,
                         size_t text_limit, json_t *encoder, json_t *training, zoo_err *err)
{
    zoo_checkpoint again = { 0 };
    size_t before = out->size;
    int rc;
    json_t *config = json_pack("{s:[s], s:s, s:o, s:o, s:{s:i, s:O, s:I, s:f, s:o, s:o}}",
                               "architectures", architecture, "model_type", model_type,
                               "id2label", ids_to_names(facts), "label2id", names_to_ids(facts),
                               "zooter", "format", ZOO_CHECKPOINT_FORMAT, "encoder", encoder,
                               "text_limit", (json_int_t)text_limit, "temperature", facts->temperature,
                               "mean_rewards", means_to_json(facts), "tags", tags_to_json(facts));

    if (config && training)
        json_object_set(json_object_get(config, "zooter"), "training", training);
    if (!config || json_dump_callback(config, append, out, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) ||
        zoo_buf_add_str(out, "\n"))
        rc = zoo_fail(err, ZOO_EFORMAT, "config.json: a name is not UTF-8, a number is not finite, or out of memory");
    else
        rc = zoo_checkpoint_parse(&again, out->data + before, out->size - before, "config.json", err);
    if (!rc && !same_facts(facts, &again.facts))
        rc = zoo_fail(err, ZOO_EFORMAT, "config.json: an expert's or a tag's name is not UTF-8");
    zoo_checkpoint_release(&again);
    json_decref(config);
    if (rc && out->data) {
        out->size = before;
        out->data[before] = '\0';
    }
    return rc;
}
