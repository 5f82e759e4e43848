/* Fuzzes a SQLite database of the older system, or of ours: it is refused, or its samples, events and counts can be read.
 *
 * Parses: lib/dataset/sqlite/schema.c lib/dataset/sqlite/db.c lib/dataset/sqlite/conn.c lib/dataset/sqlite/sample.c
 * lib/dataset/sqlite/settings.c lib/dataset/sqlite/export.c lib/dataset/sqlite/wal.c lib/dataset/sqlite/reading.c */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "base/config.h"
#include "dataset/dataset.h"
#include "dataset/integrity.h"
#include "dataset/move.h"

static char dir[] = "/dev/shm/fuzz-XXXXXX";

static void write_database(const uint8_t *data, size_t size)
{
	static const char *const others[] = {"cats.db-wal", "cats.db-shm", "cats.db-lock"};
	char path[PATH_MAX];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, others[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/cats.db", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void remove_dir(void)
{
	write_database((const uint8_t *)"", 0);
	char *path = NULL;
	require(asprintf(&path, "%s/cats.db", dir) > 0);
	unlink(path);
	free(path);
	rmdir(dir);
}

int LLVMFuzzerInitialize(int *count, char ***words);
int LLVMFuzzerInitialize(int *count, char ***words)
{
	(void)count;
	(void)words;
	require(mkdtemp(dir) != NULL);
	atexit(remove_dir);
	return 0;
}

static int see_outline(void *data, struct dataset_outline *outline, struct err *err)
{
	(void)data;
	(void)err;
	require(outline->base_dir != NULL);
	return 0;
}

static int see_records(void *data, struct dataset_record *records, size_t count, struct err *err)
{
	(void)data;
	(void)err;
	for (size_t i = 0; i < count; i++)
		require(records[i].removed || (records[i].sample.filepath && records[i].sample.label));
	return 0;
}

static void tell_nothing(void *data, const char *what)
{
	(void)data;
	require(*what);
}

static void read_dataset(struct dataset_store *store)
{
	const struct dataset_export to = {.outline = see_outline, .records = see_records};
	struct dataset_info info;
	struct dataset *dataset;
	struct err err = {0};

	if (dataset_open(store, "cats", &dataset, &err)) {
		require_told(&err);
		return;
	}
	if (dataset_info(dataset, &info, &err) == 0)
		dataset_info_release(&info);
	dataset_integrity(dataset, true, tell_nothing, NULL, &err);
	if (dataset_export(dataset, &to, &err))
		require_told(&err);
	dataset_close_passing(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char type[] = "sqlite", nothing[] = "";
	const struct config config = {.sqlite_db_dir = dir, .default_dataset = nothing, .dataset_store = {.type = type},
	                              .limits = {.lease_seconds = 60, .open_datasets = 1}};
	struct dataset_store *store;
	struct err err = {0};

	if (size == 0)
		return 0;
	for (int writing = 0; writing < 2; writing++) {
		write_database(data, size);
		int failed = writing ? dataset_store_open(&store, &config, &err) : dataset_store_open_reading(&store, &config, &err);
		require(!failed);
		read_dataset(store);
		dataset_store_free(store);
	}
	return 0;
}
