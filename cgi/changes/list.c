/* Answers with the changes behind a cursor, and waits for the first of them. */
#include "changes.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "dataset/feed.h"
#include "fastcgi/connections.h"
#include "fastcgi/cursor.h"

#define LIST "changes"

_Static_assert((int)FEED_KEY_MAX <= (int)CURSOR_KEY_MAX, "a key of the feed fits into a cursor");

static atomic_int waiters;

static void changes_item(void *data, const struct feed_item *item)
{
	cJSON *document = json_new_object();

	json_add_string(document, "kind", feed_kind_name(item->kind));
	json_add_int64(document, "id", item->id);
	json_add_string_or_null(document, "label", item->kind == FEED_LABEL ? item->label : NULL);
	json_add_string_or_null(document, "by", *item->by ? item->by : NULL);
	json_add_time(document, "at", item->at);
	json_append(data, document);
}

/* While it waits, the user's role may have ended, or the dataset. */
static int changes_may_go_on(struct call *call, int pause_ms, struct err *err)
{
	if (request_pause(call->request, pause_ms))
		return err_set(err, ERR_BAD_REQUEST, "The client went away");
	if (call_role(call, dataset_name(call->dataset)) < call->route->needs)
		return err_set(err, ERR_NOT_FOUND, "Database not found");
	return 0;
}

/* Waits until there may be something to tell, or it is over. */
static int changes_await(struct call *call, struct feed_waiter *waiter, int64_t until_us, bool *over, struct err *err)
{
	bool rung = false;

	do {
		if (changes_may_go_on(call, waiter ? 0 : CHANGES_POLL_MS, err))
			return -1;
		*over = clock_us() >= until_us || connections_stopped(call->app->connections);
		rung = !*over && feed_wait(call->dataset, waiter, CHANGES_LOOK_MS);
	} while (!*over && !rung);
	return 0;
}

static int changes_wait(struct call *call, cJSON *items, char key[FEED_KEY_MAX], int64_t until_us, struct err *err)
{
	struct feed_waiter *waiter = feed_waiter_open(call->dataset);
	bool over = clock_us() >= until_us;
	char after[FEED_KEY_MAX];
	int failed;

	do {
		memcpy(after, key, sizeof(after));
		failed = feed_read(call->dataset, after, CHANGES_AT_ONCE, changes_item, items, key, err);
		over = over || failed || cJSON_GetArraySize(items) > 0;
		if (!over)
			failed = changes_await(call, waiter, until_us, &over, err);
	} while (!failed && !over);
	feed_waiter_close(call->dataset, waiter);
	return failed;
}

static int changes_read(struct call *call, cJSON *items, char key[FEED_KEY_MAX], int64_t wait_s, struct err *err)
{
	bool waits = wait_s > 0 && atomic_fetch_add(&waiters, 1) < CHANGES_WAITERS_MAX;
	int64_t until_us = clock_us() + (waits ? wait_s * MICROSECONDS : 0);
	int failed = changes_wait(call, items, key, until_us, err);

	if (wait_s > 0)
		atomic_fetch_sub(&waiters, 1);
	return failed;
}

int changes_list(struct call *call, struct err *err)
{
	const char *text = request_query(call->request, "wait");
	char key[CURSOR_KEY_MAX];
	int64_t wait_s = 0;

	if (text && text_int64(text, 0, CHANGES_WAIT_MAX, &wait_s))
		return err_set(err, ERR_BAD_REQUEST, "\"wait\" must be a number of seconds from 0 to %d", CHANGES_WAIT_MAX);
	if (cursor_after(call, LIST, key, err))
		return -1;
	cJSON *answer = json_new_object(), *items = json_new_array();
	json_add(answer, "items", items);
	int failed = changes_read(call, items, key, wait_s, err) || cursor_add_next(call, LIST, key, answer, err);
	reply_json(call->reply, 200, answer);
	return failed;
}
