/* kinds_arithmetic.c - tasks with numbers: word problems, products, percentages, units, largest and smallest,
 * sequences. Results are whole numbers below 10^9. Layer: sim -> base. */
#include <stdio.h>
#include <string.h>
#include "sim/kinds.h"

static const char *const names[ZOO_SIM_LANGS][6] = {
    { "Anna", "Omar", "Lucy", "Ben", "Priya", "Tom" }, { "Lena", "Jonas", "Mira", "Emil", "Clara", "Timo" },
    { "Chloé", "Hugo", "Inès", "Louis", "Manon", "Paul" }, { "Lucía", "Mateo", "Sofía", "Diego", "Elena", "Pablo" },
    { "小明", "小红", "李华", "王芳", "张伟", "小丽" }
};
/* Plurals that stay the same where the frames use them; masculine in Spanish, with a consonant first in French. */
static const char *const things[ZOO_SIM_LANGS][6] = {
    { "marbles", "stamps", "apples", "postcards", "shells", "pencils" },
    { "Murmeln", "Karten", "Bohnen", "Muscheln", "Nüsse", "Stifte" },
    { "billes", "pommes", "cartes", "timbres", "crayons", "perles" },
    { "libros", "sellos", "globos", "caramelos", "botones", "dados" },
    { "苹果", "气球", "贝壳", "杯子", "橘子", "玩具" }
};

static const char *pick(const char *const *words, zoo_rng *rng)
{
    return words[zoo_rng_below(rng, 6)];
}

/* ---- word problems: {a} a name, {b} and {c} numbers, {d} things; variant 1 takes away ---- */

static const zoo_sim_frame word_problem_frames[] = {
    TRAIN_AS(EN, 0, "{a} has {b} {d} and buys {c} more. How many {d} does {a} have now?"),
    TRAIN_AS(EN, 1, "There were {b} {d} on the table until {a} took {c} of them away. How many are left?"),
    TRAIN_AS(EN, 0, "On Monday {a} collected {b} {d}, on Tuesday another {c}. What is the total?"),
    TRAIN_AS(EN, 1, "{a} owned {b} {d} but sold {c} at the market. How many {d} remain?"),
    TRAIN_AS(EN, 0, "If {a} finds {c} {d} in the attic and already keeps {b} at home, how many is that altogether?"),
    HELD_OUT_AS(EN, 1, "After giving {c} {d} to a friend, how many of the original {b} does {a} still have?"),
    HELD_OUT_AS(EN, 0, "{a} keeps {b} {d} in a box and {c} {d} in a bag. How many {d} are there in total?"),
    TRAIN_AS(DE, 0, "{a} hat {b} {d} und bekommt {c} dazu. Wie viele {d} sind es jetzt?"),
    TRAIN_AS(DE, 1, "{a} besitzt {b} {d} und verschenkt davon {c}. Wie viele bleiben übrig?"),
    TRAIN_AS(DE, 0, "Am Montag sammelt {a} {b} {d}, am Dienstag noch einmal {c}. Wie viele sind das zusammen?"),
    HELD_OUT_AS(DE, 1, "Auf dem Tisch lagen {b} {d}, davon hat {a} inzwischen {c} verkauft. Wie viele {d} bleiben?"),
    TRAIN_AS(FR, 0, "{a} possède {b} {d} et en achète {c} de plus. Combien de {d} cela fait-il en tout ?"),
    TRAIN_AS(FR, 1, "Il y avait {b} {d} dans le panier, puis {a} en a pris {c}. Combien en reste-t-il ?"),
    TRAIN_AS(FR, 0, "Lundi, {a} a trouvé {b} {d}, et mardi encore {c}. Quel est le total ?"),
    HELD_OUT_AS(FR, 1, "Sur ses {b} {d}, {a} en donne {c} à sa sœur. Combien de {d} lui reste-t-il ?"),
    TRAIN_AS(ES, 0, "{a} tiene {b} {d} y compra {c} más. ¿Cuántos {d} tiene ahora?"),
    TRAIN_AS(ES, 1, "Había {b} {d} en la mesa y {a} se llevó {c}. ¿Cuántos quedan?"),
    TRAIN_AS(ES, 0, "El lunes {a} juntó {b} {d} y el martes otros {c}. ¿Cuál es el total?"),
    HELD_OUT_AS(ES, 1, "De los {b} {d} que tenía, {a} regaló {c} a un amigo. ¿Cuántos le quedan ahora?"),
    TRAIN_AS(ZH, 0, "{a}有{b}个{d}，又买了{c}个，现在一共有多少个{d}？"),
    TRAIN_AS(ZH, 1, "桌上放着{b}个{d}，{a}拿走了{c}个，还剩几个？"),
    TRAIN_AS(ZH, 0, "星期一{a}收集了{b}个{d}，星期二又收集了{c}个，总共是多少？"),
    HELD_OUT_AS(ZH, 1, "{a}原来有{b}个{d}，送给朋友{c}个以后，还剩多少个？")
};

