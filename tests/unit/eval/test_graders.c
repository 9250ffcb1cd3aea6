/* Tables of answers as models give them, each with what a grader must see in it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/json.h"
#include "eval/grade_text.h"
#include "eval/graders.h"

static char *fold(zoo_buf *b, const char *text)
{
    zoo_buf_clear(b);
    assert_int_equal(zoo_grade_fold(b, text, strlen(text)), ZOO_OK);
    return b->data;
}

static void a_choice_is_the_letter_that_is_stated_last_and_most_explicitly(void **state)
{
    static const struct { const char *answer; char want; } cases[] = {
        { "B", 'B' }, { "b", 'B' }, { "B.", 'B' }, { " (C) ", 'C' }, { "**C**", 'C' }, { "[D]", 'D' }, { "\"E\"", 'E' },
        { "J", 'J' }, { "K", 0 }, { "", 0 }, { "no idea", 0 },
        { "The answer is (B).", 'B' }, { "The answer is B.", 'B' }, { "the answer is b.", 'B' },
            { "The answer is: **C**", 'C' },
        { "The correct answer is option D", 'D' }, { "Answer: A", 'A' }, { "**Answer:** C", 'C' },
            { "**Answer**: C", 'C' },
        { "Answer: A because the others are wrong", 'A' }, { "The answer is $\\boxed{\\text{D}}$.", 'D' },
            { "\\boxed{B}", 'B' },
        { "#### C", 'C' }, { "The answer is\n\n**B**", 'B' }, { "ANSWER: D", 'D' },
        { "First I thought the answer is A. But no: the answer is (C).", 'C' },
        { "The answer is Paris (B).", 'B' },
        { "B. Paris", 'B' }, { "B) Paris\n\nParis is the capital of France.", 'B' }, { "(b) Paris", 'B' },
            { "B: Paris", 'B' },
        { "Let us see.\nC. the third one", 'C' }, { "- **D.** Rome", 'D' }, { "A.M. is morning", 0 },
        { "The options are:\nA. one\nB. two\nC. three\nD. four\nSo I choose option C", 'C' },
        { "A. one\nB. two\nC. three\nD. four\nThe answer is (A).", 'A' },
        /* nothing but the options: the last capital, for want of better */
        { "A. one\nB. two\nC. three\nD. four", 'D' },
        { "I think it must be D, a triangle has three sides.", 'D' }, { "Without doubt option A", 'A' },
        { "A triangle has three sides, so it is (C)", 'C' },
        { "A triangle has three sides.", 0 }, { "I think so.", 0 }, { "I would say a is best", 0 },
        { "The answer is a triangle.", 0 }, { "The answer is A triangle", 0 }, { "C++ is a language", 0 },
        { "An A-level pupil", 0 }, { "I'm sure it is E", 'E' }, { "Choose F#", 0 },
        { "It is not A but B", 'B' }, { "BCD", 0 }, { "The answer is Berlin", 0 },
        { "答案是 C", 'C' }, { "答案是C。", 'C' }, { "答案：B", 'B' }, { "答案為（Ｄ）", 'D' }, { "所以选B。", 'B' },
            { "正确答案是选项 A，因为……", 'A' },
        { "A、北京", 'A' }, { "Ｂ", 'B' }, { "【答案】：D", 'D' },
        { "La respuesta correcta es la B.", 'B' }, { "Respuesta: (C)", 'C' }, { "La opción D", 'D' },
        { "La réponse est B.", 'B' }, { "Réponse : C", 'C' }, { "Die Antwort ist B.", 'B' },
            { "Die richtige Antwort lautet C", 'C' },
        { "Правильный ответ: B", 'B' }, { "ОТВЕТ: C", 'C' }, { "答えはBです", 'B' }, { "정답은 C", 'C' },
            { "A resposta é D.", 'D' },
    };
    zoo_buf b = ZOO_BUF_INIT(10000);
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char got = zoo_grade_choice(fold(&b, cases[i].answer));
        if (got != cases[i].want) {
            print_error("'%s': %c, want %c\n", cases[i].answer, got ? got : '-', cases[i].want ? cases[i].want : '-');
            failed++;
        }
    }
    zoo_buf_release(&b);
    assert_int_equal(failed, 0);
}

