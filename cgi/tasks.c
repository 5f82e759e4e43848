/* /v1/datasets/{d}/tasks: leases of samples to label, and what is done with them. */
#include "tasks/tasks.h"
#include "program.h"

static const struct route routes[] = {
	{"GET", "/v1/datasets/{dataset}/tasks", ROLE_ANNOTATOR, tasks_held, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks", ROLE_ANNOTATOR, tasks_lease, false, "", "count ids"},
	{"POST", "/v1/datasets/{dataset}/tasks/renew", ROLE_ANNOTATOR, tasks_renew_many, false, "", "tokens"},
	{"POST", "/v1/datasets/{dataset}/tasks/release", ROLE_ANNOTATOR, tasks_release_many, false, "", "tokens"},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/label", ROLE_ANNOTATOR, tasks_label, false, "", "label lead_time_ms"},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/renew", ROLE_ANNOTATOR, tasks_renew, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/release", ROLE_ANNOTATOR, tasks_release_one, false, "", ""},
	{"POST", "/v1/datasets/{dataset}/tasks/{token}/skip", ROLE_ANNOTATOR, tasks_skip, false, "", "policy"},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "tasks", .routes = routes, .threads = 64, .images = true};

	return program_run(&program, argc, argv);
}
