/* A database written by an earlier version of this program, and a change of the policy that was interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/file.h"
#include "dataset/task.h"
#include "dataset/move.h"
#include "dataset/sayings.h"
#include "dataset/stats.h"
#include "sqlite_store.h"

enum { SAMPLES = 3 };

static struct dataset *dataset;

static const char *filepath(int id)
{
	static char name[32];

	snprintf(name, sizeof(name), "%d.png", id);
	return name;
}

static void label(const char *user, int id, const char *given)
{
	bool accepted;

	must(dataset_label_path(dataset, user, "/cats", filepath(id), given, &accepted, &failure));
	assert_true(accepted);
}

static void open_again(void)
{
	store_open();
	must(dataset_open(store, "cats", &dataset, &failure));
}

/* Three samples that ada labelled; the second by bob, too. */
static int set_up(void **state)
{
	static const char *const labels[] = {"tabby", "manx"};
	struct dataset_merged merged = {0};

	store_set_up(state);
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	must(dataset_open(store, "cats", &dataset, &failure));
	must(dataset_merge(dataset, labels, 2, NULL, 0, &merged, &failure));
	for (int i = 0; i < SAMPLES; i++)
		must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){filepath(i), ""}, 1, &merged, &failure));
	for (int i = 0; i < SAMPLES; i++)
		label("ada", i, "tabby");
	label("bob", 1, "manx");
	return 0;
}

