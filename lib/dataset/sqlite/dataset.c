/* A whole dataset in SQLite: its counts, changes and notes. */
#include "dataset/sqlite/internal.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "dataset/rules.h"

int counts_load(struct sqlite_conn *conn, struct dataset_counts *counts, struct err *err)
{
	int64_t *const by_state[SAMPLE_STATES] = {&counts->unlabelled, &counts->labelled, &counts->skipped,
	                                          &counts->unreadable, &counts->review};

	if (conn_int64(conn, err, 0, &counts->size, "SELECT n FROM counts WHERE kind = 'size'", "") ||
	    conn_int64(conn, err, 0, &counts->bytes, "SELECT n FROM counts WHERE kind = 'bytes'", "") ||
	    conn_int64(conn, err, 0, &counts->gold, "SELECT n FROM counts WHERE kind = 'gold'", "") ||
	    conn_int64(conn, err, 0, &counts->leased, "SELECT COUNT(*) FROM leases WHERE expires > ?", "i", text_now()))
		return -1;
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT name, n FROM counts WHERE kind = 'state'", "");
	int row = stmt ? 1 : -1;
	while (stmt && (row = conn_step(conn, stmt, err)) == 1) {
		int state = sqlite3_column_int(stmt, 0);

		if (state >= 0 && state < SAMPLE_STATES)
			*by_state[state] = sqlite3_column_int64(stmt, 1);
	}
	return row < 0;
}

static int place_load(struct sqlite_conn *conn, struct dataset *dataset, struct dataset_place *out, struct err *err)
{
	if (base_dir_load(conn, dataset->name, &out->base_dir, err) || uuid_load(conn, out->uuid, err) ||
	    policy_load(conn, &out->policy, err))
		return -1;
	if (out->policy.lease_seconds == 0)
		out->policy.lease_seconds = ((struct sqlite_dataset *)dataset)->store->config->limits.lease_seconds;
	return 0;
}

