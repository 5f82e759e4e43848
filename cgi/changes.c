/* /v1/datasets/{d}/changes: each label event, upload and removal once, in order of commit, for those who follow. */
#include "changes/changes.h"
#include "program.h"

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/changes", ROLE_VIEWER, changes_list, false, "after wait", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "changes", .routes = routes, .threads = CHANGES_WAITERS_MAX + 16};

	return program_run(&program, argc, argv);
}
