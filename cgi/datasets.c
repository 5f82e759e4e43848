/* /v1/datasets: listing, showing, making, changing and removing datasets. */
#include "datasets/datasets.h"
#include "program.h"

static const struct route routes[] = {
	/* The list checks the role for each dataset. */
	{"GET", "/v1/datasets", ROLE_VIEWER, datasets_list, false, "limit after activity", ""},
	{"POST", "/v1/datasets", ROLE_ADMIN, datasets_create, true, "", "name base_dir labels policy"},
	{"GET", "/v1/datasets/{dataset}", ROLE_VIEWER, datasets_show, false, "activity", ""},
	{"PATCH", "/v1/datasets/{dataset}", ROLE_ADMIN, datasets_change, false, "", "base_dir policy"},
	{"DELETE", "/v1/datasets/{dataset}", ROLE_ADMIN, datasets_remove, false, "", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "datasets", .routes = routes, .threads = 8, .images = true};

	return program_run(&program, argc, argv);
}
