/* test_tasks.c - the table of tasks: every kind makes, asks, is recognised from the text alone,
 * solves and errs as it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/utf8.h"
#include "eval/graders.h"
#include "sim/tasks.h"

static void each_frame(void (*check)(const zoo_sim_kind *kind, const zoo_sim_frame *frame))
{
    for (size_t i = 0; zoo_sim_kinds[i]; i++)
        for (size_t j = 0; j < zoo_sim_kinds[i]->frame_count; j++)
            check(zoo_sim_kinds[i], &zoo_sim_kinds[i]->frames[j]);
}

/* ---- the table ---- */

static void test_table_is_wide(void **state)
{
    size_t per_lang[ZOO_SIM_LANGS][2] = { { 0 } };

    (void)state;
    assert_true(zoo_sim_kind_count() >= 12);
    for (size_t i = 0; zoo_sim_kinds[i]; i++) {
        memset(per_lang, 0, sizeof per_lang);
        assert_ptr_equal(zoo_sim_kind_find(zoo_sim_kinds[i]->name), zoo_sim_kinds[i]);
        for (size_t j = 0; j < zoo_sim_kinds[i]->frame_count; j++)
            per_lang[zoo_sim_kinds[i]->frames[j].lang][zoo_sim_kinds[i]->frames[j].is_held_out]++;
        for (size_t lang = 0; lang < ZOO_SIM_LANGS; lang++) {
            assert_true(per_lang[lang][0] >= 3);
            assert_true(per_lang[lang][1] >= 1);
        }
    }
    assert_null(zoo_sim_kind_find("no-such-kind"));
}

/* What the exact grader makes of the value in a sentence. */
static double graded(const zoo_sim_task *task, const char *value, zoo_rng *rng)
{
    char answer[ZOO_SIM_TEXT_SIZE], reference[ZOO_SIM_TEXT_SIZE];
    zoo_buf extra = ZOO_BUF_INIT(1 << 14);
    double reward = -1;
    zoo_err err;

    assert_int_equal(zoo_sim_phrase(task, value, rng, answer, sizeof answer), 0);
    assert_int_equal(zoo_sim_reference(task, reference, sizeof reference), 0);
    assert_int_equal(zoo_buf_addf(&extra, "{\"grader\": \"%s\", \"reference\": ", task->kind->grader), 0);
    assert_int_equal(zoo_buf_add_json_str(&extra, reference, strlen(reference)), 0);
    assert_int_equal(zoo_buf_add_str(&extra, "}"), 0);
    if (zoo_grade(extra.data, NULL, answer, strlen(answer), &reward, &err) != 1)
        fail_msg("%s: %s", task->kind->name, err.message);
    zoo_buf_release(&extra);
    return reward;
}

/* ---- round trips ---- */

