/* upgrade.h - what a step between versions has to do beyond SQL. Layer: store. */
#ifndef ZOO_STORE_UPGRADE_H
#define ZOO_STORE_UPGRADE_H
#include "store/driver.h"

/* From version 1: `costs` and `tokens` of imported rows, which were kept as text beside other fields, become numbers of
 * answers. In the caller's transaction. */
int zoo_upgrade_figures(zoo_db *db, zoo_err *err);
#endif
