/* kinds_text.c - tasks on the letters of words: reversing, counting, sorting, initials.
 * Chinese questions ask about English words.
 * Layer: sim -> base. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utf8.h"
#include "sim/kinds.h"

enum { PER_LANG = 20 };
static const char *const words[ZOO_SIM_LANGS][PER_LANG] = {
    { "banana", "cucumber", "parallel", "coffee", "engine", "mirror", "garden", "address", "letter", "balloon",
      "committee",
      "harvest", "island", "journey", "kettle", "lantern", "museum", "needle", "orchard", "planet" },
    { "Banane", "Kaffee", "Fenster", "Garten", "Henne", "Insel", "Kutsche", "Laterne", "Messer", "Nadel", "Orange",
      "Pfanne",
      "Quelle", "Regen", "Sommer", "Teller", "Ufer", "Vogel", "Wetter", "Zimmer" },
    { "banane", "carotte", "fenêtre", "grenouille", "horloge", "jardin", "lanterne", "musique", "nuage", "oiseau",
      "pomme",
      "quai", "rivière", "serrure", "tonnerre", "usine", "voiture", "assiette", "bateau", "colline" },
    { "banana", "camello", "estrella", "guitarra", "hormiga", "isla", "jarra", "lechuga", "manzana", "naranja", "oveja",
      "paraguas", "queso", "reloj", "silla", "tortuga", "uva", "ventana", "zapato", "barco" },
    { "window", "summer", "bottle", "pepper", "cotton", "dinner", "feather", "ginger", "hammer", "jacket", "kitten",
      "ladder",
      "marble", "napkin", "onion", "pillow", "rabbit", "saddle", "tunnel", "valley" }
};

static const char *pick(const zoo_sim_frame *frame, zoo_rng *rng)
{
    return words[frame->lang][zoo_rng_below(rng, PER_LANG)];
}

/* ---- {a} backwards ---- */

static const zoo_sim_frame reverse_frames[] = {
    TRAIN(EN, "Reverse the string '{a}'."),
    TRAIN(EN, "Write the word '{a}' backwards."),
    TRAIN(EN, "Spell '{a}' from the last letter to the first."),
    TRAIN(EN, "What does '{a}' look like in a mirror, letter order reversed?"),
    TRAIN(EN, "Read '{a}' from right to left and type what you see."),
    HELD_OUT(EN, "Give the letters of '{a}' in reverse order."),
    HELD_OUT(EN, "Type '{a}' backwards, please."),
    TRAIN(DE, "Kehre die Zeichenkette „{a}“ um."),
    TRAIN(DE, "Schreibe das Wort „{a}“ rückwärts."),
    TRAIN(DE, "Buchstabiere „{a}“ vom letzten zum ersten Buchstaben."),
    HELD_OUT(DE, "Wie liest sich „{a}“ rückwärts?"),
    TRAIN(FR, "Inverse la chaîne « {a} »."),
    TRAIN(FR, "Écris le mot « {a} » à l'envers."),
    TRAIN(FR, "Épelle « {a} » de la dernière lettre à la première."),
    HELD_OUT(FR, "Comment se lit « {a} » à l'envers ?"),
    TRAIN(ES, "Invierte la cadena «{a}»."),
    TRAIN(ES, "Escribe la palabra «{a}» al revés."),
    TRAIN(ES, "Deletrea «{a}» de la última letra a la primera."),
    HELD_OUT(ES, "¿Cómo se lee «{a}» al revés?"),
    TRAIN(ZH, "把字符串“{a}”反转。"),
    TRAIN(ZH, "把单词“{a}”倒着写出来。"),
    TRAIN(ZH, "从最后一个字母到第一个字母拼写“{a}”。"),
    HELD_OUT(ZH, "“{a}”倒过来怎么写？")
};

/* A word with a few letters and digits behind it, so that there are many. */
static void reverse_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    if (zoo_rng_below(rng, 2))
        zoo_sim_set(slots->text[0], "%s%ld", pick(frame, rng), zoo_sim_between(rng, 10, 98));
    else
        zoo_sim_set(slots->text[0], "%s", pick(frame, rng));
}

