/* POST /v1/datasets/{d}/archive: a tar or zip of images as the body, with a line of JSON an entry as the answer. */
#include "archive/import.h"
#include "intake/archive_name.h"
#include "program.h"

static ssize_t archive_body(void *data, void *bytes, size_t len, struct err *err)
{
	return request_read(data, bytes, len, err);
}

static int archive_is_wanted(void *data, struct err *err)
{
	return request_is_gone(data) ? err_set(err, ERR_BAD_REQUEST, "The client went away") : 0;
}

static int post(struct call *call, struct err *err)
{
	const struct config *config = &call->app->config;
	const struct archive_limits limits = {.entries = config->limits.archive_entries,
	                                      .entry_bytes = config->limits.archive_entry_bytes,
	                                      .skip = &config->archive_skip,
	                                      .names = request_query(call->request, "names"),
	                                      .going = archive_is_wanted};
	struct import import = {.call = call};
	const char *names = limits.names;

	if (call->request->content_length > config->limits.archive_bytes)
		return err_set(err, ERR_TOO_LARGE, "The archive is larger than %lld bytes",
		               (long long)config->limits.archive_bytes);
	if (names && !archive_name_knows(names))
		return err_set(err, ERR_BAD_REQUEST, "\"names\" must be a charset that this machine knows, such as cp932");
	import.unpacker = unpacker_new(archive_body, call->request, &limits);
	int failed = import_run(&import, err);
	unpacker_free(import.unpacker);
	return failed;
}

static const struct route routes[] = {
	{"POST", "/v1/datasets/{dataset}/archive", ROLE_CONTRIBUTOR, post, false, "names", ""},
	{0},
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.name = "archive", .routes = routes, .threads = 64, .slow_bodies = true, .images = true};

	unpacker_prepare(NULL); /* the first archive says why it cannot be */
	return program_run(&program, argc, argv);
}
