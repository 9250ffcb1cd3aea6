#include "text/tokenizer.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/utf8.h"
#include "text/tokenizer_parts.h"

enum { STOPPED = 1 };                   /* all ids that were asked for are there */

struct zoo_tokenization {
    zoo_norm_work norm;
    zoo_buf valid, words;               /* the text with U+FFFD for bad bytes; the splitter's */
    zoo_unigram_path path;
    zoo_id_list first, second;
    uint32_t *ids;                      /* (capacity) */
    uint8_t *types;
    size_t capacity;
};

/* ---- open ---- */

static const char *const files[] = { "tokenizer.json", "spm.model", "vocab.txt" };

static int exists(const char *dir, const char *name)
{
    char path[PATH_MAX];

    return !zoo_fs_join(path, sizeof path, dir, name, NULL) && !access(path, F_OK);
}

int zoo_tokenizer_exists(const char *dir)
{
    return exists(dir, files[0]) || exists(dir, files[1]) || exists(dir, files[2]);
}

static int read_any(zoo_tokenizer *t, const char *dir, zoo_err *err)
{
    char path[PATH_MAX];
    size_t i = 0;
    int rc;

    while (i < 3 && !exists(dir, files[i]))
        i++;
    if (i == 3)
        return zoo_fail(err, ZOO_EIO, "%s: no tokenizer.json, spm.model or vocab.txt; copy the checkpoint's tokenizer there", dir);
    rc = zoo_fs_join(path, sizeof path, dir, files[i], err);
    if (rc)
        return rc;
    return i == 0 ? zoo_tokenizer_read_json(t, path, err) :
           i == 1 ? zoo_tokenizer_read_spm(t, dir, path, err) : zoo_tokenizer_read_vocab(t, dir, path, err);
}

int zoo_tokenizer_open(zoo_tokenizer **out, const char *dir, zoo_err *err)
{
    zoo_tokenizer *t = calloc(1, sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return zoo_fail_nomem(err);
    zoo_pieces_init(&t->pieces);
    rc = read_any(t, dir, err);
    if (rc) {
        zoo_tokenizer_close(t);
        return rc;
    }
    t->size = t->pieces.count;
    for (size_t i = 0; i < t->added.count; i++)
        if (t->added.tokens[i].id >= t->size)
            t->size = (size_t)t->added.tokens[i].id + 1;
    *out = t;
    return ZOO_OK;
}

void zoo_tokenizer_close(zoo_tokenizer *t)
{
    if (!t)
        return;
    zoo_pieces_release(&t->pieces);
    zoo_added_release(&t->added);
    zoo_normalizer_release(&t->normalizer);
    zoo_unigram_release(&t->unigram);
    zoo_wordpiece_release(&t->wordpiece);
    free(t);
}

/* ---- what the readers share ---- */

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
    zoo_template single = { .items = { { ZOO_TEMPLATE_SPECIAL, cls, 0 }, { ZOO_TEMPLATE_A, 0, 0 }, { ZOO_TEMPLATE_SPECIAL, sep, 0 } },
                            .count = 3, .specials = 2 };

    t->single = t->pair = single;
    t->pair.items[3].what = ZOO_TEMPLATE_B;
    t->pair.items[3].type = t->pair.items[4].type = 1;
    t->pair.items[4].what = ZOO_TEMPLATE_SPECIAL;
    t->pair.items[4].id = sep;
    t->pair.count = 5;
    t->pair.specials = 3;
}

/* The content with the space symbol as the mark, in place; returns its bytes. */
static size_t mark_spaces(const zoo_unigram *model, char *s, size_t size)
{
    size_t n = 0;

    if (!model->space_size)
        return size;
    for (size_t i = 0; i < size; i++) {
        if (size - i >= model->space_size && !memcmp(s + i, model->space, model->space_size)) {
            s[n++] = (char)ZOO_SPACE_MARK;
            i += model->space_size - 1;
        } else {
            s[n++] = s[i];
        }
    }
    return n;
}

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
            keys[n].size = (uint32_t)mark_spaces(&t->unigram, text + at, piece->size);
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
static int build_set(zoo_tokenizer *t, zoo_added_set *set, int normalized, zoo_norm_work *work, const char *place, zoo_err *err)
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
            rc = zoo_fail(err, ZOO_EFORMAT, "%s: the added token '%s' is normalised to nothing, or to too much", place, token->content);
        if (!rc && zoo_buf_add(&text, span.at, span.size))
            rc = zoo_fail_nomem(err);
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