static void word_problem_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    long c = zoo_sim_between(rng, 3, 89);

    zoo_sim_set(slots->text[0], "%s", pick(names[frame->lang], rng));
    zoo_sim_set(slots->text[1], "%ld", c + zoo_sim_between(rng, 2, 110));
    zoo_sim_set(slots->text[2], "%ld", c);
    zoo_sim_set(slots->text[3], "%s", pick(things[frame->lang], rng));
}

static int word_problem_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long b, c;

    if (zoo_sim_int(slots->text[1], &b) || zoo_sim_int(slots->text[2], &c))
        return -1;
    return zoo_sim_put(out, size, "%ld", frame->variant ? b - c : b + c);
}

const zoo_sim_kind zoo_sim_word_problem = {
    "word-problem", "arithmetic", "number", "wnnl", word_problem_frames, COUNT_OF(word_problem_frames),
    word_problem_make, word_problem_solve, zoo_sim_err_number, NULL
};

/* ---- products: {a} in each of {b}, {c} things ---- */

static const zoo_sim_frame product_frames[] = {
    TRAIN(EN, "A crate holds {a} {c}. How many {c} fit into {b} such crates?"),
    TRAIN(EN, "Multiply {a} by {b}."),
    TRAIN(EN, "Each of the {b} shelves carries {a} {c}; how many {c} is that in all?"),
    TRAIN(EN, "What do you get for {a} times {b}?"),
    TRAIN(EN, "{b} children bring {a} {c} each. Work out the product of both numbers."),
    HELD_OUT(EN, "What is the product when {a} is multiplied by {b}?"),
    HELD_OUT(EN, "Every one of {b} crates is filled with {a} {c} each. How many {c} does that make?"),
    TRAIN(DE, "In einer Kiste sind {a} {c}. Wie viele {c} sind in {b} Kisten?"),
    TRAIN(DE, "Multipliziere {a} mit {b}."),
    TRAIN(DE, "Wie groß ist das Produkt der Zahlen {a} und {b}?"),
    HELD_OUT(DE, "Gesucht ist das Produkt: Was ergibt {a} multipliziert mit {b}?"),
    TRAIN(FR, "Une caisse contient {a} {c}. Combien de {c} y a-t-il dans {b} caisses ?"),
    TRAIN(FR, "Multiplie {a} par {b}."),
    TRAIN(FR, "Calcule le produit des nombres {a} et {b}."),
    HELD_OUT(FR, "Quel produit obtient-on si l'on multiplie {a} par le nombre {b} ?"),
    TRAIN(ES, "En una caja caben {a} {c}. ¿Cuántos {c} caben en {b} cajas?"),
    TRAIN(ES, "Multiplica {a} por {b}."),
    TRAIN(ES, "Calcula el producto de los números {a} y {b}."),
    HELD_OUT(ES, "¿Qué producto se obtiene al multiplicar {a} por {b}?"),
    TRAIN(ZH, "每个箱子装{a}个{c}，{b}个箱子能装多少个{c}？"),
    TRAIN(ZH, "{a}乘以{b}等于多少？"),
    TRAIN(ZH, "请计算{a}和{b}的乘积。"),
    HELD_OUT(ZH, "求乘积：{a}乘{b}得几？")
};

