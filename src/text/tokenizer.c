/* tokenizer.c - text to the ids an encoder was trained with: SentencePiece Unigram and WordPiece, as the
 * checkpoint's folder says; see tokenizer.h. */
#include "text/tokenizer.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fs.h"
#include "base/utf8.h"
#include "text/tokenizer_parts.h"

enum { STOPPED = 1, PART = 4096 };  /* all ids that were asked for are there; bytes of a text that are read at a time */

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

/* In the order in which they decide. */
static const struct { const char *name; zoo_tokenizer_read_fn read; size_t size_max; } files[] = {
    { "tokenizer.json", zoo_tokenizer_read_json, 256u << 20 },
    { "spm.model", zoo_tokenizer_read_spm, 64u << 20 },
    { "vocab.txt", zoo_tokenizer_read_vocab, 64u << 20 },
};
enum { FILES = sizeof files / sizeof *files };

static int exists(const char *dir, const char *name)
{
    char path[PATH_MAX];

    return !zoo_fs_join(path, sizeof path, dir, name, NULL) && !access(path, F_OK);
}

static size_t find_file(const char *dir)
{
    size_t i = 0;

    while (i < FILES && !exists(dir, files[i].name))
        i++;
    return i;
}

int zoo_tokenizer_exists(const char *dir)
{
    return find_file(dir) < FILES;
}

int zoo_tokenizer_open_source(zoo_tokenizer **out, zoo_tokenizer_read_fn read, const zoo_source *from, zoo_err *err)
{
    zoo_tokenizer *t = calloc(1, sizeof *t);
    int rc;

    *out = NULL;
    if (!t)
        return zoo_fail_nomem(err);
    zoo_pieces_init(&t->pieces);
    rc = read(t, from, err);
    if (rc) {
        zoo_tokenizer_close(t);
        return rc;
    }
    t->size = t->pieces.count;
    for (size_t i = 0; i < t->added.count; i++)
        if (t->added.tokens[i].id >= t->size)
            t->size = (size_t)t->added.tokens[i].id + 1;
    t->can_cut = zoo_tokenizer_may_cut(t);
    *out = t;
    return ZOO_OK;
}

int zoo_tokenizer_open(zoo_tokenizer **out, const char *dir, zoo_err *err)
{
    size_t i = find_file(dir);
    zoo_source from = { .dir = dir };
    char path[PATH_MAX], *text = NULL;
    int rc;

    *out = NULL;
    if (i == FILES)
        return zoo_fail(err, ZOO_EIO,
                        "%s: no tokenizer.json, spm.model or vocab.txt; copy the checkpoint's tokenizer there", dir);
    rc = zoo_fs_join(path, sizeof path, dir, files[i].name, err);
    if (!rc)
        rc = zoo_fs_read(&text, &from.size, path, files[i].size_max, err);
    from.path = path;
    from.text = text;
    if (!rc)
        rc = zoo_tokenizer_open_source(out, files[i].read, &from, err);
    free(text);
    return rc;
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
    size = zoo_unigram_mark_spaces(&t->unigram, marked, size);
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
    run->w->path.carried = 0;
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
        rc = zoo_splitter_run(&t->splitter, &run->w->words, text.at + at, match.start - at, at_start && !at, take_word,
                              run, err);
        if (!rc)
            rc = take_id(run, match.id, err);
        from = match.next;
        at = match.end;
    }
    if (rc || at >= text.size)
        return rc;
    return zoo_splitter_run(&t->splitter, &run->w->words, text.at + at, text.size - at, at_start && !at, take_word, run,
                            err);
}

/* `is_first`: the part that the user's text begins with. */
static int take_part(struct run *run, const char *s, size_t size, int is_first, zoo_err *err)
{
    const zoo_tokenizer *t = run->t;
    zoo_added_match match;
    size_t at = 0, from = 0;
    int rc = zoo_id_list_is_full(run->list) ? STOPPED : ZOO_OK;

    while (!rc && zoo_added_next(&t->added, &t->added.raw, s, size, from, at, &match)) {
        if (match.start > at)
            rc = take_stretch(run, s + at, match.start - at, is_first && !at, err);
        if (!rc)
            rc = take_id(run, match.id, err);
        from = match.next;
        at = match.end;
    }
    return rc || at >= size ? rc : take_stretch(run, s + at, size - at, is_first && !at, err);
}