static int tear_down(void **state)
{
	dataset_close(dataset);
	return store_tear_down(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Changes the database from outside, which nobody has open. */
static void meanwhile_nobody(const char *sql)
{
	sqlite3 *database;
	char *why = NULL;

	assert_int_equal(sqlite3_open(temp("dbs/cats.db"), &database), SQLITE_OK);
	if (sqlite3_exec(database, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(database);
}

/* The same after closing it. */
static void meanwhile(const char *sql)
{
	dataset_close(dataset);
	dataset = NULL;
	dataset_store_free(store);
	meanwhile_nobody(sql);
}

#define TO_VERSION_5 "DROP INDEX events_by_person; PRAGMA user_version = 5;"

/* Samples without a label are counted, too. */
#define COUNTS_OF_VERSION_4                                                                                      \
	"DROP TRIGGER samples_inserted; DROP TRIGGER samples_state; DROP TRIGGER samples_deleted;"            \
	"ALTER TABLE samples DROP COLUMN tally_mark;"                                                         \
	"INSERT INTO counts SELECT 'label', '', COUNT(*) FROM samples WHERE label = '';"                      \
	"CREATE TRIGGER samples_inserted AFTER INSERT ON samples BEGIN"                                       \
	" UPDATE counts SET n = n + 1 WHERE kind = 'size';"                                                   \
	" INSERT INTO counts VALUES ('state', NEW.state, 1) ON CONFLICT DO UPDATE SET n = n + 1;"             \
	" INSERT INTO counts VALUES ('label', NEW.label, 1) ON CONFLICT DO UPDATE SET n = n + 1; END;"        \
	"CREATE TRIGGER samples_state AFTER UPDATE OF state ON samples WHEN OLD.state <> NEW.state BEGIN"     \
	" UPDATE counts SET n = n - 1 WHERE kind = 'state' AND name = OLD.state;"                             \
	" INSERT INTO counts VALUES ('state', NEW.state, 1) ON CONFLICT DO UPDATE SET n = n + 1; END;"        \
	"CREATE TRIGGER samples_label AFTER UPDATE OF label ON samples WHEN OLD.label <> NEW.label BEGIN"     \
	" UPDATE counts SET n = n - 1 WHERE kind = 'label' AND name = OLD.label;"                             \
	" INSERT INTO counts VALUES ('label', NEW.label, 1) ON CONFLICT DO UPDATE SET n = n + 1; END;"        \
	"CREATE TRIGGER samples_deleted AFTER DELETE ON samples BEGIN"                                        \
	" UPDATE counts SET n = n - 1 WHERE kind = 'size'; END;"

/* As version 4 left it: nothing said of labels; no flags, no indexes of filters, no events that take others back. */
#define TO_VERSION_4                                                                                             \
	"DROP TRIGGER events_removed;" COUNTS_OF_VERSION_4                                                       \
	"DROP TRIGGER votes_added; DROP TRIGGER votes_given; DROP TRIGGER votes_changed; DROP TRIGGER votes_taken;" \
	"DROP TRIGGER votes_removed; DROP TABLE stats_given; DROP TABLE stats_leads; DROP TABLE stats_pairs;" \
	"DROP TABLE stats_opinions;" \
	"DROP INDEX labels_position; ALTER TABLE labels DROP COLUMN shown_position; ALTER TABLE labels DROP COLUMN shown_colour;" \
	"ALTER TABLE labels DROP COLUMN shown_description; DROP TABLE former_labels; DROP TABLE relabelling;"       \
	"ALTER TABLE events DROP COLUMN merged;"                                                              \
	"DROP TRIGGER samples_path_added; DROP TRIGGER samples_path_removed; DROP TRIGGER samples_path_changed;" \
	"DROP TABLE samples_paths; DROP INDEX samples_by_state; DROP INDEX samples_by_label;"                 \
	"DROP INDEX samples_by_person; DROP INDEX samples_by_time; DROP INDEX samples_flagged;"               \
	"ALTER TABLE samples DROP COLUMN flag_note; ALTER TABLE samples DROP COLUMN flagged_by;"              \
	"ALTER TABLE events DROP COLUMN undoes; CREATE INDEX samples_unreadable ON samples (id) WHERE state = 3;" \
	"ALTER TABLE samples DROP COLUMN file_sha256; ALTER TABLE samples DROP COLUMN file_bytes;"            \
	"ALTER TABLE samples DROP COLUMN file_modified_ns; DROP TABLE removed; DROP TABLE snapshots;"                   \
	"DROP TRIGGER samples_gold_added; DROP TRIGGER samples_gold_changed; DROP TRIGGER samples_gold_removed;" \
	"DROP INDEX samples_gold; ALTER TABLE samples DROP COLUMN known_answer; DELETE FROM counts WHERE kind = 'gold';" \
	"DROP INDEX samples_disputed; ALTER TABLE samples DROP COLUMN votes_differ;" \
	"DROP INDEX events_by_person; DROP TABLE feed; PRAGMA user_version = 4;"

/* As version 1 left it: votes only while several were asked. */
static const char TO_VERSION_1[] = TO_VERSION_4
	"DELETE FROM votes; ALTER TABLE votes DROP COLUMN n; ALTER TABLE votes DROP COLUMN at;"
	"ALTER TABLE leases ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE events DROP COLUMN request; DROP TRIGGER samples_new;"
	"DROP TRIGGER samples_offered; DROP TABLE ahead;"
	"PRAGMA user_version = 1;";

static void assert_sample(int id, const char *wanted, enum sample_state state)
{
	struct sample sample;

	must(dataset_sample(dataset, id, &sample, &failure));
	assert_string_equal(sample.label, wanted);
	assert_int_equal(sample.state, state);
	sample_release(&sample);
}

static void ask(int overlap)
{
	const struct dataset_change change = {.fields = DATASET_POLICY_OVERLAP, .policy = {.overlap = overlap}};

	must(dataset_update(dataset, &change, &failure));
}

static void votes_that_are_only_events_count(void **state)
{
	(void)state;
	meanwhile(TO_VERSION_1);
	open_again();
	assert_sample(0, "tabby", SAMPLE_LABELLED);
	assert_sample(1, "manx", SAMPLE_LABELLED);
	ask(3);
	assert_sample(0, "", SAMPLE_UNLABELLED);
	label("bob", 0, "manx");
	label("cyd", 0, "manx");
	assert_sample(0, "manx", SAMPLE_LABELLED);
	label("cyd", 1, "tabby");
	assert_sample(1, "tabby", SAMPLE_LABELLED);
}

static size_t find(const struct sample_filter *filter)
{
	struct sample *samples;
	size_t count;

	must(dataset_samples(dataset, filter, -1, 10, &samples, &count, &failure));
	for (size_t i = 0; i < count; i++)
		sample_release(&samples[i]);
	free(samples);
	return count;
}

static void what_is_there_is_found_by_filters(void **state)
{
	struct dataset_merged merged = {0};
	struct sample sample;

	(void)state;
	meanwhile(TO_VERSION_4);
	open_again();
	must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){"later/1.png", ""}, 1, &merged, &failure));
	must(dataset_flag(dataset, 1, "bob", "look", &sample, &failure));
	sample_release(&sample);
	assert_int_equal(find(&(struct sample_filter){.q = ".png"}), 4);
	assert_int_equal(find(&(struct sample_filter){.q = "1.png"}), 2);
	assert_int_equal(find(&(struct sample_filter){.label = "tabby"}), 2);
	assert_int_equal(find(&(struct sample_filter){.label = ""}), 1);
	assert_int_equal(find(&(struct sample_filter){.by = "bob"}), 1);
	assert_int_equal(find(&(struct sample_filter){.since = 1}), 3);
	assert_int_equal(find(&(struct sample_filter){.of_state = true, .state = SAMPLE_LABELLED}), 3);
	assert_int_equal(find(&(struct sample_filter){.flagged = SAMPLE_FLAGGED}), 1);
}

static void what_a_person_says_is_found(void **state)
{
	static const char *const versions[] = {TO_VERSION_5, TO_VERSION_1};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sayings_page page = {.after = SAYINGS_NEWEST, .limit = 10};

		meanwhile(versions[i]);
		open_again();
		must(dataset_sayings(dataset, "bob", NULL, &page, &failure));
		assert_int_equal(page.count, 1);
		assert_string_equal(page.item[0].label, page.item[0].sample.label);
		sayings_release(&page);
	}
}

