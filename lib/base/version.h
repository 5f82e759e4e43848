/* The project's version, from the Makefile. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#include <stdbool.h>

#include "base/banned.h"

extern const char version_text[]; /* "1.0.0" */

/* Whether a program is only asked for its version (--version). */
bool version_asked(int argc, char *const *argv);

#endif