static int reverse_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    const char *word = slots->text[0];
    size_t n = strlen(word), at = n, used;

    (void)frame;
    if (n >= size)
        return -1;
    out[n] = '\0';
    for (size_t i = 0; i < n; i += used) {
        zoo_utf8_next(word + i, n - i, &used);
        at -= used;
        memcpy(out + at, word + i, used);
    }
    return 0;
}

/* Two neighbouring ASCII characters change places. */
static void reverse_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    size_t n = strlen(right), i;
    char c;

    (void)frame;
    (void)slots;
    if (zoo_sim_put(out, size, "%s", right) || n < 2)
        return;
    i = zoo_rng_below(rng, n - 1);
    if ((out[i] & 0x80) || (out[i + 1] & 0x80))
        return;
    c = out[i];
    out[i] = out[i + 1];
    out[i + 1] = c;
}

const zoo_sim_kind zoo_sim_reverse = {
    "reverse", "letters", "string", "w", reverse_frames, COUNT_OF(reverse_frames), reverse_make, reverse_solve,
        reverse_err, NULL
};

/* ---- how often the letter {a} stands in the word {b} ---- */

static const zoo_sim_frame letters_frames[] = {
    TRAIN(EN, "How many times does the letter {a} appear in '{b}'?"),
    TRAIN(EN, "Count the letter {a} in the word '{b}'."),
    TRAIN(EN, "In '{b}', how often is the letter {a} used?"),
    TRAIN(EN, "Tell me the number of {a}'s in '{b}'."),
    TRAIN(EN, "Go through '{b}' letter by letter: how many of them are {a}?"),
    HELD_OUT(EN, "'{b}' contains the letter {a} how many times?"),
    HELD_OUT(EN, "Please count how often {a} occurs in the word '{b}'."),
    TRAIN(DE, "Wie oft kommt der Buchstabe {a} in „{b}“ vor?"),
    TRAIN(DE, "Zähle den Buchstaben {a} im Wort „{b}“."),
    TRAIN(DE, "Wie viele {a} stecken in „{b}“?"),
    HELD_OUT(DE, "Das Wort „{b}“ enthält den Buchstaben {a} wie oft?"),
    TRAIN(FR, "Combien de fois la lettre {a} apparaît-elle dans « {b} » ?"),
    TRAIN(FR, "Compte la lettre {a} dans le mot « {b} »."),
    TRAIN(FR, "Dans « {b} », combien y a-t-il de {a} ?"),
    HELD_OUT(FR, "Le mot « {b} » contient la lettre {a}, mais combien de fois ?"),
    TRAIN(ES, "¿Cuántas veces aparece la letra {a} en «{b}»?"),
    TRAIN(ES, "Cuenta la letra {a} en la palabra «{b}»."),
    TRAIN(ES, "En «{b}», ¿cuántas {a} hay?"),
    HELD_OUT(ES, "La palabra «{b}» contiene la letra {a}, ¿pero cuántas veces?"),
    TRAIN(ZH, "字母{a}在“{b}”中出现了几次？"),
    TRAIN(ZH, "数一数单词“{b}”里有几个字母{a}。"),
    TRAIN(ZH, "“{b}”这个单词里字母{a}一共有几个？"),
    HELD_OUT(ZH, "请数出“{b}”里字母{a}的个数。")
};

/* A letter of the word; one that it lacks would make 0 a safe guess. */
static void letters_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    const char *word = pick(frame, rng);
    char letter;

    do
        letter = word[zoo_rng_below(rng, strlen(word))];
    while (letter < 'a' || letter > 'z');
    zoo_sim_set(slots->text[0], "%c", letter);
    zoo_sim_set(slots->text[1], "%s", word);
}

static int letters_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    char letter = slots->text[0][0];
    int n = 0;

    (void)frame;
    if (slots->text[0][1] || (letter | 32) < 'a' || (letter | 32) > 'z')
        return -1;
    for (const char *p = slots->text[1]; *p; p++)
        n += (*p | 32) == (letter | 32);
    return zoo_sim_put(out, size, "%d", n);
}

