/* splitter.c - a normalised text into the words that the model gets: the "pre_tokenizer" of a tokenizer.json as a
 * list of steps, each of which splits what the one before it left; see splitter.h. */
#include "text/splitter.h"
#include <string.h>
#include "base/utf8.h"
#include "text/unicode.h"
#include "text/unigram.h"

struct run {
    const zoo_splitter *splitter;
    zoo_buf *work;
    const char *begin;                  /* NULL: not where the user's text begins */
    zoo_word_fn fn;
    void *context;
    zoo_err *err;
};

static int split(struct run *run, size_t step, const char *s, size_t size);

/* ---- characters that part words ---- */

enum class { INSIDE, SPACE, MARK };     /* of a word; dropped; a word or run of its own */

static enum class classify(const zoo_split_step *step, uint32_t code)
{
    switch (step->kind) {
    case ZOO_SPLIT_SPACE: return zoo_unicode_is_white(code) ? SPACE : INSIDE;
    case ZOO_SPLIT_WORDS: return zoo_unicode_is_word(code) ? INSIDE : zoo_unicode_is_white(code) ? SPACE : MARK;
    case ZOO_SPLIT_BERT: return zoo_unicode_is_white(code) ? SPACE : zoo_unicode_is_punctuation(code) ? MARK : INSIDE;
    case ZOO_SPLIT_PUNCTUATION: return zoo_unicode_is_punctuation(code) ? MARK : INSIDE;
    case ZOO_SPLIT_DIGITS: return zoo_unicode_is_numeric(code) ? MARK : INSIDE;
    case ZOO_SPLIT_METASPACE: break;
    }
    return INSIDE;
}

static enum zoo_split_behavior behavior_of(const zoo_split_step *step)
{
    if (step->kind == ZOO_SPLIT_WORDS)
        return ZOO_SPLIT_CONTIGUOUS;
    return step->kind == ZOO_SPLIT_BERT ? ZOO_SPLIT_ISOLATED : step->behavior;
}

/* Does a word end between two neighbours, neither of them SPACE? */
static int parts(enum zoo_split_behavior behavior, enum class before, enum class next)
{
    switch (behavior) {
    case ZOO_SPLIT_CONTIGUOUS: return before != next;
    case ZOO_SPLIT_WITH_PREVIOUS: return before == MARK;
    case ZOO_SPLIT_WITH_NEXT: return next == MARK;
    default: return before == MARK || next == MARK;
    }
}

static int split_chars(struct run *run, size_t at_step, const char *s, size_t size)
{
    const zoo_split_step *step = &run->splitter->steps[at_step];
    enum zoo_split_behavior behavior = behavior_of(step);
    enum class before = SPACE;
    size_t begin = 0, used;
    int rc = ZOO_OK;

    for (size_t at = 0; at < size && !rc; at += used) {
        enum class next = classify(step, zoo_utf8_next(s + at, size - at, &used));
        if (next == MARK && behavior == ZOO_SPLIT_REMOVED)
            next = SPACE;
        if (before != SPACE && (next == SPACE || parts(behavior, before, next))) {
            rc = split(run, at_step + 1, s + begin, at - begin);
            begin = at;
        }
        if (next == SPACE)
            begin = at + used;
        before = next;
    }
    return rc || before == SPACE ? rc : split(run, at_step + 1, s + begin, size - begin);
}

/* ---- metaspace ---- */

/* Appends s with spaces and the symbol as the mark. */
static int put_marked(const zoo_split_step *step, zoo_buf *out, const char *s, size_t size)
{
    char *to;

    if (zoo_buf_reserve(out, size + 1))
        return ZOO_ENOMEM;
    to = out->data + out->size;
    for (size_t i = 0; i < size; i++) {
        if (s[i] == ' ') {
            *to++ = (char)ZOO_SPACE_MARK;
        } else if (s[i] == step->symbol[0] && size - i >= step->symbol_size &&
                   !memcmp(s + i, step->symbol, step->symbol_size)) {
            *to++ = (char)ZOO_SPACE_MARK;
            i += step->symbol_size - 1;
        } else {
            *to++ = s[i];
        }
    }
    out->size = (size_t)(to - out->data);
    return ZOO_OK;
}

static int split_metaspace(struct run *run, const zoo_split_step *step, const char *s, size_t size)
{
    static const char mark = (char)ZOO_SPACE_MARK;
    const char *word, *end;
    int rc = ZOO_OK;

    zoo_buf_clear(run->work);
    if (zoo_buf_add(run->work, &mark, 1) || put_marked(step, run->work, s, size))
        return zoo_fail_nomem(run->err);
    word = run->work->data + 1;
    end = run->work->data + run->work->size;
    if (*word != mark &&
        (step->prepend == ZOO_PREPEND_ALWAYS || (step->prepend == ZOO_PREPEND_FIRST && s == run->begin)))
        word--;
    if (step->is_whole)
        return run->fn(run->context, word, (size_t)(end - word), run->err);
    for (const char *next; word < end && !rc; word = next) {
        next = memchr(word + 1, (unsigned char)mark, (size_t)(end - word - 1));
        if (!next)
            next = end;
        rc = run->fn(run->context, word, (size_t)(next - word), run->err);
    }
    return rc;
}

static int split(struct run *run, size_t step, const char *s, size_t size)
{
    if (step == run->splitter->count)
        return run->fn(run->context, s, size, run->err);
    if (run->splitter->steps[step].kind == ZOO_SPLIT_METASPACE)
        return split_metaspace(run, &run->splitter->steps[step], s, size);
    return split_chars(run, step, s, size);
}

int zoo_splitter_run(const zoo_splitter *splitter, zoo_buf *work, const char *s, size_t size, int at_start,
                     zoo_word_fn fn, void *context, zoo_err *err)
{
    struct run run = { splitter, work, at_start ? s : NULL, fn, context, err };

    return size ? split(&run, 0, s, size) : ZOO_OK;
}
