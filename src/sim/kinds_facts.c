/* kinds_facts.c - facts asked with four options, from the tables below: capitals, chemical symbols. {a} is what is
 * asked about, {b} to {e} are the options A) to D). Layer: sim -> base. */
#include <string.h>
#include "sim/kinds.h"

#define OPTIONS "\nA) {b}\nB) {c}\nC) {d}\nD) {e}"

struct fact { const char *of[ZOO_SIM_LANGS], *is[ZOO_SIM_LANGS]; };

/* Draws a fact and three other facts' values as the wrong options. */
static void make(const struct fact *facts, size_t n, enum zoo_sim_lang lang, zoo_rng *rng, zoo_sim_slots *slots)
{
    size_t picked[4], asked = zoo_rng_below(rng, 4);

    zoo_sim_draw(rng, picked, 4, n);
    zoo_sim_set(slots->text[0], "%s", facts[picked[asked]].of[lang]);
    for (size_t i = 0; i < 4; i++)
        zoo_sim_set(slots->text[1 + i], "%s", facts[picked[i]].is[lang]);
}

static int solve(const struct fact *facts, size_t n, enum zoo_sim_lang lang, const zoo_sim_slots *slots, char *out,
                 size_t size)
{
    for (size_t i = 0; i < n; i++)
        for (size_t option = 0; !strcmp(facts[i].of[lang], slots->text[0]) && option < 4; option++)
            if (!strcmp(facts[i].is[lang], slots->text[1 + option]))
                return zoo_sim_put(out, size, "%c", (char)('A' + option));
    return -1;
}

static void another_letter(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                           char *out, size_t size)
{
    (void)frame;
    (void)slots;
    (void)right;
    zoo_sim_put(out, size, "%c", (char)('A' + zoo_rng_below(rng, 4)));
}

/* ---- capitals ---- */

static const struct fact capitals[] = {
    { { "France", "Frankreich", "la France", "Francia", "法国" }, { "Paris", "Paris", "Paris", "París", "巴黎" } },
    { { "Italy", "Italien", "l'Italie", "Italia", "意大利" }, { "Rome", "Rom", "Rome", "Roma", "罗马" } },
    { { "Spain", "Spanien", "l'Espagne", "España", "西班牙" }, { "Madrid", "Madrid", "Madrid", "Madrid", "马德里" } },
    { { "Germany", "Deutschland", "l'Allemagne", "Alemania", "德国" }, { "Berlin", "Berlin", "Berlin", "Berlín", "柏林" } },
    { { "Japan", "Japan", "le Japon", "Japón", "日本" }, { "Tokyo", "Tokio", "Tokyo", "Tokio", "东京" } },
    { { "China", "China", "la Chine", "China", "中国" }, { "Beijing", "Peking", "Pékin", "Pekín", "北京" } },
    { { "Egypt", "Ägypten", "l'Égypte", "Egipto", "埃及" }, { "Cairo", "Kairo", "Le Caire", "El Cairo", "开罗" } },
    { { "Greece", "Griechenland", "la Grèce", "Grecia", "希腊" }, { "Athens", "Athen", "Athènes", "Atenas", "雅典" } },
    { { "Norway", "Norwegen", "la Norvège", "Noruega", "挪威" }, { "Oslo", "Oslo", "Oslo", "Oslo", "奥斯陆" } },
    { { "Portugal", "Portugal", "le Portugal", "Portugal", "葡萄牙" },
      { "Lisbon", "Lissabon", "Lisbonne", "Lisboa", "里斯本" } },
    { { "Austria", "Österreich", "l'Autriche", "Austria", "奥地利" }, { "Vienna", "Wien", "Vienne", "Viena", "维也纳" } },
    { { "Poland", "Polen", "la Pologne", "Polonia", "波兰" }, { "Warsaw", "Warschau", "Varsovie", "Varsovia", "华沙" } },
    { { "Ireland", "Irland", "l'Irlande", "Irlanda", "爱尔兰" }, { "Dublin", "Dublin", "Dublin", "Dublín", "都柏林" } },
    { { "Cuba", "Kuba", "Cuba", "Cuba", "古巴" }, { "Havana", "Havanna", "La Havane", "La Habana", "哈瓦那" } },
    { { "Peru", "Peru", "le Pérou", "Perú", "秘鲁" }, { "Lima", "Lima", "Lima", "Lima", "利马" } },
    { { "Kenya", "Kenia", "le Kenya", "Kenia", "肯尼亚" }, { "Nairobi", "Nairobi", "Nairobi", "Nairobi", "内罗毕" } },
    { { "Thailand", "Thailand", "la Thaïlande", "Tailandia", "泰国" },
      { "Bangkok", "Bangkok", "Bangkok", "Bangkok", "曼谷" } },
    { { "Canada", "Kanada", "le Canada", "Canadá", "加拿大" }, { "Ottawa", "Ottawa", "Ottawa", "Ottawa", "渥太华" } },
    { { "Finland", "Finnland", "la Finlande", "Finlandia", "芬兰" },
      { "Helsinki", "Helsinki", "Helsinki", "Helsinki", "赫尔辛基" } },
    { { "Hungary", "Ungarn", "la Hongrie", "Hungría", "匈牙利" },
      { "Budapest", "Budapest", "Budapest", "Budapest", "布达佩斯" } }
};

