/* Changes of samples in SQLite: labels given, leases used up, samples passed over; decided by rules.h. Each call of
 * them is one job of a group commit. */
#include "dataset/sqlite/internal.h"

#include "base/text.h"
#include "dataset/rules.h"

struct changes {
	const char *dataset; /* its name */
	struct sample_change *items;
	size_t count;
	int64_t lease_us; /* from the configuration */
	int64_t now;
};

/* --- what a change meets ------------------------------------------------------------------------------------------ */

static int look_up(struct sqlite_conn *writer, bool *found, struct err *err, const char *sql, const char *types,
                   const char *one, const char *other)
{
	int64_t row = 0;

	if (conn_int64(writer, err, 0, &row, sql, types, one, other))
		return -1;
	*found = row != 0;
	return 0;
}

/* Finds the facts about the dataset, the same for every sample; the quorum is known. */
static int find_of_dataset(struct sqlite_conn *writer, const struct changes *changes,
                           const struct sample_change *change, struct rules_facts *out, struct err *err)
{
	unsigned asks = rules_asks(change);

	return ((asks & RULES_KNOWN_LABEL) &&
	        look_up(writer, &out->known_label, err, LABEL_GIVEN, "s",
	                change->label, NULL)) ||
	       ((asks & RULES_IN_FOLDER) && look_up(writer, &out->in_folder, err,
	                                            "SELECT base_dir IS ?2 FROM metadata ORDER BY "
	                                            "dataset_name IS NOT ?1, rowid LIMIT 1",
	                                            "ss", changes->dataset, change->base_dir));
}

/* What was found; owns what the facts point to. */
struct found {
	struct rules_facts facts;
	struct said said;
	struct events events;
	struct rules_vote *room;
};

static void found_release(struct found *found)
{
	free(found->room);
	said_release(&found->said);
	events_release(&found->events);
}

static void found_tell(struct found *out)
{
	out->facts.state = out->said.now.state;
	out->facts.version = out->said.now.version;
	out->facts.label = out->said.now.label;
	out->facts.by = out->said.now.labelled_by;
	out->facts.at = out->said.now.labelled_at;
	out->facts.gold = out->said.now.gold;
}

static void found_tell_events(struct found *out)
{
	out->facts.events = out->events.item;
	out->facts.event_count = out->events.count;
	out->facts.room = out->room = memory_new(out->events.count + 1, sizeof(*out->room));
}

static int find_events(struct sqlite_conn *writer, int64_t row, unsigned asks, struct found *out, struct err *err)
{
	if (!out->facts.found)
		return 0;
	if (((asks & RULES_EVENTS) && said_note_label(writer, &out->said, NULL, err)) ||
	    events_load(writer, row, &out->events, err))
		return -1;
	found_tell_events(out);
	return 0;
}

static bool has_voted(const struct said *said, const char *user)
{
	for (size_t i = 0; i < said->vote_count; i++) {
		if (strcmp(said->votes[i].user, user) == 0)
			return true;
	}
	return false;
}

/* Finds the facts about the sample. */
static int find_of_sample(struct sqlite_conn *writer, int64_t row, const struct sample_change *change,
                          struct found *out, struct err *err)
{
	unsigned asks = rules_asks(change);
	int64_t given = 0;

	if (said_load(writer, row, &out->said, &out->facts.found, err))
		return -1;
	found_tell(out);
	if ((((asks & (RULES_EVENTS | RULES_HISTORY)) || (out->facts.gold && (asks & RULES_STATE))) &&
	     find_events(writer, row, asks, out, err)) ||
	    ((asks & RULES_GOLDS) &&
	     conn_int64(writer, err, 0, &out->facts.golds, "SELECT n FROM counts WHERE kind = 'gold'", "")) ||
	    ((asks & RULES_GIVEN) && out->said.events > 0 &&
	     conn_int64(writer, err, 0, &given, "SELECT 1 FROM events WHERE sample = ? AND request = ? AND by = ?",
	                "iss", row, change->request, change->user)) ||
	    ((asks & RULES_LEASE) && out->said.leases > 0 &&
	     conn_int64(writer, err, 0, &out->facts.lease_ends,
	                "SELECT expires FROM leases WHERE token = ? AND user = ? AND sample = ?", "ssi", change->token,
	                change->user, row)))
		return -1;
	out->facts.given = given != 0;
	out->facts.voted = (asks & RULES_VOTED) && has_voted(&out->said, change->user);
	return 0;
}

