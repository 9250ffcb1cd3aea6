/* schema.h - the tables as each back end makes them; docs/store.md shows what hangs on what.
 * A step that has been released is never edited: what changes becomes a further step. Layer: store. */
#ifndef ZOO_STORE_SCHEMA_H
#define ZOO_STORE_SCHEMA_H
#include "store/driver.h"

/* SQL from version i to i + 1; [0] makes the tables of the first version. */
extern const char *const zoo_schema_sqlite[ZOO_SCHEMA_VERSION];
/* All of this version's tables in an empty database; PostgreSQL begins at this version. */
extern const char *const zoo_schema_postgres;
#endif
