/* What the collecting programs share. */
#include "fastcgi/collect.h"

#include "base/json.h"

int collect_dataset(struct call *call, struct err *err)
{
	const char *name = request_query(call->request, "dataset");

	if (!name)
		name = call->app->config.default_dataset;
	if (!*name)
		return err_set(err, ERR_BAD_REQUEST, "Name the dataset by ?dataset=, or set default_dataset in the configuration");
	return call_dataset(call, name, err);
}

int collect_available(struct call *call, struct err *err)
{
	cJSON *answer = json_new_object(), *fields = json_new_array();

	(void)err;
	json_append_string(fields, "label");
	json_append_string(fields, "Files");
	json_add_string(answer, "Response", "Available");
	json_add(answer, "Post-Request-Body", fields);
	reply_json(call->reply, 200, answer);
	return 0;
}