static const zoo_sim_frame capitals_frames[] = {
    TRAIN(EN, "Which city is the capital of {a}?" OPTIONS),
    TRAIN(EN, "{a} is governed from which of these cities?" OPTIONS),
    TRAIN(EN, "Choose the capital city of {a}." OPTIONS),
    TRAIN(EN, "Quiz on geography: the capital of {a} is ..." OPTIONS),
    TRAIN(EN, "A traveller wants to see the capital of {a}. Where should the journey go?" OPTIONS),
    HELD_OUT(EN, "One of these cities is the capital of {a}; choose it." OPTIONS),
    HELD_OUT(EN, "Geography question. What is the name of the capital city in {a}?" OPTIONS),
    TRAIN(DE, "Welche Stadt ist die Hauptstadt von {a}?" OPTIONS),
    TRAIN(DE, "Aus welcher dieser Städte wird {a} regiert?" OPTIONS),
    TRAIN(DE, "Erdkunde: Die Hauptstadt von {a} heißt ..." OPTIONS),
    HELD_OUT(DE, "Wähle aus den Städten die Hauptstadt von {a} aus." OPTIONS),
    TRAIN(FR, "Quelle ville est la capitale du pays suivant : {a} ?" OPTIONS),
    TRAIN(FR, "Depuis laquelle de ces villes gouverne-t-on {a} ?" OPTIONS),
    TRAIN(FR, "Géographie. Le pays est {a} ; quelle est la capitale ?" OPTIONS),
    HELD_OUT(FR, "Choisis la capitale parmi ces villes, le pays étant {a}." OPTIONS),
    TRAIN(ES, "¿Qué ciudad es la capital de {a}?" OPTIONS),
    TRAIN(ES, "¿Desde cuál de estas ciudades se gobierna {a}?" OPTIONS),
    TRAIN(ES, "Geografía: la capital de {a} se llama ..." OPTIONS),
    HELD_OUT(ES, "Elige entre estas ciudades la capital de {a}." OPTIONS),
    TRAIN(ZH, "{a}的首都是哪座城市？" OPTIONS),
    TRAIN(ZH, "下面哪座城市是{a}的首都？" OPTIONS),
    TRAIN(ZH, "地理题：{a}的政府设在哪座城市？" OPTIONS),
    HELD_OUT(ZH, "请选出{a}的首都。" OPTIONS)
};

static void capitals_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    make(capitals, COUNT_OF(capitals), frame->lang, rng, slots);
}

static int capitals_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    return solve(capitals, COUNT_OF(capitals), frame->lang, slots, out, size);
}

const zoo_sim_kind zoo_sim_capitals = {
    "capitals", "facts", "choice", "lllll", capitals_frames, COUNT_OF(capitals_frames), capitals_make, capitals_solve,
        another_letter, NULL
};

/* ---- chemical symbols ---- */

