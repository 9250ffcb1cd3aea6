/* grade_string.c - whether an answer's statement is the reference.
 * The statement: what follows the last marker, to the end of its line; else the last line that is not empty or a code
 * fence. Right is a statement that equals the reference, whole or in its last quoted, bold or back-quoted piece. Both
 * are compared in Unicode's NFKC form, case-folded, with runs of spaces as one and without punctuation at the ends. */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "eval/grade_text.h"

static int is_outer(utf8proc_int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_PD: case UTF8PROC_CATEGORY_PS: case UTF8PROC_CATEGORY_PE: case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF: case UTF8PROC_CATEGORY_PO: case UTF8PROC_CATEGORY_PC: case UTF8PROC_CATEGORY_ZS:
        return 1;
    default:
        return code == '`' || code < ' ';
    }
}

/* NFKC, case folded, spaces collapsed; the caller frees it. NULL: no memory, or text that is not UTF-8. */
static char *normalise(const char *text, size_t size)
{
    utf8proc_uint8_t *out = NULL;
    size_t n = 0;

    if (utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &out,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE) < 0)
        return NULL;
    for (size_t i = 0; out[i]; i++) {
        int is_space = out[i] == ' ' || (out[i] >= '\t' && out[i] <= '\r');
        if (!is_space)
            out[n++] = out[i];
        else if (n && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return (char *)out;
}

/* Without punctuation and spaces at both ends; all of it where nothing else is there ("!!!"). */
static void strip(char *s)
{
    size_t size = strlen(s), start = size, end = 0;

    for (size_t i = 0; i < size;) {
        utf8proc_int32_t code;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)s + i, (utf8proc_ssize_t)(size - i), &code);
        if (used <= 0)
            break;
        if (!is_outer(code)) {
            if (start == size)
                start = i;
            end = i + (size_t)used;
        }
        i += (size_t)used;
    }
    if (end > start) {
        memmove(s, s + start, end - start);
        s[end - start] = '\0';
    }
}

static int equals(const char *text, size_t size, const char *wanted)
{
    char *have = normalise(text, size);
    int same = -1;

    if (have) {
        strip(have);
        same = !strcmp(have, wanted);
    }
    free(have);
    return same;
}

static size_t line_size(const char *line)
{
    return strcspn(line, "\n");
}

/* Last line with something on it but a code fence; the empty end of the text where there is none. */
static const char *last_line(const char *text)
{
    const char *last = text + strlen(text);

    for (const char *line = text; *line; line += line_size(line), line += *line == '\n')
        if (strspn(line, " \t\r*") < line_size(line) && strncmp(line, "```", 3))
            last = line;
    return last;
}

/* The last piece of line[0..size) between quotes, `` or ** **; its start, and its size in *piece. NULL: none. */
static const char *last_quoted(const char *line, size_t size, size_t *piece)
{
    static const char *const pairs[][2] = { { "\"", "\"" }, { "“", "”" }, { "„", "“" }, { "«", "»" }, { "「", "」" },
                                            { "『", "』" },
                                            { "`", "`" }, { "**", "**" }, { "'", "'" } };
    const char *best = NULL, *best_end = line;

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *at = line;
        size_t n = strlen(pairs[i][0]), m = strlen(pairs[i][1]);
        for (;;) {
            const char *open = memmem(at, size - (size_t)(at - line), pairs[i][0], n), *close;
            close = open ? memmem(open + n, size - (size_t)(open + n - line), pairs[i][1], m) : NULL;
            if (!close)
                break;
            if (close > best_end && close > open + n) {
                best = open + n;
                best_end = close;
            }
            at = close + m;
        }
    }
    if (best)
        *piece = (size_t)(best_end - best);
    return best;
}

int zoo_grade_string(const char *answer, const char *reference)
{
    const char *statement = zoo_grade_statement(answer), *quoted;
    size_t size, piece;
    char *wanted = normalise(reference, strlen(reference));
    int right;

    if (!wanted)
        return -1;
    strip(wanted);
    if (!statement || !*statement)
        statement = last_line(answer);
    size = line_size(statement);
    right = equals(statement, size, wanted);
    quoted = right ? NULL : last_quoted(statement, size, &piece);
    if (quoted)
        right = equals(quoted, piece, wanted);
    free(wanted);
    return right;
}
