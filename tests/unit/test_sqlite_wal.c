/* A database restored beside the former one's log is noticed, and nothing else is mistaken for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "dataset/answers.h"
#include "dataset/sqlite/internal.h"
#include "sqlite_store.h"

static void add_labels(const char *name, int from, int count)
{
	struct dataset *dataset;
	int64_t key;
	bool created;

	must(dataset_open(store, name, &dataset, &failure));
	for (int i = from; i < from + count; i++) {
		char label[16];

		snprintf(label, sizeof(label), "%d", i);
		must(dataset_label_add(dataset, label, &key, &created, &failure));
	}
	dataset_close(dataset);
}

static int count_labels(const char *name)
{
	struct dataset *dataset;
	struct dataset_info info;

	must(dataset_open(store, name, &dataset, &failure));
	must(dataset_info(dataset, &info, &failure));
	int count = (int)info.labels.count;
	dataset_info_release(&info);
	dataset_close(dataset);
	return count;
}

/* As after a stop: all is in one file. */
static void fold_and_start_again(void)
{
	must(dataset_store_fold(store, &failure));
	start_again();
}

static int set_up(void **state)
{
	store_set_up(state);
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	must(dataset_create(store, "dogs", "/dogs", NULL, &failure));
	add_labels("dogs", 0, 1);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, store_tear_down)

static void copy(const char *from, const char *to)
{
	struct buf bytes;

	buf_init(&bytes, 1 << 26);
	must(file_read(temp(from), 1 << 26, &bytes, &failure));
	temp_bytes(to, bytes.data, bytes.len); /* into the file that is there, as cp does */
	buf_release(&bytes);
}

static void copy_all(const char *from, const char *to)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
	char source[64], target[64];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		snprintf(source, sizeof(source), "%s%s", from, suffixes[i]);
		snprintf(target, sizeof(target), "%s%s", to, suffixes[i]);
		copy(source, target);
	}
}

static void move(const char *from, const char *to)
{
	assert_int_equal(rename(temp(from), temp(to)), 0);
}