/* The same for SAMPLE_DECIDE and SAMPLE_UNDO, of the next sample of many. */
static int find_of_next(struct sqlite_conn *writer, struct saids *saids, const struct sample_change *change,
                        struct found *out, struct err *err)
{
	if (saids_next(writer, saids, change, &out->said, &out->events, &out->facts.found, &out->facts.given, err) ||
	    (out->facts.found && (rules_asks(change) & RULES_EVENTS) &&
	     said_note_label(writer, &out->said, &out->events, err)))
		return -1;
	found_tell(out);
	found_tell_events(out);
	return 0;
}

static int change_check_undone(struct sqlite_conn *writer, const char *label, struct err *err)
{
	bool removed;

	if (!label[0])
		return 0;
	return look_up(writer, &removed, err, "SELECT 1 FROM former_labels WHERE label = ?1 AND key < 0", "s", label, NULL) ||
	       rules_check_undone(label, removed, err);
}

/* --- what it makes of the sample ---------------------------------------------------------------------------------- */

static int save_event(struct sqlite_conn *writer, struct found *found, const struct sample_change *change,
                      const struct rules_effect *effect, struct err *err)
{
	const struct label_event event = {.label = effect->label,
	                                  .by = change->user,
	                                  .at = effect->at,
	                                  .source = effect->source,
	                                  .lead_time_ms = effect->vote == RULES_VOTE ? change->lead_time_ms : -1,
	                                  .undoes = effect->undoes};

	return event_uncount(writer, found->events.item, found->events.count, effect->undoes, err) ||
	       said_add_event(writer, &found->said, &event, change->request, err);
}

/* A vote for a label is that of the event just added. */
static int save_vote(struct sqlite_conn *writer, struct said *said, const struct sample_change *change,
                     const struct rules_effect *effect, int64_t now, struct err *err)
{
	bool labels = effect->vote == RULES_VOTE;
	int64_t n = labels ? said->events : effect->vote == RULES_LATER ? RULES_VOTE_LATER : 0;
	const struct rules_vote vote = {
		.user = change->user, .label = labels ? effect->label : NULL, .n = n, .at = now};

	if (effect->vote == RULES_UNSAY)
		return said_unsay(writer, said, change->user, err);
	return said_set_vote(writer, said, &vote, err);
}

static int to_the_end(struct sqlite_conn *writer, int64_t row, struct err *err)
{
	return conn_run(writer, err, "UPDATE settings SET value = value + 1 WHERE key = 'queue_end'", "") ||
	       conn_run(writer, err,
	                "UPDATE samples SET position = ?2 + (SELECT value FROM settings WHERE key = "
	                "'queue_end')"
	                " WHERE id = ?1",
	                "ii", row, QUEUE_END_BASE);
}

static int delete_leases(struct sqlite_conn *writer, int64_t row, const struct sample_change *change,
                         const struct rules_effect *effect, struct err *err)
{
	switch (effect->leases) {
	case RULES_LEASE_ENDS:
		return conn_run(writer, err, "DELETE FROM leases WHERE token = ?", "s", change->token);
	case RULES_USERS_LEASES_END:
		return conn_run(writer, err, "DELETE FROM leases WHERE sample = ? AND user = ?", "is", row, change->user);
	default:
		return conn_run(writer, err, "DELETE FROM leases WHERE sample = ?", "i", row);
	}
}

static int change_end_leases(struct sqlite_conn *writer, struct said *said, const struct sample_change *change,
                             const struct rules_effect *effect, struct err *err)
{
	if (effect->leases == RULES_LEASES_STAY || said->leases == 0)
		return 0;
	if (delete_leases(writer, said->row, change, effect, err))
		return -1;
	said->leases -= sqlite3_changes64(writer->db);
	return 0;
}

static int set_state(struct sqlite_conn *writer, struct said *said, enum sample_state state, struct err *err)
{
	enum sample_state was = said->now.state;

	said->now.state = state;
	return conn_run(writer, err,
	                "UPDATE" OR_FAIL "samples SET state = ?2, version = version + 1, " TALLIED " WHERE id = ?1", "ii",
	                said->row, (int64_t)state) ||
	       tally_state(writer, was, -1, err) || tally_state(writer, state, 1, err);
}

