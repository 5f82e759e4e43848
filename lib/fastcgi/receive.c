/* Reads files from bodies: raw ones and the parts of multipart ones. */
#include "fastcgi/receive.h"
#include "intake/filename.h"

#include <strings.h>

enum {
	PIECE_BYTES = 64 * 1024,
	LABEL_BYTES = 1024, /* of a form's label; no dataset has one this long */
	/* each takes some hundred bytes of memory until the answer is sent, even if it was refused */
	FILES_TOLD_MAX = 20 * 1000,
};

int receive_body(struct call *call, struct spool *out, struct err *err)
{
	char piece[PIECE_BYTES];
	ssize_t got;

	spool_init(out, call_spool_dir(call), call->app->config.limits.file_bytes);
	if (request_check_coding(call->request, err))
		return -1;
	if (call->request->content_length > out->max)
		return err_set(err, ERR_TOO_LARGE, "The file is larger than %lld bytes", (long long)out->max);
	spool_expect(out, call->request->content_length);
	while ((got = request_read(call->request, piece, sizeof(piece), err)) > 0) {
		if (spool_write(out, piece, (size_t)got, err))
			return -1;
	}
	spool_finish(out);
	return got < 0;
}

static ssize_t receive_source(void *data, void *bytes, size_t len, struct err *err)
{
	return request_read(data, bytes, len, err);
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

static int check_count(const struct call *call, int64_t count, struct err *err)
{
	int64_t files_max = call->app->config.limits.files_per_request;
	int64_t told_max = files_max > FILES_TOLD_MAX ? files_max : FILES_TOLD_MAX;

	return count < told_max ? 0 : err_set(err, ERR_TOO_LARGE, "More than %lld files in one request", (long long)told_max);
}

/* Goes to the next part before it visits the file: what follows a file shows whether it is whole. */
static int take_part(struct call *call, struct multipart *multipart, const struct multipart_part **part,
                     receive_visit *visit, void *data, int64_t *count, struct err *err)
{
	int64_t files_max = call->app->config.limits.files_per_request;
	struct err failed = {0};
	struct spool file;
	char filename[FILENAME_CLEAN_MAX];

	filename_clean((*part)->filename, filename);
	if (*count >= files_max)
		err_set(&failed, ERR_TOO_LARGE, "More than %lld files in one request", (long long)files_max);
	spool_init(&file, call_spool_dir(call), call->app->config.limits.file_bytes);
	bool unnamed = (*part)->filename[0] == '\0';
	int result = read_part(multipart, &file, &failed, err) || multipart_next(multipart, part, err);
	if (!result && !(unnamed && file.length == 0)) { /* browsers send this where no file was chosen */
		result = visit(data, call, filename, &file, failed.code == ERR_NONE ? NULL : &failed, err);
		++*count;
	}
	spool_release(&file);
	return result;
}

static bool is_label(const struct call *call, const struct multipart_part *part)
{
	const char *given = request_query(call->request, "label");

	return !part->filename && strcasecmp(part->name, "label") == 0 && (!given || !*given);
}

static int take_label(struct call *call, struct multipart *multipart, receive_label *label, void *data, struct err *err)
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
	return label(data, call, given, err);
}

int receive_files(struct call *call, const char *const *fields, receive_visit *visit, receive_label *label, void *data,
                  int64_t *count, struct err *err)
{
	struct multipart *multipart;
	const struct multipart_part *part;

	*count = 0;
	if (request_check_coding(call->request, err) ||
	    multipart_open(&multipart, call->request->content_type, receive_source, call->request, err))
		return -1;
	int failed = multipart_next(multipart, &part, err);
	while (!failed && part) {
		if (is_wanted(part, fields))
			failed = check_count(call, *count, err) || take_part(call, multipart, &part, visit, data, count, err);
		else
			failed = (is_label(call, part) && take_label(call, multipart, label, data, err)) ||
			         multipart_next(multipart, &part, err);
	}
	multipart_free(multipart);
	return failed;
}