static void letters_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    long n = 0;

    (void)frame;
    (void)slots;
    zoo_sim_int(right, &n);
    zoo_sim_put(out, size, "%ld", n && zoo_rng_below(rng, 2) ? n - 1 : n + 1);
}

const zoo_sim_kind zoo_sim_letters = {
    "letter-count", "letters", "number", "ww", letters_frames, COUNT_OF(letters_frames), letters_make, letters_solve,
        letters_err, NULL
};

/* ---- the list {a} in alphabetical order ---- */

static const zoo_sim_frame sorting_frames[] = {
    TRAIN(EN, "Sort these words alphabetically: {a}."),
    TRAIN(EN, "Put {a} into alphabetical order."),
    TRAIN(EN, "In which order would a dictionary list {a}?"),
    TRAIN(EN, "Arrange the words from A to Z: {a}"),
    TRAIN(EN, "Order the following by the alphabet, separated by commas: {a}."),
    HELD_OUT(EN, "Here is a list of words, {a}. Return it sorted alphabetically."),
    HELD_OUT(EN, "Alphabetical order, please: {a}."),
    TRAIN(DE, "Sortiere diese Wörter alphabetisch: {a}."),
    TRAIN(DE, "Bringe {a} in alphabetische Reihenfolge."),
    TRAIN(DE, "Ordne die Wörter nach dem Alphabet, getrennt durch Kommas: {a}."),
    HELD_OUT(DE, "Gegeben ist die Liste {a}. Gib die Wörter alphabetisch sortiert aus."),
    TRAIN(FR, "Trie ces mots par ordre alphabétique : {a}."),
    TRAIN(FR, "Range {a} dans l'ordre de l'alphabet."),
    TRAIN(FR, "Dans quel ordre un dictionnaire donnerait-il les mots {a} ?"),
    HELD_OUT(FR, "Voici une liste de mots, {a}. Mets-la dans l'ordre alphabétique."),
    TRAIN(ES, "Ordena alfabéticamente estas palabras: {a}."),
    TRAIN(ES, "Pon {a} en orden alfabético."),
    TRAIN(ES, "¿En qué orden pondría un diccionario las palabras {a}?"),
    HELD_OUT(ES, "Aquí hay una lista de palabras, {a}. Devuélvela en orden alfabético."),
    TRAIN(ZH, "把下列单词按字母顺序排列：{a}。"),
    TRAIN(ZH, "将{a}按字母表排序。"),
    TRAIN(ZH, "在词典里，{a}这些单词的先后顺序是什么？"),
    HELD_OUT(ZH, "请给这些单词按字母从前到后排好：{a}。")
};

static void sorting_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    size_t picked[6], n = 4 + zoo_rng_below(rng, 3), at = 0;

    zoo_sim_draw(rng, picked, n, PER_LANG);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(slots->text[0] + at, ZOO_SIM_SLOT_SIZE - at, "%s%s",
                               i ? zoo_sim_separator(frame->lang) : "", words[frame->lang][picked[i]]);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int join(char list[][ZOO_SIM_SLOT_SIZE], int n, char *out, size_t size)
{
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        if (zoo_sim_put(out + at, size - at, "%s%s", i ? ", " : "", list[i]))
            return -1;
        at += strlen(out + at);
    }
    return 0;
}

static int sorting_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    char list[12][ZOO_SIM_SLOT_SIZE];
    int n = zoo_sim_word_list(slots->text[0], list, 12);

    (void)frame;
    if (n < 2)
        return -1;
    qsort(list, (size_t)n, sizeof list[0], by_bytes);
    return join(list, n, out, size);
}

