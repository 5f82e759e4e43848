/* Merging seeds into a SQLite dataset: labels and samples that it lacks, and labels for samples that have none.
 *
 * New samples are written by one statement for all of a merge: before each statement that reaches the full-text index,
 * SQLite writes out what the index has gathered, which takes eight times as long as the rest of a sample. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"
#include "dataset/rules.h"

struct merge {
	const char *const *labels;
	size_t label_count;
	const struct dataset_seed *seeds;
	size_t seed_count;
	struct dataset_merged result;
	struct dataset_policy policy;
	int64_t now;
	int64_t next; /* the row of the next new sample */
};

/* --- new samples -------------------------------------------------------------------------------------------------- */

/* What is new of a merge, until it is written. */
static const char NEWCOMERS[] =
	"CREATE TEMP TABLE IF NOT EXISTS newcomers"
	" (id INTEGER PRIMARY KEY, filepath TEXT NOT NULL UNIQUE, label TEXT NOT NULL, position INTEGER NOT NULL);"
	"DELETE FROM newcomers;"; /* of a merge that failed */

static int write_newcomers(struct sqlite_conn *writer, const struct merge *merge, struct err *err)
{
	return conn_run(writer, err,
	                "INSERT" OR_FAIL "INTO samples (id, filepath, label, state, position, slots, tally_mark)"
	                " SELECT id, filepath, label, label <> '', position, iif(label = '', ?1, 0), 1 FROM newcomers"
	                " ORDER BY id",
	                "i", merge->policy.overlap) ||
	       conn_run(writer, err, "DELETE FROM newcomers", "");
}

/* A filepath that is listed again must be found among the samples. */
static int write_if_listed(struct sqlite_conn *writer, const struct merge *merge, const char *filepath, struct err *err)
{
	int64_t listed;

	if (conn_int64(writer, err, 0, &listed, "SELECT 1 FROM newcomers WHERE filepath = ?", "s", filepath))
		return -1;
	return listed ? write_newcomers(writer, merge, err) : 0;
}

/* --- samples and labels ------------------------------------------------------------------------------------------- */

/* A sample that takes its seed's label has no event yet. */
static int add_seed_event(struct sqlite_conn *writer, const struct merge *merge, int64_t row, const char *label,
                          struct err *err)
{
	const struct label_event event = {.label = label, .by = "", .at = merge->now, .source = "seed", .lead_time_ms = -1};

	return event_add(writer, row, 1, &event, NULL, err);
}

/* What was removed is known, and does not come back. */
static int seed_insert(struct sqlite_conn *writer, struct merge *merge, const struct dataset_seed *seed,
                       struct err *err)
{
	bool removed;

	if (tombstone_exists(writer, seed->filepath, &removed, err))
		return -1;
	merge->result.samples_known += removed;
	if (removed)
		return 0;
	merge->result.samples_added++;
	int64_t row = merge->next++;
	if (conn_run(writer, err, "INSERT INTO newcomers VALUES (?1, ?2, ?3, ?4)", "issi", row, seed->filepath, seed->label,
	             new_position(&merge->policy, row)) ||
	    tally_added(writer, seed->label, 0, err))
		return -1;
	return seed->label[0] ? add_seed_event(writer, merge, row, seed->label, err) : 0;
}

static int seed_save_label(struct sqlite_conn *writer, struct merge *merge, int64_t row, const char *label,
                           struct err *err)
{
	merge->result.samples_labelled++;
	return add_seed_event(writer, merge, row, label, err) ||
	       conn_run(writer, err,
	                "UPDATE samples SET label = ?2, state = 1, slots = 0, version = version + 1 "
	                "WHERE id = ?1",
	                "is", row, label) ||
	       conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row);
}

static int seed_save(struct sqlite_conn *writer, struct merge *merge, const struct dataset_seed *seed, struct err *err)
{
	if (write_if_listed(writer, merge, seed->filepath, err))
		return -1;
	sqlite3_stmt *stmt =
		conn_query(writer, err,
	                   "SELECT id, state, label, EXISTS (SELECT 1 FROM events WHERE events.sample = samples.id)"
	                   " FROM samples WHERE filepath = ? ORDER BY id LIMIT 1",
	                   "s", seed->filepath);
	int row = stmt ? conn_step(writer, stmt, err) : -1;

	if (row < 0)
		return -1;
	if (row == 0)
		return seed_insert(writer, merge, seed, err);
	int64_t known = sqlite3_column_int64(stmt, 0);
	bool takes = seed->label[0] &&
	             rules_takes_seed((enum sample_state)sqlite3_column_int(stmt, 1),
	                              column_peek(stmt, 2), sqlite3_column_int(stmt, 3));
	conn_done(stmt);
	merge->result.samples_known++;
	return takes ? seed_save_label(writer, merge, known, seed->label, err) : 0;
}

static int insert_labels(struct sqlite_conn *writer, struct merge *merge, struct err *err)
{
	for (size_t i = 0; i < merge->label_count; i++) {
		int64_t key;
		bool created;

		if (label_insert(writer, merge->labels[i], &key, &created, err))
			return -1;
		merge->result.labels_added += created;
	}
	return 0;
}

/* Adds all labels or none: a part of a refused list must not be committed with others' writes. */
static int merge_labels(struct sqlite_conn *writer, struct merge *merge, struct err *err)
{
	if (conn_run(writer, err, "SAVEPOINT labels", ""))
		return -1;
	int failed = insert_labels(writer, merge, err);
	if (failed)
		conn_run(writer, NULL, "ROLLBACK TO labels", "");
	return conn_run(writer, failed ? NULL : err, "RELEASE labels", "") || failed;
}

static int write_merge(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct merge *merge = data;

	merge->result = (struct dataset_merged){0};
	if (policy_load(writer, &merge->policy, err) || merge_labels(writer, merge, err) ||
	    conn_script(writer, NEWCOMERS, err) || next_row(writer, &merge->next, err))
		return -1;
	for (size_t i = 0; i < merge->seed_count; i++) {
		if (seed_save(writer, merge, &merge->seeds[i], err))
			return -1;
	}
	return write_newcomers(writer, merge, err);
}

int sqlite_merge(struct dataset *dataset, const char *const *labels, size_t label_count,
                 const struct dataset_seed *seeds, size_t seed_count, struct dataset_merged *merged, struct err *err)
{
	struct merge merge = {.labels = labels,
	                      .label_count = label_count,
	                      .seeds = seeds,
	                      .seed_count = seed_count,
	                      .now = text_now()};

	if (db_write(dataset_db(dataset), true, write_merge, &merge, err))
		return -1;
	merged->labels_added += merge.result.labels_added;
	merged->samples_added += merge.result.samples_added;
	merged->samples_labelled += merge.result.samples_labelled;
	merged->samples_known += merge.result.samples_known;
	return 0;
}

