/* Reads a password: asks on a terminal, else takes the first line of standard input. */
#ifndef ADMIN_SECRET_H
#define ADMIN_SECRET_H

#include <stddef.h>

#include "base/err.h"

/* Asks twice on a terminal, without echo; elsewhere reads one line. Wipe it after use. ERR_BAD_REQUEST when there is
 * none, the two differ, or it does not fit. */
int secret_read(char *out, size_t size, struct err *err);

#endif
