/* graders.c - the table of graders, and reading a row's reference for them. */
#include "eval/graders.h"
#include <ctype.h>
#include <math.h>
#include <string.h>
#include "base/json.h"
#include "eval/grade_text.h"

enum { MAX_ANSWER = 64 << 20 };

/* What a grader sees. grade: 1 right, 0 wrong, negative: an error. */
struct question {
    const json_t *reference;
    const char *answer, *folded;
    size_t size;
};

static int misfit(const json_t *reference, const char *wanted, zoo_err *err)
{
    return zoo_fail(err, ZOO_EFORMAT, "'reference' should be %s, is %s", wanted, zoo_json_kind(reference));
}

/* The reference as folded text; NULL where it is no string. */
static const char *fold_reference(const json_t *reference, zoo_buf *out)
{
    if (!json_is_string(reference) || zoo_grade_fold(out, json_string_value(reference), json_string_length(reference)))
        return NULL;
    return out->data;
}

static int grade_choice(const struct question *q, zoo_err *err)
{
    const char *letter = json_string_value(q->reference);
    char wanted = letter && strlen(letter) == 1 ? (char)toupper((unsigned char)*letter) : 0;

    if (wanted < 'A' || wanted > 'J')
        return zoo_fail(err, ZOO_EFORMAT, "'reference' of a choice should be one letter from A to J");
    return zoo_grade_choice(q->folded) == wanted;
}

/* Whole numbers must be equal; for others four digits are enough, since that is how often they are rounded. */
static int is_close(double value, double reference)
{
    double tolerance = reference == floor(reference) ? 1e-6 : 1e-4 * fabs(reference);

    return fabs(value - reference) <= tolerance;
}

static int grade_number(const struct question *q, zoo_err *err)
{
    zoo_buf folded = ZOO_BUF_INIT(MAX_ANSWER);
    const char *text = fold_reference(q->reference, &folded);
    double wanted = json_number_value(q->reference), value;
    int known = json_is_number(q->reference) || (text && zoo_grade_number(text, &wanted));

    zoo_buf_release(&folded);
    if (!known)
        return misfit(q->reference, "a number or its text", err);
    return zoo_grade_number(q->folded, &value) && is_close(value, wanted);
}

static int grade_one_string(const char *folded_answer, const json_t *reference, zoo_err *err)
{
    zoo_buf folded = ZOO_BUF_INIT(MAX_ANSWER);
    const char *wanted = fold_reference(reference, &folded);
    int right = wanted && *wanted ? zoo_grade_string(folded_answer, wanted) :
                misfit(reference, "a string that is not empty", err);

    zoo_buf_release(&folded);
    return right == -1 ? zoo_fail_nomem(err) : right;
}

static int grade_string(const struct question *q, zoo_err *err)
{
    int right = 0;

    if (!json_is_array(q->reference))
        return grade_one_string(q->folded, q->reference, err);
    if (!json_array_size(q->reference))
        return misfit(q->reference, "a string or an array of at least one", err);
    for (size_t i = 0; i < json_array_size(q->reference) && right == 0; i++)
        right = grade_one_string(q->folded, json_array_get(q->reference, i), err);
    return right;
}

static int grade_program(const struct question *q, zoo_err *err)
{
    if (!json_is_string(q->reference) || !json_string_length(q->reference))
        return misfit(q->reference, "Python test code", err);
    return zoo_grade_program(q->answer, q->size, json_string_value(q->reference), err);
}

static const struct grader {
    const char *name;
    int (*grade)(const struct question *q, zoo_err *err);
} graders[] = {
    { "choice", grade_choice }, { "number", grade_number }, { "string", grade_string }, { "program", grade_program },
};

static const struct grader *find(const char *name)
{
    for (size_t i = 0; name && i < sizeof graders / sizeof *graders; i++)
        if (!strcmp(graders[i].name, name))
            return &graders[i];
    return NULL;
}

int zoo_grader_exists(const char *name)
{
    return find(name) != NULL;
}

/* The row's fields and the grader meant; NULL grader: none, or (with *rc) a wrong name. The caller decrefs *fields. */
static const struct grader *choose(json_t **fields, const char *extra, const char *forced, int *rc, zoo_err *err)
{
    const json_t *name;
    const struct grader *g;

    *fields = zoo_json_parse(extra, strlen(extra), "the row's fields", err);
    *rc = *fields ? 0 : ZOO_EFORMAT;
    if (!json_object_get(*fields, "reference") || json_is_null(json_object_get(*fields, "reference")))
        return NULL;
    if (forced)
        return find(forced);
    name = json_object_get(*fields, "grader");
    if (!name || json_is_null(name))
        return NULL;
    g = find(json_string_value(name));
    if (!g)
        *rc = zoo_fail(err, ZOO_EFORMAT, "no grader '%.60s'; there are choice, number, string and program",
                       json_is_string(name) ? json_string_value(name) : zoo_json_kind(name));
    return g;
}

int zoo_grader_runs_program(const char *extra, const char *grader)
{
    json_t *fields;
    int rc;
    const struct grader *g = choose(&fields, extra, grader, &rc, NULL);

    json_decref(fields);
    return g && g->grade == grade_program;
}

int zoo_grade(const char *extra, const char *grader, const char *answer, size_t size, double *reward, zoo_err *err)
{
    json_t *fields;
    int rc;
    const struct grader *g = choose(&fields, extra, grader, &rc, err);
    zoo_buf folded = ZOO_BUF_INIT((size_t)MAX_ANSWER + 1);

    if (g && (size > MAX_ANSWER / 4 || zoo_grade_fold(&folded, answer, size)))
        rc = zoo_fail(err, ZOO_EFORMAT, "an answer of %zu bytes is too long to be graded", size);
    if (g && !rc) {
        struct question q = { json_object_get(fields, "reference"), answer, folded.data, size };
        rc = g->grade(&q, err);
        *reward = rc == 1;
        rc = rc < 0 ? rc : 1;
    }
    zoo_buf_release(&folded);
    json_decref(fields);
    return rc;
}
