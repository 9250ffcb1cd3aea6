/* tokenizer_settings.c - the "normalizer", "pre_tokenizer" and "post_processor" of a tokenizer.json into the
 * tokenizer's own; see tokenizer_settings.h. */
#include "text/tokenizer_settings.h"
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "base/utf8.h"

enum { NESTING_MAX = 8 };

static int read_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* ---- normaliser ---- */

static int refuse(const zoo_settings *r, const char *part, const char *type)
{
    return zoo_fail(r->err, ZOO_EFORMAT, "%s: the %s '%s' is not supported", r->path, part, type);
}

/* The bytes of a string under `key` as a copy; NULL with an error. */
static char *copy_string(const zoo_settings *r, const json_t *object, const char *key, size_t *size)
{
    const char *s = zoo_json_str(object, key, r->path, r->err);
    char *copy;

    if (!s)
        return NULL;
    *size = json_string_length(json_object_get(object, key));
    copy = malloc(*size + 1);
    if (!copy) {
        zoo_fail_nomem(r->err);
        return NULL;
    }
    memcpy(copy, s, *size + 1);
    return copy;
}

static int decode_base64(const char *s, size_t size, unsigned char *out, size_t *n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t values[256];
    uint32_t bits = 0;
    unsigned have = 0;

    memset(values, 64, sizeof values);
    for (uint8_t i = 0; i < 64; i++)
        values[(unsigned char)digits[i]] = i;
    *n = 0;
    if (size % 4)
        return 0;
    while (size && s[size - 1] == '=')
        size--;
    for (size_t i = 0; i < size; i++) {
        uint8_t value = values[(unsigned char)s[i]];
        if (value == 64)
            return 0;
        bits = bits << 6 | value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[(*n)++] = (unsigned char)(bits >> have);
        }
    }
    return 1;
}

static int read_charsmap(const zoo_settings *r, const json_t *item, zoo_norm_step *step)
{
    const char *text = zoo_json_str(item, "precompiled_charsmap", r->path, r->err);
    size_t size = json_string_length(json_object_get(item, "precompiled_charsmap")), n;
    unsigned char *bytes;
    int rc;

    if (!text)
        return ZOO_EFORMAT;
    bytes = malloc(size + 1);
    if (!bytes)
        return zoo_fail_nomem(r->err);
    if (decode_base64(text, size, bytes, &n))
        rc = zoo_charsmap_open(&step->map, bytes, n, r->path, r->err);
    else
        rc = zoo_fail(r->err, ZOO_EFORMAT, "%s: the precompiled_charsmap is not base64", r->path);
    free(bytes);
    return rc;
}

static int read_replace(const zoo_settings *r, const json_t *item, zoo_norm_step *step)
{
    const json_t *pattern = json_object_get(item, "pattern"), *regex = json_object_get(pattern, "Regex");

    step->to = copy_string(r, item, "content", &step->to_size);
    if (!step->to)
        return ZOO_EFORMAT;
    if (json_is_string(regex))
        return zoo_pattern_read(&step->pattern, json_string_value(regex), json_string_length(regex), r->path, r->err);
    step->from = copy_string(r, pattern, "String", &step->from_size);
    if (!step->from)
        return ZOO_EFORMAT;
    if (!step->from_size)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: a Replace of nothing", r->path);
    zoo_pattern_begin_with(&step->pattern, *step->from);
    return ZOO_OK;
}

/* strip_accents: null means: where text is lowered. */
static int read_bert(const json_t *item, zoo_norm_step *step)
{
    const json_t *accents = json_object_get(item, "strip_accents");

    step->clean = read_flag(item, "clean_text");
    step->cjk = read_flag(item, "handle_chinese_chars");
    step->lower = read_flag(item, "lowercase");
    step->accents = json_is_boolean(accents) ? json_is_true(accents) : step->lower;
    return ZOO_OK;
}

