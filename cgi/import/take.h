/* The lines of an import: found in the dataset, and written together. */
#ifndef IMPORT_TAKE_H
#define IMPORT_TAKE_H

#include "import.h"

/* Writes the lines that wait, and adds their answers. Non-zero with import->broken set. */
int take_write(struct import *import);
/* Frees the lines that wait. */
void take_release(struct import *import);

#endif
