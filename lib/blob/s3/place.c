/* Which object of the bucket a URL leads to. */
#include "base/text.h"
#include "blob/key.h"
#include "blob/s3/client.h"

static bool place_starts(const char **at, const char *with)
{
	size_t len = strlen(with);
	if (strncmp(*at, with, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool after_base(const char **at, const char *base)
{
	size_t len = strlen(base);
	if (len == 0 || strncmp(*at, base, len) != 0)
		return false;
	const char *rest = *at + len - (base[len - 1] == '/');
	if (*rest != '/')
		return false;
	*at = rest + 1;
	return true;
}

/* "s3.amazonaws.com/", "s3.eu-west-1.amazonaws.com/", "s3-eu-west-1.amazonaws.com/" */
static bool after_aws_host(const char **at)
{
	const char *rest = *at;
	if (!place_starts(&rest, "s3") || (*rest != '.' && *rest != '-'))
		return false;
	size_t len = strcspn(rest, "/");
	const char *name = strstr(rest, ".amazonaws.com");
	if (!name || name > rest + len || rest[len] != '/')
		return false;
	name += strlen(".amazonaws.com");
	if (name != rest + len && strncmp(name, ".cn/", 4) != 0)
		return false;
	*at = rest + len + 1;
	return true;
}

/* The forms that AWS's URLs have had over the years, all of which still work. */
static bool after_aws(const struct s3_client *client, const char **at)
{
	const char *rest = *at, *bucket = client->config->image_store.bucket;
	if (!strstr(client->host, "amazonaws.com") ||
	    (!place_starts(&rest, "https://") && !place_starts(&rest, "http://")))
		return false;
	bool found = false;
	if (after_aws_host(&rest))
		found = place_starts(&rest, bucket) && place_starts(&rest, "/");
	else
		found = place_starts(&rest, bucket) && place_starts(&rest, ".") && after_aws_host(&rest);
	if (found)
		*at = rest;
	return found;
}

int s3_key_of(struct blob_store *store, const char *url, struct buf *out, struct err *err)
{
	const struct s3_client *client = (const struct s3_client *)store;
	const char *at = url;
	struct buf own;
	buf_init(&own, sizeof(client->origin) + sizeof(client->root));
	buf_printf(&own, "%s%s", client->origin, client->root);
	bool found = after_base(&at, client->config->image_store.public_url) || after_base(&at, buf_text(&own)) ||
	             after_aws(client, &at);
	buf_release(&own);
	if (!found || text_percent_decode(at, strcspn(at, "?#"), false, out) != 0)
		return err_set(err, ERR_NOT_FOUND, "%s leads to no object of the bucket", url);
	return 0;
}