#define SYMBOL(s) { s, s, s, s, s }
static const struct fact elements[] = {
    { { "iron", "Eisen", "fer", "hierro", "铁" }, SYMBOL("Fe") },
    { { "gold", "Gold", "or", "oro", "金" }, SYMBOL("Au") },
    { { "silver", "Silber", "argent", "plata", "银" }, SYMBOL("Ag") },
    { { "copper", "Kupfer", "cuivre", "cobre", "铜" }, SYMBOL("Cu") },
    { { "lead", "Blei", "plomb", "plomo", "铅" }, SYMBOL("Pb") },
    { { "tin", "Zinn", "étain", "estaño", "锡" }, SYMBOL("Sn") },
    { { "sodium", "Natrium", "sodium", "sodio", "钠" }, SYMBOL("Na") },
    { { "mercury", "Quecksilber", "mercure", "mercurio", "汞" }, SYMBOL("Hg") },
    { { "zinc", "Zink", "zinc", "cinc", "锌" }, SYMBOL("Zn") },
    { { "helium", "Helium", "hélium", "helio", "氦" }, SYMBOL("He") },
    { { "calcium", "Calcium", "calcium", "calcio", "钙" }, SYMBOL("Ca") },
    { { "neon", "Neon", "néon", "neón", "氖" }, SYMBOL("Ne") },
    { { "nickel", "Nickel", "nickel", "níquel", "镍" }, SYMBOL("Ni") },
    { { "magnesium", "Magnesium", "magnésium", "magnesio", "镁" }, SYMBOL("Mg") },
    { { "chlorine", "Chlor", "chlore", "cloro", "氯" }, SYMBOL("Cl") },
    { { "silicon", "Silicium", "silicium", "silicio", "硅" }, SYMBOL("Si") }
};

static const zoo_sim_frame elements_frames[] = {
    TRAIN(EN, "What is the chemical symbol of {a}?" OPTIONS),
    TRAIN(EN, "In the periodic table, {a} is found under which symbol?" OPTIONS),
    TRAIN(EN, "Choose the symbol of the element {a}." OPTIONS),
    TRAIN(EN, "Chemistry quiz: {a} is written as ..." OPTIONS),
    TRAIN(EN, "A jar in the laboratory holds {a}. Which symbol belongs on its label?" OPTIONS),
    HELD_OUT(EN, "The element {a} has which chemical symbol?" OPTIONS),
    HELD_OUT(EN, "Look up {a} in the periodic table of elements and choose its symbol." OPTIONS),
    TRAIN(DE, "Wie lautet das chemische Symbol für {a}?" OPTIONS),
    TRAIN(DE, "Unter welchem Zeichen steht {a} im Periodensystem?" OPTIONS),
    TRAIN(DE, "Chemie: Wähle das Symbol des Elements {a}." OPTIONS),
    HELD_OUT(DE, "Das Element {a} hat welches chemische Symbol?" OPTIONS),
    TRAIN(FR, "Quel est le symbole chimique de l'élément {a} ?" OPTIONS),
    TRAIN(FR, "Sous quel symbole le tableau périodique range-t-il {a} ?" OPTIONS),
    TRAIN(FR, "Chimie : choisis le symbole pour {a}." OPTIONS),
    HELD_OUT(FR, "L'élément {a} porte quel symbole chimique ?" OPTIONS),
    TRAIN(ES, "¿Cuál es el símbolo químico del elemento {a}?" OPTIONS),
    TRAIN(ES, "¿Con qué símbolo aparece {a} en la tabla periódica?" OPTIONS),
    TRAIN(ES, "Química: elige el símbolo de {a}." OPTIONS),
    HELD_OUT(ES, "El elemento {a} tiene ¿qué símbolo químico?" OPTIONS),
    TRAIN(ZH, "{a}的化学符号是什么？" OPTIONS),
    TRAIN(ZH, "元素{a}在周期表里用哪个符号表示？" OPTIONS),
    TRAIN(ZH, "化学题：选出{a}的元素符号。" OPTIONS),
    HELD_OUT(ZH, "{a}这种元素的符号是哪一个？" OPTIONS)
};

static void elements_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    make(elements, COUNT_OF(elements), frame->lang, rng, slots);
}

static int elements_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    return solve(elements, COUNT_OF(elements), frame->lang, slots, out, size);
}

const zoo_sim_kind zoo_sim_elements = {
    "elements", "facts", "choice", "lllll", elements_frames, COUNT_OF(elements_frames), elements_make, elements_solve,
        another_letter, NULL
};
