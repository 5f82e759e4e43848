/* A password read from whom it belongs to: asked for on a terminal, else the first line of standard input. */
#ifndef ADMIN_SECRET_H
#define ADMIN_SECRET_H

#include <stddef.h>

#include "base/err.h"

/* On a terminal asks twice, without echo; elsewhere reads one line. Wipe it after use. ERR_BAD_REQUEST
 * when there is none, the two differ, or it does not fit. */
int secret_read(char *out, size_t size, struct err *err);

#endif
