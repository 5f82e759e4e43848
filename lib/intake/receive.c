/* Reads files from bodies: raw ones and the parts of multipart ones. */
#include "intake/receive.h"

#include <strings.h>

#include "intake/filename.h"

enum {
	PIECE_BYTES = 64 * 1024,
	LABEL_BYTES = 1024, /* of a form's label; no dataset has one this long */
	/* each takes some hundred bytes of memory until the answer is sent, even if it was refused */
	FILES_TOLD_MAX = 20 * 1000,
};

int receive_body(const struct receive *receive, struct spool *out, struct err *err)
{
	char piece[PIECE_BYTES];
	ssize_t got;

	spool_init(out, receive->spool_dir, receive->file_bytes);
	if (receive->content_length > out->max)
		return err_set(err, ERR_TOO_LARGE, "The file is larger than %lld bytes", (long long)out->max);
	spool_expect(out, receive->content_length);
	while ((got = receive->read(receive->data, piece, sizeof(piece), err)) > 0) {
		if (spool_write(out, piece, (size_t)got, err))
			return -1;
	}
	spool_finish(out);
	return got < 0;
}

static bool is_wanted(const struct multipart_part *part, const char *const *fields)
{
	if (!part->filename)
		return false;
	while (*fields && strcasecmp(*fields, part->name) != 0) /* the older system documents "Files", and takes "files" */
		fields++;
	return *fields;
}

/* 0: it was read, or *failed says why not; non-zero: nothing more can be read. */
static int read_part(struct multipart *multipart, struct spool *file, struct err *failed, struct err *err)
{
	char piece[PIECE_BYTES];
	size_t got = 0;

	for (;;) {
		if (multipart_read(multipart, piece, sizeof(piece), &got, err))
			return -1;
		if (got == 0)
			break;
		if (failed->code == ERR_NONE)
			spool_write(file, piece, got, failed);
	}
	spool_finish(file);
	return 0;
}

static int check_count(const struct receive *receive, int64_t count, struct err *err)
{
	int64_t told_max = receive->files > FILES_TOLD_MAX ? receive->files : FILES_TOLD_MAX;

	return count < told_max ? 0 : err_set(err, ERR_TOO_LARGE, "More than %lld files in one request", (long long)told_max);
}

/* Goes to the next part before it visits the file: what follows a file shows whether it is whole. */
static int take_part(const struct receive *receive, struct multipart *multipart, const struct multipart_part **part,
                     receive_visit *visit, void *data, int64_t *count, struct err *err)
{
	struct err failed = {0};
	struct spool file;
	char filename[FILENAME_CLEAN_MAX];

	filename_clean((*part)->filename, filename);
	if (*count >= receive->files)
		err_set(&failed, ERR_TOO_LARGE, "More than %lld files in one request", (long long)receive->files);
	spool_init(&file, receive->spool_dir, receive->file_bytes);
	bool unnamed = (*part)->filename[0] == '\0';
	int result = read_part(multipart, &file, &failed, err) || multipart_next(multipart, part, err);
	if (!result && !(unnamed && file.length == 0)) { /* browsers send this where no file was chosen */
		result = visit(data, filename, &file, failed.code == ERR_NONE ? NULL : &failed, err);
		++*count;
	}
	spool_release(&file);
	return result;
}

static bool is_label(const struct multipart_part *part)
{
	return !part->filename && strcasecmp(part->name, "label") == 0;
}

static int receive_named_label(struct multipart *multipart, receive_label *label, void *data, struct err *err)
{
	char given[LABEL_BYTES + 1];
	size_t len = 0, got;

	do {
		if (multipart_read(multipart, given + len, sizeof(given) - len, &got, err))
			return -1;
		len += got;
	} while (got > 0 && len < sizeof(given));
	if (len == sizeof(given) || memchr(given, '\0', len))
		return err_set(err, ERR_BAD_REQUEST, "The form's label is too long, or holds a NUL");
	given[len] = '\0';
	return label(data, given, err);
}

static int check_known(const struct multipart_part *part, const char *const *fields, struct err *err)
{
	if (is_label(part))
		return 0;
	for (const char *const *field = fields; *field; field++) {
		if (strcasecmp(*field, part->name) == 0)
			return err_set(err, ERR_BAD_REQUEST, "The form's part \"%s\" has no file name", part->name);
	}
	return err_set(err, ERR_BAD_REQUEST, "Unknown part \"%s\" of the form; what came before it was taken", part->name);
}

int receive_files(const struct receive *receive, const char *const *fields, receive_visit *visit, receive_label *label,
                  void *data, int64_t *count, struct err *err)
{
	struct multipart *multipart;
	const struct multipart_part *part;

	*count = 0;
	if (multipart_open(&multipart, receive->content_type, receive->read, receive->data, err))
		return -1;
	int failed = multipart_next(multipart, &part, err);
	while (!failed && part) {
		if (is_wanted(part, fields))
			failed = check_count(receive, *count, err) ||
			         take_part(receive, multipart, &part, visit, data, count, err);
		else
			failed = (receive->strict && check_known(part, fields, err)) ||
			         (label && is_label(part) && receive_named_label(multipart, label, data, err)) ||
			         multipart_next(multipart, &part, err);
	}
	multipart_free(multipart);
	return failed;
}
