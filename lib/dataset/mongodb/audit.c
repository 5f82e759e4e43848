/* The audit log in MongoDB: a document for each entry, numbered in the order of their commits. */
#include "dataset/mongodb/internal.h"

/* The document with this _id holds the number of the last entry; entries' numbers begin at 1. */
enum { LAST = 0 };

static int read_last(void *data, const bson_t *document, struct err *err)
{
	(void)err;
	*(int64_t *)data = number_in(document, "last");
	return 0;
}

struct added {
	const struct audit_entry *entries;
	size_t count;
};

static int insert_entry(struct work *work, const struct audit_entry *entry, int64_t number, int64_t now,
                        struct err *err)
{
	bson_t *document =
		BCON_NEW("_id", BCON_INT64(number), "at", BCON_DATE_TIME((entry->at ? entry->at : now) / 1000));

	BSON_APPEND_UTF8(document, "by", entry->by);
	BSON_APPEND_UTF8(document, "action", entry->action);
	BSON_APPEND_UTF8(document, "target", entry->target);
	BSON_APPEND_UTF8(document, "dataset", entry->dataset);
	BSON_APPEND_UTF8(document, "detail", entry->detail);
	return work_insert(work, "audit", document, err);
}

/* Each transaction first writes the document with the last number, so that simultaneous ones come one after the
 * other. */
static int run_audit_add(struct work *work, void *data, struct err *err)
{
	const struct added *added = data;
	const int64_t count = (int64_t)added->count;
	int64_t last = 0, now;
	bool ignored;

	if (work_update(work, "audit", BCON_NEW("_id", BCON_INT64(LAST)),
	                BCON_NEW("$inc", "{", "last", BCON_INT64(count), "}"), true, &ignored, err) ||
	    work_find(work, "audit", BCON_NEW("_id", BCON_INT64(LAST)), NULL, read_last, &last, err) ||
	    work_now(work, &now, err))
		return -1;
	for (int64_t i = 0; i < count; i++) {
		if (insert_entry(work, &added->entries[i], last - count + 1 + i, now, err))
			return -1;
	}
	return 0;
}

int mongodb_audit_add(struct dataset_store *store, const struct audit_entry *entries, size_t count, struct err *err)
{
	struct added added = {entries, count};

	return work_transaction(mongodb_store(store), run_audit_add, &added, err);
}

struct page {
	audit_visit *visit;
	void *data;
};

static int audit_read_entry(void *data, const bson_t *document, struct err *err)
{
	const struct page *page = data;
	bson_iter_t at;
	const struct audit_entry entry = {
		.at = bson_iter_init_find(&at, document, "at") ? bson_iter_date_time(&at) * 1000 : 0,
		.by = text_in(document, "by"),
		.action = text_in(document, "action"),
		.target = text_in(document, "target"),
		.dataset = text_in(document, "dataset"),
		.detail = text_in(document, "detail"),
	};

	(void)err;
	page->visit(page->data, number_in(document, "_id"), &entry);
	return 0;
}

int mongodb_audit_list(struct dataset_store *store, bool newest_first, int64_t after, size_t limit, audit_visit *visit,
                       void *data, struct err *err)
{
	struct page page = {.visit = visit, .data = data};
	struct work work;
	int failed = work_begin(&work, mongodb_store(store), err);

	if (!failed) {
		int64_t above = newest_first || after < LAST ? LAST : after, below = newest_first ? after : INT64_MAX;
		bson_t *filter = BCON_NEW("_id", "{", "$gt", BCON_INT64(above), "$lt", BCON_INT64(below), "}");
		bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(newest_first ? -1 : 1), "}", "limit",
		                        BCON_INT64((int64_t)limit));

		failed = work_find(&work, "audit", filter, opts, audit_read_entry, &page, err);
	}
	work_end(&work);
	return failed;
}
