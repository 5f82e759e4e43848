/* Walks the datasets that a request's user may see. */
#include "fastcgi/visible.h"

#include "base/log.h"

struct walk {
	struct call *call;
	app_handler *read;
	visible_visit *visit;
	void *data;
	struct err *err;
	bool failed;
};

static bool visit_one(void *data, const char *name)
{
	struct walk *walk = data;
	struct call *call = walk->call;
	struct err err = {0};
	bool go_on = true;

	if (call_role(call, name) == ROLE_NONE)
		return true;
	if (dataset_open(call->app->store, name, &call->dataset, &err) || walk->read(call, &err)) {
		if (err.exhausted) {
			walk->failed = true;
			*walk->err = err;
			go_on = false;
		} else if (err.code != ERR_NOT_FOUND) /* removed since the list was read */
			log_write(LOG_ERROR, "dataset left out", "dataset", name, "error", err.text, NULL);
	} else {
		go_on = walk->visit(walk->data, call, name);
	}
	dataset_info_release(&call->info);
	dataset_close_passing(call->dataset);
	call->dataset = NULL;
	return go_on;
}

int visible_datasets(struct call *call, const char *after, app_handler *read, visible_visit *visit, void *data,
                     struct err *err)
{
	struct walk walk = {.call = call, .read = read, .visit = visit, .data = data, .err = err};

	return dataset_store_list(call->app->store, after, SIZE_MAX, visit_one, &walk, err) || walk.failed;
}