static int read_normalizers(const zoo_settings *r, const json_t *item, int depth)
{
    static const struct { const char *name; enum zoo_norm_kind kind; } kinds[] = {
        { "Strip", ZOO_NORM_STRIP }, { "Precompiled", ZOO_NORM_CHARSMAP }, { "Replace", ZOO_NORM_REPLACE },
            { "NFC", ZOO_NORM_NFC },
        { "NFD", ZOO_NORM_NFD }, { "NFKC", ZOO_NORM_NFKC }, { "NFKD", ZOO_NORM_NFKD },
            { "Lowercase", ZOO_NORM_LOWERCASE },
        { "StripAccents", ZOO_NORM_STRIP_ACCENTS }, { "BertNormalizer", ZOO_NORM_BERT },
            { "Prepend", ZOO_NORM_PREPEND },
        { "Nmt", ZOO_NORM_NMT },
    };
    const char *type = zoo_json_str(item, "type", r->path, r->err);
    const json_t *inner, *list = json_object_get(item, "normalizers");
    zoo_norm_step *step;
    size_t i;
    int rc = ZOO_OK;

    if (!type)
        return ZOO_EFORMAT;
    if (!strcmp(type, "Sequence")) {
        if (!json_is_array(list) || depth == NESTING_MAX)
            return zoo_fail(r->err, ZOO_EFORMAT, "%s: a Sequence without 'normalizers', or nested too deep", r->path);
        json_array_foreach(list, i, inner)
            if (!rc)
                rc = read_normalizers(r, inner, depth + 1);
        return rc;
    }
    for (i = 0; i < sizeof kinds / sizeof *kinds && strcmp(type, kinds[i].name); i++)
        ;
    if (i == sizeof kinds / sizeof *kinds)
        return refuse(r, "normalizer", type);
    step = zoo_normalizer_add(&r->t->normalizer);
    if (!step)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: more than %d normalizers", r->path, ZOO_NORM_STEPS_MAX);
    step->kind = kinds[i].kind;
    step->left = read_flag(item, "strip_left");
    step->right = read_flag(item, "strip_right");
    switch (step->kind) {
    case ZOO_NORM_CHARSMAP: return read_charsmap(r, item, step);
    case ZOO_NORM_REPLACE: return read_replace(r, item, step);
    case ZOO_NORM_BERT: return read_bert(item, step);
    case ZOO_NORM_PREPEND: step->to = copy_string(r, item, "prepend", &step->to_size); return step->to ? ZOO_OK :
        ZOO_EFORMAT;
    default: return ZOO_OK;
    }
}

int zoo_settings_read_normalizer(const zoo_settings *r, const json_t *normalizer)
{
    return read_normalizers(r, normalizer, 0);
}

/* ---- splitter ---- */

static int read_metaspace(const zoo_settings *r, const json_t *item, zoo_split_step *step)
{
    static const char *const schemes[] = { [ZOO_PREPEND_ALWAYS] = "always", [ZOO_PREPEND_FIRST] = "first",
                                           [ZOO_PREPEND_NEVER] = "never" };
    const json_t *scheme = json_object_get(item, "prepend_scheme");
    const char *symbol = zoo_json_str(item, "replacement", r->path, r->err);
    size_t used, i = 0;

    if (!symbol)
        return ZOO_EFORMAT;
    step->symbol_size = json_string_length(json_object_get(item, "replacement"));
    if (!step->symbol_size || zoo_utf8_next(symbol, step->symbol_size, &used) == ZOO_UTF8_BAD ||
        used != step->symbol_size)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: the replacement of Metaspace should be one character", r->path);
    memcpy(step->symbol, symbol, used);
    step->is_whole = json_is_false(json_object_get(item, "split"));
    if (json_is_string(scheme)) {
        while (i < 3 && strcmp(schemes[i], json_string_value(scheme)))
            i++;
        if (i == 3)
            return refuse(r, "prepend_scheme", json_string_value(scheme));
        if (i == ZOO_PREPEND_FIRST && step > r->t->splitter.steps)
            return refuse(r, "prepend_scheme behind other pre_tokenizers",
                          "first");       /* depends on what became of each character */
        step->prepend = (enum zoo_split_prepend)i;
    } else if (json_is_false(json_object_get(item, "add_prefix_space"))) {
        step->prepend = ZOO_PREPEND_NEVER;
    }
    return ZOO_OK;
}

