/* Reads bodies that have a JSON object a line. One thread. */
#ifndef IMPORT_OBJECTS_H
#define IMPORT_OBJECTS_H

#include <cjson/cJSON.h>

#include "import.h"

/* Takes the object of a line; non-zero with import->broken set. */
typedef int objects_take(struct import *import, struct import_place place, const cJSON *object);
/* Non-zero with import->broken set. */
int objects_read(struct import *import, objects_take *take);

#endif