static void a_number_is_the_one_that_is_stated_or_the_last(void **state)
{
    static const struct { const char *answer; double want; } cases[] = {
        { "42", 42 }, { "-7", -7 }, { "−7", -7 }, { "－７", -7 }, { "+3", 3 }, { "3.14", 3.14 }, { ".5", 0.5 },
            { "7.", 7 }, { "no", NAN }, { "", NAN },
        { "1,234", 1234 }, { "1,234,567.89", 1234567.89 }, { "1.234.567,89", 1234567.89 }, { "1'234'567", 1234567 },
            { "12\xe2\x80\xaf" "345", 12345 },
        { "1.234,5", 1234.5 }, { "3,5", 3.5 }, { "0,125", 0.125 }, { "12,3456", 12.3456 }, { "1.234", 1.234 },
        { "١٢٣", 123 }, { "१२", 12 }, { "１，２３４．５", 1234.5 },
        { "3/4", 0.75 }, { "-3/4", -0.75 }, { "1 1/2", 1.5 }, { "\\frac{3}{4}", 0.75 }, { "$-\\dfrac{1}{2}$", -0.5 },
        { "2e5", 2e5 }, { "1.5E-3", 1.5e-3 }, { "3.2 × 10^5", 3.2e5 }, { "3.2 \\times 10^{-2}", 3.2e-2 },
            { "4*10^2", 400 },
        { "$1,234.50", 1234.5 }, { "-$3", -3 }, { "50%", 50 }, { "5kg", 5 }, { "the 42nd", 42 }, { "-€2", -2 },
        { "Natalia sold 48/2 = 24 clips.\n#### 72", 72 }, { "The answer is 42 apples, out of 100.", 42 },
            { "The answer is: \\boxed{42}", 42 },
        { "The answer is $\\boxed{1{,}000}$ or 1000", 1 },          /* braces inside a number are not read */
        { "The answer is 3 + 4 = 7.", 7 }, { "The answer is x = 5", 5 }, { "The answer is 12. Check: 12 / 3 = 4.", 12 },
        { "**Answer:** 17", 17 }, { "Answer: **17**", 17 }, { "the answer is\n\n-5", -5 }, { "ANSWER: 9", 9 },
        { "First 3, then 4, so 12", 12 }, { "We get 10-3 which is 7", 7 }, { "between 3-5", 5 },
            { "x2 and v3 but 8", 8 }, { "It weighs 9 kg per m2", 9 },
        { "The answer is 7. I checked with 3 methods.", 7 }, { "The answer is 5; no, the answer is 6", 6 },
        { "The answer is unclear, maybe 5", 5 }, { "I had 3. The answer is large", 3 },
        { "答案是42。", 42 }, { "共有 35 个", 35 }, { "答案：１２", 12 }, { "第3，4题共5分", 5 }, { "所以等于－５", -5 },
        { "La respuesta es 3,5", 3.5 }, { "La réponse est 1\xc2\xa0" "234,5", 1234.5 },
            { "Das Ergebnis ist 2,5.", 2.5 }, { "Ответ: -12", -12 }, { "答えは12です", 12 },
        { "in 2024, on 12/05/2024", 2024 }, { "1,2,3", 3 },
    };
    zoo_buf b = ZOO_BUF_INIT(10000);
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double got = NAN;
        int any = zoo_grade_number(fold(&b, cases[i].answer), &got);
        int right = any ? fabs(got - cases[i].want) <= 1e-9 * fabs(cases[i].want) : isnan(cases[i].want);
        if (!right) {
            print_error("'%s': %.12g (%d), want %.12g\n", cases[i].answer, got, any, cases[i].want);
            failed++;
        }
    }
    zoo_buf_release(&b);
    assert_int_equal(failed, 0);
}

