/* A dataset that comes from another store into SQLite: a database with a hidden name until it is whole. */
#include "dataset/sqlite/internal.h"

#include <errno.h>
#include <unistd.h>

#include "dataset/rules.h"

static const char *const side_files[] = {"-wal", "-shm", "-lock"};

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct beginning {
	const char *name, *origin;
	int64_t last;
};

static int check_origin(struct sqlite_conn *writer, const struct beginning *beginning, bool *known, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err, "SELECT value IS ?1 FROM settings WHERE key = 'note:" DATASET_ORIGIN "'",
	                                "s", beginning->origin);
	int row = stmt ? conn_step(writer, stmt, err) : -1;

	*known = row == 1;
	if (row < 1)
		return row;
	bool same = sqlite3_column_int(stmt, 0);
	conn_done(stmt);
	return same ? 0 : err_set(err, ERR_CONFLICT, "An unfinished move of another dataset to %s is there", beginning->name);
}

static int write_begin(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct beginning *beginning = data;
	bool known;

	if (check_origin(writer, beginning, &known, err))
		return -1;
	if (!known &&
	    (conn_run(writer, err, "INSERT INTO metadata (dataset_name, base_dir) VALUES (?, '')", "s", beginning->name) ||
	     conn_run(writer, err, "INSERT INTO settings (key, value) VALUES ('note:" DATASET_ORIGIN "', ?)", "s",
	              beginning->origin)))
		return -1;
	return conn_int64(writer, err, -1, &beginning->last,
	                  "SELECT MAX(IFNULL((SELECT MAX(id) FROM samples), 0), IFNULL((SELECT MAX(id) FROM removed), 0)) - 1",
	                  "");
}

/* Makes a handle outside the store's open datasets, which is freed when it is closed. */
static struct dataset *make_handle(struct sqlite_store *store, const char *name, struct sqlite_db *db)
{
	struct sqlite_dataset *dataset = handle_new(store, name, db);

	dataset->base.users = 1;
	dataset->base.stale = true;
	return &dataset->base;
}

int sqlite_restore_open(struct dataset_store *base, const char *name, const char *origin, struct dataset **out,
                        int64_t *last, struct err *err)
{
	struct sqlite_store *store = sqlite_store(base);
	struct beginning beginning = {.name = name, .origin = origin};
	char *path = dataset_path(store, name, ""), *moving = moving_path(store, name, "");
	struct sqlite_db *db;
	int failed = access(path, F_OK) == 0
	                     ? err_set(err, ERR_CONFLICT, "A dataset named %s exists already", name)
	                     : db_open(&db, moving, access(moving, F_OK) != 0, &schema_of_dataset, err);

	free(path);
	free(moving);
	if (failed)
		return -1;
	if (db_write(db, true, write_begin, &beginning, err)) {
		db_free(db);
		return -1;
	}
	*out = make_handle(store, name, db);
	*last = beginning.last;
	return 0;
}

/* --- filling ------------------------------------------------------------------------------------------------------ */

static int write_outline(struct sqlite_conn *writer, void *data, struct err *err)
{
	const struct dataset_outline *outline = data;

	if (conn_run(writer, err, "DELETE FROM labels", "") || conn_run(writer, err, "DELETE FROM former_labels", "") ||
	    setting_set(writer, "next_label_key", outline->next_label, err) ||
	    conn_run(writer, err,
	             "DELETE FROM settings WHERE key >= 'note:' AND key < 'note;' AND key <> 'note:" DATASET_ORIGIN "'", ""))
		return -1;
	for (size_t i = 0; i < outline->label_count; i++) {
		const struct dataset_label *label = &outline->labels[i];

		if (conn_run(writer, err,
		             "INSERT INTO labels (label, key, shown_position, shown_colour, shown_description)"
		             " VALUES (?1, ?2, ?3, NULLIF(?4, ''), ?5)",
		             label->description ? "sidss" : "sidsn", label->name, label->key, label->position, label->colour,
		             label->description))
			return -1;
	}
	for (size_t i = 0; i < outline->former_count; i++) {
		if (former_note(writer, outline->former[i].name, outline->former[i].key, err))
			return -1;
	}
	for (size_t i = 0; i < outline->note_count; i++) {
		if (conn_run(writer, err, "INSERT INTO settings (key, value) VALUES ('note:' || ?, ?)", "ss",
		             outline->notes[i].key, outline->notes[i].value))
			return -1;
	}
	return 0;
}

