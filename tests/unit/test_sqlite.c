/* What only SQLite has: a log beside each database, and other programs that read the database meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataset/answers.h"
#include "dataset/audit.h"
#include "dataset/task.h"
#include "dataset/move.h"
#include "sqlite_store.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

static void add_samples(struct dataset *dataset, int from, int count)
{
	struct dataset_merged merged = {0};

	for (int i = from; i < from + count; i++) {
		char filepath[32];

		snprintf(filepath, sizeof(filepath), "%d.png", i);
		must(dataset_merge(dataset, NULL, 0, &(struct dataset_seed){filepath, ""}, 1, &merged, &failure));
	}
}

/* A dataset of three samples of which a removal, cut short, left the log. */
static void leave_a_log(void)
{
	struct dataset *dataset;

	must(dataset_create(store, "cats", "/old", NULL, &failure));
	must(dataset_open(store, "cats", &dataset, &failure));
	add_samples(dataset, 0, 3);
	dataset_close(dataset);
	assert_int_equal(unlink(temp("dbs/cats.db")), 0);
	assert_int_equal(access(temp("dbs/cats.db-wal"), F_OK), 0);
	start_again();
}

static void assert_empty(const char *base_dir)
{
	struct dataset *dataset;
	struct dataset_info info;

	must(dataset_open(store, "cats", &dataset, &failure));
	must(dataset_info(dataset, &info, &failure));
	assert_string_equal(info.place.base_dir, base_dir);
	assert_int_equal(info.counts.size, 0);
	dataset_info_release(&info);
	dataset_close(dataset);
}

static void a_new_dataset_takes_nothing_of_a_log_that_another_left(void **state)
{
	(void)state;
	leave_a_log();
	must(dataset_create(store, "cats", "/new", NULL, &failure));
	assert_empty("/new");
}

static void nor_does_one_that_is_moved_here(void **state)
{
	struct dataset *dataset;
	char base_dir[] = "/moved";
	struct dataset_outline outline = {.base_dir = base_dir, .policy = dataset_policy_default()};
	int64_t last;

	(void)state;
	leave_a_log();
	must(dataset_restore_open(store, "cats", "elsewhere", &dataset, &last, &failure));
	must(dataset_restore_outline(dataset, &outline, &failure));
	must(dataset_restore_finish(dataset, &failure));
	assert_empty(base_dir);
}

/* Another program that reads, and goes on seeing what is there now. */
static sqlite3 *start_reading(const char *path)
{
	sqlite3 *reader;

	assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT COUNT(*) FROM samples", NULL, NULL, NULL), SQLITE_OK);
	return reader;
}

static void add_record(struct dataset *dataset, int64_t id)
{
	char filepath[32];
	struct dataset_record record = {.sample = {.id = id, .filepath = filepath, .label = "", .blob_key = "", .type = "",
	                                           .sha256 = "", .filename = "", .uploaded_by = "", .labelled_by = ""},
	                                .url = ""};

	snprintf(filepath, sizeof(filepath), "%d.png", (int)id);
	must(dataset_restore_records(dataset, &record, 1, &failure));
}

static void what_is_moved_here_is_whole_though_somebody_reads_it_meanwhile(void **state)
{
	struct dataset *dataset;
	int64_t last, size;

	(void)state;
	must(dataset_restore_open(store, "cats", "elsewhere", &dataset, &last, &failure));
	add_record(dataset, 0);
	sqlite3 *reader = start_reading(temp("dbs/.moving-cats.db"));
	add_record(dataset, 1);
	assert_true(dataset_restore_finish(dataset, &failure));
	assert_int_equal(failure.code, ERR_UNAVAILABLE);
	assert_true(dataset_open(store, "cats", &dataset, &failure));
	sqlite3_close(reader);
	must(dataset_restore_open(store, "cats", "elsewhere", &dataset, &last, &failure));
	assert_int_equal(last, 1);
	must(dataset_restore_finish(dataset, &failure));
	must(dataset_open(store, "cats", &dataset, &failure));
	must(dataset_size(dataset, &size, &failure));
	assert_int_equal(size, 2);
	dataset_close(dataset);
}

