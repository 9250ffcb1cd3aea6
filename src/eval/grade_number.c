/* grade_number.c - which number an answer states.
 * Behind a marker: the first number of the statement, or where a calculation begins there ("3 + 4 = 7") the one behind
 * its last '='. Without a marker: the last number of the answer. Read: 1,234.5  1.234,5  1'234.5  3,5  .5  -2  -$3  3/4
 *  1 1/2 \frac{3}{4}  2e5  3.2 × 10^5; a digit that goes on a word (x2, v1) is no number. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "eval/grade_text.h"

enum { MAX_DIGITS = 300 };

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The longest run of digits with single separators between them. */
static size_t run_length(const char *s)
{
    size_t n = 0;

    while (is_digit(s[n]) ||
           (n && (s[n] == '.' || s[n] == ',' || s[n] == '\'') && is_digit(s[n - 1]) && is_digit(s[n + 1])))
        n++;
    return n;
}

/* Whether s[0..n) is 1 to 3 digits and then groups of exactly three, parted by `separator`. */
static int is_grouped(const char *s, size_t n, char separator)
{
    size_t first = strspn(s, "0123456789");

    if (first < 1 || first > 3 || first >= n)
        return 0;
    for (size_t i = first; i < n; i += 4)
        if (i + 4 > n || s[i] != separator || !is_digit(s[i + 1]) || !is_digit(s[i + 2]) || !is_digit(s[i + 3]))
            return 0;
    return 1;
}

/* Where the fraction of s[0..n) begins (its decimal sign, or n), and in *group the thousands separator or 0. -1: no
 * number, such as a version or a list. */
static long split_decimals(const char *s, size_t n, char *group)
{
    size_t last = n, separators = 0;

    *group = 0;
    for (size_t i = 0; i < n; i++)
        if (!is_digit(s[i]))
            last = i, separators++;
    if (!separators)
        return (long)n;
    if (separators == 1 && s[last] == '.')
        return (long)last;
    if (is_grouped(s, n, s[last]) && !(s[0] == '0' && separators == 1)) {
        *group = s[last];
        return (long)n;
    }
    if (separators == 1)
        return s[last] == ',' ? (long)last : -1;
    if (s[last] != '\'' && is_grouped(s, last, s[strspn(s, "0123456789")]) && s[strspn(s, "0123456789")] != s[last]) {
        *group = s[strspn(s, "0123456789")];
        return (long)last;
    }
    return -1;
}

/* Value of the run s[0..n); for what is no single number, that of its last part. */
static double run_value(const char *s, size_t n)
{
    char plain[MAX_DIGITS + 2], group;
    long decimals = split_decimals(s, n, &group);
    size_t used = 0;

    if (decimals < 0) {
        while (n && is_digit(s[n - 1]))
            n--, used++;
        return run_value(s + n, used);
    }
    for (size_t i = 0; i < n; i++)
        if (s[i] != group || i >= (size_t)decimals)
            plain[used++] = i == (size_t)decimals ? '.' : s[i];
    plain[used] = '\0';
    return strtod(plain, NULL);
}

/* "e5", " × 10^{5}", "*10^-3" at s: its bytes, and the exponent in *power; 0: none. */
static size_t read_power(const char *s, long *power)
{
    static const char *const times[] = { "×", "x", "*", "·", "\\times", "\\cdot" };
    const char *at = s + strspn(s, " ");
    char *end;

    if ((*s == 'e' || *s == 'E') && (is_digit(s[1]) || ((s[1] == '-' || s[1] == '+') && is_digit(s[2])))) {
        *power = strtol(s + 1, &end, 10);
        return (size_t)(end - s);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const char *p = at + strlen(times[i]);
        if (strncmp(at, times[i], strlen(times[i])))
            continue;
        p += strspn(p, " ");
        if (strncmp(p, "10^", 3))
            continue;
        p += 3 + strspn(p + 3, "{");
        *power = strtol(p, &end, 10);
        if (end > p)
            return (size_t)(end - s) + (*end == '}');
    }
    return 0;
}

/* A number without its sign at s; its bytes, or 0. */
static size_t read_unsigned(const char *s, double *value)
{
    size_t n, more;
    long power;

    if (*s == '.' && is_digit(s[1])) {
        n = 1 + strspn(s + 1, "0123456789");
        *value = n <= MAX_DIGITS ? strtod(s, NULL) : NAN;
    } else {
        n = run_length(s);
        if (!n)
            return 0;
        *value = n <= MAX_DIGITS ? run_value(s, n) : NAN;
    }
    more = read_power(s + n, &power);
    if (more && power > -400 && power < 400)
        *value *= pow(10, (double)power);
    return n + more;
}

/* "/4" behind a numerator. A second slash makes it a date, and no fraction. */
static size_t read_denominator(const char *s, double *value)
{
    size_t n = s[0] == '/' && is_digit(s[1]) ? read_unsigned(s + 1, value) : 0;

    return n && *value != 0 && s[1 + n] != '/' ? 1 + n : 0;
}

