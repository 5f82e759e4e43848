/* A reader of archives that misbehaves as the archive's text says: planted in `unpack` in place of the real one, as if an
 * archive had taken over what unpacks it.
 *
 * The text is a deed, or a lie, and ends with a NUL; behind it may come an image with its path before it, which is read
 * first and honestly. */
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/worker.h"
#include "deeds.h"
#include "intake/archive.h"
#include "intake/unpacker.h"

struct archive_reader {
	archive_source *source;
	void *data;
	char *text, *path;
	const char *bytes; /* of the image */
	size_t len;
	bool endless; /* its entry's bytes, or its entries */
	struct archive_item item;
	char label[TEXT_LABEL_MAX + 1];
	struct unpacker_message message;
};

int archive_reader_open(struct archive_reader **out, archive_source *source, void *data, const struct archive_limits *limits,
                        struct err *err)
{
	(void)limits;
	(void)err;
	*out = memory_new(1, sizeof(**out));
	(*out)->source = source;
	(*out)->data = data;
	return 0;
}

void archive_reader_free(struct archive_reader *reader)
{
	free(reader);
}

/* --- lies --------------------------------------------------------------------------------------------------------- */

static void lie_of_path(struct archive_reader *reader, const char *what)
{
	size_t len;
	const char *folder = text_folder(what, &len);

	reader->item.path = what;
	snprintf(reader->label, sizeof(reader->label), "%.*s", (int)len, folder);
}

static void lie_of_label(struct archive_reader *reader, const char *what)
{
	reader->item.label = what;
}

static void lie_of_type(struct archive_reader *reader, const char *what)
{
	reader->item.type = what;
}

static void lie_of_size(struct archive_reader *reader, const char *what)
{
	reader->item.bytes = strtoll(what, NULL, 10);
}

static void lie_of_kind(struct archive_reader *reader, const char *what)
{
	reader->item.kind = (enum archive_kind)strtol(what, NULL, 10);
}

static void lie_of_target(struct archive_reader *reader, const char *what)
{
	reader->item.kind = ARCHIVE_LINK;
	reader->item.target = what;
}

static void lie_endlessly(struct archive_reader *reader, const char *what)
{
	reader->endless = true;
	reader->item.kind = strcmp(what, "bytes") == 0 ? ARCHIVE_IMAGE : ARCHIVE_SKIPPED;
	reader->item.skipped = "it is no image";
}

/* Of any kind and length. */
static void tell_message(struct archive_reader *reader, const char *what)
{
	char *end;

	reader->message.what = (enum unpacker_what)strtol(what, &end, 10);
	worker_tell(&reader->message, (size_t)strtol(end, NULL, 10));
}

static void tell_without_end(struct archive_reader *reader, const char *what)
{
	(void)what;
	memset(&reader->message, 'x', sizeof(reader->message));
	reader->message.what = UNPACKER_FAILS;
	worker_tell(&reader->message, UNPACKER_LENGTH(sizeof(struct err)));
}

static void want_without_end(struct archive_reader *reader, const char *what)
{
	(void)what;
	do {
		reader->message.what = UNPACKER_WANTS;
	} while (worker_tell(&reader->message, UNPACKER_LENGTH(0)) == 0 &&
	         worker_hear(&reader->message, sizeof(reader->message), NULL, 0) > 0);
	_exit(0);
}

/* It asks for ever more, and takes none of it. */
static void want_unheard(struct archive_reader *reader)
{
	do {
		reader->message.what = UNPACKER_WANTS;
	} while (worker_tell(&reader->message, UNPACKER_LENGTH(0)) == 0);
	_exit(0);
}

static const struct {
	const char *name;
	void (*tell)(struct archive_reader *reader, const char *what);
} lies[] = {
	{"path ", lie_of_path}, {"label ", lie_of_label}, {"type ", lie_of_type}, {"size ", lie_of_size}, {"kind ", lie_of_kind},
	{"target ", lie_of_target}, {"endless ", lie_endlessly}, {"message ", tell_message},
	{"unended ", tell_without_end}, {"wants ", want_without_end},
};

static int lie(struct archive_reader *reader, const struct archive_item **item)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		size_t len = strlen(lies[i].name);

		if (strncmp(reader->text, lies[i].name, len) != 0)
			continue;
		lies[i].tell(reader, reader->text + len);
		*item = &reader->item;
	}
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int read_text(struct archive_reader *reader, struct err *err)
{
	size_t len = 0;
	ssize_t got;

	reader->text = memory_new(8, ARCHIVE_ASKED_MIN);
	while ((got = reader->source(reader->data, reader->text + len, ARCHIVE_ASKED_MIN, err)) > 0) {
		len += (size_t)got;
		if (strcmp(reader->text, "deaf") == 0)
			want_unheard(reader);
	}
	reader->path = reader->text + strlen(reader->text) + 1;
	size_t before = (size_t)(reader->path - reader->text) + strlen(reader->path) + 1;
	reader->bytes = reader->text + before;
	reader->len = before < len ? len - before : 0;
	return got < 0;
}

int archive_reader_next(struct archive_reader *reader, const struct archive_item **item, struct err *err)
{
	*item = NULL;
	if (reader->endless) {
		*item = &reader->item;
		return 0;
	}
	if (!reader->text && read_text(reader, err))
		return -1;
	reader->item = (struct archive_item){
		.kind = ARCHIVE_IMAGE, .path = "cat/a.png", .label = reader->label, .type = "image/png", .bytes = -1};
	snprintf(reader->label, sizeof(reader->label), "cat");
	if (reader->len > 0) {
		lie_of_path(reader, reader->path); /* which is no lie here */
		*item = &reader->item;
		return 0;
	}
	int done = deed_do(reader->text, err) || lie(reader, item);
	reader->text[0] = '\0';
	return done;
}

int archive_reader_read(struct archive_reader *reader, void *bytes, size_t len, size_t *got, struct err *err)
{
	(void)err;
	*got = reader->len < len ? reader->len : len;
	memcpy(bytes, reader->bytes, *got);
	reader->bytes += *got;
	reader->len -= *got;
	if (reader->endless)
		*got = len;
	return 0;
}