static enum idempotency claimed(const char *key)
{
	enum idempotency found;
	int status;
	char *body;

	must(idempotency_claim(store, "ann", key, "fingerprint", &found, &status, &body, &failure));
	free(body);
	return found;
}

static void answers_are_kept_again_after_their_database_was_removed(void **state)
{
	(void)state;
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	assert_int_equal(unlink(temp("dbs/.idempotency.db")), 0);
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	must(idempotency_finish(store, "ann", "one", 201, "{}", &failure));
	assert_int_equal(claimed("one"), IDEMPOTENCY_DONE);
}

static void damaged_answers_are_set_aside(void **state)
{
	(void)state;
	temp_text("dbs/.idempotency.db", "This is no database, but text that is longer than a header of one would be, by some words.");
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	must(idempotency_finish(store, "ann", "one", 201, "{}", &failure));
	assert_int_equal(claimed("one"), IDEMPOTENCY_DONE);
	assert_int_equal(access(temp("dbs/.idempotency.db.damaged"), F_OK), 0);
}

static void answers_damaged_later_are_set_aside(void **state)
{
	sqlite3 *other;
	(void)state;
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	assert_int_equal(sqlite3_open(temp("dbs/.idempotency.db"), &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "DROP TABLE answers", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	must(idempotency_finish(store, "ann", "one", 201, "{}", &failure)); /* of a key that is forgotten */
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	assert_int_equal(access(temp("dbs/.idempotency.db.damaged"), F_OK), 0);
}

/* However much there is when memory runs out: what is there is not lost, nor taken for damaged. */
static void answers_are_not_set_aside_for_want_of_memory(void **state)
{
	int refused = 0;

	(void)state;
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	must(idempotency_finish(store, "ann", "one", 201, "{}", &failure));
	for (int more = 0; more < 256 * 1024; more += 4096) {
		enum idempotency found = IDEMPOTENCY_DONE;
		int status;
		char *body = NULL;

		start_again();
		sqlite3_hard_heap_limit64(sqlite3_memory_used() + 1 + more);
		int failed = idempotency_claim(store, "ann", "one", "fingerprint", &found, &status, &body, &failure);
		sqlite3_hard_heap_limit64(0);
		free(body);
		assert_int_equal(found, IDEMPOTENCY_DONE);
		assert_int_equal(access(temp("dbs/.idempotency.db.damaged"), F_OK), -1);
		if (!failed)
			continue;
		refused++;
		assert_int_equal(failure.code, ERR_UNAVAILABLE);
		assert_true(failure.exhausted);
	}
	assert_true(refused > 10);
	assert_int_equal(claimed("one"), IDEMPOTENCY_DONE);
}

static void make_newer(const char *path)
{
	sqlite3 *other;

	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
}

static void see_number(void *data, int64_t number, const struct audit_entry *entry)
{
	(void)entry;
	*(int64_t *)data = number;
}

/* They are not damaged, and not set aside: the newer program finds them as they were. */
static void an_audit_log_and_answers_of_a_newer_version_are_refused(void **state)
{
	const struct audit_entry entry = {.by = "ann", .action = "a", .target = "t", .dataset = "", .detail = ""};
	enum idempotency found;
	int64_t last = 0;
	int status;
	char *body = NULL;

	(void)state;
	assert_int_equal(claimed("one"), IDEMPOTENCY_NEW);
	must(audit_add(store, &entry, &failure));
	dataset_store_free(store);
	make_newer(temp("dbs/.audit.db"));
	make_newer(temp("dbs/.idempotency.db"));
	store_open();
	assert_int_not_equal(audit_add(store, &entry, &failure), 0);
	assert_int_equal(failure.code, ERR_UNAVAILABLE);
	assert_non_null(strstr(failure.text, "was written by a newer version of this program (schema 99, known 1)"));
	assert_int_not_equal(audit_list(store, false, 0, 1, see_number, &last, &failure), 0);
	assert_int_not_equal(idempotency_claim(store, "ann", "two", "f", &found, &status, &body, &failure), 0);
	assert_int_equal(failure.code, ERR_UNAVAILABLE);
	assert_int_not_equal(access(temp("dbs/.audit.db.damaged"), F_OK), 0);
	assert_int_not_equal(access(temp("dbs/.idempotency.db.damaged"), F_OK), 0);
}

static int add_label(struct dataset_store *to, const char *name, struct err *err)
{
	struct dataset *dataset;
	bool created;
	int64_t key;

	if (dataset_open(to, name, &dataset, err))
		return -1;
	int failed = dataset_label_add(dataset, "tabby", &key, &created, err);
	dataset_close(dataset);
	return failed;
}

/* What /readyz asks. */
static int check(struct dataset_store *to, const char *name, struct err *err)
{
	struct dataset *dataset;

	if (dataset_open(to, name, &dataset, err))
		return -1;
	int failed = dataset_check(dataset, err);
	dataset_close(dataset);
	return failed;
}

/* Whether a store finds that it cannot write, and then, when it may, that it can; and when it may no more. Run by who is not
 * root. */
static bool writes_once_it_may(void)
{
	struct dataset_store *own;
	struct err err = {0};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", temp("dbs/cats.db"));
	if (chmod(path, 0444) || dataset_store_open(&own, &config, &err))
		return false;
	bool refused = add_label(own, "cats", &err) != 0 && err.code == ERR_UNAVAILABLE;
	bool taken = chmod(path, 0644) == 0 && add_label(own, "cats", &err) == 0 && check(own, "cats", &err) == 0;
	bool noticed = chmod(path, 0444) == 0 && check(own, "cats", &err) != 0 && err.code == ERR_UNAVAILABLE;
	dataset_store_free(own);
	return refused && taken && noticed;
}

static void a_database_that_was_not_writable_when_it_was_opened_is_once_it_may_be(void **state)
{
	(void)state;
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	pid_t child = fork();
	if (child == 0) {
		static const char *const files[] = {"dbs", "dbs/cats.db", "dbs/cats.db-lock"};
		bool able = true;

		for (size_t i = 0; geteuid() == 0 && i < sizeof(files) / sizeof(*files); i++)
			able = able && (chown(temp(files[i]), 65534, 65534) == 0 || errno == ENOENT);
		able = able && chmod(tempdir, 0755) == 0 && (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
		_exit(able && writes_once_it_may() ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void *add_to_cats(void *data)
{
	return (void *)(intptr_t)add_label(data, "cats", &(struct err){0}); /* NOLINT: a number */
}

/* As the backup that the README tells to make does. */
static void a_lock_on_one_dataset_keeps_no_other_waiting(void **state)
{
	struct dataset *cats;
	pthread_t writer;
	int64_t size;
	void *result;

	(void)state;
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	must(dataset_create(store, "dogs", "/dogs", NULL, &failure));
	int lock = open(temp("dbs/cats.db-lock"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	alarm(60); /* it would wait for good */
	assert_int_equal(pthread_create(&writer, NULL, add_to_cats, store), 0);
	must(dataset_open(store, "cats", &cats, &failure)); /* reading needs no lock */
	must(dataset_size(cats, &size, &failure));
	dataset_close(cats);
	must(add_label(store, "dogs", &failure));
	alarm(0);
	assert_int_equal(flock(lock, LOCK_UN), 0);
	close(lock);
	pthread_join(writer, &result);
	assert_null(result);
}

/* --- changes of all samples ------------------------------------------------------------------------------------------ */

enum { MANY = 10 * 1000, MERGED = 5 * 1000 };

struct changing {
	struct dataset *dataset;
	atomic_bool ended;
};

static void *change_order(void *data)
{
	struct changing *changing = data;
	const struct dataset_change random = {.fields = DATASET_POLICY_ORDER, .policy = {.order = DATASET_ORDER_RANDOM}};
	struct err err;
	int failed = dataset_update(changing->dataset, &random, &err);

	atomic_store(&changing->ended, true);
	return (void *)(intptr_t)failed; /* NOLINT: a number */
}

/* Up to which row the change has been made, as another program finds it; -1: it is not under way. */
static int64_t changed_so_far(sqlite3 *db)
{
	sqlite3_stmt *stmt;
	int64_t row = -1;

	assert_int_equal(sqlite3_prepare_v2(db, "SELECT value FROM settings WHERE key = 'reorder'", -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		row = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return row;
}

static void merge_many(struct dataset *dataset)
{
	static char filepath[MERGED][16];
	static struct dataset_seed seeds[MERGED];
	struct dataset_merged merged = {0};

	for (int from = 0; from < MANY; from += MERGED) {
		for (int i = 0; i < MERGED; i++) {
			snprintf(filepath[i], sizeof(filepath[i]), "%d.png", from + i);
			seeds[i] = (struct dataset_seed){filepath[i], ""};
		}
		must(dataset_merge(dataset, NULL, 0, seeds, MERGED, &merged, &failure));
	}
}

/* What the change has written so far others see and label, long before it has come to its end. */
static void a_change_of_all_samples_is_made_in_bites_between_which_others_label(void **state)
{
	struct changing changing = {.ended = false};
	int64_t key;
	int between = 0;
	bool created, accepted;
	pthread_t changer;
	sqlite3 *db;
	void *failed;

	(void)state;
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	must(dataset_open(store, "cats", &changing.dataset, &failure));
	must(dataset_label_add(changing.dataset, "tabby", &key, &created, &failure));
	merge_many(changing.dataset);
	assert_int_equal(sqlite3_open(temp("dbs/cats.db"), &db), SQLITE_OK);
	assert_int_equal(pthread_create(&changer, NULL, change_order, &changing), 0);
	while (!atomic_load(&changing.ended)) {
		int64_t before = changed_so_far(db);

		must(dataset_label_path(changing.dataset, "ada", "/cats", "7.png", "tabby", &accepted, &failure));
		between += before > 0 && changed_so_far(db) >= before;
	}
	pthread_join(changer, &failed);
	assert_null(failed);
	assert_true(between > 0);
	sqlite3_close(db);
	dataset_close(changing.dataset);
}

/* --- what is counted ---------------------------------------------------------------------------------------------- */

static void by_hand(const char *sql)
{
	sqlite3 *database;

	assert_int_equal(sqlite3_open(temp("dbs/cats.db"), &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
}

static void label(struct dataset *dataset, const char *filepath, const char *label)
{
	bool accepted;

	must(dataset_label_path(dataset, "ada", "/pictures", filepath, label, &accepted, &failure));
	assert_true(accepted);
}

/* "3: 1 labelled, cat 1, dog 0" */
static void assert_counted(struct dataset *dataset, const char *expected)
{
	struct dataset_info info;
	char text[256];
	int len;

	must(dataset_info(dataset, &info, &failure));
	len = snprintf(text, sizeof(text), "%d: %d labelled, %d unlabelled", (int)info.counts.size,
	               (int)info.counts.labelled, (int)info.counts.unlabelled);
	for (size_t i = 0; i < info.labels.count; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, ", %s %d", info.labels.item[i].name,
		                (int)info.labels.item[i].count);
	dataset_info_release(&info);
	assert_string_equal(text, expected);
}

static void what_people_change_by_hand_is_counted_as_what_we_change(void **state)
{
	struct dataset *dataset;
	int64_t key;
	bool created;

	(void)state;
	must(dataset_create(store, "cats", "/pictures", NULL, &failure));
	must(dataset_open(store, "cats", &dataset, &failure));
	must(dataset_label_add(dataset, "cat", &key, &created, &failure));
	must(dataset_label_add(dataset, "dog", &key, &created, &failure));
	add_samples(dataset, 0, 3);
	label(dataset, "0.png", "cat");
	assert_counted(dataset, "3: 1 labelled, 2 unlabelled, cat 1, dog 0");
	by_hand("UPDATE samples SET label = 'dog' WHERE id = 1; UPDATE samples SET label = 'cat', state = 1 WHERE id = 2;"
	        "INSERT INTO samples (filepath, label, state, position) VALUES ('hand.png', 'dog', 1, 9);"
	        "DELETE FROM samples WHERE id = 3");
	assert_counted(dataset, "3: 3 labelled, 0 unlabelled, cat 1, dog 2");
	label(dataset, "0.png", "cat");
	label(dataset, "hand.png", "cat");
	assert_counted(dataset, "3: 3 labelled, 0 unlabelled, cat 3, dog 0");
	by_hand("UPDATE samples SET label = '', state = 0 WHERE id = 1");
	assert_counted(dataset, "3: 2 labelled, 1 unlabelled, cat 2, dog 0");
	dataset_close(dataset);
}

/* The id of the only sample that the next page has, -1 if it has none; `after` becomes what the page reached. */
static int64_t only_on_page(struct dataset *dataset, const char *q, size_t examined, int64_t *after)
{
	const struct sample_filter filter = {.q = q};
	struct sample_page page = {.after = *after, .limit = 10, .examined = examined};

	must(dataset_samples_page(dataset, &filter, &page, &failure));
	assert_true(page.count <= 1);
	int64_t id = page.count ? page.item[0].id : -1;
	*after = page.reached;
	sample_page_release(&page);
	return id;
}

/* Ids are rowids less one; the sample after the last one of a page's quarter of a million is on the next page. */
static void a_part_of_a_filepath_is_looked_up_among_so_many_ids_for_a_page(void **state)
{
	struct dataset *dataset;
	int64_t after = -1;

	(void)state;
	must(dataset_create(store, "cats", "/pictures", NULL, &failure));
	must(dataset_open(store, "cats", &dataset, &failure));
	by_hand("INSERT INTO samples (id, filepath, label, state, position) VALUES (250000, 'last.png', '', 0, 1),"
	        " (250001, 'next.png', '', 0, 2), (500002, 'end.png', '', 0, 3)");
	assert_int_equal(only_on_page(dataset, "last", 100, &after), 249999);
	after = -1;
	assert_int_equal(only_on_page(dataset, "next", 100, &after), -1);
	assert_int_equal(after, 249999);
	assert_int_equal(only_on_page(dataset, "next", 100, &after), 250000);
	assert_int_equal(after, 500000);
	assert_int_equal(only_on_page(dataset, "next", 100, &after), -1);
	assert_int_equal(after, INT64_MAX);
	after = -1;
	assert_int_equal(only_on_page(dataset, "next", 0, &after), 250000);
	assert_int_equal(after, INT64_MAX);
	dataset_close(dataset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_dataset_takes_nothing_of_a_log_that_another_left),
		TEST(nor_does_one_that_is_moved_here),
		TEST(answers_are_kept_again_after_their_database_was_removed),
		TEST(damaged_answers_are_set_aside),
		TEST(answers_damaged_later_are_set_aside),
		TEST(answers_are_not_set_aside_for_want_of_memory),
		TEST(an_audit_log_and_answers_of_a_newer_version_are_refused),
		TEST(a_database_that_was_not_writable_when_it_was_opened_is_once_it_may_be),
		TEST(a_lock_on_one_dataset_keeps_no_other_waiting),
		TEST(what_is_moved_here_is_whole_though_somebody_reads_it_meanwhile),
		TEST(what_people_change_by_hand_is_counted_as_what_we_change),
		TEST(a_part_of_a_filepath_is_looked_up_among_so_many_ids_for_a_page),
		TEST(a_change_of_all_samples_is_made_in_bites_between_which_others_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
