/* Makes addresses with scheme and host. */
#include "fastcgi/address.h"

#include "fastcgi/document.h"
#include "intake/ingest.h"

enum { SERVER_MAX = 64 * 1024 }; /* bytes; nginx accepts only shorter headers */

static const char *forwarded_or(const struct request *request, const char *forwarded, const char *asked)
{
	const char *value = request_header(request, forwarded);

	return value && *value ? value : request_header(request, asked);
}

static void add_server(const struct request *request, struct buf *out)
{
	const char *scheme = forwarded_or(request, "FORWARDED_PROTO", "REQUEST_SCHEME");
	const char *host = forwarded_or(request, "FORWARDED_HOST", "HTTP_HOST");
	bool sound = host && *host &&
	             host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]")] == '\0';

	buf_printf(out, "%s://%s%s", scheme ? scheme : "http", sound ? host : "localhost", request->base_path);
}

const char *address_of_server(struct call *call)
{
	struct buf url;

	if (!call->base_url) {
		buf_init(&url, SERVER_MAX);
		add_server(call->request, &url);
		call->base_url = buf_detach(&url);
	}
	return call->base_url;
}

int address_of_image(struct call *call, const struct sample *sample, struct buf *out, struct err *err)
{
	if (sample->blob_key[0] && call->info.place.policy.public_images)
		return ingest_url(call->app->blobs, sample->blob_key, address_of_server(call), out, err);
	buf_str(out, address_of_server(call));
	document_image_path(dataset_name(call->dataset), sample, out);
	return 0;
}
