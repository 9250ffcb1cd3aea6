/* kinds_time.c - tasks with days of the week and times of day. Layer: sim -> base. */
#include <stdio.h>
#include <string.h>
#include "sim/kinds.h"

static const char *const days[ZOO_SIM_LANGS][7] = {
    { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday" },
    { "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag" },
    { "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche" },
    { "lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo" },
    { "星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日" }
};

/* ---- {b} days after the weekday {a}; variant 1: before it ---- */

static const zoo_sim_frame weekday_frames[] = {
    TRAIN_AS(EN, 0, "Today is {a}. What day of the week will it be in {b} days?"),
    TRAIN_AS(EN, 1, "If today is {a}, which weekday was it {b} days ago?"),
    TRAIN_AS(EN, 0, "{b} days after a {a} comes which weekday?"),
    TRAIN_AS(EN, 0, "A parcel sent on {a} needs {b} days. On what day of the week does it arrive?"),
    TRAIN_AS(EN, 1, "Name the weekday that lies {b} days before {a}."),
    HELD_OUT_AS(EN, 0, "Starting from {a}, count {b} days forward; which weekday is that?"),
    HELD_OUT_AS(EN, 1, "It is {a} now. Tell me what day of the week it was {b} days earlier."),
    TRAIN_AS(DE, 0, "Heute ist {a}. Welcher Wochentag ist in {b} Tagen?"),
    TRAIN_AS(DE, 1, "Wenn heute {a} ist, welcher Wochentag war dann vor {b} Tagen?"),
    TRAIN_AS(DE, 0, "Ein Paket geht am {a} ab und braucht {b} Tage. An welchem Wochentag kommt es an?"),
    HELD_OUT_AS(DE, 0, "Zähle von {a} aus {b} Tage weiter: Auf welchen Wochentag kommst du?"),
    TRAIN_AS(FR, 0, "Aujourd'hui, c'est {a}. Quel jour de la semaine serons-nous dans {b} jours ?"),
    TRAIN_AS(FR, 1, "Si nous sommes {a}, quel jour était-ce il y a {b} jours ?"),
    TRAIN_AS(FR, 0, "Un colis part {a} et met {b} jours. Quel jour de la semaine arrive-t-il ?"),
    HELD_OUT_AS(FR, 0, "À partir de {a}, avance de {b} jours : sur quel jour de la semaine tombes-tu ?"),
    TRAIN_AS(ES, 0, "Hoy es {a}. ¿Qué día de la semana será dentro de {b} días?"),
    TRAIN_AS(ES, 1, "Si hoy es {a}, ¿qué día era hace {b} días?"),
    TRAIN_AS(ES, 0, "Un paquete sale el {a} y tarda {b} días. ¿Qué día de la semana llega?"),
    HELD_OUT_AS(ES, 0, "Desde el {a}, cuenta {b} días hacia adelante: ¿qué día de la semana es?"),
    TRAIN_AS(ZH, 0, "今天是{a}，{b}天以后是星期几？"),
    TRAIN_AS(ZH, 1, "如果今天是{a}，{b}天前是星期几？"),
    TRAIN_AS(ZH, 0, "包裹{a}寄出，路上要{b}天，星期几到？"),
    HELD_OUT_AS(ZH, 0, "从{a}算起，再过{b}天是星期几呢？")
};

static void weekday_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    zoo_sim_set(slots->text[0], "%s", days[frame->lang][zoo_rng_below(rng, 7)]);
    zoo_sim_set(slots->text[1], "%ld", zoo_sim_between(rng, 2, 75));
}

static int weekday_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long b;

    if (zoo_sim_int(slots->text[1], &b) || b < 0)
        return -1;
    b %= 7;
    for (int i = 0; i < 7; i++)
        if (!strcmp(days[frame->lang][i], slots->text[0]))
            return zoo_sim_put(out, size, "%s", days[frame->lang][(i + (frame->variant ? 7 - b : b)) % 7]);
    return -1;
}

static void weekday_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                        char *out, size_t size)
{
    (void)slots;
    (void)right;
    zoo_sim_put(out, size, "%s", days[frame->lang][zoo_rng_below(rng, 7)]);
}

const zoo_sim_kind zoo_sim_weekday = {
    "weekday", "time", "string", "wn", weekday_frames, COUNT_OF(weekday_frames), weekday_make, weekday_solve,
        weekday_err, NULL
};

/* ---- {b} minutes after the time {a}; variant 1: before it ---- */

