/* POST /classify: labels the sample with a given filepath; the answer "true" comes once the label is durable. */
#include "base/json.h"
#include "dataset/task.h"
#include "program.h"

static void classify_answer(struct call *call, int status, bool accepted)
{
	cJSON *tree = json_new_object();

	json_add_bool(tree, "response", accepted);
	reply_json(call->reply, status, tree);
}

static int classify(struct call *call, struct err *err)
{
	const char *name, *base_dir, *filepath, *label;
	bool accepted;

	if (call_body(call, err) || json_string(call->body, "dataset_name", true, &name, err) ||
	    json_string(call->body, "base_dir", true, &base_dir, err) ||
	    json_string(call->body, "filepath", true, &filepath, err) ||
	    json_string(call->body, "label", true, &label, err))
		return -1;
	if (call_dataset(call, name, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		classify_answer(call, 404, false); /* the older system's clients read "response" here, too */
		return 0;
	}
	if (dataset_label_path_once(call->dataset, call->request->user, base_dir, filepath, label, call->request->id,
	                            &accepted, err))
		return -1;
	classify_answer(call, 200, accepted);
	return 0;
}

static const struct route routes[] = {
	{"POST", "/classify", ROLE_ANNOTATOR, classify, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "classify", .routes = routes, .threads = 64};

	return program_run(&program, argc, argv);
}
