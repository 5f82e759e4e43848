/* Measures one label for a thousand samples on SQLite through the dataset interface, and its undo, against one label for
 * one sample, and against bare transactions that write the same rows into the same tables and indexes.
 *
 * usage: sqlite_bulk [ROUNDS=10]      (in a folder of its own under $TMPDIR, else /tmp)
 * Prints a line with the median of each, in ms. */
#include "measured.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "dataset/dataset.h"

enum { ONES = 5, BARE_CACHE_KIB = 4096 };

static char folder[4096];
static struct config config;
static struct dataset_store *store;

/* --- ours --------------------------------------------------------------------------------------------------------- */

static const char *environment(const char *name)
{
	return strcmp(name, "HOME") == 0 ? folder : NULL;
}

static void open_store(void)
{
	const char *under = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/sqlite-bulk-XXXXXX", under && *under ? under : "/tmp");
	if (!mkdtemp(folder))
		die("folder", folder);
	log_init("bench", LOG_WARN);
	if (config_load(&config, NULL, environment, &trouble))
		die("configuration", trouble.text);
	free(config.sqlite_db_dir);
	config.sqlite_db_dir = memory_text(folder);
	if (dataset_store_open(&store, &config, &trouble))
		die("store", trouble.text);
}

static void close_store(void)
{
	char *remove = memory_format("rm -r '%s'", folder);

	dataset_store_free(store);
	config_release(&config);
	if (system(remove)) /* NOLINT: a name of our own */
		die("folder", folder);
	free(remove);
}

static struct dataset *make_dataset(const char *name, int64_t samples)
{
	struct dataset *dataset;

	if (dataset_create(store, name, "/pictures", NULL, &trouble) || dataset_open(store, name, &dataset, &trouble))
		die(name, trouble.text);
	fill_ours(dataset, samples);
	return dataset;
}

/* --- bare --------------------------------------------------------------------------------------------------------- */

static sqlite3 *bare;

static void bare_script(const char *sql)
{
	if (sqlite3_exec(bare, sql, NULL, NULL, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(bare));
}

static sqlite3_stmt *bare_prepare(const char *sql)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v3(bare, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(bare));
	return stmt;
}

/* Runs it for each of the samples, whose id is ?1; ?2: now. */
static void bare_each(sqlite3_stmt *stmt, int64_t from, int64_t now)
{
	for (int64_t row = from + 1; row <= from + MANY; row++) {
		sqlite3_bind_int64(stmt, 1, row);
		if (sqlite3_bind_parameter_count(stmt) > 1)
			sqlite3_bind_int64(stmt, 2, now);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			die("bare", sqlite3_errmsg(bare));
		sqlite3_reset(stmt);
	}
}

