/* Answers questions about images by the module. */
#include "answer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/image_type.h"
#include "base/module.h"
#include "scarce.h"

int answer_prepare(const struct image_module **out, struct err *err)
{
	static const char *const plugged[] = {"image/heic", "image/avif", "image/jxl"};

	*out = module_symbol_in(WORKER_MODULE, "image", "image_module", err);
	close(WORKER_MODULE);
	if (!*out)
		return -1;
	for (size_t i = 0; i < sizeof(plugged) / sizeof(plugged[0]); i++)
		(*out)->can(plugged[i]); /* loads libvips' modules, and libheif's codecs */
	return 0;
}

static int write_thumb(const struct buf *thumb, struct err *err)
{
	for (size_t done = 0; done < thumb->len;) {
		ssize_t wrote = pwrite(DECODER_OUT, thumb->data + done, thumb->len - done, (off_t)done);

		if (wrote < 0 && errno != EINTR)
			return err_errno(err, ERR_INTERNAL, "a thumbnail cannot be handed over");
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return 0;
}

static int answer_check(const struct image_module *module, const struct decoder_question *question,
                        const struct image_source *source, struct decoder_answer *answer, struct err *err)
{
	struct image_info info = {.orientation = 1};
	int failed = module->check(source, question->type, question->pixels_max, &info, err);

	answer->width = info.width;
	answer->height = info.height;
	answer->frames = info.frames;
	answer->orientation = info.orientation;
	return failed;
}

static int answer_thumb(const struct image_module *module, const struct decoder_question *question,
                        const struct image_source *source, struct decoder_answer *answer, struct err *err)
{
	struct buf thumb;
	const char *type;

	buf_init(&thumb, IMAGE_THUMB_BYTES_MAX);
	int failed = module->thumb(source, question->type, question->pixels_max, question->side, &thumb, &type, err) ||
	             write_thumb(&thumb, err);
	if (!failed) {
		answer->thumb_bytes = (int64_t)thumb.len;
		snprintf(answer->type, sizeof(answer->type), "%s", type);
	}
	buf_release(&thumb);
	return failed;
}

void answer_question(const struct image_module *module, const struct decoder_question *question,
                     struct decoder_answer *answer)
{
	int trouble = 0;
	const struct image_source source = {.fd = DECODER_IMAGE, .size = question->size, .trouble = &trouble};

	memset(answer, 0, sizeof(*answer));
	scarce_was();
	if (question->what == DECODER_CAN)
		answer->can = module->can(question->type);
	else
		answer->failed = question->what == DECODER_CHECK
		                         ? answer_check(module, question, &source, answer, &answer->err)
		                         : answer_thumb(module, question, &source, answer, &answer->err);
	if (scarce_was() && answer->failed)
		answer->failed = err_set(&answer->err, ERR_UNAVAILABLE, "there is no memory to decode the image");
	errno = trouble;
	if (trouble) /* whatever was made of that says nothing of the image */
		answer->failed = err_errno(&answer->err, ERR_UNAVAILABLE, "the image cannot be read");
}
