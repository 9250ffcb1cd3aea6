/* train_report.h - a training, told to people on a terminal. Layer: cli. */
#ifndef ZOO_CLI_TRAIN_REPORT_H
#define ZOO_CLI_TRAIN_REPORT_H
#include <stdio.h>
#include "train/train.h"

/* Tables: what the kinds of tag carry, what was tried, what was left out; then what the router is worth against the
 * best single expert, and where it is worth no more, why that may be and what helps. */
void zoo_train_report(FILE *to, const zoo_trained *trained, const zoo_dataset *data,
                      const zoo_train_settings *settings);
#endif
