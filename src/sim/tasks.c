/* tasks.c - the kinds of task that the sample asks and that the simulated experts answer; see tasks.h. */
#include "sim/tasks.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/kinds.h"

const zoo_sim_kind *const zoo_sim_kinds[] = {
    &zoo_sim_word_problem, &zoo_sim_product, &zoo_sim_percent, &zoo_sim_units, &zoo_sim_extremes, &zoo_sim_sequence,
    &zoo_sim_roman, &zoo_sim_binary, &zoo_sim_translate,
    &zoo_sim_reverse, &zoo_sim_letters, &zoo_sim_sorting, &zoo_sim_acronym,
    &zoo_sim_weekday, &zoo_sim_clock, &zoo_sim_capitals, &zoo_sim_elements,
    &zoo_sim_program, NULL
};

size_t zoo_sim_kind_count(void)
{
    return COUNT_OF(zoo_sim_kinds) - 1;
}

const zoo_sim_kind *zoo_sim_kind_find(const char *name)
{
    for (size_t i = 0; zoo_sim_kinds[i]; i++)
        if (!strcmp(zoo_sim_kinds[i]->name, name))
            return zoo_sim_kinds[i];
    return NULL;
}

const char *zoo_sim_lang_code(enum zoo_sim_lang lang)
{
    static const char codes[ZOO_SIM_LANGS][3] = { "en", "de", "fr", "es", "zh" };

    return codes[lang];
}

/* ---- tools for the kinds ---- */

int zoo_sim_put(char *out, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(out, size, fmt, ap);
    va_end(ap);
    return n >= 0 && (size_t)n < size ? 0 : -1;
}

void zoo_sim_set(char slot[ZOO_SIM_SLOT_SIZE], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(slot, ZOO_SIM_SLOT_SIZE, fmt, ap);
    va_end(ap);
}

int zoo_sim_int(const char *text, long *value)
{
    size_t n = strspn(text + (*text == '-'), "0123456789");

    if (!n || n > 9 || text[n + (*text == '-')])
        return -1;
    *value = strtol(text, NULL, 10);
    return 0;
}

long zoo_sim_between(zoo_rng *rng, long least, long most)
{
    return least + (long)zoo_rng_below(rng, (uint64_t)(most - least + 1));
}

const char *zoo_sim_separator(enum zoo_sim_lang lang)
{
    return lang == ZOO_SIM_ZH ? "、" : ", ";
}

int zoo_sim_word_list(const char *text, char words[][ZOO_SIM_SLOT_SIZE], int most)
{
    int n = 0;

    for (;;) {
        const char *comma = strstr(text, ", "), *cjk = strstr(text, "、"), *end = comma;
        if (cjk && (!end || cjk < end))
            end = cjk;
        size_t size = end ? (size_t)(end - text) : strlen(text);
        if (!size || size >= ZOO_SIM_SLOT_SIZE || n == most)
            return -1;
        memcpy(words[n], text, size);
        words[n++][size] = '\0';
        if (!end)
            return n;
        text = end + (end == cjk ? strlen("、") : 2);
    }
}

int zoo_sim_int_list(const char *text, long *values, int most)
{
    char words[16][ZOO_SIM_SLOT_SIZE];
    int n = zoo_sim_word_list(text, words, most < 16 ? most : 16);

    for (int i = 0; i < n; i++)
        if (zoo_sim_int(words[i], &values[i]))
            return -1;
    return n;
}

void zoo_sim_err_number(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    long value = 0, off = zoo_sim_between(rng, 1, 9);

    (void)frame;
    (void)slots;
    zoo_sim_int(right, &value);
    if (value > 100 && zoo_rng_below(rng, 2))
        off *= 10;                                 /* a slip in the tens */
    if (value >= off && zoo_rng_below(rng, 2))
        off = -off;
    zoo_sim_put(out, size, "%ld", value + off);
}

void zoo_sim_draw(zoo_rng *rng, size_t *picked, size_t n, size_t bound)
{
    size_t all[64];

    for (size_t i = 0; i < bound; i++)
        all[i] = i;
    zoo_rng_shuffle(rng, all, bound);
    memcpy(picked, all, n * sizeof *picked);
}

/* ---- frames ---- */

/* The slot named at p ("{b}") as its number; -1: p is literal text. */
static int slot_at(const char *p)
{
    return p[0] == '{' && p[1] >= 'a' && p[1] < 'a' + ZOO_SIM_SLOTS && p[2] == '}' ? p[1] - 'a' : -1;
}

