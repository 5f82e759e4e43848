/* /v1/datasets/{d}/uploads: resumable uploads, by tus 1.0.0. */
#include "program.h"
#include "uploads/uploads.h"

static const struct route routes[] = {
	{"OPTIONS", "/v1/datasets/{dataset}/uploads", ROLE_VIEWER, uploads_options, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/uploads", ROLE_CONTRIBUTOR, uploads_create, false, "", ""},
	{"HEAD", "/v1/datasets/{dataset}/uploads/{id}", ROLE_CONTRIBUTOR, uploads_offset, false, "", ""},
	{"PATCH", "/v1/datasets/{dataset}/uploads/{id}", ROLE_CONTRIBUTOR, uploads_append, false, "", ""},
	{"DELETE", "/v1/datasets/{dataset}/uploads/{id}", ROLE_CONTRIBUTOR, uploads_terminate, false, "", ""},
	{"OPTIONS", "/v1/datasets/{dataset}/uploads/{id}", ROLE_VIEWER, uploads_options, false, "", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "uploads", .routes = routes, .threads = 192, .slow_bodies = true, .images = true};

	return program_run(&program, argc, argv);
}
