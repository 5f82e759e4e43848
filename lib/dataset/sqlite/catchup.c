/* Lets a change of the policy, or of the labels, reach the existing samples in SQLite, a bite at a time.
 *
 * Settings say what is still due; each is the rowid up to which it is done, and is removed at the end. "recount"
 * applies the overlap (only to samples that somebody has voted on or holds: all others are in the queue anyway),
 * "reorder" gives samples their places in the queue, "relabel" gives a label its new name, or another label's
 * (relabel.c). What is written meanwhile follows the new policy, and has the new labels. */
#include "dataset/sqlite/internal.h"

#include <time.h>

enum {
	BITE_MAX = 1000, /* samples in one write, which takes some 20 ms while others wait */
	MERGE_MAX = 250, /* where labels are merged: each sample is settled anew, and has an event more */
	STEP_MAX = 50,   /* in a write that is also a user's request for a task */
	PAUSE_MS = 2,    /* between bites: flock(2) wakes waiting processes, but does not hand the lock over to them */
};

int catch_up_note(struct sqlite_conn *writer, const char *key, struct err *err)
{
	return conn_run(writer, err,
	                "INSERT INTO settings (key, value) VALUES (?1, 0) ON CONFLICT (key) DO UPDATE SET value = 0",
	                "s", key);
}

int catch_up_after(struct sqlite_conn *writer, const struct dataset_policy *was, const struct dataset_policy *policy,
                   struct err *err)
{
	return (rules_quorum_differs(was, policy) && catch_up_note(writer, "recount", err)) ||
	       (dataset_policy_shuffles(was) != dataset_policy_shuffles(policy) && catch_up_note(writer, "reorder", err));
}

/* Notes how far it has come; `last` 0: to the end. */
static int note_done(struct sqlite_conn *writer, const char *key, int64_t last, struct err *err)
{
	return last ? setting_set(writer, key, last, err)
	            : conn_run(writer, err, "DELETE FROM settings WHERE key = ?", "s", key);
}

struct found {
	int64_t row[BITE_MAX];
	size_t count;
};

static int find_voted(struct sqlite_conn *writer, int64_t after, int64_t most, struct found *found, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err,
	                                "SELECT sample FROM votes WHERE sample > ?1 UNION SELECT sample FROM leases"
	                                " WHERE sample > ?1 ORDER BY sample LIMIT ?2",
	                                "ii", after, most);
	int step = stmt ? 1 : -1;

	while (stmt && (step = conn_step(writer, stmt, err)) == 1)
		found->row[found->count++] = sqlite3_column_int64(stmt, 0);
	return step;
}

static int recount(struct sqlite_conn *writer, int64_t after, int64_t most, struct err *err)
{
	struct found found = {.count = 0};
	struct rules_quorum quorum;

	if (quorum_load(writer, &quorum, err) || find_voted(writer, after, most, &found, err))
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		if (sample_settle(writer, found.row[i], quorum, NULL, err))
			return -1;
	}
	return note_done(writer, "recount", found.count ? found.row[found.count - 1] : 0, err);
}

/* Finds the last of the next `most` samples; 0: there is none. */
static int last_of_bite(struct sqlite_conn *writer, int64_t after, int64_t most, int64_t *last, struct err *err)
{
	return conn_int64(writer, err, 0, last,
	                  "SELECT MAX(id) FROM (SELECT id FROM samples WHERE id > ? ORDER BY id LIMIT ?)", "ii", after, most);
}

/* Samples requeued to the end stay there. */
static int reorder(struct sqlite_conn *writer, int64_t after, int64_t most, struct err *err)
{
	struct dataset_policy policy;
	int64_t last;

	if (policy_load(writer, &policy, err) || last_of_bite(writer, after, most, &last, err))
		return -1;
	int failed = dataset_policy_shuffles(&policy)
	                     ? conn_run(writer, err,
	                                "UPDATE samples SET position = abs(random() % ?3)"
	                                " WHERE id > ?1 AND id <= ?2 AND position < ?3",
	                                "iii", after, last, QUEUE_END_BASE)
	                     : conn_run(writer, err,
	                                "UPDATE samples SET position = id WHERE id > ?1 AND id <= ?2 AND position < ?3", "iii",
	                                after, last, QUEUE_END_BASE);
	return failed || note_done(writer, "reorder", last, err);
}

static int relabel_bite(struct sqlite_conn *writer, int64_t after, int64_t most, struct err *err)
{
	int64_t merges, last;
	bool ended;

	if (conn_int64(writer, err, 0, &merges, "SELECT merged IS NOT NULL FROM relabelling", ""))
		return -1;
	if (merges && most > MERGE_MAX)
		most = MERGE_MAX;
	if (last_of_bite(writer, after, most, &last, err))
		return -1;
	if (last)
		return relabel_samples(writer, after, last, err) || note_done(writer, "relabel", last, err);
	if (relabel_end(writer, &ended, err))
		return -1;
	return ended ? note_done(writer, "relabel", 0, err) : catch_up_note(writer, "relabel", err);
}

typedef int bite_run(struct sqlite_conn *writer, int64_t after, int64_t most, struct err *err);
static const struct {
	const char *key;
	bite_run *run;
} kinds[] = {{"recount", recount}, {"reorder", reorder}, {"relabel", relabel_bite}};

static int bite(struct sqlite_conn *writer, int64_t most, bool *more, struct err *err)
{
	sqlite3_stmt *stmt = conn_query(writer, err,
	                                /* a range, which each lease looks up much faster than three keys */
	                                "SELECT key, value FROM settings WHERE key BETWEEN 'recount' AND 'reorder'"
	                                " ORDER BY key LIMIT 1",
	                                "");
	int row = stmt ? conn_step(writer, stmt, err) : -1;
	bite_run *run = NULL;

	*more = row == 1;
	if (row < 1)
		return row;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].key, column_peek(stmt, 0)) == 0)
			run = kinds[i].run;
	}
	int64_t after = sqlite3_column_int64(stmt, 1);
	conn_done(stmt);
	return run(writer, after, most, err);
}

int conn_catch_up(struct sqlite_conn *writer, struct err *err)
{
	bool more;

	return bite(writer, STEP_MAX, &more, err);
}

static int write_bite(struct sqlite_conn *writer, void *more, struct err *err)
{
	return bite(writer, BITE_MAX, more, err);
}

/* Bites need no sync: if one is lost, so is the note of it. */
int db_catch_up(struct sqlite_db *db, struct err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};

	for (bool more = true; more; nanosleep(&pause, NULL)) {
		if (db_write(db, false, write_bite, &more, err))
			return -1;
	}
	return 0;
}