/* ---- asking ---- */

size_t zoo_tokenizer_size(const zoo_tokenizer *t)
{
    return t->size;
}

int64_t zoo_tokenizer_id_of(const zoo_tokenizer *t, const char *content, size_t size)
{
    const zoo_added_token *token = zoo_added_find(&t->added, content, size);
    char marked[ZOO_TRIE_KEY_MAX];
    uint32_t id;

    if (token)
        return token->id;
    if (t->is_wordpiece) {
        id = zoo_trie_find(&t->wordpiece.trie, content, size);
        return id == ZOO_TRIE_NONE ? -1 : (int64_t)id;
    }
    if (size > sizeof marked)
        return -1;
    memcpy(marked, content, size);
    size = mark_spaces(&t->unigram, marked, size);
    id = zoo_trie_find(&t->unigram.trie, marked, size);
    if (id == ZOO_TRIE_NONE)
        id = zoo_trie_find(&t->unigram.unmatched, marked, size);
    return id == ZOO_TRIE_NONE ? -1 : (int64_t)id;
}

int64_t zoo_tokenizer_find(const zoo_tokenizer *t, const char *content)
{
    return zoo_tokenizer_id_of(t, content, strlen(content));
}

const char *zoo_tokenizer_piece(const zoo_tokenizer *t, uint32_t id, size_t *size)
{
    for (size_t i = 0; i < t->added.count; i++)
        if (t->added.tokens[i].id == id) {
            *size = t->added.tokens[i].size;
            return t->added.tokens[i].content;
        }
    *size = 0;
    if (id >= t->pieces.count || t->pieces.items[id].flags & ZOO_PIECE_ABSENT)
        return NULL;
    *size = t->pieces.items[id].size;
    return zoo_pieces_at(&t->pieces, id);
}

/* ---- one thread's memory ---- */

int zoo_tokenization_new(zoo_tokenization **out, const zoo_tokenizer *tokenizer, zoo_err *err)
{
    zoo_tokenization *w = calloc(1, sizeof *w);

    (void)tokenizer;
    *out = w;
    if (!w)
        return zoo_fail_nomem(err);
    zoo_norm_work_init(&w->norm);
    w->valid = w->words = (zoo_buf)ZOO_BUF_INIT(1u << 31);
    return ZOO_OK;
}

void zoo_tokenization_free(zoo_tokenization *w)
{
    if (!w)
        return;
    zoo_norm_work_release(&w->norm);
    zoo_buf_release(&w->valid);
    zoo_buf_release(&w->words);
    zoo_unigram_path_release(&w->path);
    free(w->first.ids);
    free(w->second.ids);
    free(w->ids);
    free(w->types);
    free(w);
}

/* ---- a text to ids ---- */

struct run {
    const zoo_tokenizer *t;
    zoo_tokenization *w;
    zoo_id_list *list;
};

static int take_word(void *context, const char *word, size_t size, zoo_err *err)
{
    struct run *run = context;
    int rc = run->t->is_wordpiece ? zoo_wordpiece_encode(&run->t->wordpiece, word, size, run->list, err) :
                                    zoo_unigram_encode(&run->t->unigram, &run->w->path, word, size, run->list, err);

    return rc ? rc : zoo_id_list_is_full(run->list) ? STOPPED : ZOO_OK;
}

static int take_id(struct run *run, uint32_t id, zoo_err *err)
{
    zoo_id_list_add(run->list, id);
    return run->list->is_short ? zoo_fail_nomem(err) : zoo_id_list_is_full(run->list) ? STOPPED : ZOO_OK;
}

