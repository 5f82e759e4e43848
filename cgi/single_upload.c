/* /single_upload/: one image in a form, for the collecting clients. */
#include "fastcgi/collect.h"
#include "single_upload/single_upload.h"

static const struct route routes[] = {
	{"GET", "/single_upload/", ROLE_NONE, collect_available, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/single_upload/", ROLE_CONTRIBUTOR, single_upload_post, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/single_upload", ROLE_NONE, collect_available, false, ROUTE_ANY, ROUTE_ANY},
	{"POST", "/single_upload", ROLE_CONTRIBUTOR, single_upload_post, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "single_upload", .routes = routes, .threads = 128, .slow_bodies = true, .images = true};

	return app_run(&program, argc, argv);
}