/* Two neighbours of the sorted list change places. */
static void sorting_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    char list[12][ZOO_SIM_SLOT_SIZE], held[ZOO_SIM_SLOT_SIZE];
    int n = zoo_sim_word_list(right, list, 12), i;

    (void)frame;
    (void)slots;
    if (n < 2)
        return;
    i = (int)zoo_rng_below(rng, (uint64_t)(n - 1));
    memcpy(held, list[i], sizeof held);
    memcpy(list[i], list[i + 1], sizeof held);
    memcpy(list[i + 1], held, sizeof held);
    join(list, n, out, size);
}

const zoo_sim_kind zoo_sim_sorting = {
    "sorting", "letters", "string", "l", sorting_frames, COUNT_OF(sorting_frames), sorting_make, sorting_solve,
        sorting_err, NULL
};

/* ---- the initials of {a} ---- */

static const zoo_sim_frame acronym_frames[] = {
    TRAIN(EN, "Form an acronym from '{a}', in capital letters."),
    TRAIN(EN, "Take the first letter of every word in '{a}' and write them as capitals."),
    TRAIN(EN, "How would you abbreviate '{a}' by its initials?"),
    TRAIN(EN, "Shorten '{a}' to its capital initials."),
    TRAIN(EN, "What acronym do the words '{a}' make?"),
    HELD_OUT(EN, "Build the acronym of '{a}'."),
    HELD_OUT(EN, "Write only the initials of '{a}', all in capitals."),
    TRAIN(DE, "Bilde ein Akronym aus „{a}“, in Großbuchstaben."),
    TRAIN(DE, "Nimm von jedem Wort in „{a}“ den ersten Buchstaben und schreibe ihn groß."),
    TRAIN(DE, "Kürze „{a}“ auf die Anfangsbuchstaben ab."),
    HELD_OUT(DE, "Welches Akronym ergeben die Anfangsbuchstaben von „{a}“?"),
    TRAIN(FR, "Forme un acronyme avec « {a} », en majuscules."),
    TRAIN(FR, "Prends la première lettre de chaque mot de « {a} » et écris-la en majuscule."),
    TRAIN(FR, "Abrège « {a} » par ses initiales."),
    HELD_OUT(FR, "Quel acronyme donnent les initiales de « {a} » ?"),
    TRAIN(ES, "Forma un acrónimo con «{a}», en mayúsculas."),
    TRAIN(ES, "Toma la primera letra de cada palabra de «{a}» y escríbela en mayúscula."),
    TRAIN(ES, "Abrevia «{a}» por sus iniciales."),
    HELD_OUT(ES, "¿Qué acrónimo dan las iniciales de «{a}»?"),
    TRAIN(ZH, "用大写字母写出“{a}”的首字母缩写。"),
    TRAIN(ZH, "取“{a}”中每个单词的第一个字母，并写成大写。"),
    TRAIN(ZH, "“{a}”可以缩写成什么？"),
    HELD_OUT(ZH, "写出“{a}”的大写缩写。")
};

static void acronym_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    size_t picked[5], n = 3 + zoo_rng_below(rng, 3), at = 0;

    zoo_sim_draw(rng, picked, n, PER_LANG);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(slots->text[0] + at, ZOO_SIM_SLOT_SIZE - at, "%s%s", i ? " " : "",
                               words[frame->lang][picked[i]]);
}

static int acronym_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    size_t n = 0;

    (void)frame;
    for (const char *p = slots->text[0]; *p; p++) {
        if (p != slots->text[0] && p[-1] != ' ')
            continue;
        if ((*p | 32) < 'a' || (*p | 32) > 'z' || n + 1 >= size)
            return -1;
        out[n++] = (char)(*p & ~32);
    }
    out[n] = '\0';
    return n < 2 ? -1 : 0;
}

/* One letter is another. */
static void acronym_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    (void)frame;
    (void)slots;
    if (!zoo_sim_put(out, size, "%s", right) && *right)
        out[zoo_rng_below(rng, strlen(right))] = (char)('A' + zoo_rng_below(rng, 26));
}

const zoo_sim_kind zoo_sim_acronym = {
    "acronym", "letters", "string", "l", acronym_frames, COUNT_OF(acronym_frames), acronym_make, acronym_solve,
        acronym_err, NULL
};
