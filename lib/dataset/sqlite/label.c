/* Changing the labels of a dataset in SQLite. */
#include "dataset/sqlite/internal.h"

#include "dataset/rules.h"

/* --- writing while no name is being changed ----------------------------------------------------------------------- */

enum { WAITS_MAX = 100 }; /* changes of names begun by others, each of which is completed first */

struct label_job {
	int64_t key;
	const char *name;
	bool waits; /* it must wait until the change under way is complete, and has written nothing */
	/* one of these: */
	const struct label_change *change;
	int64_t into;
	const char *user;
	bool created;
};

static int is_relabelling(struct sqlite_conn *writer, bool *under_way, struct err *err)
{
	int64_t any;

	if (conn_int64(writer, err, 0, &any, "SELECT 1 FROM relabelling", ""))
		return -1;
	*under_way = any;
	return 0;
}

/* Writes the change, and everything that follows from it. */
static int write_labels(struct sqlite_db *db, write_run *run, struct label_job *job, struct err *err)
{
	for (unsigned waits = 0; waits < WAITS_MAX; waits++) {
		if (db_write(db, true, run, job, err) || db_catch_up(db, err))
			return -1;
		if (!job->waits)
			return 0;
	}
	return err_set(err, ERR_UNAVAILABLE, "Others are changing the dataset's labels");
}

/* Finds the name of the label with this key; the caller frees *out in any case. */
static int label_name(struct sqlite_conn *conn, int64_t key, char **out, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(conn, err, "SELECT label FROM labels WHERE key = ?", "i", key);
	int row = stmt ? conn_step(conn, stmt, err) : -1;

	if (row < 1)
		return row < 0 ? -1 : label_unknown(key, err);
	*out = column_text(stmt, 0);
	conn_done(stmt);
	return 0;
}

