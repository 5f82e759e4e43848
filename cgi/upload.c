/* The program behind image-label-load, which sends images to a server as any client does. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/version.h"
#include "upload/upload.h"

static const char *upload_environment(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	log_init("upload", LOG_ERROR);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (version_asked(argc, argv)) {
		printf("upload (image-label-server) %s\n", version_text);
		return 0;
	}
	return upload_run(argc, argv, upload_environment);
}
