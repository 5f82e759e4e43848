/* The version of the project, as the Makefile names it. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#include <stdbool.h>

#include "base/banned.h"

extern const char version_text[]; /* "1.0.0" */

/* Whether a program was asked for nothing but its version (--version). */
bool version_asked(int argc, char *const *argv);

#endif
