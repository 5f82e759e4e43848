/* /v1/datasets: which datasets a user may see, and what is told of each. */
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "dataset/document.h"
#include "fastcgi/app.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

struct listing {
	struct call *call;
	cJSON *items;
	int64_t room;
	char *last; /* name of the last item */
	bool more;
};

static bool add_dataset(void *data, const char *name)
{
	struct listing *listing = data;
	struct call *call = listing->call;

	if (auth_role(call->app->auth, call->request->user, name) == ROLE_NONE)
		return true;
	listing->more = listing->room-- == 0;
	if (listing->more)
		return false;
	free(listing->last);
	listing->last = strdup(name);
	struct err err = {0};
	if (dataset_open(call->app->store, name, &call->dataset, &err) || call_info(call, &err)) {
		/* Removed since it was listed, or broken: the others are listed all the same. */
		log_write(LOG_WARN, "dataset left out of the list", "dataset", name, "error", err.text, NULL);
	} else {
		json_append(listing->items, document_dataset(name, &call->info));
	}
	dataset_info_release(&call->info);
	dataset_close(call->dataset);
	call->dataset = NULL;
	return true;
}

static int list(struct call *call, struct err *err)
{
	const char *after = request_query(call->request, "after"), *limit = request_query(call->request, "limit");
	struct listing listing = {.call = call, .room = LIMIT_DEFAULT};

	if (limit && text_int64(limit, 1, LIMIT_MAX, &listing.room))
		return err_set(err, ERR_BAD_REQUEST, "\"limit\" must be a number from 1 to %d", LIMIT_MAX);
	listing.items = json_new_array();
	if (dataset_store_list(call->app->store, after ? after : "", SIZE_MAX, add_dataset, &listing, err)) {
		cJSON_Delete(listing.items);
		free(listing.last);
		return -1;
	}
	cJSON *answer = json_new_object();
	json_add(answer, "items", listing.items);
	json_add_string_or_null(answer, "next", listing.more ? listing.last : NULL);
	reply_json(call->reply, 200, answer);
	free(listing.last);
	return 0;
}

static int show(struct call *call, struct err *err)
{
	if (call_info(call, err))
		return -1;
	reply_json(call->reply, 200, document_dataset(dataset_name(call->dataset), &call->info));
	return 0;
}

static const struct route routes[] = {
	{"GET", "/v1/datasets", ROLE_VIEWER, list, false}, /* each dataset is asked for on its own */
	{"GET", "/v1/datasets/{dataset}", ROLE_VIEWER, show, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "datasets", .routes = routes, .threads = 8};

	return app_run(&program, argc, argv);
}