static void product_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    zoo_sim_set(slots->text[0], "%ld", zoo_sim_between(rng, 6, 48));
    zoo_sim_set(slots->text[1], "%ld", zoo_sim_between(rng, 3, 29));
    zoo_sim_set(slots->text[2], "%s", pick(things[frame->lang], rng));
}

static int product_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long a, b;

    (void)frame;
    if (zoo_sim_int(slots->text[0], &a) || zoo_sim_int(slots->text[1], &b) || a > 10000 || b > 10000)
        return -1;
    return zoo_sim_put(out, size, "%ld", a * b);
}

const zoo_sim_kind zoo_sim_product = {
    "product", "arithmetic", "number", "nnl", product_frames, COUNT_OF(product_frames), product_make, product_solve,
        zoo_sim_err_number, NULL
};

/* ---- percentages: {a} percent of {b} ---- */

static const zoo_sim_frame percent_frames[] = {
    TRAIN(EN, "What is {a}% of {b}?"),
    TRAIN(EN, "A coat costs {b} euros and is reduced by {a} percent. By how many euros does the price drop?"),
    TRAIN(EN, "Of {b} voters, {a}% chose the second candidate. How many people is that?"),
    TRAIN(EN, "Calculate {a} percent of {b}."),
    TRAIN(EN, "A tank for {b} litres is {a}% full. How many litres are in it?"),
    HELD_OUT(EN, "How much is {a} percent, if the whole is {b}?"),
    HELD_OUT(EN, "A shop takes {a}% off a bill of {b} euros; how large is the discount in euros?"),
    TRAIN(DE, "Wie viel sind {a}% von {b}?"),
    TRAIN(DE, "Ein Mantel kostet {b} Euro und wird um {a} Prozent billiger. Um wie viel Euro sinkt der Preis?"),
    TRAIN(DE, "Berechne {a} Prozent von {b}."),
    HELD_OUT(DE, "Auf eine Rechnung von {b} Euro gibt es {a} Prozent Rabatt. Wie hoch ist der Rabatt in Euro?"),
    TRAIN(FR, "Combien font {a} % de {b} ?"),
    TRAIN(FR, "Un manteau à {b} euros baisse de {a} pour cent. De combien d'euros le prix diminue-t-il ?"),
    TRAIN(FR, "Calcule {a} pour cent de {b}."),
    HELD_OUT(FR, "Sur une facture de {b} euros, on accorde {a} pour cent de remise. Combien d'euros de remise ?"),
    TRAIN(ES, "¿Cuánto es el {a} % de {b}?"),
    TRAIN(ES, "Un abrigo cuesta {b} euros y se rebaja un {a} por ciento. ¿Cuántos euros baja el precio?"),
    TRAIN(ES, "Calcula el {a} por ciento de {b}."),
    HELD_OUT(ES, "En una factura de {b} euros hay un {a} por ciento de descuento. ¿De cuántos euros es el descuento?"),
    TRAIN(ZH, "{b}的{a}%是多少？"),
    TRAIN(ZH, "一件大衣{b}元，降价百分之{a}，便宜了多少元？"),
    TRAIN(ZH, "请计算{b}的百分之{a}。"),
    HELD_OUT(ZH, "账单共{b}元，打折减去{a}%，减了几元？")
};

static void percent_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    (void)frame;
    zoo_sim_set(slots->text[0], "%ld", 5 * zoo_sim_between(rng, 1, 18));
    zoo_sim_set(slots->text[1], "%ld", 20 * zoo_sim_between(rng, 4, 60));       /* so that the result is whole */
}

