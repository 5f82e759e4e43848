/* Whether the libraries that decode lacked memory: what they say of an image then says nothing of it. Thread-safe. */
#ifndef DECODE_SCARCE_H
#define DECODE_SCARCE_H

#include <stdbool.h>

/* Since the last call, an allocation failed though this process holds little: the machine, or a limit that others
 * set, has no more. (One that holds much was brought to that by its image.) Never with a sanitizer, whose allocator
 * ends the program. */
bool scarce_was(void);

#endif
