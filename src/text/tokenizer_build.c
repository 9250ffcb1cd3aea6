/* tokenizer_build.c - what the readers of tokenizers share: templates, the tries of models and added tokens, and
 * whether a text may be read in parts. Layer: text -> base. */
#include <stdlib.h>
#include <string.h>
#include "text/tokenizer_parts.h"

static int is_letter(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* ---- templates ---- */

int zoo_template_add(zoo_template *template, int what, uint32_t id, uint8_t type, const char *place, zoo_err *err)
{
    if (template->count == ZOO_TEMPLATE_MAX)
        return zoo_fail(err, ZOO_EFORMAT, "%s: a template of more than %d tokens", place, ZOO_TEMPLATE_MAX);
    template->items[template->count].what = what;
    template->items[template->count].id = id;
    template->items[template->count++].type = type;
    template->specials += what == ZOO_TEMPLATE_SPECIAL;
    return ZOO_OK;
}

void zoo_tokenizer_set_bert_template(zoo_tokenizer *t, uint32_t cls, uint32_t sep)
{
    zoo_template single = { .items = { { ZOO_TEMPLATE_SPECIAL, cls, 0 }, { ZOO_TEMPLATE_A, 0, 0 },
                                       { ZOO_TEMPLATE_SPECIAL, sep, 0 } }, .count = 3, .specials = 2 };

    t->single = t->pair = single;
    t->pair.items[3].what = ZOO_TEMPLATE_B;
    t->pair.items[3].type = t->pair.items[4].type = 1;
    t->pair.items[4].what = ZOO_TEMPLATE_SPECIAL;
    t->pair.items[4].id = sep;
    t->pair.count = 5;
    t->pair.specials = 3;
}

/* ---- models ---- */

/* Builds a trie of the pieces that are UNMATCHED (or are not); for Unigram with marks. */
static int build_trie(zoo_tokenizer *t, zoo_trie *trie, unsigned flags, int with_marks, zoo_err *err)
{
    const zoo_pieces *pieces = &t->pieces;
    zoo_trie_key *keys = malloc((pieces->count + 1) * sizeof *keys);
    char *text = with_marks ? malloc(pieces->text.size + 1) : NULL;
    size_t n = 0, at = 0;
    int rc = ZOO_ENOMEM;

    if (!keys || (with_marks && !text)) {
        zoo_fail_nomem(err);
        goto done;
    }
    for (uint32_t id = 0; id < pieces->count; id++) {
        const zoo_piece *piece = &pieces->items[id];
        const char *content = zoo_pieces_at(pieces, id);
        if (piece->flags != flags || !piece->size || piece->size > ZOO_TRIE_KEY_MAX)
            continue;
        keys[n] = (zoo_trie_key){ content, piece->size, id };
        if (with_marks) {
            memcpy(text + at, content, piece->size);
            keys[n].at = text + at;
            keys[n].size = (uint32_t)zoo_unigram_mark_spaces(&t->unigram, text + at, piece->size);
            at += keys[n].size;
        }
        n++;
    }
    rc = zoo_trie_build(trie, keys, n, err);
done:
    free(keys);
    free(text);
    return rc;
}

int zoo_tokenizer_build_unigram(zoo_tokenizer *t, zoo_err *err)
{
    int rc = build_trie(t, &t->unigram.trie, 0, 1, err);

    t->unigram.pieces = t->pieces.items;
    return rc ? rc : build_trie(t, &t->unigram.unmatched, ZOO_PIECE_UNMATCHED, 1, err);
}

int zoo_tokenizer_build_wordpiece(zoo_tokenizer *t, const char *prefix, size_t size, zoo_err *err)
{
    int rc = build_trie(t, &t->wordpiece.trie, 0, 0, err);

    t->is_wordpiece = 1;
    if (!rc)
        zoo_wordpiece_begin(&t->wordpiece, prefix, size);
    return rc;
}

/* ---- added tokens ---- */

/* The set of those that are normalised, or of the others. */
static int build_set(zoo_tokenizer *t, zoo_added_set *set, int normalized, zoo_norm_work *work, const char *place,
                     zoo_err *err)
{
    zoo_trie_key *keys = calloc(t->added.count + 1, sizeof *keys);
    zoo_buf text = ZOO_BUF_INIT(64u << 20);
    int rc = ZOO_OK, at_start = 0;

    if (!keys)
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < t->added.count && !rc; i++) {
        const zoo_added_token *token = &t->added.tokens[i];
        zoo_span span = { token->content, token->size };
        if (token->normalized != normalized)
            continue;
        if (normalized)
            rc = zoo_normalizer_run(&t->normalizer, work, span.at, span.size, &span, &at_start, err);
        if (!rc && (!span.size || span.size > ZOO_TRIE_KEY_MAX))
            rc = zoo_fail(err, ZOO_EFORMAT, "%s: the added token '%s' is normalised to nothing, or to too much", place,
                          token->content);
        if (!rc && zoo_buf_add(&text, span.at, span.size))
            rc = zoo_fail_nomem(err);
        t->added.has_space |= !rc && memchr(span.at, ' ', span.size);
        t->added.has_letter_first |= !rc && (is_letter(*span.at) || (unsigned char)*span.at >= 0x80);
        if (!rc)
            keys[set->count++] = (zoo_trie_key){ NULL, (uint32_t)span.size, zoo_added_rank(i) };
    }
    for (size_t i = 0, at = 0; i < set->count && !rc; at += keys[i++].size) {
        keys[i].at = text.data + at;
        set->begins[(unsigned char)text.data[at]] = 1;
    }
    if (!rc && set->count)
        rc = zoo_trie_build(&set->trie, keys, set->count, err);
    zoo_buf_release(&text);
    free(keys);
    return rc;
}

