/* The labels of a dataset: /v1/datasets/{d}/labels, and the collecting clients' /fetch and /add_label/{name}. */
#include "labels/labels.h"

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/labels", ROLE_VIEWER, labels_list, false},
	{"POST", "/v1/datasets/{dataset}/labels", ROLE_CONTRIBUTOR, labels_add, false},
	{"GET", "/fetch", ROLE_VIEWER, labels_fetch, false},
	{"GET", "/fetch/", ROLE_VIEWER, labels_fetch, false},
	{"POST", "/add_label/{name}", ROLE_CONTRIBUTOR, labels_add_by_path, false},
	{"POST", "/add_label/{name}/", ROLE_CONTRIBUTOR, labels_add_by_path, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "labels", .routes = routes, .threads = 16};

	return app_run(&program, argc, argv);
}