/* ---- reading in parts ---- */

static int is_letter(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Bytes of the part that text[0..size) begins with: about PART,
 * cut before a space between two ASCII letters or digits. */
static size_t part_size(const zoo_tokenizer *t, const char *text, size_t size)
{
    size_t at = PART;

    if (!t->can_cut || size <= PART)
        return size;
    for (; at > 1; at--)
        if (text[at] == ' ' && is_letter(text[at - 1]) && at + 1 < size && is_letter(text[at + 1]))
            return at;
    for (at = PART; at + 1 < size; at++)
        if (text[at] == ' ' && is_letter(text[at - 1]) && is_letter(text[at + 1]))
            return at;
    return size;
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

/* Fills `list`: the first `keep` ids are kept, and after `stop` nothing more is read. A part is cut between two
 * characters of
 * ASCII: what is UTF-8 does not change by it. */
static int encode_text(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, size_t keep,
                       size_t stop, zoo_id_list *list, zoo_err *err)
{
    struct run run = { t, w, list };
    int rc = ZOO_OK;

    list->count = 0;
    list->keep = keep;
    list->stop = stop;
    list->is_short = 0;
    w->path.carried = 0;
    for (size_t at = 0, used; at < size && !rc; at += used) {
        const char *part = text + at;
        size_t bytes = used = part_size(t, part, size - at);
        rc = make_valid(w, &part, &bytes, err);
        if (!rc)
            rc = take_part(&run, part, bytes, !at, err);
    }
    return rc == STOPPED ? ZOO_OK : rc;
}

/* ---- truncation ---- */

static int check_room(size_t max_length, size_t specials, zoo_err *err)
{
    if (max_length >= specials)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EUSAGE, "a max_length of %zu leaves no room: the special tokens alone are %zu", max_length,
                    specials);
}

static int check_count(const zoo_id_list *list, zoo_err *err)
{
    if (list->count <= ZOO_TOKENS_MAX)
        return ZOO_OK;
    return zoo_fail(err, ZOO_EFORMAT, "the text has more than %d tokens; give a max_length", ZOO_TOKENS_MAX);
}

/* How many ids of each of two texts stay where both together may have `room`: `tokenizers`' longest-first. A count of
 * room + 1 stands for that or more. */
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

static int encode_pair(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, const char *pair,
                       size_t pair_size, size_t room, int *was_cut, zoo_err *err)
{
    size_t keep = room < ZOO_TOKENS_MAX ? room : ZOO_TOKENS_MAX + 1, stop = keep == room ? room + 1 : keep, first,
                  second;
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
    /* the odd one goes to the longer text: count both to their ends */
    if (first > room && second > room && room % 2) {
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
        n += template->items[i].what == ZOO_TEMPLATE_A ? w->first.count : template->items[i].what == ZOO_TEMPLATE_B ?
             w->second.count : 0;
    if (reserve(w, n + 1))               /* never NULL */
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

static int encode_single(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, size_t room,
                         int *was_cut, zoo_err *err)
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

int zoo_tokenizer_encode(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size, const char *pair,
                         size_t pair_size, size_t max_length, zoo_ids *out, zoo_err *err)
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

int zoo_tokenizer_encode_plain(const zoo_tokenizer *t, zoo_tokenization *w, const char *text, size_t size,
                               size_t max_length, zoo_ids *out, zoo_err *err)
{
    static const zoo_template bare = { .items = { { ZOO_TEMPLATE_A, 0, 0 } }, .count = 1 };
    int rc;

    *out = (zoo_ids){ 0 };
    rc = encode_single(t, w, text, size, max_length, &out->was_cut, err);
    return rc ? rc : put_together(w, &bare, out, err);
}
