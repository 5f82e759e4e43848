/* /v1/datasets/{d}/snapshots: a dataset as it was at one moment, under a name, for good. */
#include "program.h"
#include "snapshots/snapshots.h"

#include <sys/resource.h>

enum { NICE = 5 }; /* labelling goes first: of a million samples a snapshot takes seconds of a processor */

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/snapshots", ROLE_VIEWER, snapshots_list, false, "limit after", ""},
	{"POST", "/v1/datasets/{dataset}/snapshots", ROLE_CONTRIBUTOR, snapshots_create, false, "", "name split seed"},
	{"GET", "/v1/datasets/{dataset}/snapshots/{name}", ROLE_VIEWER, snapshots_manifest, false, "", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "snapshots", .routes = routes, .threads = 16, .images = true};

	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICE);
	return program_run(&program, argc, argv);
}