int zoo_sim_ask(const zoo_sim_task *task, char *out, size_t size)
{
    size_t n = 0;

    for (const char *p = task->frame->text; *p;) {
        int slot = slot_at(p);
        const char *piece = slot < 0 ? p : task->slots.text[slot];
        size_t length = slot < 0 ? 1 : strlen(piece);
        if (n + length >= size)
            return -1;
        memcpy(out + n, piece, length);
        n += length;
        p += slot < 0 ? 1 : 3;
    }
    out[n] = '\0';
    return 0;
}

static int belongs(char class, unsigned char c)
{
    switch (class) {
    case 'n': return c == '-' || (c >= '0' && c <= '9');
    case 't': return c == ':' || (c >= '0' && c <= '9');
    case 'w': return c >= 0x80 || c == '-' || c == '\'' || (c >= '0' && c <= '9') ||
        ((c | 32) >= 'a' && (c | 32) <= 'z');
    default: return c != '\n' && c != '\0';
    }
}

/* A match tries every end of a slot; the budget keeps hostile text from costing more than any real one. */
struct matching { const char *classes; zoo_sim_slots *slots; unsigned filled; int budget; };

static int match_rest(struct matching *m, const char *pattern, const char *text, const char *end);

static int match_slot(struct matching *m, int slot, const char *pattern, const char *text, const char *end)
{
    char *into = m->slots->text[slot], class = m->classes[slot];
    int is_whole = class == 'n' || class == 't';               /* digits are never shared out between two slots */

    if (m->filled & 1u << slot) {                              /* named before: the same text again */
        size_t size = strlen(into);
        return (size_t)(end - text) >= size && !memcmp(text, into, size) && match_rest(m, pattern, text + size, end);
    }
    for (size_t size = 1; size < ZOO_SIM_SLOT_SIZE && text + size <= end; size++) {
        if (!belongs(class, (unsigned char)text[size - 1]))
            return 0;
        if (text + size < end && (is_whole ? belongs(class, (unsigned char)text[size])
                                           : slot_at(pattern) < 0 && text[size] != *pattern))
            continue;
        memcpy(into, text, size);
        into[size] = '\0';
        m->filled |= 1u << slot;
        if (match_rest(m, pattern, text + size, end))
            return 1;
        m->filled &= ~(1u << slot);
    }
    return 0;
}

static int match_rest(struct matching *m, const char *pattern, const char *text, const char *end)
{
    if (--m->budget < 0)
        return 0;
    for (; *pattern; pattern++, text++) {
        int slot = slot_at(pattern);
        if (slot >= 0)
            return match_slot(m, slot, pattern + 3, text, end);
        if (text == end || *text != *pattern)
            return 0;
    }
    return text == end;
}

static int match_frame(const zoo_sim_kind *kind, const zoo_sim_frame *frame, const char *text, size_t size,
                       zoo_sim_task *out)
{
    struct matching m = { kind->slots, &out->slots, 0, 10000 };
    char value[ZOO_SIM_TEXT_SIZE];

    if (slot_at(frame->text) < 0 && (!size || *text != *frame->text))
        return 0;
    if (!match_rest(&m, frame->text, text, text + size))
        return 0;
    for (int i = 0; i < ZOO_SIM_SLOTS; i++)
        if (!(m.filled & 1u << i))
            out->slots.text[i][0] = '\0';
    out->kind = kind;
    out->frame = frame;
    return !kind->solve(frame, &out->slots, value, sizeof value);
}

int zoo_sim_match(const char *text, size_t size, zoo_sim_task *out)
{
    if (size >= ZOO_SIM_TEXT_SIZE)
        return 0;
    for (size_t i = 0; zoo_sim_kinds[i]; i++)
        for (size_t j = 0; j < zoo_sim_kinds[i]->frame_count; j++)
            if (match_frame(zoo_sim_kinds[i], &zoo_sim_kinds[i]->frames[j], text, size, out))
                return 1;
    return 0;
}

void zoo_sim_make(const zoo_sim_kind *kind, const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_task *out)
{
    out->kind = kind;
    out->frame = frame;
    memset(&out->slots, 0, sizeof out->slots);
    kind->make(frame, rng, &out->slots);
    for (int i = 0; i < ZOO_SIM_SLOTS; i++) {
        char name[4] = { '{', (char)('a' + i), '}', '\0' };
        if (!strstr(frame->text, name))
            out->slots.text[i][0] = '\0';
    }
}

