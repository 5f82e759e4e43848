/* Reads the counts that SQLite's triggers keep (triggers.c). */
#include "dataset/sqlite/internal.h"

/* In the order of stats.h's texts, number, n and ms. */
static const char *const KEPT[STATS_KINDS] = {
	[STATS_GIVEN] = "SELECT by, NULL, NULL, NULL, day, n, 0 FROM stats_given WHERE n <> 0",
	[STATS_LEAD] = "SELECT by, NULL, NULL, NULL, lead_from, n, ms FROM stats_leads WHERE n <> 0",
	[STATS_PAIR] = "SELECT a, b, NULL, NULL, voters, n, 0 FROM stats_pairs WHERE n <> 0",
	[STATS_OPINION] = "SELECT one, other, a, b, 0, n, 0 FROM stats_opinions WHERE n <> 0",
};

static int read_kept(struct sqlite_conn *conn, enum stats_kind kind, struct stats_kept *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, KEPT[kind], "");
	int step = stmt ? 1 : -1;

	while (stmt && (step = conn_step(conn, stmt, err)) == 1) {
		struct stats_row row = {.number = sqlite3_column_int64(stmt, 4),
		                        .n = sqlite3_column_int64(stmt, 5),
		                        .ms = sqlite3_column_int64(stmt, 6)};

		for (int i = 0; i < STATS_TEXTS; i++)
			row.text[i] = (char *)(uintptr_t)sqlite3_column_text(stmt, i);
		stats_add(out, kind, &row);
	}
	return step;
}

int stats_load(struct sqlite_conn *conn, struct stats_kept *out, struct err *err)
{
	for (int kind = 0; kind < STATS_KINDS; kind++) {
		if (read_kept(conn, (enum stats_kind)kind, out, err))
			return -1;
	}
	return 0;
}

int sqlite_stats(struct dataset *dataset, struct stats_kept *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = stats_load(conn, out, err);
	db_read_end(dataset_db(dataset), conn);
	return failed;
}
