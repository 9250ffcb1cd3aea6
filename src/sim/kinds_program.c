/* kinds_program.c - small Python functions to write, graded by running the reference's asserts in a sandbox.
 * {a} is the signature to use, {b} what is to be returned, from the table below, with a number k in some.
 * Held-out frames ask for programs of their own: a description is a sentence, too.
 * The simulated expert knows a right and a wrong body for each. Layer: sim -> base. Refuses to run anything itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/kinds.h"

/* In describe: # is k. In code: # is k, @ the function's name; one argument x is what every body reads. */
struct program {
    const char *describe[ZOO_SIM_LANGS];
    const char *argument, *right, *wrong, *check;
    long least, most;                    /* of k; both 0: no k */
    int is_held_out;
};

static const struct program programs[] = {
    { { "the sum of all multiples of # below the argument", "die Summe aller Vielfachen von # unterhalb des Arguments",
        "la somme des multiples de # inférieurs à l'argument", "la suma de los múltiplos de # menores que el argumento",
        "小于参数的所有#的倍数之和" },
      "n", "sum(range(0, x, #))", "sum(range(0, x + #, #))",
      "assert @(#) == 0\nassert @(# * 4 + 1) == # * 10\nassert @(200) == sum(i for i in range(200) if i % # == 0)", 3,
      13, 0 },
    { { "the number of words in a list that are longer than # letters",
        "die Anzahl der Wörter einer Liste, die länger als # Buchstaben sind",
        "le nombre de mots d'une liste qui dépassent # lettres",
        "el número de palabras de una lista con más de # letras",
        "列表中长度超过#个字母的单词个数" },
      "words", "sum(1 for w in x if len(w) > #)", "sum(1 for w in x if len(w) >= #)",
      "assert @([]) == 0\nassert @(['a' * #, 'b' * (# + 1)]) == 1\nassert @(['abcdefghijklmnop', 'x' * #]) == 1", 2, 9,
      1 },
    { { "the text repeated # times", "die #-fache Wiederholung des Textes", "le texte répété # fois",
        "el texto repetido # veces",
        "重复#次的文本" },
      "text", "x * #", "x * (# - 1)", "assert @('') == ''\nassert @('ab') == 'ab' * #\nassert len(@('xyz')) == 3 * #",
      2, 9, 0 },
    { { "every #th entry of a list, beginning with the first",
        "die Liste, die vom ersten an nur jeden #. Eintrag behält",
        "une entrée sur # d'une liste, en commençant par la première",
        "una de cada # entradas de una lista, desde la primera",
        "列表中从第一个开始每隔#个取出的元素" },
      "items", "list(x)[::#]", "list(x)[# - 1::#]", "assert @([]) == []\nassert @(list(range(3 * #))) == [0, #, 2 * #]",
      2, 9, 0 },
    { { "the argument raised to the power of #", "das Argument hoch #", "l'argument élevé à la puissance #",
        "el argumento elevado a la potencia #", "参数的#次方" },
      "n", "x ** #", "x * #", "assert @(1) == 1\nassert @(3) == 3 ** #\nassert @(-2) == (-2) ** #", 3, 9, 1 },
    { { "how many entries of a list can be divided by #", "wie viele Einträge einer Liste durch # teilbar sind",
        "combien d'entrées d'une liste sont divisibles par #", "cuántas entradas de una lista son divisibles por #",
        "列表中能被#整除的元素个数" },
      "items", "sum(1 for i in x if i % # == 0)", "sum(1 for i in x if i % # != 0)",
      "assert @([]) == 0\nassert @([#, # * 2, # * 2 + 1, 1]) == 2\nassert @(range(1, # * 5 + 1)) == 5", 3, 12, 0 },
    { { "the number of vowels (a, e, i, o, u) in a lower-case text",
        "die Zahl der Vokale (a, e, i, o, u) in einem kleingeschriebenen Text",
        "le nombre de voyelles (a, e, i, o, u) d'un texte en minuscules",
        "el número de vocales (a, e, i, o, u) de un texto en minúsculas",
        "小写文本中元音字母（a、e、i、o、u）的个数" },
      "text", "sum(1 for c in x if c in 'aeiou')", "sum(1 for c in x if c in 'aeio')",
      "assert @('') == 0\nassert @('lunar module') == 5\nassert @('rhythm') == 0", 0, 0, 1 },
    { { "True if a text reads the same backwards, else False",
        "True, wenn ein Text rückwärts gleich lautet, sonst False",
        "True si un texte se lit pareil à l'envers, sinon False", "True si un texto se lee igual al revés, si no False",
        "文本正反读都一样时为True，否则为False" },
      "text", "x == x[::-1]", "x[0:1] == x[-1:]",
      "assert @('level') is True\nassert @('') is True\nassert @('abca') is False", 0, 0, 0 },
    { { "the # largest numbers of a list in falling order", "die # größten Zahlen einer Liste in fallender Ordnung",
        "les # plus grands nombres d'une liste en ordre décroissant",
        "los # números mayores de una lista en orden decreciente",
        "列表中最大的#个数，按从大到小的顺序" },
      "items", "sorted(x, reverse=True)[:#]", "sorted(x)[-#:]",
      "assert @([]) == []\nassert @(list(range(20))) == list(range(19, 19 - #, -1))", 2, 7, 1 },
    { { "the digit sum of a whole number, multiplied by #", "die Quersumme einer ganzen Zahl, multipliziert mit #",
        "la somme des chiffres d'un entier, multipliée par #", "la suma de las cifras de un entero, multiplicada por #",
        "整数各位数字之和再乘以#" },
      "n", "sum(int(d) for d in str(x)) * #", "sum(int(d) for d in str(x)) + #",
      "assert @(0) == 0\nassert @(123) == 6 * #\nassert @(9090) == 18 * #", 2, 9, 0 }
};

