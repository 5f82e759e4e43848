/* Recognises images by their first bytes and hands them to the module that decodes them. */
#include "image/image.h"

#include <sys/stat.h>

#include "base/image_type.h"
#include "base/module.h"
#include "image/module.h"

static int open_fd(int fd, struct image_source *out, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_errno(err, ERR_INTERNAL, "can't read the image");
	*out = (struct image_source){.fd = fd, .size = st.st_size};
	return 0;
}

/* Loads the module; a failed attempt is repeated next time. */
static const struct image_module *image_module_loaded(struct err *err)
{
	static const struct image_module *_Atomic loaded;
	const struct image_module *module = loaded;
	if (!module)
		loaded = module = module_symbol("image", "image_module", err);
	return module;
}

static void no_image(int64_t len, struct err *err)
{
	struct buf names;
	buf_init(&names, 1024);
	image_type_names(&names);
	if (len == 0)
		err_set(err, ERR_MEDIA_TYPE, "the file is empty");
	else
		err_set(err, ERR_MEDIA_TYPE, "the file is no image of these types: %s", buf_text(&names));
	buf_release(&names);
}

/* Finds the image's type, and the module; for other bytes than an image's it loads nothing. */
static const struct image_module *image_begin(const struct image_source *source, const char **type, struct err *err)
{
	unsigned char magic[IMAGE_TYPE_MAGIC_BYTES];
	int64_t len = image_source_read(source, 0, magic, sizeof(magic));
	if (len < 0) {
		err_errno(err, ERR_INTERNAL, "can't read the image");
		return NULL;
	}
	const struct image_type *told = image_type_sniff(magic, (size_t)len);
	if (!told) {
		no_image(len, err);
		return NULL;
	}
	*type = told->media;
	return image_module_loaded(err);
}

static int image_check(const struct image_source *source, int64_t pixels_max, struct image_info *out, struct err *err)
{
	const char *type;
	const struct image_module *module = image_begin(source, &type, err);
	return !module || module->check(source, type, pixels_max, out, err);
}

int image_check_bytes(const void *bytes, size_t len, int64_t pixels_max, struct image_info *out, struct err *err)
{
	struct image_source source = {.bytes = bytes, .fd = -1, .size = (int64_t)len};
	return image_check(&source, pixels_max, out, err);
}

int image_check_fd(int fd, int64_t pixels_max, struct image_info *out, struct err *err)
{
	struct image_source source;
	return open_fd(fd, &source, err) || image_check(&source, pixels_max, out, err);
}

static int thumb(const struct image_source *source, int64_t pixels_max, int side, struct buf *out, const char **type,
                 struct err *err)
{
	if (side < 1 || side > IMAGE_THUMB_SIDE_MAX)
		return err_set(err, ERR_BAD_REQUEST, "a thumbnail's size is 1 to %d pixels",
		               IMAGE_THUMB_SIDE_MAX);
	const char *source_type;
	const struct image_module *module = image_begin(source, &source_type, err);
	return !module || module->thumb(source, source_type, pixels_max, side, out, type, err);
}

int image_thumb_bytes(const void *bytes, size_t len, int64_t pixels_max, int side, struct buf *out, const char **type,
                      struct err *err)
{
	struct image_source source = {.bytes = bytes, .fd = -1, .size = (int64_t)len};
	return thumb(&source, pixels_max, side, out, type, err);
}

int image_thumb_fd(int fd, int64_t pixels_max, int side, struct buf *out, const char **type, struct err *err)
{
	struct image_source source;
	return open_fd(fd, &source, err) || thumb(&source, pixels_max, side, out, type, err);
}

bool image_can(const char *type, struct err *err)
{
	const struct image_module *module = image_module_loaded(err);
	return module && module->can(type);
}
