/* What a process could do that was taken over by what it works on. */
#ifndef PLANTED_DEEDS_H
#define PLANTED_DEEDS_H

#include "base/err.h"

/* Does what the text says ("open /etc/passwd"), and tells in err what came of it; 0 when it names no deed. */
int deed_do(const char *text, struct err *err);

#endif
