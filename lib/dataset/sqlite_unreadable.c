/* Samples in SQLite whose files could not be read: listing them, and giving them back to the queue. */
#include "dataset/sqlite_internal.h"

int sqlite_unreadable(struct dataset *dataset, int64_t after, size_t limit, struct sample **out, size_t *count,
                      struct err *err)
{
	return samples_page(dataset,
	                    "SELECT " SAMPLE_COLUMNS " FROM samples INDEXED BY samples_unreadable WHERE state = 3 AND id > ?"
	                    " ORDER BY id LIMIT ?",
	                    after, limit, out, count, err);
}

struct readable {
	const int64_t *ids;
	size_t count;
};

static int run_mark_readable(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct readable *all = data;
	int64_t overlap;

	if (overlap_load(writer, &overlap, err))
		return -1;
	for (size_t i = 0; i < all->count; i++) {
		int64_t row = all->ids[i] + 1;

		if (conn_run(writer, err, "UPDATE samples SET state = 0, version = version + 1 WHERE id = ? AND state = 3", "i", row))
			return -1;
		if (sqlite3_changes(writer->db) > 0 && sample_settle(writer, row, overlap, NULL, err))
			return -1;
	}
	return 0;
}

int sqlite_mark_readable(struct dataset *dataset, const int64_t *ids, size_t count, struct err *err)
{
	struct readable all = {.ids = ids, .count = count};

	return db_write(dataset_db(dataset), false, run_mark_readable, &all, err);
}
