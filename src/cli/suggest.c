/* suggest.c - "did you mean": the known name that is nearest to a mistyped one; see suggest.h. */
#include "cli/suggest.h"
#include <string.h>

enum { LONGEST = 40 };        /* longer words are no typing mistakes */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, delete, replace, or swap with their neighbour to turn a into b (optimal string alignment). */
static size_t distance(const char *a, size_t m, const char *b, size_t n)
{
    size_t rows[3][LONGEST + 1];             /* rows[i % 3][j]: of a[0..i) and b[0..j) */

    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

zoo_suggestion zoo_suggestion_for(const char *word)
{
    size_t length = strcspn(word, "=");

    return (zoo_suggestion){ .word = word, .distance = length < 3 ? length : 2 + length / 4 };
}

void zoo_suggestion_consider(zoo_suggestion *s, const char *name)
{
    size_t length = strcspn(s->word, "="), name_length = strlen(name), d;

    if (length > LONGEST || name_length > LONGEST)
        return;
    d = distance(s->word, length, name, name_length);
    if (d < s->distance) {
        s->distance = d;
        s->best = name;
    }
}
