/* Checks names, then asks the store's backend for snapshots. */
#include "dataset/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "dataset/backend.h"

void snapshot_release(struct snapshot *snapshot)
{
	free(snapshot->name);
	free(snapshot->digest);
	free(snapshot->blob_key);
	free(snapshot->split);
	free(snapshot->seed);
	free(snapshot->by);
	memset(snapshot, 0, sizeof(*snapshot));
}

void snapshots_free(struct snapshot *snapshots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		snapshot_release(&snapshots[i]);
	free(snapshots);
}

int snapshot_check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len > SNAPSHOT_NAME_MAX)
		return err_set(err, ERR_BAD_REQUEST, "the snapshot's name must have 1 to %d bytes", SNAPSHOT_NAME_MAX);
	if (name[0] == '.' || strchr(name, '/') || text_has_control(name) || !text_utf8_valid(name, len))
		return err_set(err, ERR_BAD_REQUEST,
		               "the snapshot's name holds a '/' or a control character, begins with '.', or is not UTF-8");
	return 0;
}

int snapshot_add(struct dataset *dataset, struct snapshot *snapshot, struct err *err)
{
	return snapshot_check_name(snapshot->name, err) || dataset->backend->snapshot_add(dataset, snapshot, err);
}

int snapshot_find(struct dataset *dataset, const char *name, struct snapshot *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return dataset->backend->snapshot_find(dataset, name, out, err);
}

int snapshot_list(struct dataset *dataset, const char *after, size_t limit, struct snapshot **out, size_t *count,
                  struct err *err)
{
	*out = NULL;
	*count = 0;
	return dataset_check_limit(limit, err) ||
	       dataset->backend->snapshot_list(dataset, after, limit, out, count, err);
}

int snapshot_each(struct dataset *dataset, snapshot_visit *visit, void *data, struct err *err)
{
	char *after = memory_text("");
	size_t count = DATASET_PAGE_MAX;
	int failed = 0;

	while (!failed && count == DATASET_PAGE_MAX) {
		struct snapshot *page;

		failed = snapshot_list(dataset, after, DATASET_PAGE_MAX, &page, &count, err);
		for (size_t i = 0; !failed && i < count; i++) {
			free(after);
			after = memory_text(page[i].name);
			failed = visit(data, &page[i], err);
		}
		snapshots_free(page, count);
	}
	free(after);
	return failed;
}

int dataset_visit_all(struct dataset *dataset, sample_visit *visit, void *data, struct err *err)
{
	return dataset->backend->visit_all(dataset, visit, data, err);
}
