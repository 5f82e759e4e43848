/* Makes the disk slow for a program under LD_PRELOAD: fsync and fdatasync take FSYNC_DELAY_US microseconds longer, each by itself,
 * as on a disk that takes several at once. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int synced(int file, const char *name)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	const char *given = getenv("FSYNC_DELAY_US");
	long delay = given ? strtol(given, NULL, 10) : 0;
	struct timespec left = {.tv_sec = delay / 1000000, .tv_nsec = delay % 1000000 * 1000};

	while (delay > 0 && nanosleep(&left, &left) != 0)
		;
	return real(file);
}

__attribute__((visibility("default"))) int fsync(int file)
{
	return synced(file, "fsync");
}

__attribute__((visibility("default"))) int fdatasync(int file)
{
	return synced(file, "fdatasync");
}