/* A dataset that this program has made, with its tables and indexes, but without triggers. */
static void open_bare(const char *name, int64_t samples)
{
	dataset_close(make_dataset(name, samples));
	char *path = memory_format("%s/%s.db", folder, name);
	if (sqlite3_open_v2(path, &bare, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		die(path, sqlite3_errmsg(bare));
	free(path);
	char *cache = memory_format("PRAGMA cache_size = -%d; PRAGMA synchronous = FULL;", BARE_CACHE_KIB);
	bare_script(cache);
	free(cache);
	sqlite3_stmt *triggers = bare_prepare("SELECT group_concat('DROP TRIGGER ' || name, ';') FROM sqlite_schema"
	                                      " WHERE type = 'trigger'");
	char *drop = sqlite3_step(triggers) == SQLITE_ROW ? memory_text((const char *)sqlite3_column_text(triggers, 0)) : NULL;
	sqlite3_finalize(triggers);
	bare_script(drop ? drop : "");
	free(drop);
}

struct bare_writes {
	sqlite3_stmt *sample, *event, *feed;
	const char *counts;
};

static void bare_write(const struct bare_writes *writes, int64_t from)
{
	int64_t now = text_now();

	bare_script("BEGIN IMMEDIATE");
	bare_each(writes->sample, from, now);
	bare_each(writes->event, from, now);
	bare_each(writes->feed, from, now);
	bare_script(writes->counts);
	bare_script("COMMIT");
}

static void close_bare(const struct bare_writes *labels, const struct bare_writes *undos)
{
	sqlite3_stmt *const all[] = {labels->sample, labels->event, labels->feed, undos->sample, undos->event, undos->feed};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		sqlite3_finalize(all[i]);
	sqlite3_close(bare);
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static void add_time(int64_t *time, void (*run)(struct dataset *, int64_t), struct dataset *dataset, int64_t id)
{
	int64_t begun = clock_us();

	run(dataset, id);
	*time = clock_us() - begun;
}

int main(int argc, char **argv)
{
	static int64_t one[ROUNDS_MAX * ONES], undo[ROUNDS_MAX * ONES], ours[ROUNDS_MAX], undone[ROUNDS_MAX],
		bare_labels[ROUNDS_MAX], bare_undos[ROUNDS_MAX];
	int64_t rounds = number(argc > 1 ? argv[1] : NULL, 10);

	open_store();
	struct dataset *dataset = make_dataset("bulk", rounds * (MANY + ONES));
	open_bare("bare", rounds * (MANY + ONES));
	const struct bare_writes labels = {
		.sample = bare_prepare("UPDATE samples SET label = 'cat', state = 1, version = version + 1, labelled_at = ?2,"
	                               " labelled_by = 'ada', slots = 0, tally_mark = 1 - tally_mark WHERE id = ?1"),
		.event = bare_prepare("INSERT INTO events (sample, n, label, by, at, source, lead_time_ms)"
	                              " VALUES (?1, 1, 'cat', 'ada', ?2, 'label', -1)"),
		.feed = bare_prepare("INSERT INTO feed (kind, sample, label, by, at) VALUES (0, ?1, 'cat', 'ada', ?2)"),
		.counts = "UPDATE counts SET n = n - 1000 WHERE kind = 'state' AND name = '0';"
			  "UPDATE counts SET n = n + 1000 WHERE kind = 'state' AND name = '1';"
			  "INSERT INTO counts VALUES ('label', 'cat', 1000) ON CONFLICT DO UPDATE SET n = n + excluded.n;"
			  "INSERT INTO stats_given VALUES ('ada', 1, 1000) ON CONFLICT DO UPDATE SET n = n + excluded.n;"};
	const struct bare_writes undos = {
		.sample = bare_prepare("UPDATE samples SET label = '', state = 0, version = version + 1, labelled_at = 0,"
	                               " labelled_by = '', slots = 1, tally_mark = 1 - tally_mark WHERE id = ?1"),
		.event = bare_prepare("INSERT INTO events (sample, n, label, by, at, source, lead_time_ms, undoes)"
	                              " VALUES (?1, 2, '', 'ada', ?2, 'undo', -1, 1)"),
		.feed = bare_prepare("INSERT INTO feed (kind, sample, label, by, at) VALUES (0, ?1, '', 'ada', ?2)"),
		.counts = "UPDATE counts SET n = n + 1000 WHERE kind = 'state' AND name = '0';"
			  "UPDATE counts SET n = n - 1000 WHERE kind = 'state' AND name = '1';"
			  "UPDATE counts SET n = n - 1000 WHERE kind = 'label' AND name = 'cat';"
			  "UPDATE stats_given SET n = n - 1000 WHERE by = 'ada' AND day = 1;"};
	for (int64_t i = 0, id = 0; i < rounds; i++, id += MANY) { /* in turn, so that all meet the same weather */
		for (int64_t j = i * ONES; j < (i + 1) * ONES; j++, id++) {
			add_time(&one[j], label_one, dataset, id);
			add_time(&undo[j], undo_one, dataset, id);
		}
		add_time(&ours[i], label_many, dataset, id);
		add_time(&undone[i], undo_many, dataset, id);
		int64_t begun = clock_us();
		bare_write(&labels, id);
		bare_labels[i] = clock_us() - begun;
		begun = clock_us();
		bare_write(&undos, id);
		bare_undos[i] = clock_us() - begun;
	}
	printf("sqlite: one %.2f ms, its undo %.2f ms; %d at once %.2f ms, bare %.2f ms; their undo %.2f ms, bare %.2f ms\n",
	       median_ms(one, rounds * ONES), median_ms(undo, rounds * ONES), MANY, median_ms(ours, rounds),
	       median_ms(bare_labels, rounds), median_ms(undone, rounds), median_ms(bare_undos, rounds));
	close_bare(&labels, &undos);
	dataset_close(dataset);
	close_store();
	return 0;
}
