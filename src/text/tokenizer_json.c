/* tokenizer_json.c - reads a tokenizer.json: the vocabulary while walking over the file, the few settings as JSON
 * (tokenizer_settings.c). Layer: text -> base. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/json.h"
#include "text/tokenizer_settings.h"

enum { SETTINGS_MAX = 16 << 20 };

struct reader {
    zoo_tokenizer *t;
    const char *path;
    zoo_skim skim;
    zoo_span added, normalizer, splitter, processor;    /* empty: not there */
    zoo_span type, unknown_token, prefix;               /* of the model; strings without quotes */
    int64_t unknown_id, chars_max;                      /* -1: not given */
    int has_vocab, is_list, byte_fallback;
    zoo_err *err;
};

static int fail_here(struct reader *r, const char *what)
{
    return zoo_fail(r->err, ZOO_EFORMAT, "%s: byte %td: %s", r->path, r->skim.at - r->skim.text,
                    r->skim.error ? r->skim.error : what);
}

/* ---- numbers, as the reference reads them ---- */

/* 10^n, correctly rounded. */
static double power_of_ten(unsigned n)
{
    static const double exact[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
                                    1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    char text[16];

    if (n < sizeof exact / sizeof *exact)
        return exact[n];
    snprintf(text, sizeof text, "1e%u", n);
    return strtod(text, NULL);
}

/* digits * 10^exponent with one rounding for each step that serde_json takes. */
static double scale(uint64_t digits, int64_t exponent)
{
    double value = (double)digits;

    if (exponent >= 0)
        return exponent <= 308 ? value * power_of_ten((unsigned)exponent) : INFINITY;
    for (; exponent < -308 && value != 0; exponent += 308)
        value /= 1e308;
    return value == 0 ? 0 : value / power_of_ten((unsigned)-exponent);
}

/* serde_json's default reading is not correctly rounded: the digits as a 64-bit integer, times or over a power of ten.
 * Scores that differ in the last bit break other ties, so it is repeated here step by step. */
static int read_score(zoo_span text, double *score)
{
    const char *at = text.at, *end = at + text.size;
    int is_negative = *at == '-', is_behind_point = 0, is_full = 0;
    uint64_t digits = 0;
    int64_t exponent = 0, given = 0;

    for (at += is_negative; at < end && (*at | 32) != 'e'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (*at == '.') {
            is_behind_point = 1;
            continue;
        }
        is_full |= digits > (UINT64_MAX - digit) / 10;
        if (!is_full)
            digits = digits * 10 + digit;
        exponent += is_full ? !is_behind_point : -is_behind_point;
    }
    if (at < end) {
        int is_below = at[1] == '-';
        for (at += 1 + (at[1] == '-' || at[1] == '+'); at < end && given < 100000; at++)
            given = given * 10 + (*at - '0');
        exponent += is_below ? -given : given;
    }
    *score = is_negative ? -scale(digits, exponent) : scale(digits, exponent);
    return isfinite(*score);
}

static int read_integer(zoo_span text, int64_t *value)
{
    char digits[24], *end;

    if (text.size >= sizeof digits)
        return 0;
    memcpy(digits, text.at, text.size);
    digits[text.size] = '\0';
    *value = strtoll(digits, &end, 10);
    return !*end && *value >= 0;
}

/* ---- the vocabulary ---- */

/* The string that comes next becomes the content of `id`; its score is given later. */
static int take_piece(struct reader *r, zoo_span string, int64_t id, double score)
{
    char *room = zoo_pieces_room(&r->t->pieces, string.size);
    zoo_err inner;
    size_t size;

    if (!room)
        return zoo_fail_nomem(r->err);
    size = zoo_skim_decode(string, room, string.size);
    if (size > ZOO_TRIE_KEY_MAX || id < 0 || id >= ZOO_PIECES_MAX)
        return fail_here(r, "a piece that is too long, or whose id is too high");
    if (zoo_pieces_put(&r->t->pieces, (uint32_t)id, size, score, 0, &inner))
        return fail_here(r, inner.message);
    return ZOO_OK;
}

static int take_list(struct reader *r)
{
    zoo_skim *s = &r->skim;
    zoo_span piece, number;
    double score;
    int rc;

    zoo_skim_enter(s, '[');
    for (int64_t id = 0; zoo_skim_item(s); id++) {
        if (!zoo_skim_enter(s, '[') || !zoo_skim_item(s) || zoo_skim_kind(s) != '"' || !zoo_skim_value(s, &piece) ||
            !zoo_skim_item(s) || zoo_skim_kind(s) != '0' || !zoo_skim_value(s, &number) || zoo_skim_item(s) ||
            s->error || !read_score(number, &score))
            return fail_here(r, "expected a piece as [\"content\", score]");
        rc = take_piece(r, zoo_skim_inside(piece), id, score);
        if (rc)
            return rc;
    }
    return s->error ? fail_here(r, "") : ZOO_OK;
}

static int take_map(struct reader *r)
{
    zoo_skim *s = &r->skim;
    zoo_span key, number;
    int64_t id;
    int rc;

    zoo_skim_enter(s, '{');
    while (zoo_skim_key(s, &key)) {
        if (zoo_skim_kind(s) != '0' || !zoo_skim_value(s, &number) || !read_integer(number, &id))
            return fail_here(r, "expected the id of a piece, a whole number");
        rc = take_piece(r, key, id, 0);
        if (rc)
            return rc;
    }
    return s->error ? fail_here(r, "") : ZOO_OK;
}

static int take_vocab(struct reader *r)
{
    char kind = zoo_skim_kind(&r->skim);

    if (r->has_vocab || (kind != '[' && kind != '{'))
        return fail_here(r, "expected one 'vocab', an array or an object");
    r->has_vocab = 1;
    r->is_list = kind == '[';
    return r->is_list ? take_list(r) : take_map(r);
}

/* ---- the walk ---- */

static int take_setting(struct reader *r, zoo_span key)
{
    zoo_skim *s = &r->skim;
    char kind = zoo_skim_kind(s);
    zoo_span value;

    if (!zoo_skim_value(s, &value))
        return fail_here(r, "");
    if (kind == '"' && zoo_skim_equals(key, "type"))
        r->type = zoo_skim_inside(value);
    else if (kind == '"' && zoo_skim_equals(key, "unk_token"))
        r->unknown_token = zoo_skim_inside(value);
    else if (kind == '"' && zoo_skim_equals(key, "continuing_subword_prefix"))
        r->prefix = zoo_skim_inside(value);
    else if (kind == '0' && zoo_skim_equals(key, "unk_id"))
        return read_integer(value, &r->unknown_id) ? ZOO_OK : fail_here(r, "'unk_id' should be a whole number");
    else if (kind == '0' && zoo_skim_equals(key, "max_input_chars_per_word"))
        return read_integer(value, &r->chars_max)
                   ? ZOO_OK : fail_here(r, "'max_input_chars_per_word' should be a whole number");
    else if (zoo_skim_equals(key, "byte_fallback"))
        r->byte_fallback = kind == 't';
    return ZOO_OK;
}

static int take_model(struct reader *r)
{
    zoo_span key;
    int rc = ZOO_OK;

    if (!zoo_skim_enter(&r->skim, '{'))
        return fail_here(r, "");
    while (!rc && zoo_skim_key(&r->skim, &key))
        rc = zoo_skim_equals(key, "vocab") ? take_vocab(r) : take_setting(r, key);
    return rc ? rc : r->skim.error ? fail_here(r, "") : ZOO_OK;
}

static int take_part(struct reader *r, zoo_span key)
{
    zoo_span value, *to = zoo_skim_equals(key, "added_tokens") ? &r->added : zoo_skim_equals(key, "normalizer") ?
        &r->normalizer : zoo_skim_equals(key, "pre_tokenizer") ? &r->splitter : zoo_skim_equals(key, "post_processor") ?
            &r->processor : NULL;
    char kind = zoo_skim_kind(&r->skim);

    if (!zoo_skim_value(&r->skim, &value))
        return fail_here(r, "");
    if (to && kind != 'n')
        *to = value;
    if (to && value.size > SETTINGS_MAX)
        return fail_here(r, "more than 16 MiB of settings");
    return ZOO_OK;
}

static int walk(struct reader *r, const char *text, size_t size)
{
    zoo_span key;
    int rc = ZOO_OK, has_model = 0;

    zoo_skim_begin(&r->skim, text, size);
    if (!zoo_skim_enter(&r->skim, '{'))
        return fail_here(r, "");
    while (!rc && zoo_skim_key(&r->skim, &key)) {
        if (!zoo_skim_equals(key, "model"))
            rc = take_part(r, key);
        else if (has_model++)
            rc = fail_here(r, "a second 'model'");
        else
            rc = take_model(r);
    }
    if (rc)
        return rc;
    if (!zoo_skim_end(&r->skim))
        return fail_here(r, "");
    if (!has_model || !r->has_vocab || !r->type.at)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: no 'model' with a 'type' and a 'vocab'", r->path);
    return ZOO_OK;
}

/* ---- the model ---- */

static int find_bytes(struct reader *r)
{
    zoo_unigram *model = &r->t->unigram;
    char name[8];

    for (unsigned b = 0; b < 256; b++) {
        int64_t id;
        snprintf(name, sizeof name, "<0x%02X>", b);
        id = zoo_tokenizer_id_of(r->t, name, 6);
        if (id < 0)
            return zoo_fail(r->err, ZOO_EFORMAT, "%s: byte_fallback without the piece %s", r->path, name);
        model->bytes[b] = (uint32_t)id;
    }
    model->has_bytes = 1;
    return ZOO_OK;
}

static int read_unigram(struct reader *r)
{
    zoo_tokenizer *t = r->t;
    double least = INFINITY;
    int rc;

    if (!r->is_list || !t->pieces.count || r->unknown_id >= (int64_t)t->pieces.count)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: a Unigram model should have a list of pieces, 'unk_id' among them",
                        r->path);
    for (size_t i = 0; i < t->pieces.count; i++)
        least = fmin(least, t->pieces.items[i].score);
    t->unigram.unknown_score = least - 10;
    t->unigram.unknown = r->unknown_id < 0 ? ZOO_TRIE_NONE : (uint32_t)r->unknown_id;
    rc = zoo_tokenizer_build_unigram(t, r->err);
    return rc || !r->byte_fallback ? rc : find_bytes(r);
}

