/* Answers nginx whether a user may see a dataset's images, and serves the images that nginx does not find by itself. */
#include <limits.h>
#include <sys/statvfs.h>

#include "base/text.h"
#include "dataset/apart.h"
#include "fastcgi/images.h"
#include "fastcgi/serve.h"
#include "program.h"

enum { CACHE_ROOM_BYTES = 1024 * 1024 };

/* nginx keeps the answer for two seconds in a file of the state folder. If it cannot write that file, it closes the
 * client's connection without an answer. So on a full disk the answer says that it must not be kept, and images can
 * still be seen. */
static int keep_off_full_disk(struct call *call, struct err *err)
{
	struct statvfs disk;

	if (statvfs(call->app->state_dir, &disk) ||
	    (disk.f_bavail >= CACHE_ROOM_BYTES / disk.f_frsize && (disk.f_favail > 0 || disk.f_files == 0)))
		return 0;
	return reply_header(call->reply, "X-Accel-Expires", "0", err);
}

/* nginx's auth_request accepts only 401 and 403 as refusals; nginx turns this 403 into the 404 of what the user may
 * not see. */
static int hide(struct call *call, struct err *err)
{
	if (err->code != ERR_NOT_FOUND)
		return -1;
	err_set(err, ERR_FORBIDDEN, "Database not found");
	reply_error(call->reply, err);
	return keep_off_full_disk(call, err);
}

/* Answers with the folder in which nginx looks, its symlinks resolved. Images come through image() below where that
 * folder does not lie apart, or has a control character in its path, which no header can hold. */
static int may_see(struct call *call, struct err *err)
{
	char dir[PATH_MAX];

	if (call_dataset(call, call->param[0], err) || call_place(call, err) ||
	    apart_folder(call->dataset, call->info.place.base_dir, dir, err))
		return hide(call, err);
	reply_empty(call->reply, 204);
	return reply_header(call->reply, "X-Base-Dir", dir[0] && !text_has_control(dir) ? dir : "/nonexistent", err) ||
	       keep_off_full_disk(call, err);
}

/* Serves a file that is reached through a symlink, or whose name does not look like an image's, if it is a sample.
 * The answer for a dataset that the user may not see is that of a missing file. */
static int image(struct call *call, struct err *err)
{
	struct sample sample;
	struct located file;

	if (call_dataset(call, call->param[0], err) || call_place(call, err) ||
	    dataset_sample_by_path(call->dataset, call->param[1], &sample, err))
		return err->code == ERR_NOT_FOUND ? err_set(err, ERR_NOT_FOUND, "Image file not found") : -1;
	const struct images images = call_images(call);
	int failed = images_locate(&images, &sample, &file, err) ||
	             reply_header(call->reply, "Cache-Control", "private, no-cache", err) ||
	             serve_image(call, &sample, &file, err);
	sample_release(&sample);
	return failed;
}

static const struct route routes[] = {
	{"GET", "/.access/{name}", ROLE_VIEWER, may_see, false, ROUTE_ANY, ROUTE_ANY},
	{"GET", "/images/{name}/{filepath...}", ROLE_VIEWER, image, false, ROUTE_ANY, ROUTE_ANY},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {.name = "access", .routes = routes, .threads = 16, .images = true};

	return program_run(&program, argc, argv);
}
