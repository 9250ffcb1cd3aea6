/* kinds_notation.c - tasks that write a number in another way: Roman numerals, binary,
 * number words of another language.
 * Layer: sim -> base. */
#include <string.h>
#include "sim/kinds.h"

/* ---- Roman numerals of {a} ---- */

static const zoo_sim_frame roman_frames[] = {
    TRAIN(EN, "Write {a} as a Roman numeral."),
    TRAIN(EN, "How would the Romans have written the number {a}?"),
    TRAIN(EN, "Give the Roman numeral for {a}."),
    TRAIN(EN, "A clock tower was built in {a}; carve that year in Roman numerals."),
    TRAIN(EN, "Turn {a} into Roman notation."),
    HELD_OUT(EN, "Which Roman numeral stands for {a}?"),
    HELD_OUT(EN, "Please convert {a} to Roman numerals."),
    TRAIN(DE, "Schreibe {a} als römische Zahl."),
    TRAIN(DE, "Wie hätten die Römer die Zahl {a} geschrieben?"),
    TRAIN(DE, "Gib {a} in römischen Ziffern an."),
    HELD_OUT(DE, "Welche römische Zahl steht für {a}?"),
    TRAIN(FR, "Écris {a} en chiffres romains."),
    TRAIN(FR, "Comment les Romains auraient-ils noté le nombre {a} ?"),
    TRAIN(FR, "Donne le nombre romain qui vaut {a}."),
    HELD_OUT(FR, "Quel est le nombre {a} en numération romaine ?"),
    TRAIN(ES, "Escribe {a} en números romanos."),
    TRAIN(ES, "¿Cómo habrían escrito los romanos el número {a}?"),
    TRAIN(ES, "Da el número romano que vale {a}."),
    HELD_OUT(ES, "¿Qué número romano corresponde a {a}?"),
    TRAIN(ZH, "把{a}写成罗马数字。"),
    TRAIN(ZH, "用罗马数字怎么表示{a}？"),
    TRAIN(ZH, "古罗马人会怎样写{a}这个数？"),
    HELD_OUT(ZH, "{a}的罗马数字是什么？")
};

static void roman_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    (void)frame;
    zoo_sim_set(slots->text[0], "%ld", zoo_rng_below(rng, 2) ? zoo_sim_between(rng, 4, 400) :
                zoo_sim_between(rng, 1500, 2020));
}

static int roman_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    static const struct { long value; char text[3]; } digits[] = {
        { 1000, "M" }, { 900, "CM" }, { 500, "D" }, { 400, "CD" }, { 100, "C" }, { 90, "XC" }, { 50, "L" },
            { 40, "XL" },
        { 10, "X" }, { 9, "IX" }, { 5, "V" }, { 4, "IV" }, { 1, "I" } };
    long a;
    size_t n = 0;

    (void)frame;
    if (zoo_sim_int(slots->text[0], &a) || a < 1 || a > 3999)
        return -1;
    out[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(digits); i++)
        for (; a >= digits[i].value; a -= digits[i].value) {
            if (zoo_sim_put(out + n, size - n, "%s", digits[i].text))
                return -1;
            n += strlen(digits[i].text);
        }
    return 0;
}

/* The numeral of a number nearby. */
static void roman_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                      char *out, size_t size)
{
    zoo_sim_slots other = *slots;

    zoo_sim_err_number(frame, slots, slots->text[0], rng, other.text[0], ZOO_SIM_SLOT_SIZE);
    if (roman_solve(frame, &other, out, size))
        zoo_sim_put(out, size, "%s", right);
}

const zoo_sim_kind zoo_sim_roman = {
    "roman", "notation", "string", "n", roman_frames, COUNT_OF(roman_frames), roman_make, roman_solve, roman_err, NULL
};

/* ---- {a} in binary ---- */