static int read_wordpiece(struct reader *r)
{
    zoo_tokenizer *t = r->t;
    char prefix[256] = "##", unknown[256] = "[UNK]";
    size_t prefix_size = 2, unknown_size = 5;
    int64_t id;
    int rc;

    if (r->is_list || !t->pieces.count)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: a WordPiece model should have an object of pieces and ids", r->path);
    if (r->prefix.size >= sizeof prefix || r->unknown_token.size >= sizeof unknown)
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: 'continuing_subword_prefix' or 'unk_token' is too long", r->path);
    if (r->prefix.at)
        prefix_size = zoo_skim_decode(r->prefix, prefix, sizeof prefix);
    if (r->unknown_token.at)
        unknown_size = zoo_skim_decode(r->unknown_token, unknown, sizeof unknown);
    t->wordpiece.chars_max = r->chars_max < 0 ? 100 : (size_t)r->chars_max;
    rc = zoo_tokenizer_build_wordpiece(t, prefix, prefix_size, r->err);
    if (rc)
        return rc;
    id = zoo_tokenizer_id_of(t, unknown, unknown_size);
    t->wordpiece.unknown = id < 0 ? ZOO_TRIE_NONE : (uint32_t)id;
    return ZOO_OK;
}

/* ---- added tokens ---- */

