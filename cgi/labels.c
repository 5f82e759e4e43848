/* The labels of a dataset: /v1/datasets/{d}/labels, and the collecting clients' /fetch and /add_label/{name}. */
#include "labels/labels.h"
#include "program.h"

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/labels", ROLE_VIEWER, labels_list, false, "limit after", ""},
	{"POST", "/v1/datasets/{dataset}/labels", ROLE_CONTRIBUTOR, labels_add, false, "", "name"},
	{"PATCH", "/v1/datasets/{dataset}/labels/{key}", ROLE_CONTRIBUTOR, labels_change, false, "",
         "name colour description position"},
	{"POST", "/v1/datasets/{dataset}/labels/{key}/merge", ROLE_CONTRIBUTOR, labels_merge, false, "", "into"},
	{"DELETE", "/v1/datasets/{dataset}/labels/{key}", ROLE_CONTRIBUTOR, labels_remove, false, "", ""},
	{"GET", "/fetch", ROLE_VIEWER, labels_fetch, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/fetch/", ROLE_VIEWER, labels_fetch, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/add_label/{name}", ROLE_CONTRIBUTOR, labels_add_by_path, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/add_label/{name}/", ROLE_CONTRIBUTOR, labels_add_by_path, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "labels", .routes = routes, .threads = 16};

	return program_run(&program, argc, argv);
}
