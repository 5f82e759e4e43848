/* The labels of a dataset in SQLite, and the names that they had before. */
#include "dataset/sqlite/internal.h"

#include "base/memory.h"

#define COLUMNS "labels.key, labels.label, labels.shown_position, labels.shown_colour, labels.shown_description"
static const char LABELS[] = "SELECT " COLUMNS ", 0 FROM labels ORDER BY shown_position, key";
/* Includes the samples that a new name has not reached yet. */
static const char LABELS_COUNTED[] = "SELECT " COLUMNS ", COALESCE(counts.n, 0)"
				     " + COALESCE((SELECT n FROM relabelling JOIN counts ON kind = 'label'"
				     " AND name = relabelling.label WHERE relabelling.key = labels.key AND merged IS NULL), 0)"
				     " FROM labels LEFT JOIN counts"
				     " ON counts.kind = 'label' AND counts.name = labels.label"
				     " ORDER BY labels.shown_position, labels.key";

static void label_read(sqlite3_stmt *stmt, struct dataset_label *out)
{
	*out = (struct dataset_label){.key = sqlite3_column_int64(stmt, 0),
	                              .name = column_text(stmt, 1),
	                              .position = sqlite3_column_double(stmt, 2),
	                              .count = sqlite3_column_int64(stmt, 5)};
	if (sqlite3_column_type(stmt, 3) != SQLITE_NULL)
		snprintf(out->colour, sizeof(out->colour), "%s", column_peek(stmt, 3));
	if (sqlite3_column_type(stmt, 4) != SQLITE_NULL)
		out->description = column_text(stmt, 4);
}

int labels_load(struct sqlite_conn *conn, bool counted, struct dataset_labels *out, struct err *err)
{
	size_t capacity = 0;
	sqlite3_stmt *stmt = conn_query(conn, err, counted ? LABELS_COUNTED : LABELS, "");
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		if (out->count == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			out->item = memory_grow(out->item, capacity, sizeof(*out->item));
		}
		label_read(stmt, &out->item[out->count++]);
	}
	return row < 0;
}

static int check_label_count(struct sqlite_conn *writer, int64_t next_key, struct err *err)
{
	int64_t count = 0;

	if (next_key >= DATASET_LABELS_MAX && conn_int64(writer, err, 0, &count, "SELECT COUNT(*) FROM labels", ""))
		return -1;
	return count < DATASET_LABELS_MAX ? 0
	                                  : err_set(err, ERR_UNPROCESSABLE, "A dataset may have at most %d labels",
	                                            DATASET_LABELS_MAX);
}

int label_insert(struct sqlite_conn *writer, const char *name, int64_t *key, bool *created, struct err *err)
{
	*created = false;
	if (conn_int64(writer, err, -1, key, "SELECT key FROM labels WHERE label = ? AND key >= 0", "s", name))
		return -1;
	if (*key >= 0)
		return 0;
	*created = true;
	if (conn_int64(writer, err, 0, key, "SELECT value FROM settings WHERE key = 'next_label_key'", "") ||
	    check_label_count(writer, *key, err))
		return -1;
	return conn_run(writer, err, "INSERT INTO labels (label, key, shown_position) VALUES (?1, ?2, ?2)", "si", name,
	                *key) ||
	       former_forget(writer, name, err) || setting_set(writer, "next_label_key", *key + 1, err);
}

/* --- names of before ---------------------------------------------------------------------------------------------- */

int former_note(struct sqlite_conn *writer, const char *name, int64_t key, struct err *err)
{
	return conn_run(writer, err, "INSERT OR REPLACE INTO former_labels (label, key) VALUES (?, ?)", "si", name, key);
}

int former_forget(struct sqlite_conn *writer, const char *name, struct err *err)
{
	return conn_run(writer, err, "DELETE FROM former_labels WHERE label = ?", "s", name);
}

static int former_load(struct sqlite_conn *conn, struct former_labels *out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err,
	                                "SELECT former_labels.label, labels.label FROM former_labels"
	                                " LEFT JOIN labels ON labels.key = former_labels.key ORDER BY former_labels.label",
	                                "");
	int row = stmt ? 1 : -1;

	while (stmt && (row = conn_step(conn, stmt, err)) == 1)
		former_labels_add(out, column_peek(stmt, 0), column_peek(stmt, 1));
	return row;
}

int sqlite_label_former(struct dataset *dataset, struct former_labels *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	*out = (struct former_labels){.count = 0};
	if (!conn)
		return -1;
	int failed = former_load(conn, out, err);
	db_read_end(dataset_db(dataset), conn);
	if (failed)
		former_labels_release(out);
	return failed;
}
