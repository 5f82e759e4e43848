/* Recognises images by their first bytes, and has them decoded by a process apart. */
#include "image/image.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/image_type.h"
#include "image/decoder.h"
#include "image/module.h"

static int open_fd(int fd, struct image_source *out, struct err *err)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_errno(err, ERR_INTERNAL, "can't read the image");
	*out = (struct image_source){.fd = fd, .size = st.st_size};
	return 0;
}

static int no_image(int64_t len, struct err *err)
{
	struct buf names;
	buf_init(&names, 1024);
	image_type_names(&names);
	if (len == 0)
		err_set(err, ERR_MEDIA_TYPE, "the file is empty");
	else
		err_set(err, ERR_MEDIA_TYPE, "the file is no image of these types: %s", buf_text(&names));
	buf_release(&names);
	return -1;
}

/* Finds the image's type; nothing else is decoded. */
static int image_begin(const struct image_source *source, struct decoder_question *question, struct err *err)
{
	unsigned char magic[IMAGE_TYPE_MAGIC_BYTES];
	int64_t len = image_source_read(source, 0, magic, sizeof(magic));

	if (len < 0)
		return err_errno(err, ERR_INTERNAL, "can't read the image");
	const struct image_type *told = image_type_sniff(magic, (size_t)len);
	if (!told)
		return no_image(len, err);
	snprintf(question->type, sizeof(question->type), "%s", told->media);
	question->size = source->size;
	return 0;
}

/* A file in memory; -1: there is none. */
static int memory_file(const char *name, const void *bytes, size_t len, struct err *err)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	for (size_t done = 0; fd >= 0 && done < len;) {
		ssize_t wrote = write(fd, (const char *)bytes + done, len - done);

		if (wrote < 0 && errno != EINTR) {
			close(fd);
			fd = -1;
		}
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	if (fd < 0)
		err_errno(err, ERR_UNAVAILABLE, "there is no memory for an image");
	return fd;
}

/* Asks a decoder about the image; an image in memory is handed over in a file. */
static int image_ask(const struct image_source *source, struct decoder_question *question, int out,
                     struct decoder_answer *answer, struct err *err)
{
	if (image_begin(source, question, err))
		return -1;
	int fd = source->bytes ? memory_file("image", source->bytes, (size_t)source->size, err) : source->fd;
	int failed = fd < 0 || decoder_ask(question, fd, out, answer, err);
	if (source->bytes && fd >= 0)
		close(fd);
	return failed;
}

static int image_check(const struct image_source *source, int64_t pixels_max, struct image_info *out, struct err *err)
{
	struct decoder_question question = {.what = DECODER_CHECK, .pixels_max = pixels_max};
	struct decoder_answer answer;

	if (image_ask(source, &question, -1, &answer, err))
		return -1;
	*out = (struct image_info){.type = image_type_of(question.type)->media,
	                           .width = answer.width,
	                           .height = answer.height,
	                           .frames = answer.frames,
	                           .orientation = answer.orientation};
	return 0;
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

/* What the decoder wrote is no more trusted than the decoder. */
static int take_thumb(int fd, const struct decoder_answer *answer, struct buf *out, const char **type, struct err *err)
{
	int64_t size = answer->thumb_bytes;
	bool known = strcmp(answer->type, "image/jpeg") == 0 || strcmp(answer->type, "image/webp") == 0;
	char *room = known && size > 0 && size <= IMAGE_THUMB_BYTES_MAX ? buf_reserve(out, (size_t)size) : NULL;
	const struct image_source source = {.fd = fd, .size = size};

	if (!room || image_source_read(&source, 0, room, (size_t)size) != size)
		return err_set(err, ERR_TOO_LARGE, "the thumbnail is too large");
	out->len += (size_t)size;
	*type = image_type_of(answer->type)->media;
	return 0;
}

static int thumb(const struct image_source *source, int64_t pixels_max, int side, struct buf *out, const char **type,
                 struct err *err)
{
	struct decoder_question question = {.what = DECODER_THUMB, .pixels_max = pixels_max, .side = side};
	struct decoder_answer answer;

	if (side < 1 || side > IMAGE_THUMB_SIDE_MAX)
		return err_set(err, ERR_BAD_REQUEST, "a thumbnail's size is 1 to %d pixels", IMAGE_THUMB_SIDE_MAX);
	int fd = memory_file("thumbnail", NULL, 0, err);
	if (fd < 0)
		return -1;
	int failed = image_ask(source, &question, fd, &answer, err) || take_thumb(fd, &answer, out, type, err);
	close(fd);
	return failed;
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
	struct decoder_question question = {.what = DECODER_CAN};
	struct decoder_answer answer;

	snprintf(question.type, sizeof(question.type), "%s", type);
	return decoder_ask(&question, -1, -1, &answer, err) == 0 && answer.can;
}