static int percent_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long a, b;

    (void)frame;
    if (zoo_sim_int(slots->text[0], &a) || zoo_sim_int(slots->text[1], &b) || a > 1000 || b > 1000000 || a * b % 100)
        return -1;
    return zoo_sim_put(out, size, "%ld", a * b / 100);
}

const zoo_sim_kind zoo_sim_percent = {
    "percent", "arithmetic", "number", "nn", percent_frames, COUNT_OF(percent_frames), percent_make, percent_solve,
        zoo_sim_err_number, NULL
};

/* ---- units: {a} {b} in {c} ---- */

static const struct { const char *from[ZOO_SIM_LANGS], *to[ZOO_SIM_LANGS]; long factor; } units[] = {
    { { "kilometres", "Kilometer", "kilomètres", "kilómetros", "千米" }, { "metres", "Meter", "mètres", "metros", "米" },
      1000 },
    { { "hours", "Stunden", "heures", "horas", "小时" }, { "minutes", "Minuten", "minutes", "minutos", "分钟" }, 60 },
    { { "kilograms", "Kilogramm", "kilogrammes", "kilogramos", "千克" }, { "grams", "Gramm", "grammes", "gramos", "克" },
      1000 },
    { { "metres", "Meter", "mètres", "metros", "米" }, { "centimetres", "Zentimeter", "centimètres", "centímetros",
                                                        "厘米" }, 100 },
    { { "days", "Tage", "jours", "días", "天" }, { "hours", "Stunden", "heures", "horas", "小时" }, 24 },
    { { "litres", "Liter", "litres", "litros", "升" },
      { "millilitres", "Milliliter", "millilitres", "mililitros", "毫升" }, 1000 }
};

static const zoo_sim_frame units_frames[] = {
    TRAIN(EN, "Convert {a} {b} into {c}."),
    TRAIN(EN, "How many {c} are there in {a} {b}?"),
    TRAIN(EN, "Express {a} {b} in {c}."),
    TRAIN(EN, "A label reads {a} {b}. What would it say in {c}?"),
    TRAIN(EN, "Change the unit: {a} {b} equal how many {c}?"),
    HELD_OUT(EN, "Please convert the unit; {a} {b} should be given in {c}."),
    HELD_OUT(EN, "{a} {b} correspond to what number of {c}?"),
    TRAIN(DE, "Rechne {a} {b} in {c} um."),
    TRAIN(DE, "Wie viele {c} sind {a} {b}?"),
    TRAIN(DE, "Gib {a} {b} in der Einheit {c} an."),
    HELD_OUT(DE, "Umrechnung gesucht: {a} {b}, ausgedrückt als {c}."),
    TRAIN(FR, "Convertis {a} {b} en {c}."),
    TRAIN(FR, "À combien de {c} correspondent {a} {b} ?"),
    TRAIN(FR, "Exprime {a} {b} dans une autre unité : {c}."),
    HELD_OUT(FR, "Fais la conversion d'unité : {a} {b}, c'est combien de {c} ?"),
    TRAIN(ES, "Convierte {a} {b} a {c}."),
    TRAIN(ES, "¿A cuántos {c} equivalen {a} {b}?"),
    TRAIN(ES, "Expresa {a} {b} en otra unidad: {c}."),
    HELD_OUT(ES, "Haz la conversión de unidad: {a} {b} son ¿cuántos {c}?"),
    TRAIN(ZH, "把{a}{b}换算成{c}。"),
    TRAIN(ZH, "{a}{b}等于多少{c}？"),
    TRAIN(ZH, "单位换算：{a}{b}是多少{c}？"),
    HELD_OUT(ZH, "请换算单位，{a}{b}合几{c}？")
};

static void units_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    size_t i = zoo_rng_below(rng, COUNT_OF(units));

    zoo_sim_set(slots->text[0], "%ld", zoo_sim_between(rng, 3, 95));
    zoo_sim_set(slots->text[1], "%s", units[i].from[frame->lang]);
    zoo_sim_set(slots->text[2], "%s", units[i].to[frame->lang]);
}

