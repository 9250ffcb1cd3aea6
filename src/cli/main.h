/* main.h - what main.c offers to the commands. Layer: cli. */
#ifndef ZOO_CLI_MAIN_H
#define ZOO_CLI_MAIN_H
#include <stdio.h>

void zoo_cli_overview(FILE *to);      /* usage and the list of commands */
#endif