/* Ids are given as the reference gives them: that of a piece of the same content, else the next free one. */
static int add_token(struct reader *r, const json_t *item, uint32_t *next)
{
    const char *content = zoo_json_str(item, "content", r->path, r->err);
    zoo_added_token token = { .content = (char *)content };
    int64_t id;

    if (!content)
        return r->err ? r->err->code : ZOO_EFORMAT;
    token.size = (uint32_t)json_string_length(json_object_get(item, "content"));
    if (!token.size)
        return ZOO_OK;
    token.single_word = (uint8_t)json_is_true(json_object_get(item, "single_word"));
    token.lstrip = (uint8_t)json_is_true(json_object_get(item, "lstrip"));
    token.rstrip = (uint8_t)json_is_true(json_object_get(item, "rstrip"));
    token.normalized = (uint8_t)json_is_true(json_object_get(item, "normalized"));
    token.special = (uint8_t)json_is_true(json_object_get(item, "special"));
    id = zoo_tokenizer_id_of(r->t, content, token.size);
    token.id = id < 0 ? *next : (uint32_t)id;
    if (token.id >= *next)
        *next = token.id + 1;
    return zoo_added_put(&r->t->added, &token, r->err);
}

/* Special ones come first where two patterns are equal. */
static int read_added(struct reader *r, const json_t *list)
{
    uint32_t next = (uint32_t)r->t->pieces.distinct;
    const json_t *item;
    size_t i;
    int rc;

    if (!list)
        return ZOO_OK;
    if (!json_is_array(list))
        return zoo_fail(r->err, ZOO_EFORMAT, "%s: 'added_tokens' is %s, should be an array", r->path,
                        zoo_json_kind(list));
    json_array_foreach(list, i, item) {
        rc = add_token(r, item, &next);
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

/* ---- all ---- */

/* Parses a part that the walk found; NULL with ZOO_OK where it is not there. */
static int parse(struct reader *r, zoo_span span, json_t **out)
{
    *out = NULL;
    if (!span.size)
        return ZOO_OK;
    *out = zoo_json_parse(span.at, span.size, r->path, r->err);
    return *out ? ZOO_OK : ZOO_EFORMAT;
}

/* The model's space symbol is that of Metaspace, which comes last. */
static void take_symbol(zoo_tokenizer *t)
{
    const zoo_split_step *last = t->splitter.count ? &t->splitter.steps[t->splitter.count - 1] : NULL;

    if (!last || last->kind != ZOO_SPLIT_METASPACE)
        return;
    memcpy(t->unigram.space, last->symbol, sizeof t->unigram.space);
    t->unigram.space_size = last->symbol_size;
}

static int read_settings(struct reader *r)
{
    const zoo_settings settings = { r->t, r->path, r->err };
    json_t *added = NULL, *normalizer = NULL, *splitter = NULL, *processor = NULL;
    int rc = parse(r, r->added, &added);

    if (!rc)
        rc = parse(r, r->normalizer, &normalizer);
    if (!rc)
        rc = parse(r, r->splitter, &splitter);
    if (!rc)
        rc = parse(r, r->processor, &processor);
    if (!rc && normalizer)
        rc = zoo_settings_read_normalizer(&settings, normalizer);
    if (!rc && splitter)
        rc = zoo_settings_read_splitter(&settings, splitter);
    if (!rc) {
        take_symbol(r->t);
        if (zoo_skim_equals(r->type, "Unigram"))
            rc = read_unigram(r);
        else if (zoo_skim_equals(r->type, "WordPiece"))
            rc = read_wordpiece(r);
        else
            rc = zoo_fail(r->err, ZOO_EFORMAT, "%s: the model '%.*s' is not supported, only Unigram and WordPiece",
                          r->path, r->type.size > 60 ? 60 : (int)r->type.size, r->type.at);
    }
    if (!rc)
        rc = read_added(r, added);
    if (!rc)
        rc = zoo_tokenizer_build_added(r->t, r->path, r->err);
    if (!rc)
        rc = zoo_settings_read_processor(&settings, processor);
    json_decref(added);
    json_decref(normalizer);
    json_decref(splitter);
    json_decref(processor);
    return rc;
}

int zoo_tokenizer_read_json(zoo_tokenizer *t, const zoo_source *from, zoo_err *err)
{
    zoo_err own = { 0 };
    struct reader r = { .t = t, .path = from->path, .unknown_id = -1, .chars_max = -1, .err = err ? err : &own };
    int rc = walk(&r, from->text, from->size);

    return rc ? rc : read_settings(&r);
}