/* \frac{a}{b} at s. */
static size_t read_frac(const char *s, double *value)
{
    static const char *const names[] = { "\\frac{", "\\dfrac{", "\\tfrac{" };
    double a, b;

    for (size_t i = 0; i < 3; i++) {
        const char *at = s + strlen(names[i]);
        size_t n;
        if (strncmp(s, names[i], strlen(names[i])))
            continue;
        n = read_unsigned(at, &a);
        at += n;
        if (!n || strncmp(at, "}{", 2))
            return 0;
        n = read_unsigned(at + 2, &b);
        if (!n || at[2 + n] != '}' || b == 0)
            return 0;
        *value = a / b;
        return (size_t)(at + 2 + n + 1 - s);
    }
    return 0;
}

/* A number with fraction but without sign: "3/4", "1 1/2", "\frac{3}{4}"; its bytes, or 0. */
static size_t read_magnitude(const char *s, double *value)
{
    double part, under;
    size_t n = read_frac(s, value), more, rest;

    if (n)
        return n;
    n = read_unsigned(s, value);
    if (!n)
        return 0;
    more = read_denominator(s + n, &under);
    if (more) {
        *value /= under;
        return n + more;
    }
    if (s[n] == ' ' && is_digit(s[n + 1])) {          /* 1 1/2 */
        more = read_unsigned(s + n + 1, &part);
        rest = read_denominator(s + n + 1 + more, &under);
        if (rest) {
            *value += part / under;
            return n + 1 + more + rest;
        }
    }
    return n;
}

static int goes_on_word(const char *text, const char *at)
{
    return at > text && (isalpha((unsigned char)at[-1]) || at[-1] == '_');
}

/* The second part of 12/05/2024 is not the numerator of a third. */
static int is_behind_slash(const char *text, const char *at)
{
    return at - text >= 2 && at[-1] == '/' && is_digit(at[-2]);
}

/* Bytes of a sign, with the currency behind it, in front of a number at s: "-", "-$", "+"; *sign is set. */
static size_t read_sign(const char *text, const char *s, double *sign)
{
    size_t n;

    *sign = *s == '-' ? -1 : 1;
    if ((*s != '-' && *s != '+') || (s > text && (isalnum((unsigned char)s[-1]) || s[-1] == ')')))
        return 0;
    n = 1 + strspn(s + 1, "$ ");
    if (s[n] != '\\' && !is_digit(s[n]) && s[n] != '.')
        return 1 + (strncmp(s + 1, "€", 3) ? strncmp(s + 1, "£", 2) ? 0 : 2 : 3);
    return n;
}

/* The first number in [text from `at`, end): its value, and where it ends; NULL: none. */
static const char *next_number(const char *text, const char *at, const char *end, double *value)
{
    double sign;

    for (; at < end; at++) {
        size_t before = 0, n;
        if (!is_digit(*at) && *at != '.' && *at != '-' && *at != '+' && *at != '\\')
            continue;
        sign = 1;
        if (*at == '-' || *at == '+') {
            before = read_sign(text, at, &sign);
            if (!before)
                continue;
        }
        if (goes_on_word(text, at)) {
            at += is_digit(*at) ? run_length(at) - 1 : 0;
            continue;
        }
        n = is_behind_slash(text, at) ? read_unsigned(at, value) : read_magnitude(at + before, value);
        if (n) {
            *value *= sign;
            return at + before + n;
        }
    }
    return NULL;
}

/* Whether a calculation goes on at s: "+ 4 = 7". */
static int goes_on_calculating(const char *s)
{
    s += strspn(s, " ");
    return (*s && strchr("+-*/=^", *s)) || !strncmp(s, "×", strlen("×")) || !strncmp(s, "÷", strlen("÷")) ||
           !strncmp(s, "·", strlen("·"));
}

/* The end of the sentence or line at s, where a calculation ends too. */
static const char *end_of_sentence(const char *s)
{
    for (; *s && *s != '\n'; s++)
        if ((*s == '.' || *s == ';') && (s[1] == ' ' || s[1] == '\n'))
            break;
    return s;
}

static int in_statement(const char *text, const char *statement, double *value)
{
    const char *end = statement + strcspn(statement, "\n"), *behind = next_number(text, statement, end, value), *equals;

    if (!behind)
        return 0;
    if (!goes_on_calculating(behind))
        return 1;
    end = end_of_sentence(behind);
    for (equals = end; equals > behind && equals[-1] != '='; equals--)
        ;
    if (equals > behind) {
        double result;
        if (next_number(text, equals, end, &result))
            *value = result;
    }
    return 1;
}

int zoo_grade_number(const char *folded, double *value)
{
    const char *statement = zoo_grade_statement(folded), *end = folded + strlen(folded), *at = folded;
    double found;
    int any = 0;

    if (statement && in_statement(folded, statement, value))
        return isfinite(*value);
    while ((at = next_number(folded, at, end, &found))) {
        *value = found;
        any = 1;
    }
    return any && isfinite(*value);
}