int zoo_tokenizer_build_added(zoo_tokenizer *t, const char *place, zoo_err *err)
{
    zoo_norm_work work;
    int rc;

    zoo_norm_work_init(&work);
    rc = build_set(t, &t->added.raw, 0, &work, place, err);
    if (!rc)
        rc = build_set(t, &t->added.normalized, 1, &work, place, err);
    zoo_norm_work_release(&work);
    return rc;
}

/* ---- reading in parts ---- */

/* Does a step leave "x y", letters or digits around one space, for the splitter to part? */
static int step_keeps_space(const zoo_norm_step *step)
{
    switch (step->kind) {
    case ZOO_NORM_PREPEND: return 0;
    case ZOO_NORM_CHARSMAP: return step->map.is_plain[' '];
    case ZOO_NORM_REPLACE: return step->from ? !memchr(step->from, ' ', step->from_size) :
        zoo_pattern_keeps_space(&step->pattern);
    case ZOO_NORM_SENTENCEPIECE:
        return step->collapse && step->dummy_prefix && step->escape && !step->suffix &&
               (!step->map.count || step->map.is_plain[' ']);
    default: return 1;
    }
}

static int has_strip(const zoo_normalizer *n)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->steps[i].kind == ZOO_NORM_STRIP)
            return 1;
    return 0;
}

/* Are words parted at every space, whatever stands before the first of them? */
static int splitter_parts_at_space(const zoo_tokenizer *t)
{
    for (size_t i = 0; i < t->splitter.count; i++) {
        const zoo_split_step *step = &t->splitter.steps[i];
        if (step->kind == ZOO_SPLIT_SPACE || step->kind == ZOO_SPLIT_WORDS || step->kind == ZOO_SPLIT_BERT)
            return 1;
        if (step->kind == ZOO_SPLIT_METASPACE)
            return !step->is_whole && (step->prepend == ZOO_PREPEND_ALWAYS || !has_strip(&t->normalizer));
    }
    return 0;
}

/* sentencepiece does not part words, but where no piece spans a letter and the space behind it,
 * every path goes through there. */
static int pieces_part_at_space(const zoo_tokenizer *t)
{
    static const char mark = (char)ZOO_SPACE_MARK;

    if (!t->unigram.is_single || zoo_trie_find(&t->unigram.trie, &mark, 1) == ZOO_TRIE_NONE)
        return 0;
    for (uint32_t id = 0; id < t->pieces.count; id++) {
        const char *s = zoo_pieces_at(&t->pieces, id);
        size_t size = t->pieces.items[id].size;
        if (memchr(s, ' ', size))
            return 0;
        for (size_t i = 1; i + t->unigram.space_size <= size; i++)
            if (!memcmp(s + i, t->unigram.space, t->unigram.space_size))
                return 0;
    }
    return 1;
}

/* Does a step leave every ASCII letter and digit one? */
static int step_keeps_letters(const zoo_norm_step *step)
{
    for (int c = '0'; c <= 'z'; c++)
        if (is_letter((char)c) && ((step->kind == ZOO_NORM_CHARSMAP && !step->map.is_plain[c]) ||
                                   (step->kind == ZOO_NORM_REPLACE && step->pattern.begins[c])))
            return 0;
    return 1;
}

/* Where texts are stripped, a space between a part's begin and a token would be, so no token may stand there. */
static int tokens_stand_apart(const zoo_tokenizer *t)
{
    int apart = !t->added.has_letter_first;

    for (size_t i = 0; i < t->normalizer.count; i++)
        apart &= step_keeps_letters(&t->normalizer.steps[i]);
    return apart || !t->added.count || !has_strip(&t->normalizer);
}

int zoo_tokenizer_may_cut(const zoo_tokenizer *t)
{
    int parts = tokens_stand_apart(t) && (t->splitter.count ? splitter_parts_at_space(t) : pieces_part_at_space(t));

    for (size_t i = 0; i < t->normalizer.count; i++)
        parts &= step_keeps_space(&t->normalizer.steps[i]);
    return parts && !t->added.has_space;
}