static const zoo_sim_frame binary_frames[] = {
    TRAIN(EN, "Write the decimal number {a} in binary."),
    TRAIN(EN, "What is {a} in base two?"),
    TRAIN(EN, "Give the binary representation of {a} without leading zeros."),
    TRAIN(EN, "Show {a} using only the bits zero and one."),
    TRAIN(EN, "Encode {a} as a binary number."),
    HELD_OUT(EN, "How does {a} look in the binary system?"),
    HELD_OUT(EN, "Convert {a} from decimal to binary digits."),
    TRAIN(DE, "Schreibe die Dezimalzahl {a} binär."),
    TRAIN(DE, "Wie lautet {a} im Zweiersystem?"),
    TRAIN(DE, "Stelle {a} als Binärzahl ohne führende Nullen dar."),
    HELD_OUT(DE, "Wandle {a} in eine Binärzahl um."),
    TRAIN(FR, "Écris le nombre décimal {a} en binaire."),
    TRAIN(FR, "Que vaut {a} en base deux ?"),
    TRAIN(FR, "Donne la représentation binaire de {a} sans zéros inutiles."),
    HELD_OUT(FR, "Code {a} dans le système binaire."),
    TRAIN(ES, "Escribe el número decimal {a} en binario."),
    TRAIN(ES, "¿Cuánto es {a} en base dos?"),
    TRAIN(ES, "Da la representación binaria de {a} sin ceros a la izquierda."),
    HELD_OUT(ES, "Pasa {a} al sistema binario."),
    TRAIN(ZH, "把十进制数{a}写成二进制。"),
    TRAIN(ZH, "{a}的二进制表示是什么？"),
    TRAIN(ZH, "用二进制表示{a}，不要前导零。"),
    HELD_OUT(ZH, "请将{a}转换为二进制数。")
};

static void binary_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    (void)frame;
    zoo_sim_set(slots->text[0], "%ld", zoo_sim_between(rng, 9, 500));
}

static int binary_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    char bits[32], *p = bits + sizeof bits - 1;
    long a;

    (void)frame;
    if (zoo_sim_int(slots->text[0], &a) || a < 1)
        return -1;
    for (*p = '\0'; a; a /= 2)
        *--p = (char)('0' + a % 2);
    return zoo_sim_put(out, size, "%s", p);
}

/* One bit flipped, never the first. */
static void binary_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                       char *out, size_t size)
{
    size_t n = strlen(right);

    (void)frame;
    (void)slots;
    if (!zoo_sim_put(out, size, "%s", right) && n > 1)
        out[1 + zoo_rng_below(rng, n - 1)] ^= 1;
}

const zoo_sim_kind zoo_sim_binary = {
    "binary", "notation", "string", "n", binary_frames, COUNT_OF(binary_frames), binary_make, binary_solve, binary_err,
        NULL
};

/* ---- number words: {a} in language {b} ---- */

enum { WORDS = 26 };
static const char *const number_words[ZOO_SIM_LANGS][WORDS] = {
    { "two", "three", "four", "five", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
      "fifteen",
      "sixteen", "seventeen", "eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy",
      "eighty",
      "ninety", "hundred" },
    { "zwei", "drei", "vier", "fünf", "sieben", "acht", "neun", "zehn", "elf", "zwölf", "dreizehn", "vierzehn",
      "fünfzehn",
      "sechzehn", "siebzehn", "achtzehn", "neunzehn", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig",
      "achtzig",
      "neunzig", "hundert" },
    { "deux", "trois", "quatre", "cinq", "sept", "huit", "neuf", "dix", "onze", "douze", "treize", "quatorze", "quinze",
      "seize", "dix-sept", "dix-huit", "dix-neuf", "vingt", "trente", "quarante", "cinquante", "soixante",
      "soixante-dix",
      "quatre-vingts", "quatre-vingt-dix", "cent" },
    { "dos", "tres", "cuatro", "cinco", "siete", "ocho", "nueve", "diez", "once", "doce", "trece", "catorce", "quince",
      "dieciséis", "diecisiete", "dieciocho", "diecinueve", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta",
      "setenta",
      "ochenta", "noventa", "cien" },
    { "二", "三", "四", "五", "七", "八", "九", "十", "十一", "十二", "十三", "十四", "十五", "十六", "十七", "十八", "十九",
      "二十", "三十", "四十", "五十", "六十", "七十", "八十", "九十", "一百" }
};
static const char *const language_names[ZOO_SIM_LANGS][ZOO_SIM_LANGS] = {          /* [in which language][of which] */
    { "English", "German", "French", "Spanish", "Chinese" },
    { "Englisch", "Deutsch", "Französisch", "Spanisch", "Chinesisch" },
    { "anglais", "allemand", "français", "espagnol", "chinois" }, { "inglés", "alemán", "francés", "español", "chino" },
    { "英语", "德语", "法语", "西班牙语", "汉语" }
};