static const zoo_sim_frame program_frames[] = {
    TRAIN(EN, "Write a Python function {a} that returns {b}."),
    TRAIN(EN, "Implement `def {a}` in Python. It should return {b}."),
    TRAIN(EN, "I need Python code: {a} must give back {b}."),
    TRAIN(EN, "Define {a} in Python so that calling it yields {b}."),
    TRAIN(EN, "Programming exercise (Python): complete {a}, whose result is {b}."),
    HELD_OUT(EN, "Please code {a} as a function in Python; the return value is {b}."),
    HELD_OUT(EN, "In Python, implement a function with the signature {a}. Return {b}."),
    TRAIN(DE, "Schreibe eine Python-Funktion {a}. Sie liefert {b}."),
    TRAIN(DE, "Programmiere {a} in Python; das Ergebnis ist: {b}."),
    TRAIN(DE, "Ich brauche Python-Code, in dem {a} Folgendes berechnet: {b}."),
    HELD_OUT(DE, "Implementiere in Python die Funktion {a}, Rückgabe: {b}."),
    TRAIN(FR, "Écris une fonction Python {a} qui renvoie {b}."),
    TRAIN(FR, "Programme {a} en Python ; le résultat est {b}."),
    TRAIN(FR, "J'ai besoin de code Python où {a} calcule ceci : {b}."),
    HELD_OUT(FR, "En Python, implémente la fonction {a} avec comme valeur de retour {b}."),
    TRAIN(ES, "Escribe una función de Python {a} que devuelva {b}."),
    TRAIN(ES, "Programa {a} en Python; el resultado es {b}."),
    TRAIN(ES, "Necesito código Python en el que {a} calcule lo siguiente: {b}."),
    HELD_OUT(ES, "En Python, implementa la función {a}, cuyo valor de retorno es {b}."),
    TRAIN(ZH, "写一个Python函数{a}，返回{b}。"),
    TRAIN(ZH, "用Python编程实现{a}，结果是{b}。"),
    TRAIN(ZH, "我需要一段Python代码，其中{a}计算{b}。"),
    HELD_OUT(ZH, "请在Python里定义函数{a}，它的返回值为{b}。")
};