/* ---- values ---- */

int zoo_sim_solve(const zoo_sim_task *task, char *out, size_t size)
{
    return task->kind->solve(task->frame, &task->slots, out, size);
}

int zoo_sim_reference(const zoo_sim_task *task, char *out, size_t size)
{
    return (task->kind->reference ? task->kind->reference : task->kind->solve)(task->frame, &task->slots, out, size);
}

int zoo_sim_mistake(const zoo_sim_task *task, zoo_rng *rng, char *out, size_t size)
{
    char right[ZOO_SIM_TEXT_SIZE];

    if (zoo_sim_solve(task, right, sizeof right))
        return -1;
    for (int tries = 0; tries < 100; tries++) {
        task->kind->err(task->frame, &task->slots, right, rng, out, size);
        if (!strstr(out, right))       /* "quatre-vingt-dix" holds "dix": a grader that looks for words would take it */
            return 0;
    }
    return -1;
}

/* How an answer is put; {x} is the value. Digits and lone capitals stand nowhere but in the value, which is bold,
 * quoted, alone or behind words that mark an answer: what an exact grader has to find and nothing else. */
static const char *const sentences[ZOO_SIM_LANGS][5] = {
    { "The answer is {x}.", "Let me work this out step by step.\n\nThe result: **{x}**", "Sure! That gives \"{x}\".",
      "{x}",
      "Happy to help.\n\nAnswer: {x}" },
    { "Die Antwort lautet **{x}**.", "Ich gehe das Schritt für Schritt durch.\n\nErgebnis: **{x}**",
      "Gern! Das ergibt \"{x}\".",
      "{x}", "Kurz nachgedacht.\n\nAntwort: {x}" },
    { "La réponse est **{x}**.", "Procédons étape par étape.\n\nRésultat : **{x}**", "Bien sûr ! Cela donne \"{x}\".",
      "{x}",
      "Avec plaisir.\n\nRéponse : {x}" },
    { "La respuesta es **{x}**.", "Vamos paso a paso.\n\nResultado: **{x}**", "¡Claro! El resultado es \"{x}\".", "{x}",
      "Con mucho gusto.\n\nRespuesta: {x}" },
    { "答案是 {x}。", "我们一步一步来看。\n\n结果：**{x}**", "好的，结果是 \"{x}\"。", "{x}", "很高兴为您解答。\n\n答案：{x}" }
};
static const char *const choices[ZOO_SIM_LANGS][4] = {
    { "The answer is ({x}).", "({x})", "{x}", "Answer: **{x}**" },
    { "Die richtige Antwort ist ({x}).", "({x})", "{x}", "Antwort: **{x}**" },
    { "La bonne réponse est ({x}).", "({x})", "{x}", "Réponse : **{x}**" },
    { "La respuesta correcta es ({x}).", "({x})", "{x}", "Respuesta: **{x}**" },
    { "正确答案是 {x}。", "({x})", "{x}", "答案：**{x}**" }
};
static const char *const programs[ZOO_SIM_LANGS] = {
    "Here is the function:\n\n```python\n{x}```\n\nIt works on the whole input at once.",
    "Hier ist die Funktion:\n\n```python\n{x}```\n\nSie kommt ohne weitere Module aus.",
    "Voici la fonction :\n\n```python\n{x}```\n",
    "Aquí está la función:\n\n```python\n{x}```\n",
    "函数如下：\n\n```python\n{x}```\n"
};

int zoo_sim_phrase(const zoo_sim_task *task, const char *value, zoo_rng *rng, char *out, size_t size)
{
    enum zoo_sim_lang lang = task->frame->lang;
    const char *phrase, *x;

    if (!strcmp(task->kind->grader, "program"))
        phrase = programs[lang];
    else if (!strcmp(task->kind->grader, "choice"))
        phrase = choices[lang][zoo_rng_below(rng, COUNT_OF(choices[0]))];
    else
        phrase = sentences[lang][zoo_rng_below(rng, COUNT_OF(sentences[0]))];
    x = strstr(phrase, "{x}");
    return zoo_sim_put(out, size, "%.*s%s%s", (int)(x - phrase), phrase, value, x + 3);
}
