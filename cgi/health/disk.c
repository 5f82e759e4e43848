/* The disks that the server writes to: how much is free there. */
#include <sys/statvfs.h>

#include "health.h"

static size_t add_disk(struct health_disk *disks, size_t count, const char *name, const char *dir)
{
	struct statvfs disk;

	disks[count] = (struct health_disk){.name = name};
	if (statvfs(dir, &disk) == 0) {
		disks[count].known = true;
		disks[count].size = (uint64_t)disk.f_blocks * disk.f_frsize;
		disks[count].free = (uint64_t)disk.f_bavail * disk.f_frsize;
		disks[count].no_more_files = disk.f_files > 0 && disk.f_favail == 0;
	}
	return count + 1;
}

size_t health_disks(const struct app *app, struct health_disk disks[HEALTH_DISKS_MAX])
{
	size_t count = add_disk(disks, 0, "state", app->state_dir);

	if (config_datasets_are_files(&app->config))
		count = add_disk(disks, count, "datasets", app->config.sqlite_db_dir);
	if (config_images_are_files(&app->config))
		count = add_disk(disks, count, "images", app->config.image_store.dir);
	return count;
}

int health_check_disks(const struct app *app, struct err *err)
{
	struct health_disk disks[HEALTH_DISKS_MAX];
	long long floor = app->config.limits.disk_free_bytes;
	size_t count = health_disks(app, disks);

	for (size_t i = 0; i < count; i++) {
		const struct health_disk *disk = &disks[i];

		if (!disk->known)
			return err_set(err, ERR_UNAVAILABLE, "the disk of the %s cannot be asked", disk->name);
		if (disk->free < (uint64_t)floor)
			return err_set(err, ERR_UNAVAILABLE,
			               "the disk of the %s has %llu bytes free, less than limits.disk_free_bytes (%lld)", disk->name,
			               (unsigned long long)disk->free, floor);
		if (disk->no_more_files)
			return err_set(err, ERR_UNAVAILABLE, "the disk of the %s has no room for another file", disk->name);
	}
	return 0;
}
