/* The labels of a dataset in SQLite. */
#include "dataset/sqlite/internal.h"

#define COLUMNS "labels.key, labels.label, labels.position, labels.colour, labels.description"
static const char LABELS[] = "SELECT " COLUMNS ", 0 FROM labels ORDER BY position, key";
static const char LABELS_COUNTED[] = "SELECT " COLUMNS ", COALESCE(counts.n, 0) FROM labels LEFT JOIN counts"
				     " ON counts.kind = 'label' AND counts.name = labels.label"
				     " ORDER BY labels.position, labels.key";

static void label_read(sqlite3_stmt *stmt, struct dataset_label *out)
{
	*out = (struct dataset_label){.key = sqlite3_column_int64(stmt, 0),
	                              .name = column_text(stmt, 1),
	                              .position = sqlite3_column_double(stmt, 2),
	                              .count = sqlite3_column_int64(stmt, 5)};
	if (sqlite3_column_type(stmt, 3) != SQLITE_NULL)
		snprintf(out->colour, sizeof(out->colour), "%s", (const char *)sqlite3_column_text(stmt, 3));
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

/* --- changing ----------------------------------------------------------------------------------------------------- */

struct label_addition {
	const char *name;
	int64_t key;
	bool created;
};

int label_insert(struct sqlite_conn *writer, const char *name, int64_t *key, bool *created, struct err *err)
{
	*created = false;
	if (conn_int64(writer, err, -1, key, "SELECT key FROM labels WHERE label = ? AND key >= 0", "s", name))
		return -1;
	if (*key >= 0)
		return 0;
	*created = true;
	if (conn_int64(writer, err, 0, key, "SELECT value FROM settings WHERE key = 'next_label_key'", ""))
		return -1;
	if (*key >= DATASET_LABELS_MAX)
		return err_set(err, ERR_UNPROCESSABLE, "A dataset may have at most %d labels", DATASET_LABELS_MAX);
	return conn_run(writer, err, "INSERT INTO labels (label, key, position) VALUES (?1, ?2, ?2)", "si", name, *key) ||
	       setting_set(writer, "next_label_key", *key + 1, err);
}

static int write_label_add(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct label_addition *addition = data;

	return label_insert(writer, addition->name, &addition->key, &addition->created, err);
}

int sqlite_label_add(struct dataset *dataset, const char *name, int64_t *key, bool *created, struct err *err)
{
	struct label_addition addition = {.name = name};

	if (db_write(dataset_db(dataset), true, write_label_add, &addition, err))
		return -1;
	*key = addition.key;
	*created = addition.created;
	return 0;
}

struct changing {
	int64_t key;
	const struct label_change *change;
};

/* '' is kept as NULL, as what never was. */
static int write_label_change(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct changing *changing = data;
	const struct label_change *change = changing->change;
	int64_t known;

	if (conn_int64(writer, err, 0, &known, "SELECT 1 FROM labels WHERE key = ?", "i", changing->key))
		return -1;
	if (!known)
		return label_unknown(changing->key, err);
	return (change->colour && conn_run(writer, err, "UPDATE labels SET colour = NULLIF(?2, '') WHERE key = ?1", "is",
	                                   changing->key, change->colour)) ||
	       (change->description &&
	        conn_run(writer, err, "UPDATE labels SET description = NULLIF(?2, '') WHERE key = ?1", "is",
	                 changing->key, change->description)) ||
	       (change->moves && conn_run(writer, err, "UPDATE labels SET position = ?2 WHERE key = ?1",
	                                  "id", changing->key, change->position));
}

int sqlite_label_change(struct dataset *dataset, int64_t key, const struct label_change *change, struct err *err)
{
	struct changing changing = {.key = key, .change = change};

	return db_write(dataset_db(dataset), true, write_label_change, &changing, err);
}
