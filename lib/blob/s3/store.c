/* The image store in an S3 bucket: the module "s3". Reading is in read.c, writing in put.c and parts.c, access in
 * acl.c. */

#include "base/clock.h"
#include "base/memory.h"
#include "base/module.h"
#include "base/text.h"
#include "blob/s3/client.h"

static void s3_free(struct blob_store *store)
{
	struct s3_client *client = (struct s3_client *)store;
	s3_engine_free(client->engine);
	free(client);
}

static int s3_open(struct blob_store **out, const struct config *config, struct err *err)
{
	struct s3_client *client = memory_new(1, sizeof(*client));
	if (s3_client_init(client, config, err) != 0 ||
	    s3_engine_new(&client->engine, config->image_store.ca_bundle, err) != 0) {
		s3_free(&client->base);
		return -1;
	}
	*out = &client->base;
	return 0;
}

/* The clock advances in steps of a quarter of the time asked for, so that a URL stays the same for that long. */
static void add_presigned(struct s3_client *client, const char *key, int64_t seconds, struct buf *out)
{
	int64_t step = seconds / 4 > 0 ? seconds / 4 : 1;
	time_t now = s3_now(client);
	struct buf path;
	buf_init(&path, 8192);
	s3_path(client, key, &path);
	buf_printf(out, "%s%s?", client->origin, buf_text(&path));
	sigv4_presign(&client->keys, now - now % step, seconds + step, client->host, buf_text(&path), out);
	buf_release(&path);
}

static int s3_url(struct blob_store *store, const char *key, bool public_read, int64_t expires_seconds,
                  struct buf *out, struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	const char *base = client->config->image_store.public_url;
	if (!public_read) {
		add_presigned(client, key, expires_seconds, out);
	} else if (*base != '\0') {
		size_t len = strlen(base);
		buf_add(out, base, len - (base[len - 1] == '/'));
		buf_char(out, '/');
		text_percent_encode(key, out);
	} else {
		buf_str(out, client->origin);
		s3_path(client, key, out);
	}
	return out->overflow ? err_set(err, ERR_INTERNAL, "an object's URL is too long") : 0;
}

static int s3_local_path(struct blob_store *store, const char *key, char out[PATH_MAX], struct err *err)
{
	(void)store, (void)key, (void)err;
	out[0] = '\0';
	return 0;
}

static int s3_remove(struct blob_store *store, const char *key, struct err *err)
{
	struct s3_call call;
	s3_call_init(&call, "DELETE", key);
	call.may_miss = true;
	int result = s3_perform((struct s3_client *)store, &call, err);
	if (result != 0 && s3_is_missing(&call))
		result = 0;
	s3_call_release(&call);
	return result;
}

/* --- how it is ---------------------------------------------------------------------------------------------------- */

/* Begins an upload in parts, which needs the same right as a PUT, but which nobody sees. */
static int try_to_write(struct s3_client *client, struct err *err)
{
	char id[S3_UPLOAD_ID_MAX];
	if (clock_us() < atomic_load(&client->writable_until))
		return 0;
	if (s3_upload_probe(client, "images/healthz", id, err) != 0)
		return -1;
	s3_upload_abort(client, "images/healthz", id);
	atomic_store(&client->writable_until, clock_us() + S3_WRITABLE_SECONDS * MICROSECONDS);
	return 0;
}

/* HEAD of a bucket needs the right to list it, which nothing else here needs. So where HEAD is refused, or answered
 * by something that may not be S3, a write decides. */
static int s3_ping(struct blob_store *store, struct err *err)
{
	struct s3_client *client = (struct s3_client *)store;
	struct s3_call call;
	s3_call_init(&call, "HEAD", NULL);
	call.once = true;
	call.transfer.timeout_ms = S3_PING_MS;
	int result = s3_perform(client, &call, err);
	if (result != 0 && call.transfer.code == CURLE_OK && (call.transfer.status == 403 || call.foreign))
		result = try_to_write(client, err);
	s3_call_release(&call);
	return result;
}

MODULE_EXPORT extern const struct blob_backend blob_s3;
const struct blob_backend blob_s3 = {
	.open = s3_open,
	.free = s3_free,
	.put = s3_put,
	.set_public = s3_set_public,
	.url = s3_url,
	.key_of = s3_key_of,
	.path = s3_local_path,
	.stat = s3_stat,
	.read = s3_read,
	.remove = s3_remove,
	.sweep = s3_sweep,
	.list = s3_list,
	.ping = s3_ping,
	.is_direct = true,
};