static int units_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long a;

    if (zoo_sim_int(slots->text[0], &a) || a > 100000)
        return -1;
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (!strcmp(slots->text[1], units[i].from[frame->lang]) && !strcmp(slots->text[2], units[i].to[frame->lang]))
            return zoo_sim_put(out, size, "%ld", a * units[i].factor);
    return -1;
}

const zoo_sim_kind zoo_sim_units = {
    "units", "arithmetic", "number", "nll", units_frames, COUNT_OF(units_frames), units_make, units_solve,
        zoo_sim_err_number, NULL
};

/* ---- extremes: the largest of the list {a}; variant 1: the smallest ---- */

static const zoo_sim_frame extremes_frames[] = {
    TRAIN_AS(EN, 0, "Which of these numbers is the largest: {a}?"),
    TRAIN_AS(EN, 1, "Find the smallest number among {a}."),
    TRAIN_AS(EN, 0, "Compare {a}. Which one is the biggest?"),
    TRAIN_AS(EN, 1, "Look at the numbers {a} and name the smallest."),
    TRAIN_AS(EN, 0, "From the list {a}, give me the greatest value."),
    HELD_OUT_AS(EN, 0, "Here are some numbers to compare: {a}. Tell me the largest."),
    HELD_OUT_AS(EN, 1, "Pick the smallest value in this list: {a}."),
    TRAIN_AS(DE, 0, "Welche dieser Zahlen ist die größte: {a}?"),
    TRAIN_AS(DE, 1, "Nenne die kleinste Zahl unter {a}."),
    TRAIN_AS(DE, 0, "Vergleiche {a}. Welcher Wert ist am größten?"),
    HELD_OUT_AS(DE, 1, "Vergleiche diese Zahlen und nenne die kleinste davon: {a}."),
    TRAIN_AS(FR, 0, "Lequel de ces nombres est le plus grand : {a} ?"),
    TRAIN_AS(FR, 1, "Trouve le plus petit nombre parmi {a}."),
    TRAIN_AS(FR, 0, "Compare {a}. Quelle valeur est la plus grande ?"),
    HELD_OUT_AS(FR, 1, "Voici des nombres à comparer : {a}. Donne le plus petit."),
    TRAIN_AS(ES, 0, "¿Cuál de estos números es el mayor: {a}?"),
    TRAIN_AS(ES, 1, "Encuentra el número menor entre {a}."),
    TRAIN_AS(ES, 0, "Compara {a}. ¿Qué valor es el mayor?"),
    HELD_OUT_AS(ES, 1, "Compara estos números y di cuál es el menor de todos: {a}."),
    TRAIN_AS(ZH, 0, "下面这些数中哪个最大：{a}？"),
    TRAIN_AS(ZH, 1, "找出{a}里最小的数。"),
    TRAIN_AS(ZH, 0, "比较{a}，最大的是哪个数？"),
    HELD_OUT_AS(ZH, 1, "比一比，{a}当中最小的数是几？")
};

static void extremes_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    size_t picked[6], n = 4 + zoo_rng_below(rng, 3), at = 0;
    long base = zoo_sim_between(rng, 1, 15) * 60;

    zoo_sim_draw(rng, picked, n, 64);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(slots->text[0] + at, ZOO_SIM_SLOT_SIZE - at, "%s%ld",
                               i ? zoo_sim_separator(frame->lang) : "", base + 7 * (long)picked[i]);
}

static int extremes_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long values[12], best;
    int n = zoo_sim_int_list(slots->text[0], values, 12);

    if (n < 2)
        return -1;
    best = values[0];
    for (int i = 1; i < n; i++)
        if (frame->variant ? values[i] < best : values[i] > best)
            best = values[i];
    return zoo_sim_put(out, size, "%ld", best);
}

/* Another number of the list. */
static void extremes_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                         char *out, size_t size)
{
    long values[12];
    int n = zoo_sim_int_list(slots->text[0], values, 12);

    (void)frame;
    (void)right;
    if (n > 0)
        zoo_sim_put(out, size, "%ld", values[zoo_rng_below(rng, (uint64_t)n)]);
}

