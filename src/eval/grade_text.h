/* grade_text.h - reading an answer as graders need it. Layer: eval -> base. Thread-safe. */
#ifndef ZOO_EVAL_GRADE_TEXT_H
#define ZOO_EVAL_GRADE_TEXT_H
#include <stddef.h>
#include "base/buf.h"

/* Appends `text` with full-width forms as ASCII, other scripts' decimal digits as 0-9, the minus sign as '-', narrow
 * spaces between digits as '\''. */
int zoo_grade_fold(zoo_buf *out, const char *text, size_t size);

/* What follows the last marker of an answer ("answer is", "####", "答案是"...), of (folded or plain) NUL-terminated text;
 * NULL: there is none. */
const char *zoo_grade_statement(const char *text);

/* The letter A..J chosen by a folded answer, or 0. */
char zoo_grade_choice(const char *folded);
/* The number stated by a folded answer; 0: there is none. */
int zoo_grade_number(const char *folded, double *value);
/* Whether a string answer's statement equals `reference`; negative: no memory. */
int zoo_grade_string(const char *answer, const char *reference);
/* Runs the answer's program and the tests in a sandbox; 1 passed, 0 not, negative: could not be run. */
int zoo_grade_program(const char *answer, size_t size, const char *tests, zoo_err *err);
/* The answer's code: its last fenced block in Python, else its first fenced block, else all of it. */
const char *zoo_grade_find_code(const char *answer, size_t size, size_t *code_size);
#endif