static int change_save(struct sqlite_conn *writer, struct found *found, const struct sample_change *change,
                       const struct rules_effect *effect, int64_t now, struct err *err)
{
	struct said *said = &found->said;

	return (effect->gold && said_mark_gold(writer, said, effect->gold == RULES_GOLD_BEGINS, err)) ||
	       (effect->source && save_event(writer, found, change, effect, err)) ||
	       (effect->vote && save_vote(writer, said, change, effect, now, err)) ||
	       (effect->forgets_votes && said_forget_votes(writer, said, err)) ||
	       (effect->replaces_said &&
	        said_replace(writer, said, effect->votes, effect->vote_count, &effect->decision, err)) ||
	       (effect->to_the_end && to_the_end(writer, said->row, err)) ||
	       (effect->sets_state && set_state(writer, said, effect->state, err)) ||
	       (effect->renewed &&
	        conn_run(writer, err, "UPDATE leases SET expires = ?2 WHERE token = ?1", "si",
	                 change->token, effect->renewed)) ||
	       change_end_leases(writer, said, change, effect, err) ||
	       (effect->settles && said_settle(writer, said, found->facts.quorum, NULL, err));
}

/* --- running them ------------------------------------------------------------------------------------------------- */

static int change_found(struct sqlite_conn *writer, const struct changes *changes, struct found *found,
                        struct sample_change *change, struct err *err)
{
	struct rules_effect effect;
	int64_t lease_us = 0;

	if ((change->act == SAMPLE_RENEW && lease_length(writer, changes->lease_us, &lease_us, err)) ||
	    rules_change(change, &found->facts, changes->now, lease_us, &effect, err) ||
	    (change->act == SAMPLE_UNDO && effect.undoes && change_check_undone(writer, effect.label, err)))
		return -1;
	change->accepted = effect.accepted;
	change->expires_at = effect.renewed;
	return change_save(writer, found, change, &effect, changes->now, err);
}

/* Reads the sample afterwards in the same write, for who wants it. It may be there already, from an attempt whose
 * transaction failed. */
static int change_tell(struct sqlite_conn *writer, int64_t row, const struct sample_change *change, struct err *err)
{
	if (!change->out)
		return 0;
	sample_release(change->out);
	return sample_load(writer, row, change->out, err);
}

static int change_one(struct sqlite_conn *writer, const struct changes *changes, int64_t row,
                      const struct rules_facts *of_dataset, struct sample_change *change, struct err *err)
{
	struct found found = {.facts = *of_dataset};
	int failed = find_of_sample(writer, row, change, &found, err) ||
	             change_found(writer, changes, &found, change, err) ||
	             change_tell(writer, row, change, err);

	found_release(&found);
	return failed;
}

static int change_by_path(struct sqlite_conn *writer, const struct changes *changes,
                          const struct rules_facts *of_dataset, struct sample_change *change, struct err *err)
{
	const struct rules_facts nowhere = {.found = false};
	struct rules_effect nothing;
	int64_t row = 0;
	bool found = false, accepted = false;

	for (;; found = true) {
		change->accepted = accepted;
		if (conn_int64(writer, err, 0, &row, "SELECT id FROM samples WHERE filepath = ? AND id > ? ORDER BY id LIMIT 1", "si",
		               change->filepath, row))
			return -1;
		if (row == 0)
			return found ? 0 : rules_change(change, &nowhere, 0, 0, &nothing, err);
		if (change_one(writer, changes, row, of_dataset, change, err))
			return -1;
		accepted = accepted || change->accepted;
	}
}

static int change_each(struct sqlite_conn *writer, const struct changes *changes, struct err *err)
{
	struct rules_facts of_dataset = {.found = false};

	if (quorum_load(writer, &of_dataset.quorum, err))
		return -1;
	for (size_t i = 0; i < changes->count; i++) {
		struct sample_change *change = &changes->items[i];
		bool known = i > 0 && changes->items[i - 1].act == change->act && changes->items[i - 1].label == change->label;

		/* many changes are about one label */
		if ((!known && find_of_dataset(writer, changes, change, &of_dataset, err)) ||
		    (change->filepath ? change_by_path(writer, changes, &of_dataset, change, err)
		                      : change_one(writer, changes, change->id + 1, &of_dataset, change, err)))
			return -1;
	}
	return 0;
}

/* Whether they are of one kind, each of another sample, in order: then they are read and written together. */
static bool are_of_a_kind(const struct changes *changes)
{
	const struct sample_change *first = changes->items;
	bool alike = (first->act == SAMPLE_DECIDE || first->act == SAMPLE_UNDO) && !first->imported;

	for (size_t i = 0; i < changes->count && alike; i++) {
		const struct sample_change *change = &changes->items[i];

		alike = change->act == first->act && !change->imported && !change->filepath && change->label == first->label &&
		        change->request == first->request && (i == 0 || change->id > changes->items[i - 1].id);
	}
	return alike;
}

