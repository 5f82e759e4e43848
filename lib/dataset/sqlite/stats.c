/* Reads, and corrects, the counts that SQLite's triggers keep (triggers.c). */
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
			row.text[i] = (char *)(uintptr_t)column_peek(stmt, i);
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

/* --- corrections -------------------------------------------------------------------------------------------------- */

#define ADDED " ON CONFLICT DO UPDATE SET n = n + excluded.n"

static int fix_row(struct sqlite_conn *writer, enum stats_kind kind, const struct stats_row *by, struct err *err)
{
	char *const *text = by->text;

	switch (kind) {
	case STATS_GIVEN:
		return conn_run(writer, err, "INSERT INTO stats_given VALUES (?1, ?2, ?3)" ADDED, "sii", text[0], by->number, by->n);
	case STATS_LEAD:
		return conn_run(writer, err, "INSERT INTO stats_leads VALUES (?1, ?2, ?3, ?4)" ADDED ", ms = ms + excluded.ms",
		                "siii", text[0], by->number, by->n, by->ms);
	case STATS_PAIR:
		return conn_run(writer, err, "INSERT INTO stats_pairs VALUES (?1, ?2, ?3, ?4)" ADDED, "issi", by->number, text[0],
		                text[1], by->n);
	case STATS_OPINION:
		return conn_run(writer, err, "INSERT INTO stats_opinions VALUES (?1, ?2, ?3, ?4, ?5)" ADDED, "ssssi", text[0],
		                text[1], text[2], text[3], by->n);
	}
	return 0;
}

struct stats_fixing {
	const struct dataset_stats_fix *fixes;
	size_t count;
};

static int write_stats_fixes(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct stats_fixing *fixing = data;

	for (size_t i = 0; i < fixing->count; i++) {
		if (fix_row(writer, fixing->fixes[i].kind, &fixing->fixes[i].by, err))
			return -1;
	}
	return 0;
}

int sqlite_fix_stats(struct dataset *dataset, const struct dataset_stats_fix *fixes, size_t count, struct err *err)
{
	struct stats_fixing fixing = {fixes, count};

	return db_write(dataset_db(dataset), true, write_stats_fixes, &fixing, err);
}
