/* A file system in memory (FUSE) that knows which of its bytes and names were synced: it can fail as a disk does, and
 * forget what a power cut would make a disk forget.
 *
 * Usage: disk FOLDER, which is where it is mounted. Commands are lines on standard input, each answered by a line:
 *   mount                       mounts it (again)
 *   sync                        all is kept from now on, as after sync(1)
 *   fail OPERATIONS ERRNO P     some of open,read,write,sync,name fail from now on, each with probability P; with a name
 *                               after P, only on files and folders of this name. "none 0 0": none
 *   cut NAMES DATA SEED         the power fails: from now on every operation does. What is there at the next mount are
 *                               the names (in folders) that were synced, or "all", and the bytes that were, or also
 *                               "some" of the others' sectors, which SEED chooses
 *   unmount
 * An answer is "ok", with the number of failures since the last one, or says what is wrong.
 *
 * Why it is here: Debian's libfiu lets calls fail but forgets nothing; dm-flakey and dm-log-writes need a kernel that
 * has them, and know nothing of a sync that failed. */
#include <errno.h>
#include <poll.h>

#include "base/memory.h"
#include "disk_nodes.h"
#include "disk_operations.h"

static bool is_cut; /* the power */

static bool mount_again(char **arguments)
{
	operations_unmount(arguments[1]);
	if (is_cut)
		nodes_forget();
	is_cut = false;
	operations_power(true);
	return operations_mount(arguments[0], arguments[1]);
}

static void cut_power(const char *names, const char *data, long seed)
{
	srand48(seed);
	is_cut = true;
	operations_power(false);
	nodes_cut(strcmp(names, "all") == 0, strcmp(data, "some") == 0);
}

static bool obey(char **arguments, char *line)
{
	char first[64], second[64] = "";
	int why;
	double chance;
	long seed;

	if (strcmp(line, "mount\n") == 0)
		return mount_again(arguments);
	if (strcmp(line, "unmount\n") == 0)
		operations_unmount(arguments[1]);
	else if (strcmp(line, "sync\n") == 0)
		nodes_sync_all();
	else if (sscanf(line, "fail %63s %d %lf %63s", first, &why, &chance, second) >= 3)
		return operations_fail(first, why, chance, second);
	else if (sscanf(line, "cut %63s %63s %ld", first, second, &seed) == 3)
		cut_power(first, second, seed);
	else
		return false;
	return true;
}

static bool serve_commands(char **arguments)
{
	char line[256];

	if (!fgets(line, sizeof(line), stdin))
		return false;
	if (obey(arguments, line))
		printf("ok %lu\n", operations_failed());
	else
		printf("failed: %s", line);
	fflush(stdout);
	return true;
}

int main(int count, char **arguments)
{
	if (count != 2) {
		fprintf(stderr, "Usage: disk FOLDER\n");
		return 1;
	}
	setvbuf(stdin, NULL, _IONBF, 0);
	nodes_root();
	for (;;) {
		struct pollfd ready[] = {{.fd = 0, .events = POLLIN}, {.fd = operations_fd(), .events = POLLIN}};

		if (poll(ready, 2, -1) < 0 && errno != EINTR)
			break;
		if (ready[0].revents && !serve_commands(arguments))
			break;
		if (ready[1].revents & POLLIN && operations_fd() == ready[1].fd)
			operations_answer();
	}
	operations_unmount(arguments[1]);
	return 0;
}