static void check_round_trip(const zoo_sim_kind *kind, const zoo_sim_frame *frame)
{
    char query[ZOO_SIM_TEXT_SIZE], right[ZOO_SIM_TEXT_SIZE], wrong[ZOO_SIM_TEXT_SIZE], seen_right[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task, seen;
    zoo_rng rng;

    for (uint64_t seed = 1; seed <= 100; seed++) {
        zoo_rng_init(&rng, seed);
        zoo_sim_make(kind, frame, &rng, &task);
        assert_int_equal(zoo_sim_ask(&task, query, sizeof query), 0);
        assert_null(strchr(query, '{'));
        assert_int_equal(zoo_utf8_valid(query, strlen(query)), strlen(query));
        if (!zoo_sim_match(query, strlen(query), &seen))
            fail_msg("%s: not recognised: %s", kind->name, query);
        if (seen.frame != frame)
            fail_msg("%s: '%s' taken for %s '%s'", kind->name, query, seen.kind->name, seen.frame->text);
        for (int i = 0; i < ZOO_SIM_SLOTS; i++)
            assert_string_equal(seen.slots.text[i], task.slots.text[i]);
        assert_int_equal(zoo_sim_solve(&task, right, sizeof right), 0);
        assert_int_equal(zoo_sim_solve(&seen, seen_right, sizeof seen_right), 0);
        assert_string_equal(right, seen_right);
        assert_int_equal(zoo_sim_mistake(&seen, &rng, wrong, sizeof wrong), 0);
        assert_null(strstr(wrong, right));
        assert_true(*wrong != '\0');
        assert_int_equal(zoo_utf8_valid(wrong, strlen(wrong)), strlen(wrong));
        if (!strcmp(kind->grader, "program"))       /* run below, in the sandbox */
            continue;
        if (graded(&seen, right, &rng) != 1)
            fail_msg("%s: '%s' is not graded right", query, right);
        if (graded(&seen, wrong, &rng) != 0)
            fail_msg("%s: '%s' is not graded wrong (%s)", query, wrong, right);
    }
}

static void test_programs_pass_and_fail_their_asserts(void **state)
{
    const zoo_sim_kind *kind = zoo_sim_kind_find("program");
    char right[ZOO_SIM_TEXT_SIZE], wrong[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task;
    zoo_rng rng;
    zoo_err err;

    (void)state;
    if (zoo_grader_probe_program(&err)) {
        fprintf(stderr, "skip: no sandbox here: %s\n", err.message);
        skip();
    }
    zoo_rng_init(&rng, 1);
    for (size_t i = 0; i < 60; i++) {               /* each of ten programs with several k */
        zoo_sim_make(kind, &kind->frames[i % kind->frame_count], &rng, &task);
        assert_int_equal(zoo_sim_solve(&task, right, sizeof right), 0);
        assert_int_equal(zoo_sim_mistake(&task, &rng, wrong, sizeof wrong), 0);
        if (graded(&task, right, &rng) != 1)
            fail_msg("does not pass its asserts: %s", right);
        if (graded(&task, wrong, &rng) != 0)
            fail_msg("wrong, yet passes: %s", wrong);
    }
}

static void test_every_frame_is_recognised_from_its_text(void **state)
{
    (void)state;
    each_frame(check_round_trip);
}

/* ---- what is right: cases worked out by hand ---- */

static void test_solutions(void **state)
{
    static const struct { const char *query, *value; } cases[] = {
        { "Anna has 12 marbles and buys 7 more. How many marbles does Anna have now?", "19" },
        { "Lena besitzt 40 Murmeln und verschenkt davon 15. Wie viele bleiben übrig?", "25" },
        { "Multiply 12 by 11.", "132" }, { "Combien font 15 % de 240 ?", "36" },
        { "How many metres are there in 7 kilometres?", "7000" }, { "把5小时换算成分钟。", "300" },
        { "Which of these numbers is the largest: 120, 407, 99, 406?", "407" },
        { "Find the smallest number among 120, 407, 99, 406.", "99" },
        { "Which number comes next in the sequence 3, 8, 13, 18, 23?", "28" },
        { "数列2、6、18、54、162的下一个数是什么？", "486" },
        { "Write 1994 as a Roman numeral.", "MCMXCIV" }, { "Write 4 as a Roman numeral.", "IV" },
        { "What is 37 in base two?", "100101" },
        { "Translate the number word 'seven' into German.", "sieben" }, { "“dix-sept”用英语怎么说？", "seventeen" },
        { "Reverse the string 'banana42'.", "24ananab" }, { "Écris le mot « fenêtre » à l'envers.", "ertênef" },
        { "How many times does the letter e appear in 'cucumber'?", "1" },
        { "Sort these words alphabetically: needle, garden, banana, museum.", "banana, garden, museum, needle" },
        { "Form an acronym from 'garden letter engine', in capital letters.", "GLE" },
        { "Today is Monday. What day of the week will it be in 10 days?", "Thursday" },
        { "If today is Monday, which weekday was it 8 days ago?", "Sunday" },
        { "It is 23:50. What will the clock show in 25 minutes (HH:MM)?", "00:15" },
        { "A film ended at 00:10 after 90 minutes. At what time (HH:MM) had it begun?", "22:40" },
        { "Which city is the capital of Norway?\nA) Rome\nB) Lima\nC) Oslo\nD) Athens", "C" },
        { "What is the chemical symbol of gold?\nA) Au\nB) Ag\nC) Fe\nD) Sn", "A" },
        { "Write a Python function f(n) that returns the argument raised to the power of 3.",
          "def f(n):\n    x = n\n    return x ** 3\n" }
    };
    char value[ZOO_SIM_TEXT_SIZE];
    zoo_sim_task task;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!zoo_sim_match(cases[i].query, strlen(cases[i].query), &task))
            fail_msg("not recognised: %s", cases[i].query);
        assert_int_equal(zoo_sim_solve(&task, value, sizeof value), 0);
        assert_string_equal(value, cases[i].value);
    }
}