static void shell(const char *file, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(temp(file), &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* As the sqlite3 shell's .backup does. */
static void back_up(const char *to)
{
	sqlite3 *from_db, *to_db;

	assert_int_equal(sqlite3_open(temp("dbs/cats.db"), &from_db), SQLITE_OK);
	assert_int_equal(sqlite3_open(temp(to), &to_db), SQLITE_OK);
	sqlite3_backup *backup = sqlite3_backup_init(to_db, "main", from_db, "main");
	assert_non_null(backup);
	assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
	sqlite3_backup_finish(backup);
	sqlite3_close(to_db);
	sqlite3_close(from_db);
}

static void assert_refused_alone(void)
{
	struct dataset *dataset;

	assert_true(dataset_open(store, "cats", &dataset, &failure));
	assert_int_equal(failure.code, ERR_UNAVAILABLE);
	assert_string_equal(failure.text,
	                    "Dataset cats: cats.db was replaced, by a backup perhaps, while the log of the former one lies "
	                    "beside it: delete cats.db-wal and cats.db-shm, or put the former file back");
	assert_int_equal(count_labels("dogs"), 1);
}

static void lay_over_and_assert_refused(const char *file)
{
	copy(file, "dbs/cats.db");
	assert_refused_alone();
}

/* Two labels that are in the backup, and two that are not. */
static void label_around_a_backup(void)
{
	add_labels("cats", 0, 2);
	back_up("backup.db");
	add_labels("cats", 2, 2);
}

static void remove_log(void)
{
	assert_int_equal(unlink(temp("dbs/cats.db-wal")), 0);
	assert_int_equal(unlink(temp("dbs/cats.db-shm")), 0);
}

static void a_backup_laid_over_the_database_is_noticed(void **state)
{
	(void)state;
	label_around_a_backup();
	copy("dbs/cats.db", "former.db");
	start_again();
	lay_over_and_assert_refused("backup.db");
	copy("former.db", "dbs/cats.db");
	assert_int_equal(count_labels("cats"), 4);
}

static void nor_does_it_matter_that_it_is_another_file(void **state)
{
	(void)state;
	label_around_a_backup();
	start_again();
	move("backup.db", "dbs/cats.db");
	assert_refused_alone();
	remove_log();
	assert_int_equal(count_labels("cats"), 2);
	add_labels("cats", 5, 1);
	start_again();
	assert_int_equal(count_labels("cats"), 3);
}

/* The same bytes as the file that the log began on, but for what a log's beginning puts there. */
static void a_copy_made_while_the_server_was_stopped_is_noticed(void **state)
{
	(void)state;
	add_labels("cats", 0, 2);
	fold_and_start_again();
	copy("dbs/cats.db", "backup.db");
	add_labels("cats", 2, 1);
	start_again();
	lay_over_and_assert_refused("backup.db");
}

/* Its log began on a backup, too, and is of the same age. */
static void a_copy_of_another_time_line_is_noticed(void **state)
{
	(void)state;
	fold_and_start_again();
	copy("dbs/cats.db", "backup.db");
	add_labels("cats", 0, 1);
	fold_and_start_again();
	copy("dbs/cats.db", "one.db");
	dataset_store_free(store);
	copy("backup.db", "dbs/cats.db");
	store_open();
	add_labels("cats", 1, 1);
	fold_and_start_again();
	add_labels("cats", 2, 1);
	start_again();
	lay_over_and_assert_refused("one.db");
}

static void second_backups_of_what_was_restored_are_noticed(void **state)
{
	(void)state;
	back_up("backup.db");
	fold_and_start_again();
	move("backup.db", "dbs/cats.db");
	start_again();
	add_labels("cats", 0, 1);
	back_up("second.db");
	add_labels("cats", 1, 1);
	start_again();
	move("second.db", "dbs/cats.db");
	assert_refused_alone();
}

static void another_dataset_s_database_is_noticed(void **state)
{
	(void)state;
	add_labels("cats", 0, 1);
	start_again();
	lay_over_and_assert_refused("dbs/dogs.db");
}

static void so_is_an_empty_file_in_its_place(void **state)
{
	(void)state;
	add_labels("cats", 0, 1);
	start_again();
	temp_text("dbs/cats.db", "");
	assert_refused_alone();
}

static void what_is_written_after_it_was_replaced_under_the_server_is_refused(void **state)
{
	struct dataset *dataset;
	int64_t key;
	bool created;

	(void)state;
	label_around_a_backup();
	must(dataset_open(store, "cats", &dataset, &failure));
	copy("backup.db", "dbs/cats.db");
	assert_true(dataset_label_add(dataset, "new", &key, &created, &failure));
	assert_int_equal(failure.code, ERR_UNAVAILABLE);
	dataset_close(dataset);
	assert_refused_alone();
	remove_log();
	assert_int_equal(count_labels("cats"), 2);
}

static void who_only_reads_notices_it_too(void **state)
{
	(void)state;
	label_around_a_backup();
	assert_int_equal(count_labels("cats"), 4);
	lay_over_and_assert_refused("backup.db");
}

static void a_log_removed_under_the_server_takes_no_writes(void **state)
{
	struct dataset *dataset;
	int64_t key;
	bool created;

	(void)state;
	label_around_a_backup();
	must(dataset_open(store, "cats", &dataset, &failure));
	copy("backup.db", "dbs/cats.db");
	remove_log();
	assert_true(dataset_label_add(dataset, "new", &key, &created, &failure));
	dataset_close(dataset);
	add_labels("cats", 7, 1);
	start_again();
	assert_int_equal(count_labels("cats"), 3);
}

static void a_log_removed_before_the_first_write_takes_none(void **state)
{
	struct dataset *dataset;
	int64_t key;
	bool created;

	(void)state;
	label_around_a_backup();
	start_again();
	assert_int_equal(count_labels("cats"), 4);
	must(dataset_open(store, "cats", &dataset, &failure));
	copy("backup.db", "dbs/cats.db");
	remove_log();
	assert_true(dataset_label_add(dataset, "new", &key, &created, &failure));
	dataset_close(dataset);
	add_labels("cats", 7, 1);
	assert_int_equal(count_labels("cats"), 3);
}

/* --- what is as it should be is not refused ------------------------------------------------------------------------ */

static void a_database_restored_with_its_log_is_served(void **state)
{
	(void)state;
	add_labels("cats", 0, 2);
	start_again();
	copy_all("dbs/cats.db", "backup.db");
	add_labels("cats", 2, 2);
	fold_and_start_again();
	add_labels("cats", 4, 1);
	dataset_store_free(store);
	copy_all("backup.db", "dbs/cats.db");
	store_open();
	assert_int_equal(count_labels("cats"), 2);
}

/* As a request meets it that opened the former one's file just before. */
static void a_dataset_made_anew_under_its_name_is_not_taken_for_a_replacement(void **state)
{
	sqlite3 *former;
	struct dataset *dataset;

	(void)state;
	add_labels("cats", 0, 2);
	assert_int_equal(sqlite3_open_v2(temp("dbs/cats.db"), &former, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(former, "SELECT count(*) FROM samples", NULL, NULL, NULL), SQLITE_OK);
	must(dataset_open(store, "cats", &dataset, &failure));
	must(dataset_remove(store, "cats", &failure));
	must(dataset_create(store, "cats", "/cats", NULL, &failure));
	add_labels("cats", 0, 2);
	must(wal_check(former, temp("dbs/cats.db"), &failure));
	sqlite3_close(former);
	dataset_close(dataset);
	assert_int_equal(count_labels("cats"), 2);
}

static void so_is_one_restored_with_its_log_alone(void **state)
{
	(void)state;
	add_labels("cats", 0, 2);
	start_again();
	copy("dbs/cats.db", "backup.db");
	copy("dbs/cats.db-wal", "backup.db-wal");
	for (int i = 0; i < 2; i++) {
		add_labels("cats", 2 + i, 1);
		fold_and_start_again();
	}
	add_labels("cats", 4, 1);
	dataset_store_free(store);
	copy("backup.db", "dbs/cats.db");
	copy("backup.db-wal", "dbs/cats.db-wal");
	assert_int_equal(unlink(temp("dbs/cats.db-shm")), 0);
	store_open();
	assert_int_equal(count_labels("cats"), 2);
}

static void what_is_noted_of_another_log_or_torn_says_nothing(void **state)
{
	(void)state;
	add_labels("cats", 0, 1);
	start_again();
	int note = open(temp("dbs/cats.db-lock"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(note, "torn", 4, 100), 4);
	close(note);
	assert_int_equal(count_labels("cats"), 1);
	assert_int_equal(truncate(temp("dbs/cats.db-lock"), 100), 0);
	start_again();
	assert_int_equal(count_labels("cats"), 1);
	assert_int_equal(unlink(temp("dbs/cats.db-lock")), 0);
	start_again();
	assert_int_equal(count_labels("cats"), 1);
	copy("dbs/dogs.db-lock", "dbs/cats.db-lock");
	start_again();
	assert_int_equal(count_labels("cats"), 1);
	add_labels("cats", 1, 1);
}

static void a_log_that_was_begun_before_it_could_be_noted_is_noted_later(void **state)
{
	(void)state;
	add_labels("cats", 0, 1);
	back_up("backup.db");
	assert_int_equal(truncate(temp("dbs/cats.db-lock"), 0), 0);
	start_again();
	add_labels("cats", 1, 1);
	assert_int_equal(count_labels("cats"), 2);
	start_again();
	lay_over_and_assert_refused("backup.db");
}

static void what_a_person_s_shell_does_is_taken_for_what_it_is(void **state)
{
	static const char *const commands[] = {
		"PRAGMA wal_checkpoint(PASSIVE)",
		"INSERT INTO labels (label, key) VALUES ('by hand', 1000)",
		"PRAGMA wal_checkpoint(RESTART)",
		"INSERT INTO labels (label, key) VALUES ('by hand again', 1001)",
		"PRAGMA wal_checkpoint(TRUNCATE)",
		"VACUUM",
	};

	(void)state;
	for (int i = 0; i < (int)(sizeof(commands) / sizeof(*commands)); i++) {
		add_labels("cats", 3 * i, 1);
		shell("dbs/cats.db", commands[i]); /* beside a server that has it open */
		add_labels("cats", 3 * i + 1, 1);
		shell("dbs/cats.db", commands[i][0] == 'I' ? "SELECT 1" : commands[i]);
		start_again();
		add_labels("cats", 3 * i + 2, 1);
		dataset_store_free(store);
		shell("dbs/cats.db", "SELECT COUNT(*) FROM labels"); /* the last one: it folds the log in */
		store_open();
	}
	assert_int_equal(count_labels("cats"), 3 * (int)(sizeof(commands) / sizeof(*commands)) + 2);
	back_up("backup.db");
	add_labels("cats", 100, 1);
	start_again();
	lay_over_and_assert_refused("backup.db");
}

static void add_samples(struct dataset *dataset, int from, int count)
{
	struct dataset_merged merged = {0};
	struct dataset_seed *seeds = calloc((size_t)count, sizeof(*seeds));

	for (int i = 0; i < count; i++)
		assert_true(asprintf((char **)(uintptr_t)&seeds[i].filepath, "%0512d.png", from + i) > 0);
	for (int i = 0; i < count; i++)
		seeds[i].label = "";
	must(dataset_merge(dataset, NULL, 0, seeds, (size_t)count, &merged, &failure));
	for (int i = 0; i < count; i++)
		free((char *)(uintptr_t)seeds[i].filepath);
	free(seeds);
}

/* More than a log holds before it is folded in, in part while somebody reads. */
static void a_log_that_is_partly_folded_in_is_its_own(void **state)
{
	struct dataset *dataset;
	sqlite3 *reader;

	(void)state;
	add_labels("cats", 0, 1);
	must(dataset_open(store, "cats", &dataset, &failure));
	add_samples(dataset, 0, 500);
	assert_int_equal(sqlite3_open(temp("dbs/cats.db"), &reader), SQLITE_OK);
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT COUNT(*) FROM samples", NULL, NULL, NULL), SQLITE_OK);
	copy("dbs/cats.db", "begun.db");
	for (int i = 1; i < 8; i++)
		add_samples(dataset, i * 500, 500);
	dataset_close(dataset);
	start_again();
	assert_int_equal(count_labels("cats"), 1);
	copy("dbs/cats.db", "former.db");
	back_up("backup.db");
	sqlite3_db_config(reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(reader);
	start_again();
	copy("begun.db", "dbs/cats.db"); /* as a power failure may, before what was folded in is synced */
	assert_int_equal(count_labels("cats"), 1);
	start_again();
	lay_over_and_assert_refused("backup.db");
	copy("former.db", "dbs/cats.db");
	assert_int_equal(count_labels("cats"), 1);
}

/* Writes until it is killed, and folds now and then. */
static void write_on(int number)
{
	for (int i = 0;; i++) {
		struct dataset *dataset;

		must(dataset_open(store, "cats", &dataset, &failure));
		add_samples(dataset, (number * 1000 + i) * 100, i % 3 ? 100 : 1);
		dataset_close(dataset);
		if (i % 16 == 15)
			must(dataset_store_fold(store, &failure));
	}
}

static pid_t start_writing(int number)
{
	pid_t child = fork();

	if (child == 0) {
		is_child = true;
		store_open(); /* the parent's is left as it is */
		write_on(number);
	}
	assert_true(child > 0);
	return child;
}

static void no_kill_is_taken_for_a_replacement(void **state)
{
	enum { ROUNDS = 30, WRITERS = 2, PAUSE_MAX_MS = 40 };
	unsigned chance = (unsigned)getpid();

	(void)state;
	dataset_store_free(store);
	store = NULL;
	for (int round = 0; round < ROUNDS; round++) {
		pid_t writer[WRITERS];

		for (int i = 0; i < WRITERS; i++)
			writer[i] = start_writing(round * WRITERS + i);
		nanosleep(&(struct timespec){.tv_nsec = 1000000 + rand_r(&chance) % (PAUSE_MAX_MS * 1000000)}, NULL);
		for (int i = 0; i < WRITERS; i++)
			assert_int_equal(kill(writer[i], SIGKILL), 0);
		for (int i = 0; i < WRITERS; i++) {
			int status;

			assert_int_equal(waitpid(writer[i], &status, 0), writer[i]);
			assert_true(WIFSIGNALED(status));
		}
		store_open();
		count_labels("cats");
		if (round % 4 == 0)
			add_labels("cats", round, 1);
		dataset_store_free(store);
		store = NULL;
	}
	store_open();
	add_labels("cats", ROUNDS, 1);
	back_up("backup.db");
	add_labels("cats", ROUNDS + 1, 1);
	start_again();
	lay_over_and_assert_refused("backup.db");
}

static void answers_beside_another_s_log_are_set_aside(void **state)
{
	enum idempotency found;
	int status;
	char *body;

	(void)state;
	must(idempotency_claim(store, "ann", "one", "fingerprint", &found, &status, &body, &failure));
	start_again();
	copy("dbs/dogs.db", "dbs/.idempotency.db");
	must(idempotency_claim(store, "ann", "two", "fingerprint", &found, &status, &body, &failure));
	assert_int_equal(found, IDEMPOTENCY_NEW);
	assert_int_equal(access(temp("dbs/.idempotency.db.damaged-wal"), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_backup_laid_over_the_database_is_noticed),
		TEST(nor_does_it_matter_that_it_is_another_file),
		TEST(a_copy_made_while_the_server_was_stopped_is_noticed),
		TEST(a_copy_of_another_time_line_is_noticed),
		TEST(second_backups_of_what_was_restored_are_noticed),
		TEST(another_dataset_s_database_is_noticed),
		TEST(so_is_an_empty_file_in_its_place),
		TEST(what_is_written_after_it_was_replaced_under_the_server_is_refused),
		TEST(who_only_reads_notices_it_too),
		TEST(a_log_removed_under_the_server_takes_no_writes),
		TEST(a_log_removed_before_the_first_write_takes_none),
		TEST(a_database_restored_with_its_log_is_served),
		TEST(a_dataset_made_anew_under_its_name_is_not_taken_for_a_replacement),
		TEST(so_is_one_restored_with_its_log_alone),
		TEST(what_is_noted_of_another_log_or_torn_says_nothing),
		TEST(a_log_that_was_begun_before_it_could_be_noted_is_noted_later),
		TEST(what_a_person_s_shell_does_is_taken_for_what_it_is),
		TEST(a_log_that_is_partly_folded_in_is_its_own),
		TEST(no_kill_is_taken_for_a_replacement),
		TEST(answers_beside_another_s_log_are_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
