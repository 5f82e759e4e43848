/* GET /v1/audit: who did what. */
#include "accounts.h"
#include "base/json.h"
#include "dataset/audit.h"
#include "fastcgi/cursor.h"

#define LIST "audit"
#define LIST_NEWEST "audit, newest first" /* their cursors mean something else */
enum { LIMIT_DEFAULT = 100 };

struct listing {
	cJSON *items;
	int64_t room, last;
	bool more;
};

static void add_entry(void *data, int64_t number, const struct audit_entry *entry)
{
	struct listing *listing = data;

	listing->more = listing->room-- == 0;
	if (listing->more)
		return;
	listing->last = number;
	cJSON *item = json_new_object();
	json_add_time(item, "at", entry->at);
	json_add_string(item, "by", entry->by);
	json_add_string(item, "action", entry->action);
	json_add_string(item, "target", entry->target);
	json_add_string_or_null(item, "dataset", entry->dataset[0] ? entry->dataset : NULL);
	json_add_string_or_null(item, "detail", entry->detail[0] ? entry->detail : NULL);
	json_append(listing->items, item);
}

static int read_order(const struct call *call, bool *newest_first, struct err *err)
{
	const char *order = request_query(call->request, "order");

	*newest_first = order && strcmp(order, "newest") == 0;
	return order && !*newest_first && strcmp(order, "oldest") != 0
	               ? err_set(err, ERR_BAD_REQUEST, "\"order\" must be oldest or newest (which comes first)")
	               : 0;
}

int accounts_audit(struct call *call, struct err *err)
{
	struct listing listing = {.room = LIMIT_DEFAULT};
	int64_t after = 0;
	bool newest_first;
	const char *list;

	if (read_order(call, &newest_first, err))
		return -1;
	list = newest_first ? LIST_NEWEST : LIST;
	if (cursor_page(call, list, AUDIT_PAGE_MAX, &listing.room, &after, err))
		return -1;
	listing.items = json_new_array();
	int failed = audit_list(call->app->store, newest_first, after, (size_t)listing.room + 1, add_entry, &listing,
	                        err);
	cJSON *answer = json_new_object();
	json_add(answer, "items", listing.items);
	failed = failed || cursor_add_next_number(call, list, listing.last, listing.more, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}
