/* What the collecting programs share. */
#include "fastcgi/collect.h"

int collect_dataset(struct call *call, struct err *err)
{
	const char *name = request_query(call->request, "dataset");

	if (!name)
		name = call->app->config.default_dataset;
	if (!*name)
		return err_set(err, ERR_BAD_REQUEST, "Name the dataset by ?dataset=, or set default_dataset in the configuration");
	return call_dataset(call, name, err);
}

const char *collect_key_dataset(const struct call *call)
{
	const char *name = dataset_name(call->dataset);

	return strcmp(name, call->app->config.default_dataset) == 0 ? NULL : name;
}
