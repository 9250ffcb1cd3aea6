/* normalizer.c - what happens to a text before it is split: the "normalizer" of a tokenizer.json as a list of steps,
 * and sentencepiece's own as one step; see normalizer.h. */
#include "text/normalizer.h"
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "text/unigram.h"

enum { TEXT_MAX = 1u << 31, GATHERED_MAX = 4096 };   /* bytes; code points, before those that are settled are written */

void zoo_norm_work_init(zoo_norm_work *work)
{
    *work = (zoo_norm_work){ .even = ZOO_BUF_INIT(TEXT_MAX), .odd = ZOO_BUF_INIT(TEXT_MAX) };
}

void zoo_norm_work_release(zoo_norm_work *work)
{
    zoo_buf_release(&work->even);
    zoo_buf_release(&work->odd);
    zoo_codes_release(&work->codes);
}

zoo_norm_step *zoo_normalizer_add(zoo_normalizer *n)
{
    if (!n->steps)
        n->steps = calloc(ZOO_NORM_STEPS_MAX, sizeof *n->steps);
    return !n->steps || n->count == ZOO_NORM_STEPS_MAX ? NULL : &n->steps[n->count++];
}

void zoo_normalizer_release(zoo_normalizer *n)
{
    for (size_t i = 0; i < n->count; i++) {
        zoo_charsmap_release(&n->steps[i].map);
        zoo_trie_release(&n->steps[i].verbatim);
        free(n->steps[i].from);
        free(n->steps[i].to);
    }
    free(n->steps);
    *n = (zoo_normalizer){ 0 };
}

/* ---- small helpers ---- */

static int put(zoo_buf *out, const char *bytes, size_t size)
{
    if (out->capacity - out->size <= size && zoo_buf_reserve(out, size + out->size))
        return ZOO_ENOMEM;
    memcpy(out->data + out->size, bytes, size);
    out->size += size;
    return ZOO_OK;
}

static int put_code(zoo_buf *out, uint32_t code)
{
    char bytes[4];

    return put(out, bytes, zoo_utf8_put(bytes, code));
}

static int is_ascii(const char *s, size_t size)
{
    unsigned char all = 0;

    for (size_t i = 0; i < size; i++)
        all |= (unsigned char)s[i];
    return all < 0x80;
}

/* ---- steps that change no bytes ---- */

static void strip_left(zoo_span *text)
{
    size_t used;

    while (text->size && zoo_unicode_is_white(zoo_utf8_next(text->at, text->size, &used))) {
        text->at += used;
        text->size -= used;
    }
}

static void strip_right(zoo_span *text)
{
    while (text->size) {
        size_t begin = text->size - 1, used;
        while (begin && ((unsigned char)text->at[begin] & 0xc0) == 0x80)
            begin--;
        if (!zoo_unicode_is_white(zoo_utf8_next(text->at + begin, text->size - begin, &used)))
            return;
        text->size = begin;
    }
}

/* ---- charsmap, cluster by cluster ---- */

/* Bytes of the grapheme cluster at s[0..size). */
static size_t cluster_size(const char *s, size_t size)
{
    zoo_cluster cluster;
    size_t used, at;

    zoo_cluster_begin(&cluster, zoo_utf8_next(s, size, &used));
    for (at = used; at < size; at += used)
        if (!zoo_cluster_take(&cluster, zoo_utf8_next(s + at, size - at, &used)))
            break;
    return at;
}