/* Also those of which version 1 kept no votes. */
static void what_was_said_is_counted_once(void **state)
{
	static const char *const versions[] = {TO_VERSION_4, TO_VERSION_1};

	(void)state;
	label("ada", 1, "manx");
	for (size_t i = 0; i < 2; i++) {
		struct dataset_stats stats;

		meanwhile(versions[i]);
		open_again();
		must(dataset_stats(dataset, NULL, &stats, &failure));
		assert_int_equal(stats.person_count, 2);
		assert_int_equal(stats.people[0].labelled, 4);
		assert_int_equal(stats.people[1].labelled, 1);
		assert_int_equal(stats.two_count, 1);
		assert_int_equal(stats.twos[0].n, 1);
		assert_string_equal(stats.twos[0].said[0].text[2], "manx");
		assert_int_equal(stats.kept.count[STATS_PAIR], 1);
		assert_int_equal(stats.kept.rows[STATS_PAIR][0].n, 1);
		dataset_stats_release(&stats);
	}
}

static void one_that_is_only_read_is_read_as_it_will_be(void **state)
{
	struct dataset_record *records;
	size_t count;

	(void)state;
	meanwhile(TO_VERSION_1);
	must(dataset_store_open_reading(&store, &config, &failure));
	must(dataset_open(store, "cats", &dataset, &failure));
	must(dataset_records(dataset, -1, 10, &records, &count, &failure));
	assert_int_equal(count, SAMPLES);
	assert_int_equal(records[1].vote_count, 2);
	assert_string_equal(records[1].votes[1].user, "bob");
	assert_string_equal(records[1].votes[1].label, "manx");
	for (size_t i = 0; i < count; i++)
		dataset_record_release(&records[i]);
	free(records);
}

/* A tie, closed to everybody; and a label that three others' votes did not change. */
static const char STUCK[] =
	"INSERT INTO votes SELECT sample, by, label FROM events WHERE sample = 2;"
	"UPDATE samples SET label = '', state = 0, slots = 0 WHERE id = 2;"
	"UPDATE settings SET value = 2 WHERE key = 'overlap';";

