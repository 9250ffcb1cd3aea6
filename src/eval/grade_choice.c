/* grade_choice.c - which of the letters A to J an answer chooses. Four kinds of evidence, the strongest that is there
 * decides, within a kind the last:
 *   1. a letter behind a marker: "The answer is (B)"
 *   2. a line that begins with one, or is nothing else: "B. Paris" (a list that runs A, B... is the question's options
 *   again)
 *   3. a letter in brackets, in bold, or behind "option"
 *   4. a capital that stands alone
 * What looks like a letter and is a word ("A triangle", "I think", "vitamin C++") must not count. */
#include <ctype.h>
#include <string.h>
#include "base/utf8.h"
#include "eval/grade_text.h"

static int is_letter(char c)
{
    return isalpha((unsigned char)c) != 0;
}

static uint32_t code_at(const char *s)
{
    size_t used, size = strnlen(s, 4);

    return size ? zoo_utf8_next(s, size, &used) : 0;
}

/* A character that cannot go on the word to its left: ASCII punctuation and space, general punctuation, CJK. */
static int ends_word(const char *s)
{
    uint32_t code = code_at(s);

    return code < 0x80 ? !isalnum((int)code) && code != '_' : code >= 0x2000;
}

static int starts_word(const char *text, const char *at)
{
    const char *before = at;

    if (at == text)
        return 1;
    do
        before--;
    while (before > text && ((unsigned char)*before & 0xc0) == 0x80);
    return ends_word(before) && *before != '\'' && *before != '-' && *before != '/' && *before != '.';
}

/* "A" and "I" before a small letter are words, except where the sentence goes on about the choice. */
static int is_english_word(const char *at)
{
    static const char *const go_on[] = { "because", "since", "as ", "is ", "for ", "which", "where", "due", "and",
                                         "with" };

    if ((*at != 'A' && *at != 'I') || at[1] != ' ')
        return 0;
    for (size_t i = 0; i < sizeof go_on / sizeof *go_on; i++)
        if (!strncmp(at + 2, go_on[i], strlen(go_on[i])))
            return 0;
    return islower((unsigned char)at[2]) || ((unsigned char)at[2] >= 0x80 && code_at(at + 2) < 0x2000);
}

/* Whether a capital A..J at `at` stands for itself, judged by what follows. */
static int stands_alone(const char *at)
{
    if (*at < 'A' || *at > 'J' || !ends_word(at + 1) || is_english_word(at))
        return 0;
    if (strchr("+#/", at[1]) && at[1])                       /* C++, F#, A/B */
        return 0;
    if ((at[1] == '-' || at[1] == '\'') && is_letter(at[2])) /* A-level, I'm */
        return 0;
    return !(at[1] == '.' && is_letter(at[2]) && at[3] == '.');          /* A.M. */
}

/* The same for a small letter, which needs a sign of closing behind it: "b)", "b.", or the end of the line. */
static int small_stands_alone(const char *at)
{
    return *at >= 'a' && *at <= 'j' && (!at[1] || strchr(").]}*_\"'`:\n\r", at[1])) &&
           !(at[1] == '\'' && is_letter(at[2])) && !(at[1] == '.' && is_letter(at[2]));
}

static char letter_at(const char *at)
{
    if (stands_alone(at))
        return *at;
    return small_stands_alone(at) ? (char)toupper((unsigned char)*at) : 0;
}

static const char *skip_decoration(const char *s)
{
    static const char *const words[] = { "\\text{", "\\textbf{", "\\mathrm{", "\\mathbf{", "\\(", "\\boxed{", "option ",
                                         "Option ",
                                         "choice ", "letter ", "the ", "选项", "選項", "选", "opción ", "la ", "die ",
                                         "l'option " };
    const char *from;

    do {
        from = s;
        s += strspn(s, " \t*_`\"([{$<");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (!strncmp(s, words[i], strlen(words[i])))
                s += strlen(words[i]);
    } while (s != from);
    return s;
}

/* Kind 2: the letter that begins the line at `s`, or 0. */
static char line_letter(const char *s)
{
    const char *rest;
    char letter;

    s = skip_decoration(s + strspn(s, " \t>#-"));
    letter = letter_at(s);
    if (!letter)
        return 0;
    rest = s + 1 + strspn(s + 1, ")]}*_`\"'$>");
    if (rest > s + 1 && (s[1] == ')' || s[1] == ']' || s[1] == '*'))
        return letter;
    if (*rest == '.' || *rest == ':' || *rest == ')')
        return rest[1] && is_letter(rest[1]) ? 0 : letter;
    rest += strspn(rest, " \t\r");
    return !*rest || *rest == '\n' || !strncmp(rest, "、", strlen("、")) || !strncmp(rest, "。", strlen("。")) ? letter : 0;
}

static char by_lines(const char *text)
{
    char last = 0, expected = 'A';
    int found = 0;

    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char letter = line_letter(line);
        if (!letter)
            continue;
        found++;
        if (letter == expected)
            expected++;
        last = letter;
    }
    return found >= 2 && expected - 'A' == found ? 0 : last;          /* A, B, C...: the options, told again */
}

/* Kind 3 at `at`: "(B)", "[B]", "**B**", "option B". */
static char marked_letter(const char *at)
{
    static const char *const words[] = { "option ", "Option ", "choice ", "Choice ", "选项", "選項", "选", "opción ",
                                         "Opción ", "вариант " };

    if (*at == '(' && at[1] && at[2] == ')')
        return letter_at(at + 1);
    if (*at == '[' && at[1] && at[2] == ']')
        return letter_at(at + 1);
    if (at[0] == '*' && at[1] == '*' && at[2] && strchr("*.):", at[3]) && at[3])
        return letter_at(at + 2);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strncmp(at, words[i], strlen(words[i])))
            return letter_at(at + strlen(words[i]) + strspn(at + strlen(words[i]), " *(\"'"));
    return 0;
}

static char by_marks(const char *text, const char *end)
{
    char last = 0;

    for (const char *at = text; at < end; at++) {
        char letter = strchr("([*oOcCv", *at) || (unsigned char)*at >= 0x80 ? marked_letter(at) : 0;
        if (letter)
            last = letter;
    }
    return last;
}

static char by_capitals(const char *text)
{
    char last = 0;

    for (const char *at = text; *at; at++)
        if (*at >= 'A' && *at <= 'J' && starts_word(text, at) && stands_alone(at) &&
            !((*at == 'A' || *at == 'I') && at[1] == ' ' && is_letter(at[2])))
            last = *at;
    return last;
}

char zoo_grade_choice(const char *folded)
{
    const char *statement = zoo_grade_statement(folded);
    char letter = statement ? letter_at(skip_decoration(statement)) : 0;

    if (!letter && statement)
        letter = by_marks(statement, statement + strcspn(statement, "\n"));
    if (!letter)
        letter = by_lines(folded);
    if (!letter)
        letter = by_marks(folded, folded + strlen(folded));
    return letter ? letter : by_capitals(folded);
}