static const zoo_sim_frame translate_frames[] = {
    TRAIN(EN, "Translate the number word '{a}' into {b}."),
    TRAIN(EN, "How do you say '{a}' in {b}?"),
    TRAIN(EN, "What is the {b} word for '{a}'?"),
    TRAIN(EN, "Give me the {b} translation of '{a}', in letters only."),
    TRAIN(EN, "'{a}' - which word would be used for it in {b}?"),
    HELD_OUT(EN, "I need the word '{a}' translated to {b}."),
    HELD_OUT(EN, "Say '{a}' in the {b} language."),
    TRAIN(DE, "Übersetze das Zahlwort „{a}“, und zwar auf {b}."),
    TRAIN(DE, "Wie sagt man „{a}“ auf {b}?"),
    TRAIN(DE, "Nenne die Übersetzung von „{a}“ auf {b}."),
    HELD_OUT(DE, "Was heißt „{a}“ auf {b}, als Wort geschrieben?"),
    TRAIN(FR, "Traduis le mot « {a} » en {b}."),
    TRAIN(FR, "Comment dit-on « {a} » en {b} ?"),
    TRAIN(FR, "Donne la traduction de « {a} » en {b}."),
    HELD_OUT(FR, "Que devient le mot « {a} » traduit en {b} ?"),
    TRAIN(ES, "Traduce la palabra «{a}» al {b}."),
    TRAIN(ES, "¿Cómo se dice «{a}» en {b}?"),
    TRAIN(ES, "Da la traducción de «{a}» en {b}."),
    HELD_OUT(ES, "¿Cuál es la palabra «{a}» traducida al {b}?"),
    TRAIN(ZH, "把数词“{a}”翻译成{b}。"),
    TRAIN(ZH, "“{a}”用{b}怎么说？"),
    TRAIN(ZH, "请给出“{a}”的{b}翻译。"),
    HELD_OUT(ZH, "“{a}”这个词译成{b}是什么？")
};

static void translate_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    size_t pair[2];

    zoo_sim_draw(rng, pair, 2, ZOO_SIM_LANGS);
    zoo_sim_set(slots->text[0], "%s", number_words[pair[0]][zoo_rng_below(rng, WORDS)]);
    zoo_sim_set(slots->text[1], "%s", language_names[frame->lang][pair[1]]);
}

/* The number and the target language; -1: unknown. */
static int translate_read(const zoo_sim_frame *frame, const zoo_sim_slots *slots, size_t *target)
{
    for (*target = 0; *target < ZOO_SIM_LANGS; ++*target)
        if (!strcmp(language_names[frame->lang][*target], slots->text[1]))
            break;
    for (size_t lang = 0; *target < ZOO_SIM_LANGS && lang < ZOO_SIM_LANGS; lang++)
        for (int i = 0; i < WORDS; i++)
            if (!strcmp(number_words[lang][i], slots->text[0]))
                return i;
    return -1;
}

static int translate_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    size_t target;
    int word = translate_read(frame, slots, &target);

    return word < 0 ? -1 : zoo_sim_put(out, size, "%s", number_words[target][word]);
}

/* Another number's word in the right language. */
static void translate_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                          char *out, size_t size)
{
    size_t target;

    (void)right;
    if (translate_read(frame, slots, &target) >= 0)
        zoo_sim_put(out, size, "%s", number_words[target][zoo_rng_below(rng, WORDS)]);
}

const zoo_sim_kind zoo_sim_translate = {
    "translate", "notation", "string", "wl", translate_frames, COUNT_OF(translate_frames),
    translate_make, translate_solve, translate_err, NULL
};
