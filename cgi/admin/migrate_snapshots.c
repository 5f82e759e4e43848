/* Copies the snapshots of a dataset that moves. */
#include "migrate_snapshots.h"

#include "base/memory.h"
#include "dataset/snapshot.h"

enum { PAGE = 100 };

/* As if it were an image, which nobody but the server may read. */
static int copy_manifest(struct migrate_images *images, const struct snapshot *snapshot, struct err *err)
{
	char type[] = "application/x-ndjson";
	struct migrate_images of_manifests = *images;
	const struct dataset_record record = {
		.sample = {.id = -1, .blob_key = snapshot->blob_key, .sha256 = snapshot->digest, .type = type}};

	of_manifests.public_read = false;
	of_manifests.publish = false;
	int failed = migrate_images_take(&of_manifests, &record, 1, true, err);
	images->missing = of_manifests.missing;
	return failed;
}

static int migrate_snapshot(struct dataset *to, struct migrate_images *images, struct snapshot *snapshot,
                            struct err *err)
{
	struct snapshot there;

	if (copy_manifest(images, snapshot, err))
		return -1;
	if (snapshot_find(to, snapshot->name, &there, err))
		return err->code != ERR_NOT_FOUND || snapshot_add(to, snapshot, err);
	bool same = strcmp(there.digest, snapshot->digest) == 0;
	snapshot_release(&there);
	return same ? 0
	            : err_set(err, ERR_CONFLICT, "The destination has another snapshot named %s already", snapshot->name);
}

int migrate_snapshots(struct dataset *from, struct dataset *to, struct migrate_images *images, int64_t *count,
                      struct err *err)
{
	char *after = memory_text("");
	size_t found = PAGE;
	int failed = 0;

	*count = 0;
	while (!failed && found == PAGE) {
		struct snapshot *page;

		failed = snapshot_list(from, after, PAGE, &page, &found, err);
		for (size_t i = 0; !failed && i < found; i++, (*count)++)
			failed = migrate_snapshot(to, images, &page[i], err);
		if (!failed && found > 0) {
			free(after);
			after = memory_text(page[found - 1].name);
		}
		snapshots_free(page, found);
	}
	free(after);
	return failed;
}
