/* POST /v1/datasets/{d}/import: labels that another system kept, for samples that are there; a line of JSON each as the
 * answer. */
#include "import/import.h"
#include "program.h"

static const struct route routes[] = {
	{"POST", "/v1/datasets/{dataset}/import", ROLE_CONTRIBUTOR, import_post, false, "format", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "import", .routes = routes, .threads = 16, .slow_bodies = true};

	return program_run(&program, argc, argv);
}
