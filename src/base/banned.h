/* banned.h - functions that nobody calls here, as compile errors. The Makefile includes it before the first line of
 * every file (-include), so that nothing has to be remembered. The error's name says what to use instead.
 * It includes the headers that declare them first: a declaration must not meet the macro.
 * Layer: base. Refuses to be a style guide: only what overruns, races, or hides a failure is here. */
#ifndef ZOO_BASE_BANNED_H
#define ZOO_BASE_BANNED_H
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* No bound on what is written. */
#undef strcpy
#define strcpy(...) strcpy_is_banned_use_snprintf_or_zoo_buf
#undef strcat
#define strcat(...) strcat_is_banned_use_snprintf_or_zoo_buf
#undef stpcpy
#define stpcpy(...) stpcpy_is_banned_use_snprintf_or_zoo_buf
#undef sprintf
#define sprintf(...) sprintf_is_banned_use_snprintf_or_zoo_buf
#undef vsprintf
#define vsprintf(...) vsprintf_is_banned_use_vsnprintf_or_zoo_buf
#undef gets
#define gets(...) gets_is_banned_use_zoo_lines

/* A bound that does not do what its name says: no NUL, or counted from the wrong end. */
#undef strncpy
#define strncpy(...) strncpy_is_banned_use_snprintf_or_memcpy
#undef strncat
#define strncat(...) strncat_is_banned_use_snprintf_or_zoo_buf

/* No bound on the stack. */
#undef alloca
#define alloca(...) alloca_is_banned_use_zoo_arena

/* Failure cannot be told from 0. */
#undef atoi
#define atoi(...) atoi_is_banned_use_strtol
#undef atol
#define atol(...) atol_is_banned_use_strtol
#undef atoll
#define atoll(...) atoll_is_banned_use_strtoll
#undef atof
#define atof(...) atof_is_banned_use_strtod

/* One hidden buffer or state for all threads. */
#undef strtok
#define strtok(...) strtok_is_banned_use_strtok_r
#undef localtime
#define localtime(...) localtime_is_banned_use_localtime_r
#undef gmtime
#define gmtime(...) gmtime_is_banned_use_gmtime_r
#undef ctime
#define ctime(...) ctime_is_banned_use_strftime
#undef asctime
#define asctime(...) asctime_is_banned_use_strftime
#undef rand
#define rand(...) rand_is_banned_use_zoo_rng
#undef srand
#define srand(...) srand_is_banned_use_zoo_rng

/* A shell between us and the program. */
#undef system
#define system(...) system_is_banned_use_posix_spawn
#undef popen
#define popen(...) popen_is_banned_use_posix_spawn

/* A name that somebody else may take first. */
#undef mktemp
#define mktemp(...) mktemp_is_banned_use_mkstemp
#undef tmpnam
#define tmpnam(...) tmpnam_is_banned_use_mkstemp
#undef tempnam
#define tempnam(...) tempnam_is_banned_use_mkstemp
#endif
