/* Copies the snapshots of a dataset that moves. */
#include "migrate_snapshots.h"


int migrate_manifest(struct migrate_images *images, const struct snapshot *snapshot, bool look, struct err *err)
{
	char type[] = "application/x-ndjson";
	struct migrate_images of_manifests = *images;
	const struct dataset_record record = {
		.sample = {.id = -1, .blob_key = snapshot->blob_key, .sha256 = snapshot->digest, .type = type}};

	of_manifests.public_read = false;
	of_manifests.publish = false;
	int failed = migrate_images_take(&of_manifests, &record, 1, look, err);
	images->missing = of_manifests.missing;
	return failed;
}

struct migrating {
	struct dataset *to;
	struct migrate_images *images;
	int64_t *count;
};

static int migrate_snapshot(void *data, struct snapshot *snapshot, struct err *err)
{
	const struct migrating *migrating = data;
	struct snapshot there;

	(*migrating->count)++;
	if (migrate_manifest(migrating->images, snapshot, true, err))
		return -1;
	if (snapshot_find(migrating->to, snapshot->name, &there, err))
		return err->code != ERR_NOT_FOUND || snapshot_add(migrating->to, snapshot, err);
	bool same = strcmp(there.digest, snapshot->digest) == 0;
	snapshot_release(&there);
	return same ? 0
	            : err_set(err, ERR_CONFLICT, "The destination has another snapshot named %s already", snapshot->name);
}

int migrate_snapshots(struct dataset *from, struct dataset *to, struct migrate_images *images, int64_t *count,
                      struct err *err)
{
	struct migrating migrating = {.to = to, .images = images, .count = count};

	*count = 0;
	return snapshot_each(from, migrate_snapshot, &migrating, err);
}