/* template with # and @ replaced; name may be NULL where there is no @. */
static int expand(char *out, size_t size, const char *template, long k, const char *name)
{
    char digits[16];
    size_t n = 0;

    zoo_sim_put(digits, sizeof digits, "%ld", k);
    for (; *template; template++) {
        const char *piece = *template == '#' ? digits : *template == '@' ? name : template;
        size_t length = piece == template ? 1 : strlen(piece);
        if (n + length >= size)
            return -1;
        memcpy(out + n, piece, length);
        n += length;
    }
    out[n] = '\0';
    return 0;
}

static void program_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    static const char *const names[] = { "solve", "compute", "task", "evaluate", "result_of", "work_out", "helper",
                                         "f" };
    const struct program *p;

    do
        p = &programs[zoo_rng_below(rng, COUNT_OF(programs))];
    while (p->is_held_out != frame->is_held_out);
    zoo_sim_set(slots->text[0], "%s(%s)", names[zoo_rng_below(rng, COUNT_OF(names))], p->argument);
    expand(slots->text[1], ZOO_SIM_SLOT_SIZE, p->describe[frame->lang], zoo_sim_between(rng, p->least, p->most), NULL);
}

/* What the slots ask for: a program of the table, its k, and the name and argument of "name(argument)". */
struct asked { const struct program *program; long k; char name[64], argument[64]; };

static int read_signature(const char *text, struct asked *a)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
    size_t name = strspn(text, letters), argument;

    if (!name || name >= sizeof a->name || text[name] != '(' || text[0] == '_' || (text[0] >= '0' && text[0] <= '9'))
        return -1;
    argument = strspn(text + name + 1, letters);
    if (!argument || argument >= sizeof a->argument || strcmp(text + name + 1 + argument, ")") || text[name + 1] <= '9')
        return -1;
    zoo_sim_put(a->name, sizeof a->name, "%.*s", (int)name, text);
    zoo_sim_put(a->argument, sizeof a->argument, "%.*s", (int)argument, text + name + 1);
    return 0;
}

static int read_slots(const zoo_sim_frame *frame, const zoo_sim_slots *slots, struct asked *a)
{
    const char *digits = slots->text[1] + strcspn(slots->text[1], "0123456789");
    char described[ZOO_SIM_SLOT_SIZE];

    if (read_signature(slots->text[0], a))
        return -1;
    a->k = *digits ? strtol(digits, NULL, 10) : 0;
    for (size_t i = 0; i < COUNT_OF(programs); i++) {
        a->program = &programs[i];
        if (a->k < a->program->least || a->k > a->program->most)
            continue;
        if (!expand(described, sizeof described, programs[i].describe[frame->lang], a->k, NULL) &&
            !strcmp(described, slots->text[1]))
            return 0;
    }
    return -1;
}

static int put_program(const struct asked *a, const char *body, char *out, size_t size)
{
    char code[200];

    if (expand(code, sizeof code, body, a->k, a->name))
        return -1;
    if (!strcmp(a->argument, "x"))
        return zoo_sim_put(out, size, "def %s(x):\n    return %s\n", a->name, code);
    return zoo_sim_put(out, size, "def %s(%s):\n    x = %s\n    return %s\n", a->name, a->argument, a->argument, code);
}

static int program_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    struct asked a;

    return read_slots(frame, slots, &a) ? -1 : put_program(&a, a.program->right, out, size);
}

static void program_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    struct asked a;

    (void)right;
    (void)rng;
    if (!read_slots(frame, slots, &a))
        put_program(&a, a.program->wrong, out, size);
}

static int program_reference(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    struct asked a;

    return read_slots(frame, slots, &a) ? -1 : expand(out, size, a.program->check, a.k, a.name);
}

const zoo_sim_kind zoo_sim_program = {
    "program", "programs", "program", "ll", program_frames, COUNT_OF(program_frames),
    program_make, program_solve, program_err, program_reference
};