int sqlite_restore_outline(struct dataset *dataset, const struct dataset_outline *outline, struct err *err)
{
	struct dataset_outline copy = *outline;
	struct dataset_change change = {
		.base_dir = outline->base_dir, .fields = DATASET_POLICY_ALL, .policy = outline->policy};

	return sqlite_update(dataset, &change, err) ||
	       db_write(dataset_db(dataset), true, write_outline, &copy, err);
}

struct filling {
	const struct dataset_record *records;
	size_t count;
	struct dataset_policy policy;
	int64_t queue_end;
};

/* If the sample came before it was removed in the source, its image came, too, and has to be removed. */
static int insert_tombstone(struct sqlite_conn *writer, const struct tombstone *from, struct err *err)
{
	struct tombstone tombstone = *from;
	int64_t there;

	if (conn_int64(writer, err, 0, &there, "SELECT 1 FROM samples WHERE id = ?", "i", from->id + 1))
		return -1;
	tombstone.due = there || (from->due && !from->blob_key[0]);
	return sample_delete(writer, from->id + 1, err) || tombstone_insert(writer, &tombstone, err);
}

#define ARRIVING                                                                                              \
	"id, filepath, label, state, version, position, slots, blob_key, type, sha256, filename, url, bytes," \
	" width, height, uploaded_at, uploaded_by, labelled_at, labelled_by, flag_note, flagged_by,"          \
	" file_sha256, file_bytes, file_modified_ns, known_answer, votes_differ"

/* The samples of one write, which become the dataset's by one statement: see merge.c. */
static const char ARRIVALS[] =
	"CREATE TEMP TABLE IF NOT EXISTS arrivals AS SELECT " ARRIVING " FROM samples WHERE 0;"
	"DELETE FROM arrivals;"; /* of a write that failed, too */

static int add_arrival(struct sqlite_conn *writer, const struct filling *filling, const struct dataset_record *record,
                       struct err *err)
{
	const struct sample *sample = &record->sample;
	int64_t row = sample->id + 1;
	int64_t position = record->requeued ? QUEUE_END_BASE + record->requeued : new_position(&filling->policy, row);

	/* What is not known is NULL, as in rows that were made here. */
	return conn_run(
		writer, err,
		"INSERT INTO arrivals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULLIF(?8, ''), NULLIF(?9, ''), NULLIF(?10, ''),"
		" NULLIF(?11, ''), NULLIF(?12, ''), NULLIF(?13, 0), NULLIF(?14, 0), NULLIF(?15, 0), NULLIF(?16, 0),"
		" NULLIF(?17, ''), NULLIF(?18, 0), NULLIF(?19, ''), ?20, NULLIF(?21, ''), NULLIF(?22, ''), NULLIF(?23, 0),"
		" NULLIF(?24, 0), NULLIF(?25, 0), NULLIF(?26, 0))",
		"issiiiisssssiiiisissssiiii", row, sample->filepath, sample->label, (int64_t)sample->state, sample->version,
		position, (int64_t)(sample->state == SAMPLE_UNLABELLED), sample->blob_key, sample->type, sample->sha256,
		sample->filename, record->url, sample->bytes, sample->width, sample->height, sample->uploaded_at,
		sample->uploaded_by, sample->labelled_at, sample->labelled_by, sample->flag, sample->flagged_by,
		sample->file_sha256, sample->file_bytes, sample->file_modified_ns, (int64_t)sample->gold,
		(int64_t)sample->disputed);
}

/* The vote's event is the user's last one. */
static int insert_vote(struct sqlite_conn *writer, int64_t row, const struct dataset_vote *vote, struct err *err)
{
	return conn_run(
		writer, err,
		"INSERT INTO votes (sample, user, label, n, at) SELECT ?1, ?2, ?3, COALESCE(MAX(n), 0), COALESCE(at, 0)"
		" FROM events WHERE sample = ?1 AND by = ?2 AND source IN (" RULES_VOTE_SOURCES ")"
		" AND n NOT IN (SELECT undoes FROM events WHERE sample = ?1 AND undoes > 0)",
		vote->label ? "iss" : "isn", row, vote->user, vote->label);
}

