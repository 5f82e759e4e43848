/* The main of a worker (base/worker.h): says its version, or works until whoever started it ends. */
#ifndef CGI_WORKER_H
#define CGI_WORKER_H

#include <stdio.h>
#include <unistd.h>

#include "base/version.h"
#include "base/worker.h"

/* module: whether it has one. */
static inline int worker_main(const char *name, const char *work, bool module, int (*run)(void), int argc, char **argv)
{
	if (version_asked(argc, argv)) {
		printf("%s (image-label-server) %s\n", name, version_text);
		return 0;
	}
	if (argc > 1 || !worker_begin(module)) {
		fprintf(stderr, "%s is started by the programs of image-label-server that need %s\n", name, work);
		return 2;
	}
	_exit(run()); /* nothing of a library's runs at the end, which it might do by what is not allowed any more */
}

#endif
