/* Lets a change of the policy reach the existing samples in SQLite, a bite at a time.
 *
 * Two settings say what is still due; each is the rowid up to which it is done, and is removed at the end. "recount"
 * applies the overlap (only to samples that somebody has voted on or holds: all others are in the queue anyway),
 * "reorder" gives samples their places in the queue. What is written meanwhile follows the new policy. */
#include "dataset/sqlite/internal.h"

#include <time.h>

enum {
	BITE_MAX = 1000, /* samples in one write, which takes some 20 ms while others wait */
	STEP_MAX = 50,   /* in a write that is also a user's request for a task */
	PAUSE_MS = 2,    /* between bites: flock(2) wakes waiting processes, but does not hand the lock over to them */
};

static int make_due(struct sqlite_conn *writer, const char *key, struct err *err)
{
	return conn_run(writer, err,
	                "INSERT INTO settings (key, value) VALUES (?1, 0) ON CONFLICT (key) DO UPDATE SET value = 0",
	                "s", key);
}

int catch_up_after(struct sqlite_conn *writer, const struct dataset_policy *was, const struct dataset_policy *policy,
                   struct err *err)
{
	return (was->overlap != policy->overlap && make_due(writer, "recount", err)) ||
	       (was->order != policy->order && make_due(writer, "reorder", err));
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
	int64_t overlap;

	if (overlap_load(writer, &overlap, err) || find_voted(writer, after, most, &found, err))
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		if (sample_settle(writer, found.row[i], overlap, NULL, err))
			return -1;
	}
	return note_done(writer, "recount", found.count ? found.row[found.count - 1] : 0, err);
}

/* Samples requeued to the end stay there. */
static int reorder(struct sqlite_conn *writer, int64_t after, int64_t most, struct err *err)
{
	struct dataset_policy policy;
	int64_t last;

	if (policy_load(writer, &policy, err) ||
	    conn_int64(writer, err, 0, &last,
	               "SELECT MAX(id) FROM (SELECT id FROM samples WHERE id > ? ORDER BY id LIMIT ?)", "ii", after, most))
		return -1;
	int failed = policy.order == DATASET_ORDER_RANDOM
	                     ? conn_run(writer, err,
	                                "UPDATE samples SET position = abs(random() % ?3)"
	                                " WHERE id > ?1 AND id <= ?2 AND position < ?3",
	                                "iii", after, last, QUEUE_END_BASE)
	                     : conn_run(writer, err,
	                                "UPDATE samples SET position = id WHERE id > ?1 AND id <= ?2 AND position < ?3", "iii",
	                                after, last, QUEUE_END_BASE);
	return failed || note_done(writer, "reorder", last, err);
}

static int bite(struct sqlite_conn *writer, int64_t most, bool *more, struct err *err)
{
	int64_t recounted, reordered;

	if (conn_int64(writer, err, -1, &recounted, "SELECT value FROM settings WHERE key = 'recount'", "") ||
	    conn_int64(writer, err, -1, &reordered, "SELECT value FROM settings WHERE key = 'reorder'", ""))
		return -1;
	*more = recounted >= 0 || reordered >= 0;
	if (recounted >= 0)
		return recount(writer, recounted, most, err);
	return reordered >= 0 ? reorder(writer, reordered, most, err) : 0;
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