static int change_next(struct sqlite_conn *writer, const struct changes *changes, const struct rules_facts *of_dataset,
                       struct saids *saids, struct sample_change *change, struct err *err)
{
	struct found found = {.facts = *of_dataset};
	int failed = find_of_next(writer, saids, change, &found, err) || change_found(writer, changes, &found, change, err);

	found_release(&found);
	return failed;
}

static int change_together(struct sqlite_conn *writer, const struct changes *changes, struct err *err)
{
	struct rules_facts of_dataset = {.found = false};
	struct saids saids = {.samples = NULL};
	int failed = quorum_load(writer, &of_dataset.quorum, err) ||
	             find_of_dataset(writer, changes, changes->items, &of_dataset, err);

	buf_init(&saids.rows, ROWS_BYTES_MAX);
	for (size_t i = 0; i < changes->count && !failed; i++)
		failed = rows_append(&saids.rows, changes->items[i].id + 1, err);
	failed = failed || rows_end(&saids.rows, err) || saids_begin(writer, &saids, err);
	for (size_t i = 0; i < changes->count && !failed; i++)
		failed = change_next(writer, changes, &of_dataset, &saids, &changes->items[i], err);
	saids_end(&saids);
	return failed;
}

/* All of them or none: what is refused in the middle must not be committed with the writes of others. */
static int write_all_or_none(struct sqlite_conn *writer, const struct changes *changes, bool together, struct err *err)
{
	if (tally_write(writer, err) || conn_run(writer, err, "SAVEPOINT changes", ""))
		return -1;
	int failed = (together ? change_together : change_each)(writer, changes, err);
	if (failed) {
		tally_clear(writer);
		conn_run(writer, NULL, "ROLLBACK TO changes", "");
	}
	return conn_run(writer, failed ? NULL : err, "RELEASE changes", "") || failed;
}

static int write_changes(struct sqlite_conn *writer, void *data, struct err *err)
{
	struct changes *changes = data;

	changes->now = text_now();
	if (changes->count == 1)
		return change_each(writer, changes, err);
	if (!are_of_a_kind(changes))
		return write_all_or_none(writer, changes, false, err);
	gather_begin(writer);
	int failed = write_all_or_none(writer, changes, true, err) || gather_end(writer, err);
	gather_drop(writer);
	return failed;
}

/* Whether the change must be synced: power loss may undo others without harm, since the sample is then free again,
 * or found unreadable again. */
static bool is_durable(const struct sample_change *change)
{
	switch (change->act) {
	case SAMPLE_LABEL:
	case SAMPLE_CLASSIFY:
	case SAMPLE_SKIP:
	case SAMPLE_DECIDE:
	case SAMPLE_UNDO:
	case SAMPLE_MARK_GOLD:
	case SAMPLE_UNMARK_GOLD:
		return true;
	default:
		return false;
	}
}

int sqlite_change(struct dataset *dataset, struct sample_change *changes, size_t count, struct err *err)
{
	struct changes all = {
		.dataset = dataset->name, .items = changes, .count = count, .lease_us = lease_default(dataset)};
	bool durable = false;

	for (size_t i = 0; i < count; i++)
		durable = durable || is_durable(&changes[i]);
	int failed = db_write(dataset_db(dataset), durable, write_changes, &all, err);
	for (size_t i = 0; i < count && failed; i++) {
		if (changes[i].out)
			sample_release(changes[i].out);
	}
	return failed;
}

/* --- all that are unreadable -------------------------------------------------------------------------------------- */

static int write_retry_unreadable(struct sqlite_conn *writer, void *data, struct err *err)
{
	/* SAMPLE_MARK_READABLE for all at once, since a whole disk may have millions. Nobody holds them, so each has at
	 * least one place; the real number is counted when one is taken. */
	if (conn_run(writer, err,
	             "UPDATE samples SET state = 0, version = version + 1, slots = 1, " TALLIED " WHERE state = 3", ""))
		return -1;
	int64_t count = *(int64_t *)data = sqlite3_changes64(writer->db);
	return tally_state(writer, SAMPLE_UNREADABLE, -count, err) || tally_state(writer, SAMPLE_UNLABELLED, count, err);
}

/* Called at start and reload, when what a crash left is ended, too. */
int sqlite_retry_unreadable(struct dataset *dataset, int64_t *count, struct err *err)
{
	return db_write(dataset_db(dataset), true, write_retry_unreadable, count, err) ||
	       db_catch_up(dataset_db(dataset), err);
}