static int insert_said(struct sqlite_conn *writer, const struct dataset_record *record, struct err *err)
{
	int64_t row = record->sample.id + 1;

	for (size_t i = 0; i < record->event_count; i++) {
		if (event_insert(writer, row, (int64_t)i + 1, &record->events[i], NULL, err) ||
		    event_uncount(writer, record->events, i, record->events[i].undoes, err))
			return -1;
	}
	for (size_t i = 0; i < record->vote_count; i++) {
		if (insert_vote(writer, row, &record->votes[i], err))
			return -1;
	}
	return 0;
}

static int insert_samples(struct sqlite_conn *writer, const struct filling *filling, struct err *err)
{
	if (conn_script(writer, ARRIVALS, err))
		return -1;
	for (size_t i = 0; i < filling->count; i++) {
		const struct dataset_record *record = &filling->records[i];

		if (record->removed ? insert_tombstone(writer, record->removed, err)
		                    : sample_delete(writer, record->sample.id + 1, err) ||
		                              add_arrival(writer, filling, record, err))
			return -1;
	}
	return conn_run(writer, err,
	                "INSERT" OR_FAIL "INTO samples (" ARRIVING ") SELECT " ARRIVING " FROM arrivals ORDER BY id", "");
}

static int write_records(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct filling *filling = data;

	if (policy_load(writer, &filling->policy, err) ||
	    conn_int64(writer, err, 0, &filling->queue_end, "SELECT value FROM settings WHERE key = 'queue_end'", "") ||
	    insert_samples(writer, filling, err))
		return -1;
	for (size_t i = 0; i < filling->count; i++) {
		if (!filling->records[i].removed && insert_said(writer, &filling->records[i], err))
			return -1;
		if (filling->queue_end < filling->records[i].requeued)
			filling->queue_end = filling->records[i].requeued;
	}
	return setting_set(writer, "queue_end", filling->queue_end, err);
}

int sqlite_restore_records(struct dataset *dataset, const struct dataset_record *records, size_t count, struct err *err)
{
	struct filling filling = {.records = records, .count = count};

	return db_write(dataset_db(dataset), true, write_records, &filling, err);
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

static int unlink_side_files(const struct sqlite_store *store, const char *name, struct err *err)
{
	for (size_t i = 0; i < sizeof(side_files) / sizeof(*side_files); i++) {
		char *path = moving_path(store, name, side_files[i]);
		int failed = unlink(path) && errno != ENOENT;

		free(path);
		if (failed)
			return err_errno(err, ERR_UNAVAILABLE, "Dataset %s cannot be finished", name);
	}
	return 0;
}

static int write_feed(struct sqlite_conn *writer, void *data, struct err *err)
{
	(void)data;
	return feed_refill(writer, err);
}

/* Closes the database first, with everything in its one file, since its log would not be renamed with it. */
int sqlite_restore_finish(struct dataset *dataset, struct err *err)
{
	struct sqlite_store *store = ((struct sqlite_dataset *)dataset)->store;
	char *name = memory_text(dataset->name), *moving = moving_path(store, dataset->name, "");

	int failed = db_write(dataset_db(dataset), true, write_feed, NULL, err) ||
	             db_fold(dataset_db(dataset), true, err);
	sqlite_close(dataset);
	failed = failed || unlink_side_files(store, name, err) || give_name(store, moving, name, err);
	free(moving);
	free(name);
	return failed;
}

/* Removes the log first: if it stayed, it would be taken for the log of the next database with this name. */
int sqlite_restore_drop(struct dataset_store *base, const char *name, struct err *err)
{
	const struct sqlite_store *store = sqlite_store(base);
	char *moving = moving_path(store, name, "");
	int failed = access(moving, F_OK) ? err_set(err, ERR_NOT_FOUND, "There is no unfinished move of %s", name)
	                                  : unlink_side_files(store, name, err);

	if (!failed && unlink(moving))
		failed = err_errno(err, ERR_UNAVAILABLE, "The unfinished move of %s cannot be removed", name);
	free(moving);
	return failed || sync_folder(store->config->sqlite_db_dir, err);
}