/* A stretch of the user's text without tokens that are looked for there. */
static int take_stretch(struct run *run, const char *s, size_t size, int at_start, zoo_err *err)
{
    const zoo_tokenizer *t = run->t;
    zoo_added_match match;
    zoo_span text;
    size_t at = 0, from = 0;
    int rc = zoo_normalizer_run(&t->normalizer, &run->w->norm, s, size, &text, &at_start, err);

    while (!rc && zoo_added_next(&t->added, &t->added.normalized, text.at, text.size, from, at, &match)) {
        rc = zoo_splitter_run(&t->splitter, &run->w->words, text.at + at, match.start - at, at_start && !at, take_word, run, err);
        if (!rc)
            rc = take_id(run, match.id, err);
        from = match.next;
        at = match.end;
    }
    if (rc || at >= text.size)
        return rc;
    return zoo_splitter_run(&t->splitter, &run->w->words, text.at + at, text.size - at, at_start && !at, take_word, run, err);
}

static int take_text(struct run *run, const char *s, size_t size, zoo_err *err)
{
    const zoo_tokenizer *t = run->t;
    zoo_added_match match;
    size_t at = 0, from = 0;
    int rc = zoo_id_list_is_full(run->list) ? STOPPED : ZOO_OK;

    while (!rc && zoo_added_next(&t->added, &t->added.raw, s, size, from, at, &match)) {
        if (match.start > at)
            rc = take_stretch(run, s + at, match.start - at, !at, err);
        if (!rc)
            rc = take_id(run, match.id, err);
        from = match.next;
        at = match.end;
    }
    return rc || at >= size ? rc : take_stretch(run, s + at, size - at, !at, err);
}

/* The text with one U+FFFD for each byte that is not UTF-8. */
static int make_valid(zoo_tokenization *w, const char **text, size_t *size, zoo_err *err)
{
    size_t good = zoo_utf8_valid(*text, *size), at = 0;

    if (good == *size)
        return ZOO_OK;
    zoo_buf_clear(&w->valid);
    while (at < *size) {
        if (zoo_buf_add(&w->valid, *text + at, good))
            return zoo_fail_nomem(err);
        at += good;
        if (at < *size && zoo_buf_add(&w->valid, "\xef\xbf\xbd", 3))
            return zoo_fail_nomem(err);
        at++;
        good = at < *size ? zoo_utf8_valid(*text + at, *size - at) : 0;
    }
    *text = w->valid.data;
    *size = w->valid.size;
    return ZOO_OK;
}

/* Fills `list`: the first `keep` ids are kept, and after `stop` nothing more is read. */
static int encode_text(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, size_t keep, size_t stop,
                       zoo_id_list *list, zoo_err *err)
{
    struct run run = { t, w, list };
    int rc;

    list->count = 0;
    list->keep = keep;
    list->stop = stop;
    list->is_short = 0;
    rc = size ? make_valid(w, &text, &size, err) : ZOO_OK;
    if (!rc && size)
        rc = take_text(&run, text, size, err);
    return rc == STOPPED ? ZOO_OK : rc;
}

/* ---- truncation ---- */

static int check_room(size_t max_length, size_t specials, zoo_err *err)
{
    if (max_length >= specials)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EUSAGE, "a max_length of %zu leaves no room: the special tokens alone are %zu", max_length, specials);
}

static int check_count(const zoo_id_list *list, zoo_err *err)
{
    if (list->count <= ZOO_TOKENS_MAX)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "the text has more than %d tokens; give a max_length", ZOO_TOKENS_MAX);
}

/* How many ids of each of two texts stay where both together may have `room`: `tokenizers`' longest-first. A count of room + 1
 * stands for that or more. */
static void share_room(size_t room, size_t *first, size_t *second)
{
    size_t *least = *first > *second ? second : first, *most = least == first ? second : first;

    if (*first + *second <= room)
        return;
    *most = *least > room ? *least : *least > room - *least ? *least : room - *least;
    if (*least + *most > room) {
        *least = room / 2;
        *most = room / 2 + room % 2;
    }
}

