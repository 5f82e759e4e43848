/* POST /size: how many samples a dataset has. */
#include "base/json.h"
#include "program.h"

static int size_size(struct call *call, struct err *err)
{
	const char *name;
	int64_t count;

	if (call_body(call, err) || json_string(call->body, "dataset_name", true, &name, err) ||
	    call_dataset(call, name, err) || dataset_size(call->dataset, &count, err))
		return -1;
	cJSON *answer = json_new_object();
	json_add_string(answer, "dataset_name", name);
	json_add_int64(answer, "size", count);
	reply_json(call->reply, 200, answer);
	return 0;
}

static const struct route routes[] = {
	{"POST", "/size", ROLE_VIEWER, size_size, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "size", .routes = routes, .threads = 16};

	return program_run(&program, argc, argv);
}