static void a_string_is_compared_by_its_statement_without_case_and_punctuation(void **state)
{
    static const struct { const char *answer, *reference; int right; } cases[] = {
        { "lamp", "lamp", 1 }, { "Lamp.", "lamp", 1 }, { "  LAMP \n", "lamp", 1 }, { "lamps", "lamp", 0 },
            { "", "lamp", 0 },
        { "The answer is \"lamp\".", "lamp", 1 }, { "The answer is lamp", "lamp", 1 },
            { "The answer is: **lamp**", "lamp", 1 },
        { "The reversed word is `pmal`.", "pmal", 1 }, { "It spells 'pmal' backwards", "pmal", 1 },
            { "It is “Paris”, I believe.", "Paris", 1 },
        { "We compute.\nParis", "Paris", 1 }, { "Paris\nLondon", "Paris", 0 }, { "```\nfoo bar\n```", "foo  bar", 1 },
        { "The word \"lamp\" reversed is \"pmal\"", "pmal", 1 }, { "The word \"lamp\" reversed is \"pmal\"", "lamp",
                                                                   0 },
        { "Answer: New   York City", "new york city", 1 }, { "Answer:\n\nNew York", "New York", 1 },
            { "Paris, France", "Paris", 0 },
        { "Ответ: Москва.", "москва", 1 }, { "STRASSE", "straße", 1 }, { "café", "cafe\xcc\x81", 1 },
            { "ＡＢＣ", "abc", 1 }, { "答案是「北京」。", "北京", 1 },
        { "La respuesta es «Madrid».", "madrid", 1 }, { "Réponse : l’été", "l'été", 1 }, { "!!!", "!!!", 1 },
            { "a-b", "a-b", 1 }, { "ab", "a-b", 0 },
        { "C++", "c++", 1 }, { "C", "c++", 0 },
    };
    zoo_buf a = ZOO_BUF_INIT(10000), r = ZOO_BUF_INIT(10000);
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int got = zoo_grade_string(fold(&a, cases[i].answer), fold(&r, cases[i].reference));
        if (got != cases[i].right) {
            print_error("'%s' for '%s': %d\n", cases[i].answer, cases[i].reference, got);
            failed++;
        }
    }
    zoo_buf_release(&a);
    zoo_buf_release(&r);
    assert_int_equal(failed, 0);
}