/* A cluster below six bytes is replaced whole where an entry begins it; else each of its characters is. */
static int map_cluster(const zoo_charsmap *map, const char *s, size_t cluster, zoo_buf *out)
{
    zoo_span by;
    size_t used;

    if (cluster < 6 && zoo_charsmap_shortest(map, s, cluster, &by))
        return put(out, by.at, by.size);
    for (size_t at = 0; at < cluster; at += used) {
        int rc;
        zoo_utf8_next(s + at, cluster - at, &used);
        rc = zoo_charsmap_shortest(map, s + at, used, &by) ? put(out, by.at, by.size) : put(out, s + at, used);
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

static int step_charsmap(const zoo_norm_step *step, zoo_span text, zoo_buf *out)
{
    const zoo_charsmap *map = &step->map;

    for (size_t at = 0, cluster; at < text.size; at += cluster) {
        size_t run = at;
        int rc;
        while (run < text.size && (unsigned char)text.at[run] < 0x80 && map->is_plain[(unsigned char)text.at[run]])
            run++;
        if (run < text.size && run > at && (unsigned char)text.at[run] >= 0x80)
            run--;                                  /* the last one's cluster may go on */
        if (run > at) {
            cluster = run - at;
            rc = put(out, text.at + at, cluster);
        } else {
            cluster = cluster_size(text.at + at, text.size - at);
            rc = map_cluster(map, text.at + at, cluster, out);
        }
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

/* ---- replacing ---- */

static size_t match(const zoo_norm_step *step, const char *s, size_t size)
{
    if (!step->from)
        return zoo_pattern_match(&step->pattern, s, size);
    return size >= step->from_size && !memcmp(s, step->from, step->from_size) ? step->from_size : 0;
}

static int step_replace(const zoo_norm_step *step, zoo_span text, zoo_buf *out)
{
    const uint8_t *begins = step->pattern.begins;
    size_t kept = 0, matched;

    for (size_t at = 0; at < text.size; ) {
        matched = begins[(unsigned char)text.at[at]] ? match(step, text.at + at, text.size - at) : 0;
        if (!matched) {
            at++;
            continue;
        }
        if (put(out, text.at + kept, at - kept) || put(out, step->to, step->to_size))
            return ZOO_ENOMEM;
        at += matched;
        kept = at;
    }
    return put(out, text.at + kept, text.size - kept);
}

/* ---- character by character ---- */

static int put_lower(zoo_buf *out, uint32_t code)
{
    uint32_t lower[2];
    size_t n = zoo_unicode_lower(code, lower);
    int rc = put_code(out, lower[0]);

    return rc || n < 2 ? rc : put_code(out, lower[1]);
}

static int is_nmt_dropped(uint32_t c)
{
    return (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
}

static int is_nmt_space(uint32_t c)
{
    return c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 ||
           c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
}

static int step_chars(const zoo_norm_step *step, zoo_span text, zoo_buf *out)
{
    size_t used;

    for (size_t at = 0; at < text.size; at += used) {
        uint32_t code = zoo_utf8_next(text.at + at, text.size - at, &used);
        int rc = ZOO_OK;
        if (step->kind == ZOO_NORM_LOWERCASE)
            rc = put_lower(out, code);
        else if (step->kind == ZOO_NORM_NMT && is_nmt_space(code))
            rc = put(out, " ", 1);
        else if (step->kind == ZOO_NORM_NMT ? !is_nmt_dropped(code) : !zoo_unicode_is_mark(code))
            rc = put_code(out, code);
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

/* ---- Unicode's forms ---- */

/* Appends what has been gathered. Where more follows,
 * the last code point is a starter and stays: the next may compose with it. */
static int flush_form(const zoo_norm_step *step, zoo_codes *codes, int more, zoo_buf *out)
{
    size_t n;

    if (zoo_codes_finish(codes))
        return ZOO_ENOMEM;
    if (step->kind == ZOO_NORM_NFC || step->kind == ZOO_NORM_NFKC)
        zoo_codes_compose(codes);
    n = codes->count - (more && codes->count);
    for (size_t i = 0; i < n; i++)
        if (put_code(out, codes->items[i]))
            return ZOO_ENOMEM;
    if (n < codes->count)
        codes->items[0] = codes->items[n];
    codes->count = codes->run = codes->count - n;
    return ZOO_OK;
}

static int step_form(const zoo_norm_step *step, zoo_norm_work *work, zoo_span text, zoo_buf *out)
{
    int is_compatible = step->kind == ZOO_NORM_NFKC || step->kind == ZOO_NORM_NFKD;
    zoo_codes *codes = &work->codes;
    size_t used;

    codes->count = codes->run = 0;
    for (size_t at = 0; at < text.size; at += used) {
        if (zoo_codes_add(codes, zoo_utf8_next(text.at + at, text.size - at, &used), is_compatible))
            return ZOO_ENOMEM;
        if (codes->count >= GATHERED_MAX && codes->run == codes->count && flush_form(step, codes, 1, out))
            return ZOO_ENOMEM;
    }
    return flush_form(step, codes, 0, out);
}

/* ---- BERT ---- */

static int add_bert(const zoo_norm_step *step, zoo_codes *codes, uint32_t code)
{
    int rc = ZOO_OK, is_cjk = step->cjk && zoo_unicode_is_cjk(code);

    if (step->clean) {
        int is_white = zoo_unicode_is_white(code);
        if (code == 0 || code == 0xfffd || (code != '\t' && code != '\n' && code != '\r' && zoo_unicode_is_other(code)))
            return ZOO_OK;
        code = is_white ? ' ' : code;
    }
    if (is_cjk)
        rc = zoo_codes_add(codes, ' ', 0);
    if (!rc)
        rc = step->accents ? zoo_codes_add(codes, code, 0) : zoo_codes_add_as_is(codes, code);
    return rc || !is_cjk ? rc : zoo_codes_add(codes, ' ', 0);
}

/* Appends what has been gathered, and begins anew. */
static int flush_bert(const zoo_norm_step *step, zoo_codes *codes, zoo_buf *out)
{
    if (zoo_codes_finish(codes))
        return ZOO_ENOMEM;
    for (size_t i = 0; i < codes->count; i++) {
        if (step->accents && zoo_unicode_is_nonspacing(codes->items[i]))
            continue;
        if (step->lower ? put_lower(out, codes->items[i]) : put_code(out, codes->items[i]))
            return ZOO_ENOMEM;
    }
    codes->count = codes->run = 0;
    return ZOO_OK;
}

/* The run of ASCII at `at`, in one go: nothing before or behind it changes what it becomes. Returns its bytes. */
static size_t put_ascii(const zoo_norm_step *step, zoo_span text, size_t at, zoo_buf *out)
{
    size_t begin = at;
    char *to;

    while (at < text.size && (unsigned char)text.at[at] < 0x80)
        at++;
    if (zoo_buf_reserve(out, at - begin + 1))
        return 0;
    to = out->data + out->size;
    for (size_t i = begin; i < at; i++) {
        char c = text.at[i];
        if (step->clean && (c < ' ' || c == 0x7f)) {
            if (c != '\t' && c != '\n' && c != '\r')
                continue;
            c = ' ';
        }
        *to++ = step->lower && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    out->size = (size_t)(to - out->data);
    return at - begin;
}

static int step_bert(const zoo_norm_step *step, zoo_norm_work *work, zoo_span text, zoo_buf *out)
{
    zoo_codes *codes = &work->codes;
    size_t used;

    codes->count = codes->run = 0;
    for (size_t at = 0; at < text.size; at += used) {
        if ((unsigned char)text.at[at] < 0x80) {
            used = flush_bert(step, codes, out) ? 0 : put_ascii(step, text, at, out);
            if (!used)
                return ZOO_ENOMEM;
            continue;
        }
        if (add_bert(step, codes, zoo_utf8_next(text.at + at, text.size - at, &used)))
            return ZOO_ENOMEM;
        if (codes->count >= GATHERED_MAX && codes->run == codes->count && flush_bert(step, codes, out))
            return ZOO_ENOMEM;
    }
    return flush_bert(step, codes, out);
}

/* ---- sentencepiece ---- */

/* What the text at s begins with, normalised; returns the bytes it stands for. */
static size_t sentencepiece_prefix(const zoo_norm_step *step, const char *s, size_t size, zoo_span *as)
{
    size_t used = 0;

    if (step->verbatim.count) {
        uint32_t node = ZOO_TRIE_ROOT;
        for (size_t i = 0; i < size && zoo_trie_step(&step->verbatim, &node, (unsigned char)s[i]); i++)
            if (zoo_trie_value(&step->verbatim, node) != ZOO_TRIE_NONE)
                used = i + 1;
    }
    if (!used && step->map.count) {
        used = zoo_charsmap_longest(&step->map, s, size, as);
        if (used)
            return used;
    }
    if (!used)
        zoo_utf8_next(s, size, &used);
    *as = (zoo_span){ s, used };
    return used;
}

/* Appends with spaces as the mark; the space symbol that stands in the text is the same piece. */
static int put_escaped(const zoo_norm_step *step, zoo_buf *out, zoo_span as)
{
    static const char mark = (char)ZOO_SPACE_MARK;

    for (size_t i = 0; i < as.size; i++) {
        int rc;
        if (as.size - i >= 3 && !memcmp(as.at + i, "\xe2\x96\x81", 3)) {
            rc = put(out, &mark, 1);
            i += 2;
        } else {
            rc = put(out, step->escape && as.at[i] == ' ' ? &mark : as.at + i, 1);
        }
        if (rc)
            return rc;
    }
    return ZOO_OK;
}

static int step_sentencepiece(const zoo_norm_step *step, zoo_span text, zoo_buf *out)
{
    const zoo_span space = { " ", 1 };
    char blank = step->escape ? (char)ZOO_SPACE_MARK : ' ';
    int was_space = step->collapse;
    zoo_span as;
    size_t at = 0, used;

    for (; step->collapse && at < text.size; at += used) {
        used = sentencepiece_prefix(step, text.at + at, text.size - at, &as);
        if (as.size != 1 || *as.at != ' ')
            break;
    }
    if (at == text.size)
        return ZOO_OK;
    if (step->dummy_prefix && !step->suffix && put_escaped(step, out, space))
        return ZOO_ENOMEM;
    for (; at < text.size; at += used) {
        used = sentencepiece_prefix(step, text.at + at, text.size - at, &as);
        for (; was_space && as.size && *as.at == ' '; as.at++)
            as.size--;
        if (as.size) {
            if (put_escaped(step, out, as))
                return ZOO_ENOMEM;
            was_space = step->collapse && as.at[as.size - 1] == ' ';
        }
    }
    while (step->collapse && out->size && out->data[out->size - 1] == blank)
        out->size--;
    return step->dummy_prefix && step->suffix ? put_escaped(step, out, space) : ZOO_OK;
}

/* ---- all ---- */

static int run_step(const zoo_norm_step *step, zoo_norm_work *work, zoo_span text, zoo_buf *out)
{
    int rc;

    switch (step->kind) {
    case ZOO_NORM_CHARSMAP: return step_charsmap(step, text, out);
    case ZOO_NORM_REPLACE: return step_replace(step, text, out);
    case ZOO_NORM_NFC: case ZOO_NORM_NFD: case ZOO_NORM_NFKC: case ZOO_NORM_NFKD:
        return step_form(step, work, text, out);
    case ZOO_NORM_LOWERCASE: case ZOO_NORM_STRIP_ACCENTS: case ZOO_NORM_NMT: return step_chars(step, text, out);
    case ZOO_NORM_BERT: return step_bert(step, work, text, out);
    case ZOO_NORM_SENTENCEPIECE: return step_sentencepiece(step, text, out);
    case ZOO_NORM_PREPEND:
        rc = text.size ? put(out, step->to, step->to_size) : ZOO_OK;
        return rc ? rc : put(out, text.at, text.size);
    case ZOO_NORM_STRIP: break;
    }
    return ZOO_OK;
}

/* Steps that leave a text of ASCII as it is. */
static int spares_ascii(enum zoo_norm_kind kind)
{
    return kind == ZOO_NORM_NFC || kind == ZOO_NORM_NFD || kind == ZOO_NORM_NFKC || kind == ZOO_NORM_NFKD ||
           kind == ZOO_NORM_STRIP_ACCENTS;
}

int zoo_normalizer_run(const zoo_normalizer *n, zoo_norm_work *work, const char *text, size_t size, zoo_span *out,
                       int *at_start, zoo_err *err)
{
    zoo_buf *next = &work->even;
    zoo_span now = { text, size };

    for (size_t i = 0; i < n->count && now.size; i++) {
        const zoo_norm_step *step = &n->steps[i];
        if (step->kind == ZOO_NORM_STRIP) {
            const char *before = now.at;
            if (step->left)
                strip_left(&now);
            if (step->right)
                strip_right(&now);
            *at_start &= now.at == before;
            continue;
        }
        if (spares_ascii(step->kind) && is_ascii(now.at, now.size))
            continue;
        zoo_buf_clear(next);
        if (zoo_buf_reserve(next, now.size + 1) || run_step(step, work, now, next))
            return zoo_fail_nomem(err);
        now = (zoo_span){ next->data, next->size };
        next = next == &work->even ? &work->odd : &work->even;
    }
    *out = now;
    return ZOO_OK;
}
