/* Reading datasets: the list of those that a user may see, and a single one. */
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "fastcgi/cursor.h"
#include "fastcgi/document.h"
#include "datasets.h"
#include "fastcgi/visible.h"
#include "publishing.h"

enum { LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };
static const char LIST[] = "datasets";

struct listing {
	cJSON *items;
	int64_t room;
	char *last; /* name of the last dataset listed */
	bool more;
};

static bool listing_add(void *data, struct call *call, const char *name)
{
	struct listing *listing = data;

	listing->more = listing->room-- == 0;
	if (listing->more)
		return false;
	json_append(listing->items, document_dataset(name, &call->info));
	free(listing->last);
	listing->last = memory_text(name);
	return true;
}

int datasets_list(struct call *call, struct err *err)
{
	struct listing listing = {.room = LIMIT_DEFAULT};
	char after[CURSOR_KEY_MAX];

	if (request_limit(call->request, LIMIT_MAX, &listing.room, err) || cursor_after(call, LIST, after, err))
		return -1;
	listing.items = json_new_array();
	int failed = visible_datasets(call, after, call_info, listing_add, &listing, err);
	cJSON *answer = json_new_object();
	json_add(answer, "items", listing.items);
	failed = failed || cursor_add_next(call, LIST, listing.more ? listing.last : NULL, answer, err);
	free(listing.last);
	reply_json(call->reply, 200, answer);
	return failed;
}

int datasets_reply(struct call *call, int status, struct err *err)
{
	if (call_info(call, err))
		return -1;
	cJSON *document = document_dataset(dataset_name(call->dataset), &call->info);
	publishing_add(document, dataset_name(call->dataset));
	reply_json(call->reply, status, document);
	return 0;
}

int datasets_show(struct call *call, struct err *err)
{
	return datasets_reply(call, 200, err);
}
