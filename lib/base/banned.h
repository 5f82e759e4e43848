/* Makes the C functions that cannot be used safely fail to compile; every file includes it through err.h. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang's fortified libc defines these two as macros, and a macro can't be poisoned. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok atoi atol atoll

#endif
