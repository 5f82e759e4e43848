/* /v1/datasets/{d}/images: images put one by one under a filepath, or several in a form. */
#include "images/images.h"

static const struct route routes[] = {
	{"PUT", "/v1/datasets/{dataset}/images/{filepath...}", ROLE_CONTRIBUTOR, images_put, false, "label", ""},
	{"POST", "/v1/datasets/{dataset}/images", ROLE_CONTRIBUTOR, images_post, false, "label", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "images", .routes = routes, .threads = 256, .slow_bodies = true, .images = true};

	return app_run(&program, argc, argv);
}
