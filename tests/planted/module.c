/* A module "image" that misbehaves as the image's text behind its first bytes says: planted in place of the real one, as
 * if an image had taken over its decoder. */
#include "base/module.h"
#include "deeds.h"
#include "image/module.h"

static int misbehave(const struct image_source *source, struct err *err)
{
	enum { MAGIC = 8 }; /* of a PNG */
	char text[1024] = "";

	if (image_source_read(source, MAGIC, text, sizeof(text) - 1) < 0)
		return err_set(err, ERR_INTERNAL, "planted: no image");
	return deed_do(text, err);
}

static int planted_check(const struct image_source *source, const char *type, int64_t pixels_max, struct image_info *out,
                         struct err *err)
{
	(void)pixels_max;
	*out = (struct image_info){.type = type, .width = 1, .height = 1, .frames = 1, .orientation = 1};
	return misbehave(source, err);
}

/* Says that it wrote far more than it did. */
static int planted_thumb(const struct image_source *source, const char *type, int64_t pixels_max, int side,
                         struct buf *out, const char **thumb_type, struct err *err)
{
	(void)type;
	(void)pixels_max;
	(void)side;
	*thumb_type = "text/html";
	return buf_str(out, "<script>") || misbehave(source, err);
}

static bool planted_can(const char *type)
{
	(void)type;
	return true;
}

MODULE_EXPORT extern const struct image_module image_module;
const struct image_module image_module = {planted_check, planted_thumb, planted_can};
