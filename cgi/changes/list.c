/* Answers with the changes behind a cursor, and waits for the first of them. */
#include "changes.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "dataset/feed.h"
#include "fastcgi/connections.h"
#include "fastcgi/cursor.h"

#define LIST "changes"

_Static_assert((int)FEED_KEY_MAX <= (int)CURSOR_KEY_MAX, "a key of the feed fits into a cursor");

static atomic_int waiters;

/* The items of a page; own their texts. */
struct page {
	struct feed_item *item;
	size_t count;
};

static void changes_keep(void *data, const struct feed_item *item)
{
	struct page *page = data;

	page->item = memory_grow(page->item, page->count + 1, sizeof(*page->item));
	struct feed_item *kept = &page->item[page->count++];
	*kept = *item;
	kept->label = memory_text(item->label);
	kept->by = memory_text(item->by);
}

static void changes_forget(struct page *page)
{
	for (size_t i = 0; i < page->count; i++) {
		free((char *)(uintptr_t)page->item[i].label);
		free((char *)(uintptr_t)page->item[i].by);
	}
	free(page->item);
}

static void changes_add(cJSON *items, const struct feed_item *item)
{
	cJSON *document = json_new_object();

	json_add_string(document, "kind", feed_kind_name(item->kind));
	json_add_int64(document, "id", item->id);
	json_add_string_or_null(document, "label", item->kind == FEED_LABEL ? item->label : NULL);
	json_add_string_or_null(document, "by", *item->by ? item->by : NULL);
	json_add_time(document, "at", item->at);
	json_append(items, document);
}

/* Leaves out what the user must not know (dataset/gold.h), by a view that is newer than all items. */
static int changes_page(struct call *call, cJSON *items, const char *after, char key[FEED_KEY_MAX], struct err *err)
{
	struct page page = {.count = 0};
	struct gold_view view = {.count = 0};
	int failed = feed_read(call->dataset, after, CHANGES_AT_ONCE, changes_keep, &page, key, err) ||
	             (page.count > 0 && call_view(call, &view, err));

	for (size_t i = 0; i < page.count && !failed; i++) {
		if (gold_view_shows(&view, &page.item[i]))
			changes_add(items, &page.item[i]);
	}
	gold_view_release(&view);
	changes_forget(&page);
	return failed;
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
		failed = changes_page(call, items, after, key, err);
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