static const zoo_sim_frame clock_frames[] = {
    TRAIN_AS(EN, 0, "A train leaves at {a} and travels for {b} minutes. When does it arrive? Use the form HH:MM."),
    TRAIN_AS(EN, 0, "It is {a}. What will the clock show in {b} minutes (HH:MM)?"),
    TRAIN_AS(EN, 1, "A film ended at {a} after {b} minutes. At what time (HH:MM) had it begun?"),
    TRAIN_AS(EN, 0, "Add {b} minutes to {a} and give the time as HH:MM."),
    TRAIN_AS(EN, 1, "Which time, as HH:MM, lies {b} minutes before {a}?"),
    HELD_OUT_AS(EN, 0, "The bus departs at {a}; the ride takes {b} minutes. Give its arrival time (HH:MM)."),
    HELD_OUT_AS(EN, 1, "What time did the clock show {b} minutes earlier than {a}? Write HH:MM."),
    TRAIN_AS(DE, 0, "Ein Zug fährt um {a} Uhr ab und braucht {b} Minuten. Wann kommt er an (HH:MM)?"),
    TRAIN_AS(DE, 0, "Es ist {a} Uhr. Was zeigt die Uhr in {b} Minuten (HH:MM)?"),
    TRAIN_AS(DE, 1, "Ein Film endete um {a} Uhr nach {b} Minuten. Um welche Uhrzeit (HH:MM) fing er an?"),
    HELD_OUT_AS(DE, 0, "Der Bus startet um {a} Uhr, die Fahrt dauert {b} Minuten. Ankunft um welche Uhrzeit (HH:MM)?"),
    TRAIN_AS(FR, 0, "Un train part à {a} et roule {b} minutes. À quelle heure arrive-t-il (HH:MM) ?"),
    TRAIN_AS(FR, 0, "Il est {a}. Que marquera l'horloge dans {b} minutes (HH:MM) ?"),
    TRAIN_AS(FR, 1, "Un film s'est terminé à {a} après {b} minutes. À quelle heure (HH:MM) avait-il commencé ?"),
    HELD_OUT_AS(FR, 0, "Le bus démarre à {a} et le trajet dure {b} minutes ; donne l'heure d'arrivée (HH:MM)."),
    TRAIN_AS(ES, 0, "Un tren sale a las {a} y viaja {b} minutos. ¿A qué hora llega (HH:MM)?"),
    TRAIN_AS(ES, 0, "Son las {a}. ¿Qué marcará el reloj dentro de {b} minutos (HH:MM)?"),
    TRAIN_AS(ES, 1, "Una película terminó a las {a} tras {b} minutos. ¿A qué hora (HH:MM) había empezado?"),
    HELD_OUT_AS(ES, 0, "El autobús parte a las {a} y el viaje dura {b} minutos; da la hora de llegada (HH:MM)."),
    TRAIN_AS(ZH, 0, "火车{a}出发，行驶{b}分钟，几点到达（HH:MM）？"),
    TRAIN_AS(ZH, 0, "现在是{a}，{b}分钟后钟表显示几点（HH:MM）？"),
    TRAIN_AS(ZH, 1, "电影放了{b}分钟，{a}结束，几点开始的（HH:MM）？"),
    HELD_OUT_AS(ZH, 0, "公交车{a}发车，路程{b}分钟，请写出到达时间（HH:MM）。")
};

static void clock_make(const zoo_sim_frame *frame, zoo_rng *rng, zoo_sim_slots *slots)
{
    (void)frame;
    zoo_sim_set(slots->text[0], "%02ld:%02ld", zoo_sim_between(rng, 5, 22), zoo_sim_between(rng, 0, 59));
    zoo_sim_set(slots->text[1], "%ld", zoo_sim_between(rng, 17, 240));
}

/* Minutes since midnight of "HH:MM"; -1: no time. */
static long minutes_of(const char *text)
{
    char hour[3], minute[3];
    long h, m;

    if (strlen(text) != 5 || text[2] != ':')
        return -1;
    zoo_sim_put(hour, sizeof hour, "%.2s", text);
    zoo_sim_put(minute, sizeof minute, "%.2s", text + 3);
    if (zoo_sim_int(hour, &h) || zoo_sim_int(minute, &m) || h < 0 || h > 23 || m < 0 || m > 59)
        return -1;
    return 60 * h + m;
}

static int put_time(char *out, size_t size, long minutes)
{
    minutes = (minutes % 1440 + 1440) % 1440;
    return zoo_sim_put(out, size, "%02ld:%02ld", minutes / 60, minutes % 60);
}

static int clock_solve(const zoo_sim_frame *frame, const zoo_sim_slots *slots, char *out, size_t size)
{
    long at = minutes_of(slots->text[0]), b;

    if (at < 0 || zoo_sim_int(slots->text[1], &b) || b < 0)
        return -1;
    return put_time(out, size, frame->variant ? at - b : at + b);
}

/* An hour or ten minutes off. */
static void clock_err(const zoo_sim_frame *frame, const zoo_sim_slots *slots, const char *right, zoo_rng *rng,
                      char *out, size_t size)
{
    static const long off[] = { -60, 60, -10, 10, 40 };

    (void)frame;
    (void)slots;
    put_time(out, size, minutes_of(right) + off[zoo_rng_below(rng, COUNT_OF(off))]);
}

const zoo_sim_kind zoo_sim_clock = {
    "clock", "time", "string", "tn", clock_frames, COUNT_OF(clock_frames), clock_make, clock_solve, clock_err, NULL
};
