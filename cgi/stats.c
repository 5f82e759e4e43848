/* /v1/datasets/{d}/stats: how much was labelled, by whom, when and how fast, and how far people agree. */
#include "program.h"
#include "stats/stats.h"

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/stats", ROLE_VIEWER, stats_get, false, "", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "stats", .routes = routes, .threads = 8};

	return program_run(&program, argc, argv);
}