static void what_was_stuck_is_offered_by_and_by(void **state)
{
	struct task task;
	char *sql = sqlite3_mprintf("%s%s", TO_VERSION_1, STUCK);

	(void)state;
	meanwhile(sql);
	sqlite3_free(sql);
	open_again();
	must(lease_next(dataset, "cyd", &task, &failure)); /* without a restart or a change of the policy */
	task_release(&task);
	assert_sample(0, "", SAMPLE_UNLABELLED); /* by one of two */
	must(lease_next(dataset, "dan", &task, &failure));
	task_release(&task);
}

static const char TIED[] =
	"DELETE FROM events WHERE sample = 3;"
	"INSERT INTO votes VALUES (3, 'ada', 'tabby'), (3, 'bob', 'manx'), (3, 'cyd', 'manx'), (3, 'dan', 'tabby');"
	"UPDATE samples SET label = '', state = 0, slots = 1 WHERE id = 3;"
	"UPDATE settings SET value = 2 WHERE key = 'overlap';";

static void a_tie_among_many_is_in_review(void **state)
{
	char *sql = sqlite3_mprintf("%s%s", TO_VERSION_1, TIED);
	int64_t count;

	(void)state;
	meanwhile(sql);
	sqlite3_free(sql);
	open_again();
	must(dataset_retry_unreadable(dataset, &count, &failure));
	assert_sample(2, "", SAMPLE_REVIEW);
}

static void a_change_that_was_cut_short_is_ended_by_whoever_takes_a_task(void **state)
{
	struct task tasks[3];
	size_t taken;

	(void)state;
	meanwhile("UPDATE settings SET value = 3 WHERE key = 'overlap'; INSERT INTO settings VALUES ('recount', 0);");
	open_again();
	assert_sample(2, "tabby", SAMPLE_LABELLED);
	must(lease_take(dataset, "cyd", 3, tasks, &taken, &failure));
	assert_int_equal(taken, 3);
	tasks_release(tasks, 3);
	assert_sample(2, "", SAMPLE_UNLABELLED);
}

static void and_at_the_next_start(void **state)
{
	int64_t count;

	(void)state;
	meanwhile("UPDATE settings SET value = 3 WHERE key = 'overlap'; INSERT INTO settings VALUES ('recount', 1);");
	open_again();
	must(dataset_retry_unreadable(dataset, &count, &failure));
	assert_sample(0, "tabby", SAMPLE_LABELLED); /* done before, as it says there */
	assert_sample(1, "", SAMPLE_UNLABELLED);
	assert_sample(2, "", SAMPLE_UNLABELLED);
}

static void read_database(struct buf *out)
{
	buf_init(out, 16 * 1024 * 1024);
	must(file_read(temp("dbs/cats.db"), out->max, out, &failure));
}

/* By a program that goes on serving the other datasets. */
static void one_of_a_newer_version_is_refused_and_stays_as_it_is(void **state)
{
	struct buf before, after;

	(void)state;
	meanwhile("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE);");
	read_database(&before);
	for (int reading = 0; reading < 2; reading++) {
		must((reading ? dataset_store_open_reading : dataset_store_open)(&store, &config, &failure));
		assert_int_not_equal(dataset_open(store, "cats", &dataset, &failure), 0);
		assert_int_equal(failure.code, ERR_INTERNAL);
		assert_non_null(strstr(failure.text, "was written by a newer version of this program (schema 99, known "));
		dataset_store_free(store);
	}
	read_database(&after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, after.len);
	buf_release(&before);
	buf_release(&after);
	meanwhile_nobody("PRAGMA user_version = 6;");
	open_again();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(votes_that_are_only_events_count),
		TEST(what_is_there_is_found_by_filters),
		TEST(what_a_person_says_is_found),
		TEST(what_was_said_is_counted_once),
		TEST(one_that_is_only_read_is_read_as_it_will_be),
		TEST(what_was_stuck_is_offered_by_and_by),
		TEST(a_tie_among_many_is_in_review),
		TEST(a_change_that_was_cut_short_is_ended_by_whoever_takes_a_task),
		TEST(and_at_the_next_start),
		TEST(one_of_a_newer_version_is_refused_and_stays_as_it_is),
	};

	return cmocka_run_group_tests_name("sqlite_upgrade", tests, NULL, NULL);
}
