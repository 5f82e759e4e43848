/* Makes addresses with scheme and host. */
#include "fastcgi/address.h"

#include "fastcgi/document.h"

enum { PATH_BYTES_MAX = 64 * 1024, LASTING = 1 };

static const char *forwarded_or(const struct request *request, const char *forwarded, const char *asked)
{
	const char *value = request_header(request, forwarded);

	return value && *value ? value : request_header(request, asked);
}

void address_of_server(const struct request *request, struct buf *out)
{
	const char *scheme = forwarded_or(request, "FORWARDED_PROTO", "REQUEST_SCHEME");
	const char *host = forwarded_or(request, "FORWARDED_HOST", "HTTP_HOST");
	bool sound = host && *host &&
	             host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]")] == '\0';

	buf_printf(out, "%s://%s%s", scheme ? scheme : "http", sound ? host : "localhost", request->base_path);
}

int address_of_image(struct call *call, const struct sample *sample, struct buf *out, struct err *err)
{
	struct buf url;
	bool is_public = sample->blob_key[0] && call->info.place.policy.public_images;

	buf_init(&url, PATH_BYTES_MAX);
	int failed = is_public && blob_url(call->app->blobs, sample->blob_key, true, LASTING, &url, err);
	if (!failed && url.len == 0)
		document_image_path(dataset_name(call->dataset), sample->filepath, &url);
	if (!failed && buf_text(&url)[0] == '/')
		address_of_server(call->request, out);
	if (!failed)
		buf_str(out, buf_text(&url));
	buf_release(&url);
	return failed ? -1 : 0;
}