static void test_other_text_is_not_matched(void **state)
{
    static const char *const texts[] = {
        "", " ", "hello", "What is love?", "What is % of ?", "What is 15% of 240? And why?", "Multiply 3 by four.",
        "Write 4000 as a Roman numeral.", "Write -1 as a Roman numeral.",
            "Write 99999999999999999999 as a Roman numeral.",
        "It is 25:10. What will the clock show in 25 minutes (HH:MM)?",
            "Which city is the capital of Atlantis?\nA) a\nB) b\nC) c\nD) d",
        "Which city is the capital of Norway?\nA) Rome\nB) Lima\nC) Paris\nD) Athens",
        "Write a Python function import os;f(n) that returns the argument raised to the power of 3.",
        "Write a Python function f(n) that returns the argument raised to the power of 300.", "\xff\xfe", "{a}",
            "{a}% of {b}"
    };
    char filler[ZOO_SIM_TEXT_SIZE + 10];
    zoo_sim_task task;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (zoo_sim_match(texts[i], strlen(texts[i]), &task))
            fail_msg("taken for %s: %s", task.kind->name, texts[i]);
    memset(filler, 'A', sizeof filler);
    assert_false(zoo_sim_match(filler, sizeof filler, &task));
    for (size_t i = 0; i + 4 < ZOO_SIM_TEXT_SIZE - 1; i += 4)       /* as many false starts as fit: must end, quickly */
        memcpy(filler + i, "\nA) ", 4);
    assert_false(zoo_sim_match(filler, ZOO_SIM_TEXT_SIZE - 1, &task));
}

/* ---- training and held-out frames share nothing that would let one be found by the other ---- */

/* Words lower-cased (ASCII), punctuation gone, each CJK character a word, slots as "\1": one word a line. */
static size_t words_of(const char *text, char words[][32], size_t most)
{
    size_t n = 0, used, size = 0, length = strlen(text);

    words[0][0] = '\0';
    for (size_t i = 0; i <= length; i += used) {
        uint32_t c = i < length ? zoo_utf8_next(text + i, length - i, &used) : (used = 1, ' ');
        int is_slot = c == '{', is_cjk = c >= 0x2e80 && c < 0xff00 && !(c >= 0x3000 && c < 0x3040);
        int is_letter = !is_slot && !is_cjk &&
                        ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= 0xc0 && c < 0x2000));
        if (is_letter) {
            assert_true(size + used < 32);
            for (size_t j = 0; j < used; j++)
                words[n][size++] = (char)(used == 1 ? c | (c >= 'A' ? 32 : 0) : (unsigned char)text[i + j]);
            words[n][size] = '\0';
            continue;
        }
        if (size) {
            size = 0;
            assert_true(++n < most);
        }
        if (is_slot || is_cjk) {
            memcpy(words[n], is_slot ? "\1" : text + i, is_slot ? 1 : used);
            words[n][is_slot ? 1 : used] = '\0';
            assert_true(++n < most);
            used = is_slot ? 3 : used;
        }
    }
    return n;
}

static int same_words(char a[][32], size_t n, char b[][32], size_t m)
{
    if (n != m)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i], b[i]))
            return 0;
    return 1;
}

/* A run of six words without a slot in both. */
static int share_six(char a[][32], size_t n, char b[][32], size_t m)
{
    for (size_t i = 0; i + 6 <= n; i++)
        for (size_t j = 0; j + 6 <= m; j++) {
            size_t same = 0;
            while (same < 6 && strcmp(a[i + same], "\1") && !strcmp(a[i + same], b[j + same]))
                same++;
            if (same == 6)
                return 1;
        }
    return 0;
}

static const zoo_sim_frame *held_out;
static char held_out_words[80][32];
static size_t held_out_count;

static void check_against_held_out(const zoo_sim_kind *kind, const zoo_sim_frame *frame)
{
    char words[80][32];
    size_t n;

    if (frame->is_held_out)
        return;
    n = words_of(frame->text, words, 80);
    if (same_words(words, n, held_out_words, held_out_count))
        fail_msg("%s: one sentence in training and held out: %s", kind->name, frame->text);
    if (share_six(words, n, held_out_words, held_out_count))
        fail_msg("%s: six words in common: %s | %s", kind->name, frame->text, held_out->text);
}

static void check_if_held_out(const zoo_sim_kind *kind, const zoo_sim_frame *frame)
{
    (void)kind;
    if (!frame->is_held_out)
        return;
    held_out = frame;
    held_out_count = words_of(frame->text, held_out_words, 80);
    each_frame(check_against_held_out);
}

static void test_held_out_frames_share_no_sentence_with_training(void **state)
{
    (void)state;
    each_frame(check_if_held_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_wide),
        cmocka_unit_test(test_every_frame_is_recognised_from_its_text),
        cmocka_unit_test(test_programs_pass_and_fail_their_asserts),
        cmocka_unit_test(test_solutions),
        cmocka_unit_test(test_other_text_is_not_matched),
        cmocka_unit_test(test_held_out_frames_share_no_sentence_with_training)
    };

    return cmocka_run_group_tests_name("sim/tasks", tests, NULL, NULL);
}