static int read_behavior(const zoo_settings *r, const json_t *item, zoo_split_step *step)
{
    static const char *const names[] = { [ZOO_SPLIT_ISOLATED] = "Isolated", [ZOO_SPLIT_REMOVED] = "Removed",
                                         [ZOO_SPLIT_CONTIGUOUS] = "Contiguous",
                                         [ZOO_SPLIT_WITH_PREVIOUS] = "MergedWithPrevious",
                                         [ZOO_SPLIT_WITH_NEXT] = "MergedWithNext" };
    const json_t *behavior = json_object_get(item, "behavior");

    if (!json_is_string(behavior))
        return ZOO_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], json_string_value(behavior))) {
            step->behavior = (enum zoo_split_behavior)i;
            return ZOO_OK;
        }
    return refuse(r, "behavior", json_string_value(behavior));
}

static int read_splitters(const zoo_settings *r, const json_t *item, int depth)
{
    static const struct { const char *name; enum zoo_split_kind kind; } kinds[] = {
        { "Metaspace", ZOO_SPLIT_METASPACE }, { "BertPreTokenizer", ZOO_SPLIT_BERT }, { "Whitespace", ZOO_SPLIT_WORDS },
        { "WhitespaceSplit", ZOO_SPLIT_SPACE }, { "Punctuation", ZOO_SPLIT_PUNCTUATION },
            { "Digits", ZOO_SPLIT_DIGITS },
    };
    const char *type = zoo_json_str(item, "type", r->path, r->err);
    const json_t *inner, *list = json_object_get(item, "pretokenizers");
    zoo_splitter *splitter = &r->t->splitter;
    zoo_split_step *step = &splitter->steps[splitter->count];
    size_t i;
    int rc = ZOO_OK;

    if (!type)
        return ZOO_EFORMAT;
    if (!strcmp(type, "Sequence")) {
        if (!json_is_array(list) || depth == NESTING_MAX)
            return zoo_fail(r->err, ZOO_EFORMAT, "%s: a Sequence without 'pretokenizers', or nested too deep", r->path);
        json_array_foreach(list, i, inner)
            if (!rc)
                rc = read_splitters(r, inner, depth + 1);
        return rc;
    }
    for (i = 0; i < sizeof kinds / sizeof *kinds && strcmp(type, kinds[i].name); i++)
        ;
    if (i == sizeof kinds / sizeof *kinds)
        return refuse(r, "pre_tokenizer", type);
    if (splitter->count == ZOO_SPLIT_STEPS_MAX || (splitter->count && step[-1].kind == ZOO_SPLIT_METASPACE))
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: a pre_tokenizer behind Metaspace, or more than %d", r->path,
                        ZOO_SPLIT_STEPS_MAX);
    splitter->count++;
    step->kind = kinds[i].kind;
    if (step->kind == ZOO_SPLIT_DIGITS && !read_flag(item, "individual_digits"))
        step->behavior = ZOO_SPLIT_CONTIGUOUS;
    return step->kind == ZOO_SPLIT_METASPACE ? read_metaspace(r, item, step) :
           step->kind == ZOO_SPLIT_PUNCTUATION ? read_behavior(r, item, step) : ZOO_OK;
}

int zoo_settings_read_splitter(const zoo_settings *r, const json_t *splitter)
{
    return read_splitters(r, splitter, 0);
}

/* ---- post-processor ---- */

static int read_type_id(const zoo_settings *r, const json_t *item, uint8_t *type)
{
    json_int_t value = json_integer_value(json_object_get(item, "type_id"));

    if (value < 0 || value > 255)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: a type_id of the template is not 0 to 255", r->path);
    *type = (uint8_t)value;
    return ZOO_OK;
}