static void code_is_the_last_python_block_or_else_the_first_block_or_else_everything(void **state)
{
    static const struct { const char *answer, *code; } cases[] = {
        { "x = 1", "x = 1" }, { "```python\nx = 1\n```", "x = 1\n" }, { "Here:\n```py\nx = 1\n```\nDone.", "x = 1\n" },
        { "```\nx = 1\n```", "x = 1\n" }, { "```bash\nls\n```\n```python\nx = 2\n```", "x = 2\n" },
        { "```python\nx = 1\n```\nbetter:\n```python\nx = 2\n```\n```\noutput\n```", "x = 2\n" },
        { "```\nfirst\n```\n```\nsecond\n```", "first\n" }, { "```python\nx = 1", "x = 1" },
            { "```python", "```python" }, { "", "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        const char *code = zoo_grade_find_code(cases[i].answer, strlen(cases[i].answer), &n);
        assert_int_equal(n, strlen(cases[i].code));
        assert_memory_equal(code, cases[i].code, n);
    }
}

static int grade(const char *extra, const char *grader, const char *answer, double *reward, zoo_err *err)
{
    *reward = NAN;
    return zoo_grade(extra, grader, answer, strlen(answer), reward, err);
}

static void the_row_says_how_it_is_graded_unless_a_grader_is_forced(void **state)
{
    double reward;
    zoo_err err;

    (void)state;
    assert_int_equal(grade("{\"grader\":\"choice\",\"reference\":\"b\"}", NULL, "B.", &reward, &err), 1);
    assert_true(reward == 1.0);
    assert_int_equal(grade("{\"grader\":\"choice\",\"reference\":\"C\"}", NULL, "B.", &reward, &err), 1);
    assert_true(reward == 0.0);
    assert_int_equal(grade("{\"reference\":\"1/4\"}", "number", "It is 0.25", &reward, &err), 1);
    assert_true(reward == 1.0);
    assert_int_equal(grade("{\"grader\":\"number\",\"reference\":12345}", NULL, "12346", &reward, &err), 1);
    assert_true(reward == 0.0);
    assert_int_equal(grade("{\"grader\":\"number\",\"reference\":3.14159}", NULL, "3.1416", &reward, &err), 1);
    assert_true(reward == 1.0);
    assert_int_equal(grade("{\"grader\":\"string\",\"reference\":[\"UK\",\"United Kingdom\"]}", NULL, "United Kingdom",
                           &reward, &err), 1);
    assert_true(reward == 1.0);
}

static void rows_without_a_reference_are_left_out(void **state)
{
    static const char *const rows[] = { "{}", "{\"grader\":\"choice\"}", "{\"reference\":\"B\"}",
                                        "{\"grader\":\"choice\",\"reference\":null}" };
    double reward;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(grade(rows[i], NULL, "B", &reward, &err), 0);
}

static void a_reference_that_does_not_fit_is_an_error(void **state)
{
    static const char *const rows[] = {
        "{\"grader\":\"choice\",\"reference\":\"K\"}", "{\"grader\":\"choice\",\"reference\":\"BC\"}",
            "{\"grader\":\"choice\",\"reference\":2}",
        "{\"grader\":\"number\",\"reference\":\"many\"}", "{\"grader\":\"number\",\"reference\":[1]}",
            "{\"grader\":\"string\",\"reference\":5}",
        "{\"grader\":\"string\",\"reference\":\"\"}", "{\"grader\":\"string\",\"reference\":[]}",
            "{\"grader\":\"program\",\"reference\":\"\"}",
        "{\"grader\":\"judge\",\"reference\":\"B\"}", "{\"grader\":7,\"reference\":\"B\"}", "not json",
    };
    double reward;
    zoo_err err;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        err.message[0] = '\0';
        assert_int_equal(grade(rows[i], NULL, "B", &reward, &err), ZOO_EFORMAT);
        assert_true(err.message[0]);
    }
}

static void programs_are_graded_by_their_tests(void **state)
{
    static const struct { const char *answer; double want; } cases[] = {
        { "```python\ndef add(a, b):\n    return a + b\n```", 1 }, { "def add(a, b):\n    return a - b\n", 0 },
            { "def add(a, b)", 0 }, { "", 0 },
        { "def add(a, b):\n    return a + b\nimport sys\nsys.exit(0)\n", 0 }, { "import os\nos._exit(0)\n", 0 },
        { "print('x' * 5000)\ndef add(a, b):\n    print(a)\n    return a + b\nif __name__ == '__main__':\n"
          "    input()\n", 1 },
        { "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: "
          "int\ndef add(a, b):\n    return P(a + b).x\n", 1 },
        { "def add(a, b):\n    while True: pass\n", 0 },
    };
    double reward;
    zoo_err err;

    (void)state;
    if (zoo_grader_probe_program(&err)) {
        print_error("skip: no sandbox here: %s\n", err.message);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(grade("{\"grader\":\"program\",\"reference\":\"assert add(2, 3) == 5\\n\"}", NULL,
                               cases[i].answer, &reward, &err), 1);
        if (reward != cases[i].want)
            print_error("%s\n", cases[i].answer);
        assert_true(reward == cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_the_letter_that_is_stated_last_and_most_explicitly),
        cmocka_unit_test(a_number_is_the_one_that_is_stated_or_the_last),
        cmocka_unit_test(a_string_is_compared_by_its_statement_without_case_and_punctuation),
        cmocka_unit_test(code_is_the_last_python_block_or_else_the_first_block_or_else_everything),
        cmocka_unit_test(the_row_says_how_it_is_graded_unless_a_grader_is_forced),
        cmocka_unit_test(rows_without_a_reference_are_left_out),
        cmocka_unit_test(a_reference_that_does_not_fit_is_an_error),
        cmocka_unit_test(programs_are_graded_by_their_tests),
    };
    return cmocka_run_group_tests_name("eval/graders", tests, NULL, NULL);
}
