/* Reads bodies that have the elements of a JSON array, or JSON values one after the other. One thread. */
#ifndef IMPORT_ELEMENTS_H
#define IMPORT_ELEMENTS_H

#include <cjson/cJSON.h>

#include "base/json.h"
#include "import.h"

enum { ELEMENT_MAX = JSON_BODY_MAX }; /* bytes of an element without the space around it; a larger one is refused */

/* Takes an element; object is NULL for one that is none, and why says so. Non-zero with import->broken set. */
typedef int elements_take(void *data, struct import_place place, const cJSON *object, const char *why);
/* Only one element is held at a time. Non-zero with import->broken set. */
int elements_read(struct import *import, elements_take *take, void *data);

#endif