const zoo_sim_kind zoo_sim_extremes = {
    "extremes", "arithmetic", "number", "l", extremes_frames, COUNT_OF(extremes_frames), extremes_make, extremes_solve,
        extremes_err, NULL
};

/* ---- sequences: what follows the list {a}; the step is added or multiplied ---- */

static const zoo_sim_frame sequence_frames[] = {
    TRAIN(EN, "Which number comes next in the sequence {a}?"),
    TRAIN(EN, "Continue the pattern by one term: {a}, ..."),
    TRAIN(EN, "{a}: what is the next number?"),
    TRAIN(EN, "A sequence begins with {a}. Give the term that follows."),
    TRAIN(EN, "Spot the rule behind {a} and name the next term."),
    HELD_OUT(EN, "The sequence goes {a}. What number follows next?"),
    HELD_OUT(EN, "Find the rule and continue: {a}, ?"),
    TRAIN(DE, "Welche Zahl kommt in der Folge {a} als nächste?"),
    TRAIN(DE, "Setze die Reihe um ein Glied fort: {a}, ..."),
    TRAIN(DE, "Erkenne die Regel in der Zahlenfolge {a} und nenne das nächste Glied."),
    HELD_OUT(DE, "Die Zahlenfolge beginnt so: {a}. Wie heißt die nächste Zahl?"),
    TRAIN(FR, "Quel nombre vient ensuite dans la suite {a} ?"),
    TRAIN(FR, "Continue la suite d'un terme : {a}, ..."),
    TRAIN(FR, "Trouve la règle de la suite {a} et donne le terme suivant."),
    HELD_OUT(FR, "La suite commence ainsi : {a}. Quel est le nombre suivant ?"),
    TRAIN(ES, "¿Qué número sigue en la secuencia {a}?"),
    TRAIN(ES, "Continúa la serie con un término más: {a}, ..."),
    TRAIN(ES, "Descubre la regla de la secuencia {a} y di el término siguiente."),
    HELD_OUT(ES, "La secuencia empieza así: {a}. ¿Cuál es el número siguiente?"),
    TRAIN(ZH, "数列{a}的下一个数是什么？"),
    TRAIN(ZH, "按规律接着写一个数：{a}，……"),
    TRAIN(ZH, "找出数列{a}的规律，写出下一项。"),
    HELD_OUT(ZH, "观察规律：{a}，后面的下一个数该填几？")
};

static void sequence_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    int multiplies = zoo_rng_below(rng, 3) == 0;
    long value = zoo_sim_between(rng, 2, multiplies ? 7 : 60), step = zoo_sim_between(rng, 2, multiplies ? 3 : 17);
    size_t at = 0;

    for (int i = 0; i < 5; i++) {
        at += (size_t)snprintf(slots->text[0] + at, ZOO_SIM_SLOT_SIZE - at, "%s%ld",
                               i ? zoo_sim_separator(frame->lang) : "", value);
        value = multiplies ? value * step : value + step;
    }
}

static int sequence_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long v[12];
    int n = zoo_sim_int_list(slots->text[0], v, 12), adds = 1, multiplies = 1;

    (void)frame;
    if (n < 3 || v[0] <= 0 || v[n - 1] > 1000000)
        return -1;
    for (int i = 2; i < n; i++) {
        adds &= v[i] - v[i - 1] == v[1] - v[0];
        multiplies &= v[i] == v[i - 1] * (v[1] / v[0]);
    }
    if (!adds && (!multiplies || v[1] != v[0] * (v[1] / v[0])))
        return -1;
    return zoo_sim_put(out, size, "%ld", adds ? 2 * v[n - 1] - v[n - 2] : v[n - 1] * (v[1] / v[0]));
}

const zoo_sim_kind zoo_sim_sequence = {
    "sequence", "arithmetic", "number", "l", sequence_frames, COUNT_OF(sequence_frames), sequence_make, sequence_solve,
        zoo_sim_err_number, NULL
};