/* Reads the parts that are not NULL in one snapshot, so that the counts agree with each other. */
static int read_parts(struct dataset *dataset, struct dataset_place *place, struct dataset_labels *labels, bool counted,
                      struct dataset_counts *counts, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = conn_run(conn, err, "BEGIN", "") || (place && place_load(conn, dataset, place, err)) ||
	             (counts && counts_load(conn, counts, err)) || (labels && labels_load(conn, counted, labels, err));
	conn_run(conn, NULL, "COMMIT", "");
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

int sqlite_info(struct dataset *dataset, struct dataset_info *out, struct err *err)
{
	return read_parts(dataset, &out->place, &out->labels, true, &out->counts, err);
}

static void place_copy(struct dataset_place *out, const struct dataset_place *place)
{
	*out = *place;
	out->base_dir = memory_text(place->base_dir);
}

/* Each reading begins a transaction, which costs more than the reading itself: what another thread has read since then
 * will do. */
static bool place_known(struct sqlite_dataset *dataset, int64_t since, struct dataset_place *out)
{
	pthread_mutex_lock(&dataset->mutex);
	bool known = dataset->place_us && dataset->place_us >= since;
	if (known)
		place_copy(out, &dataset->place);
	pthread_mutex_unlock(&dataset->mutex);
	return known;
}

static void place_keep(struct sqlite_dataset *dataset, const struct dataset_place *place, int64_t begun)
{
	pthread_mutex_lock(&dataset->mutex);
	if (begun > dataset->place_us) {
		dataset_place_release(&dataset->place);
		place_copy(&dataset->place, place);
		dataset->place_us = begun;
	}
	pthread_mutex_unlock(&dataset->mutex);
}

int sqlite_place(struct dataset *base, int64_t since, struct dataset_place *out, struct err *err)
{
	struct sqlite_dataset *dataset = (struct sqlite_dataset *)base;
	int64_t begun = clock_us();

	if (place_known(dataset, since, out))
		return 0;
	if (read_parts(base, out, NULL, false, NULL, err))
		return -1;
	place_keep(dataset, out, begun);
	return 0;
}

int sqlite_labels(struct dataset *dataset, struct dataset_labels *out, struct err *err)
{
	return read_parts(dataset, NULL, out, false, NULL, err);
}

int sqlite_counts(struct dataset *dataset, struct dataset_counts *out, struct err *err)
{
	return read_parts(dataset, NULL, NULL, false, out, err);
}

int sqlite_check(struct dataset *dataset, struct err *err)
{
	const char *path = dataset_db(dataset)->path, *dir = ((struct sqlite_dataset *)dataset)->store->config->sqlite_db_dir;

	if (access(path, R_OK | W_OK) || access(dir, W_OK | X_OK)) /* the folder, for the files beside the database */
		return err_errno(err, ERR_UNAVAILABLE, "Dataset %s cannot be written", dataset->name);
	return 0;
}

int sqlite_size(struct dataset *dataset, int64_t *out, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	int failed = conn_int64(conn, err, 0, out, "SELECT n FROM counts WHERE kind = 'size' AND name = ''", "");
	db_read_end(dataset_db(dataset), conn);
	return failed;
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

struct update {
	const char *name;
	const struct dataset_change *change;
};

static int update_policy(struct sqlite_conn *writer, const struct dataset_change *change, struct err *err)
{
	struct dataset_policy was, policy;

	if (policy_load(writer, &was, err))
		return -1;
	policy = was;
	rules_merge_policy(&policy, change);
	if (rules_check_policy(&policy, err) || setting_set(writer, "overlap", policy.overlap, err) ||
	    setting_set(writer, "overlap_max", policy.overlap_max, err) ||
	    setting_set(writer, "lease_seconds", policy.lease_seconds, err) ||
	    setting_set(writer, "order", policy.order, err) || setting_set(writer, "skip", policy.skip, err) ||
	    setting_set(writer, "public", policy.public_images, err) ||
	    setting_set(writer, "gold_rate", policy.gold_rate, err))
		return -1;
	return catch_up_after(writer, &was, &policy, err);
}

static int update_base_dir(struct sqlite_conn *writer, const struct update *update, struct err *err)
{
	char *base_dir;

	if (base_dir_load(writer, update->name, &base_dir, err))
		return -1;
	int failed = rules_check_base_dir(update->change, base_dir, err);
	free(base_dir);
	return failed;
}

static int write_update(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct update *update = data;
	const struct dataset_change *change = update->change;

	if (update_base_dir(writer, update, err) ||
	    (change->base_dir && conn_run(writer, err, "UPDATE metadata SET base_dir = ?", "s", change->base_dir)))
		return -1;
	return change->fields ? update_policy(writer, change, err) : 0;
}

int sqlite_update(struct dataset *dataset, const struct dataset_change *change, struct err *err)
{
	struct update update = {.name = dataset->name, .change = change};

	return db_write(dataset_db(dataset), true, write_update, &update, err) || db_catch_up(dataset_db(dataset), err);
}

/* --- notes -------------------------------------------------------------------------------------------------------- */

int sqlite_note_get(struct dataset *dataset, const char *key, char **value, struct err *err)
{
	struct sqlite_conn *conn = db_read(dataset_db(dataset), err);

	if (!conn)
		return -1;
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT value FROM settings WHERE key = 'note:' || ?", "s", key);
	int row = stmt ? conn_step(conn, stmt, err) : -1;
	*value = row == 1 ? column_text(stmt, 0) : NULL;
	if (row == 1)
		conn_done(stmt);
	db_read_end(dataset_db(dataset), conn);
	return row < 0;
}

struct note {
	const char *key, *value;
};

static int write_note_set(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct note *note = data;

	return conn_run(writer, err,
	                "INSERT INTO settings (key, value) VALUES ('note:' || ?1, ?2)"
	                " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
	                "ss", note->key, note->value);
}

int sqlite_note_set(struct dataset *dataset, const char *key, const char *value, struct err *err)
{
	struct note note = {.key = key, .value = value};

	return db_write(dataset_db(dataset), true, write_note_set, &note, err);
}
