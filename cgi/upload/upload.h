/* The uploading client: sends the images of a folder or an archive to a server, several at once, and only those that
 * it lacks. */
#ifndef UPLOAD_UPLOAD_H
#define UPLOAD_UPLOAD_H

#include "base/config.h"

enum { UPLOAD_DONE = 0, UPLOAD_FAILED = 1, UPLOAD_USAGE = 2 };

/* The arguments are main's; the password comes from the environment's IMAGE_LABEL_PASSWORD, else from a netrc.
 * Prints a table on stdout; progress and errors on stderr. Returns the exit status: 0, 1 failed (even if a single
 * image did), 2 wrong usage, 128 + the signal when interrupted. */
int upload_run(int argc, char **argv, config_env *env);

#endif