static int encode_pair(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, const char *pair, size_t pair_size,
                       size_t room, int *was_cut, zoo_err *err)
{
    size_t keep = room < ZOO_TOKENS_MAX ? room : ZOO_TOKENS_MAX + 1, stop = keep == room ? room + 1 : keep, first, second;
    int rc = encode_text(t, w, text, size, keep, stop, &w->first, err);

    if (!rc)
        rc = encode_text(t, w, pair, pair_size, keep, stop, &w->second, err);
    if (!rc)
        rc = check_count(&w->first, err);
    if (!rc)
        rc = check_count(&w->second, err);
    if (rc)
        return rc;
    first = w->first.count;
    second = w->second.count;
    *was_cut = first + second > room;
    if (first > room && second > room && room % 2) {        /* the odd one goes to the longer text: count both to their ends */
        rc = encode_text(t, w, text, size, 0, SIZE_MAX, &w->first, err);
        if (!rc)
            rc = encode_text(t, w, pair, pair_size, 0, SIZE_MAX, &w->second, err);
        if (rc)
            return rc;
        first = w->first.count;
        second = w->second.count;
    }
    share_room(room, &first, &second);
    w->first.count = first;
    w->second.count = second;
    return ZOO_OK;
}

/* ---- putting together ---- */

static int reserve(zoo_tokenization *w, size_t n)
{
    size_t capacity = w->capacity ? w->capacity : 1024;
    uint32_t *ids;
    uint8_t *types;

    if (n <= w->capacity)
        return ZOO_OK;
    while (capacity < n)
        capacity *= 2;
    ids = realloc(w->ids, capacity * sizeof *ids);
    w->ids = ids ? ids : w->ids;
    types = ids ? realloc(w->types, capacity) : NULL;
    w->types = types ? types : w->types;
    if (!types)
        return ZOO_ENOMEM;
    w->capacity = capacity;
    return ZOO_OK;
}

static int put_together(zoo_tokenization *w, const zoo_template *template, zoo_ids *out, zoo_err *err)
{
    size_t n = template->specials, at = 0;

    for (size_t i = 0; i < template->count; i++)
        n += template->items[i].what == ZOO_TEMPLATE_A ? w->first.count : template->items[i].what == ZOO_TEMPLATE_B ? w->second.count : 0;
    if (reserve(w, n))
        return zoo_fail_nomem(err);
    for (size_t i = 0; i < template->count; i++) {
        const zoo_id_list *list = template->items[i].what == ZOO_TEMPLATE_A ? &w->first : &w->second;
        size_t size = template->items[i].what == ZOO_TEMPLATE_SPECIAL ? 1 : list->count;
        if (template->items[i].what == ZOO_TEMPLATE_SPECIAL)
            w->ids[at] = template->items[i].id;
        else if (size)
            memcpy(w->ids + at, list->ids, size * sizeof *w->ids);
        memset(w->types + at, template->items[i].type, size);
        at += size;
    }
    out->ids = w->ids;
    out->types = w->types;
    out->count = at;
    return ZOO_OK;
}

static int encode_single(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, size_t room, int *was_cut, zoo_err *err)
{
    size_t keep = room < ZOO_TOKENS_MAX ? room : ZOO_TOKENS_MAX + 1;
    int rc = encode_text(t, w, text, size, keep, keep == room ? room + 1 : keep, &w->first, err);

    if (!rc)
        rc = check_count(&w->first, err);
    *was_cut = !rc && w->first.count > room;
    if (*was_cut)
        w->first.count = room;
    w->second.count = 0;
    return rc;
}

int zoo_tokenizer_encode(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, const char *pair, size_t pair_size,
                         size_t max_length, zoo_ids *out, zoo_err *err)
{
    int is_pair = pair && pair_size;
    const zoo_template *template = is_pair ? &t->pair : &t->single;
    int rc = check_room(max_length, template->specials, err);

    *out = (zoo_ids){ 0 };
    if (rc)
        return rc;
    if (is_pair)
        rc = encode_pair(t, w, text, size, pair, pair_size, max_length - template->specials, &out->was_cut, err);
    else
        rc = encode_single(t, w, text, size, max_length - template->specials, &out->was_cut, err);
    return rc ? rc : put_together(w, template, out, err);
}

int zoo_tokenizer_encode_plain(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, size_t max_length, zoo_ids *out,
                               zoo_err *err)
{
    static const zoo_template bare = { .items = { { ZOO_TEMPLATE_A, 0, 0 } }, .count = 1 };
    int rc;

    *out = (zoo_ids){ 0 };
    rc = encode_single(t, w, text, size, max_length, &out->was_cut, err);
    return rc ? rc : put_together(w, &bare, out, err);
}
