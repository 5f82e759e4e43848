/* The audit log, in a database of its own beside the datasets. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"

struct added {
	const struct audit_entry *entries;
	size_t count;
};

static int write_audit(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct added *added = data;
	int failed = 0;

	for (size_t i = 0; i < added->count && !failed; i++) {
		const struct audit_entry *entry = &added->entries[i];

		failed = conn_run(writer, err,
		                  "INSERT INTO entries (at, by, action, target, dataset, detail) VALUES (?, ?, ?, ?, ?, ?)", "isssss",
		                  entry->at ? entry->at : text_now(), entry->by, entry->action, entry->target, entry->dataset,
		                  entry->detail);
	}
	return failed;
}

int sqlite_audit_add(struct dataset_store *store, const struct audit_entry *entries, size_t count, struct err *err)
{
	struct added added = {entries, count};

	return beside_write(store, &beside_audit, write_audit, &added, err);
}

struct page {
	bool newest_first;
	int64_t after;
	size_t limit;
	audit_visit *visit;
	void *data;
};

static int read_audit(struct sqlite_conn *conn, void *data, struct err *err)
{
	const struct page *page = data;
	const char *query = page->newest_first ? "SELECT number, at, by, action, target, dataset, detail FROM entries"
	                                         " WHERE number < ? ORDER BY number DESC LIMIT ?"
	                                       : "SELECT number, at, by, action, target, dataset, detail FROM entries"
	                                         " WHERE number > ? ORDER BY number LIMIT ?";
	sqlite3_stmt *stmt = conn_query(conn, err, query, "ii", page->after, (int64_t)page->limit);
	int row = -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		const struct audit_entry entry = {
			.at = sqlite3_column_int64(stmt, 1),
			.by = column_peek(stmt, 2),
			.action = column_peek(stmt, 3),
			.target = column_peek(stmt, 4),
			.dataset = column_peek(stmt, 5),
			.detail = column_peek(stmt, 6),
		};

		page->visit(page->data, sqlite3_column_int64(stmt, 0), &entry);
	}
	return row;
}

int sqlite_audit_list(struct dataset_store *store, bool newest_first, int64_t after, size_t limit, audit_visit *visit,
                      void *data, struct err *err)
{
	struct page page = {.newest_first = newest_first, .after = after, .limit = limit, .visit = visit, .data = data};

	return beside_read(store, &beside_audit, read_audit, &page, err);
}