static int relabel_begin(struct sqlite_conn *writer, const char *from, int64_t key, int64_t merged, const char *by,
                         struct err *err)
{
	return former_note(writer, from, key, err) ||
	       conn_run(writer, err,
	                "INSERT INTO relabelling (label, key, merged, by) VALUES (?, ?, NULLIF(?, -1), ?)", "siis",
	                from, key, merged, by) ||
	       catch_up_note(writer, "relabel", err);
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

static int write_label_add(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct label_job *job = data;
	int64_t any;

	if (conn_int64(writer, err, 0, &any, "SELECT 1 FROM relabelling WHERE label = ?", "s", job->name))
		return -1;
	job->waits = any;
	return any ? 0 : label_insert(writer, job->name, &job->key, &job->created, err);
}

int sqlite_label_add(struct dataset *dataset, const char *name, int64_t *key, bool *created, struct err *err)
{
	struct label_job job = {.name = name};
	int failed = db_write(dataset_db(dataset), true, write_label_add, &job, err);

	if (!failed && job.waits)
		failed = write_labels(dataset_db(dataset), write_label_add, &job, err);
	*key = job.key;
	*created = job.created;
	return failed;
}

/* --- changing ----------------------------------------------------------------------------------------------------- */

static int write_name(struct sqlite_conn *writer, struct label_job *job, const char *was, struct err *err)
{
	const char *name = job->change->name;
	int64_t holder;

	if (is_relabelling(writer, &job->waits, err) ||
	    conn_int64(writer, err, -1, &holder, "SELECT key FROM labels WHERE label = ? AND key >= 0", "s", name))
		return -1;
	if (job->waits)
		return 0;
	return rules_rename(job->key, name, holder, err) ||
	       conn_run(writer, err, "UPDATE labels SET label = ?2 WHERE key = ?1", "is", job->key, name) ||
	       former_forget(writer, name, err) || relabel_begin(writer, was, job->key, -1, "", err);
}

/* Stores '' as NULL, like a field that never had a value. */
static int change_rest(struct sqlite_conn *writer, const struct label_job *job, struct err *err)
{
	const struct label_change *change = job->change;

	return (change->colour && conn_run(writer, err, "UPDATE labels SET shown_colour = NULLIF(?2, '') WHERE key = ?1", "is",
	                                   job->key, change->colour)) ||
	       (change->description && conn_run(writer, err,
	                                        "UPDATE labels SET shown_description = NULLIF(?2, '') WHERE key = ?1", "is",
	                                        job->key, change->description)) ||
	       (change->moves &&
	        conn_run(writer, err, "UPDATE labels SET shown_position = ?2 WHERE key = ?1", "id", job->key,
	                 change->position));
}

static int write_label_change(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct label_job *job = data;
	char *was = NULL;

	job->waits = false;
	int failed = label_name(writer, job->key, &was, err);
	if (!failed && job->change->name && strcmp(job->change->name, was) != 0)
		failed = write_name(writer, job, was, err);
	if (!failed && !job->waits)
		failed = change_rest(writer, job, err);
	free(was);
	return failed;
}

int sqlite_label_change(struct dataset *dataset, int64_t key, const struct label_change *change, struct err *err)
{
	struct label_job job = {.key = key, .change = change};

	return change->name ? write_labels(dataset_db(dataset), write_label_change, &job, err)
	                    : db_write(dataset_db(dataset), true, write_label_change, &job, err);
}

/* --- ending ------------------------------------------------------------------------------------------------------- */

static int write_label_merge(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct label_job *job = data;
	char *was = NULL;
	int64_t known;
	int failed = is_relabelling(writer, &job->waits, err);

	if (!failed && !job->waits)
		failed = label_name(writer, job->key, &was, err) ||
		         conn_int64(writer, err, 0, &known, "SELECT 1 FROM labels WHERE key = ?", "i", job->into) ||
		         rules_merge_labels(job->key, job->into, known, err) ||
		         conn_run(writer, err, "UPDATE former_labels SET key = ?2 WHERE key = ?1", "ii", job->key, job->into) ||
		         relabel_begin(writer, was, job->into, job->key, job->user, err);
	free(was);
	return failed;
}

int sqlite_label_merge(struct dataset *dataset, int64_t key, int64_t into, const char *user, struct err *err)
{
	struct label_job job = {.key = key, .into = into, .user = user};

	return write_labels(dataset_db(dataset), write_label_merge, &job, err);
}

static int find_label_uses(struct sqlite_conn *writer, const char *name, struct rules_uses *uses, struct err *err)
{
	int64_t votes = 0, decisions = 0;

	if (tally_write(writer, err) ||
	    conn_int64(writer, err, 0, &uses->samples, "SELECT n FROM counts WHERE kind = 'label' AND name = ?", "s", name) ||
	    (uses->samples == 0 &&
	     (conn_int64(writer, err, 0, &votes, "SELECT 1 FROM votes WHERE label = ? LIMIT 1", "s", name) ||
	      decided_any(writer, name, &decisions, err))))
		return -1;
	uses->votes = votes;
	uses->decisions = decisions;
	return 0;
}

static int write_label_remove(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct label_job *job = data;
	struct rules_uses uses = {0};
	char *was = NULL;
	int failed = is_relabelling(writer, &job->waits, err);

	if (!failed && !job->waits)
		failed = label_name(writer, job->key, &was, err) || find_label_uses(writer, was, &uses, err) ||
		         rules_remove_label(was, &uses, err) ||
		         conn_run(writer, err, "DELETE FROM labels WHERE key = ?", "i", job->key) ||
		         conn_run(writer, err, "UPDATE former_labels SET key = -1 WHERE key = ?", "i", job->key) ||
		         former_note(writer, was, -1, err);
	free(was);
	return failed;
}

int sqlite_label_remove(struct dataset *dataset, int64_t key, struct err *err)
{
	struct label_job job = {.key = key};

	return write_labels(dataset_db(dataset), write_label_remove, &job, err);
}
