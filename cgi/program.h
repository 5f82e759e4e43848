/* The main of a FastCGI program: hands the library what is the process's own, which it does not reach for itself. */
#ifndef CGI_PROGRAM_H
#define CGI_PROGRAM_H

#include <stdio.h>
#include <stdlib.h>

#include "fastcgi/app.h"

static inline const char *program_environment(const char *name)
{
	return getenv(name);
}

static inline int program_run(const struct program *program, int argc, char **argv)
{
	return app_run(program, &(struct app_process){argc, argv, program_environment, stdout, stderr});
}

#endif
