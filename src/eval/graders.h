/* graders.h - exact graders: is an answer right, given the row's reference? 1.0 or 0.0, the same every time.
 *
 *     rc = zoo_grade(query.extra, NULL, answer.text, answer.text_size, &reward, &err);  // 1: graded, 0: no reference
 *
 * A row's extra fields say how: `grader` names one of those below, `reference` is what is right.
 *   choice    reference "A".."J"; the letter that the answer chooses
 *   number    reference a number or its text; the number that the answer states, compared numerically
 *   string    reference a string or an array of strings, any of which is right; the answer's statement, compared
 *   without regard
 *             to case, compatibility forms, outer punctuation and runs of spaces
 *   program   reference Python test code; the answer's program and then the tests run in a sandbox without an exception
 * The statement of an answer is what follows the last "answer is", "Answer:", "####", \boxed{ and the like in several
 * languages. docs/collect.md has the rules. Layer: eval -> base. Threads: any number may grade at once. */
#ifndef ZOO_EVAL_GRADERS_H
#define ZOO_EVAL_GRADERS_H
#include <stddef.h>
#include "base/err.h"

/* 1: *reward is set; 0: the row has no reference or names no grader; ZOO_EFORMAT: the reference does not fit the grader
 * or the grader is unknown; ZOO_EIO: a program could not be run. `extra` is the row's JSON object of further fields;
 * grader NULL: the one the row names. */
int zoo_grade(const char *extra, const char *grader, const char *answer, size_t size, double *reward, zoo_err *err);

/* Whether zoo_grade() knows a grader of that name. */
int zoo_grader_exists(const char *name);
/* Whether the row would be graded by running a program. */
int zoo_grader_runs_program(const char *extra, const char *grader);
/* Whether programs can be run here; else a sentence. */
int zoo_grader_probe_program(zoo_err *err);
#endif