static int add_special(const zoo_settings *r, const json_t *specials, const json_t *special, uint8_t type,
                       zoo_template *template)
{
    const char *name = zoo_json_str(special, "id", r->path, r->err);
    const json_t *ids, *id;
    size_t i;
    int rc;

    if (!name)
        return ZOO_EFORMAT;
    ids = json_object_get(json_object_get(specials, name), "ids");
    if (!json_is_array(ids))
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: the template's '%s' is not in its 'special_tokens'", r->path, name);
    json_array_foreach(ids, i, id) {
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > UINT32_MAX)
            return zoo_fail(r->err, ZOO_EFORMAT, "%s: an id of the template's '%s' is no id", r->path, name);
        rc = zoo_template_add(template, ZOO_TEMPLATE_SPECIAL, (uint32_t)json_integer_value(id), type, r->path, r->err);
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

static int read_template(const zoo_settings *r, const json_t *processor, const char *key, zoo_template *template)
{
    const json_t *list = json_object_get(processor, key), *item;
    int is_pair = !strcmp(key, "pair"), rc = ZOO_OK;
    size_t i;

    if (!json_is_array(list))
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: the template has no '%s'", r->path, key);
    json_array_foreach(list, i, item) {
        const json_t *text = json_object_get(item, "Sequence"), *special = json_object_get(item, "SpecialToken");
        const char *name = text ? zoo_json_str(text, "id", r->path, r->err) : "";
        uint8_t type = 0;
        if (!name)
            return ZOO_EFORMAT;
        rc = read_type_id(r, text ? text : special, &type);
        if (!rc && special)
            rc = add_special(r, json_object_get(processor, "special_tokens"), special, type, template);
        else if (!rc && (!strcmp(name, "A") || (!strcmp(name, "B") && is_pair)))
            rc = zoo_template_add(template, *name == 'A' ? ZOO_TEMPLATE_A : ZOO_TEMPLATE_B, 0, type, r->path, r->err);
        else if (!rc)
            rc = zoo_fail(r->err, ZOO_EFORMAT, "%s: the template's '%s' has an item that is not understood", r->path,
                          key);
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

static int read_bert_processing(const zoo_settings *r, const json_t *processor)
{
    const json_t *sep = json_array_get(json_object_get(processor, "sep"), 1),
                        *cls = json_array_get(json_object_get(processor, "cls"), 1);

    if (!json_is_integer(sep) || !json_is_integer(cls))
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: BertProcessing without 'sep' and 'cls'", r->path);
    zoo_tokenizer_set_bert_template(r->t, (uint32_t)json_integer_value(cls), (uint32_t)json_integer_value(sep));
    return ZOO_OK;
}

int zoo_settings_read_processor(const zoo_settings *r, const json_t *processor)
{
    const json_t *list = json_object_get(processor, "processors");
    const char *type;
    int rc;

    if (!processor) {
        rc = zoo_template_add(&r->t->single, ZOO_TEMPLATE_A, 0, 0, r->path, r->err);
        if (!rc)
            rc = zoo_template_add(&r->t->pair, ZOO_TEMPLATE_A, 0, 0, r->path, r->err);
        return rc ? rc : zoo_template_add(&r->t->pair, ZOO_TEMPLATE_B, 0, 1, r->path, r->err);
    }
    type = zoo_json_str(processor, "type", r->path, r->err);
    if (!type)
        return ZOO_EFORMAT;
    if (!strcmp(type, "Sequence") && json_array_size(list) == 1)
        return json_object_get(json_array_get(list, 0), "processors") ?
               refuse(r, "post_processor", "Sequence in a Sequence") :
                   zoo_settings_read_processor(r, json_array_get(list, 0));
    if (!strcmp(type, "BertProcessing"))
        return read_bert_processing(r, processor);
    if (strcmp(type, "TemplateProcessing"))
        return refuse(r, "post_processor", type);
    rc = read_template(r, processor, "single", &r->t->single);
    return rc ? rc : read_template(r, processor, "pair", &r->t->pair);
}
