/* The table of configuration keys. */
#include "base/config_keys.h"

#include <inttypes.h>

#include "base/json.h"

static const char *const dataset_types[] = {"sqlite", "mongodb", NULL};
static const char *const image_types[] = {"fs", "s3", NULL};
static const char *const when_empty[] = {"refuse", "serve", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};

#define MiB (INT64_C(1) << 20)
#define GiB (INT64_C(1) << 30)
#define PiB (INT64_C(1) << 50)
enum { DAY = 24 * 3600, PORT_MAX = 65535 };

#define AT(field) offsetof(struct config, field)

const struct config_key config_keys[] = {
	{"json_db_dir", CONFIG_PATH, AT(json_db_dir),
         .initial = "~/.config/image-label-server/json_data",
         .help = "folder of JSON datasets, merged at start and reload"},
	{"sqlite_db_dir", CONFIG_PATH, AT(sqlite_db_dir),
         .initial = "~/.config/image-label-server/sqlite_dbs",
         .help = "folder of the SQLite databases, one a dataset"},
	{"json_user_dir", CONFIG_PATH, AT(json_user_dir),
         .initial = "~/.config/image-label-server/json_users",
         .help = "folder of JSON files, one a user"},
	{"default_dataset", CONFIG_NAME, AT(default_dataset), .initial = "",
         .help = "dataset of requests that name none; made when absent"},
	{"when_empty", CONFIG_CHOICE, AT(when_empty), .initial = "refuse", .choices = when_empty,
         .help = "what a start does while there is no dataset at all"},
	{"image_roots", CONFIG_PATHS, AT(image_roots),
         .help = "folders in which images outside a dataset's folder may lie, for datasets of links"},
	{"base_dirs", CONFIG_PATHS, AT(base_dirs),
         .help = "folders below which a dataset's `base_dir` may be set by HTTP"},
	{"archive_skip", CONFIG_TEXTS, AT(archive_skip), .initial = "BACKGROUND_Google",
         .help = "names of folders that archive imports skip"},
	{"dataset_store.type", CONFIG_CHOICE, AT(dataset_store.type), .initial = "sqlite",
         .choices = dataset_types,
         .help = "where datasets are kept"},
	{"dataset_store.uri", CONFIG_MONGODB_URI, AT(dataset_store.uri), .initial = "",
         .variable = "MONGODB_CONN_STRING",
         .help = "MongoDB's connection string, for a replica set or sharded cluster; paths of files in it "
                 "(`tlsCAFile`) are relative to the configuration's folder, and special characters in a password are "
                 "percent-encoded, such as `%40` for @"},
	{"dataset_store.database", CONFIG_DATABASE, AT(dataset_store.database), .initial = "",
         .variable = "DATABASE_NAME",
         .help = "MongoDB's database"},
	{"image_store.type", CONFIG_CHOICE, AT(image_store.type), .initial = "fs", .choices = image_types,
         .help = "where uploaded images are kept: in files, or in a bucket"},
	{"image_store.dir", CONFIG_PATH, AT(image_store.dir),
         .derived = "~/.config/image-label-server/images",
         .help = "fs: folder of uploaded images; by default `images` beside `sqlite_db_dir`"},
	{"image_store.endpoint", CONFIG_HTTP_URL, AT(image_store.endpoint), .initial = "",
         .variable = "AWS_ENDPOINT_URL",
         .help = "s3: URL of the service, which may contain `{bucket}`; when empty, AWS's for the region"},
	{"image_store.region", CONFIG_TEXT, AT(image_store.region), .initial = "us-east-1",
         .variable = "AWS_REGION",
         .help = "s3: the region"},
	{"image_store.bucket", CONFIG_BUCKET, AT(image_store.bucket), .initial = "",
         .variable = "AWS_BUCKET_NAME",
         .help = "s3: the bucket"},
	{"image_store.public_url", CONFIG_HTTP_URL, AT(image_store.public_url), .initial = "",
         .help = "s3: beginning of public images' URLs, if not the store's own address"},
	{"image_store.ca_bundle", CONFIG_PATH, AT(image_store.ca_bundle), .initial = "",
         .variable = "AWS_CA_BUNDLE",
         .help = "s3: PEM file of trusted authorities, instead of the system's"},
	{"image_store.access_key", CONFIG_SECRET, AT(image_store.access_key), .initial = "",
         .variable = "AWS_ACCESS_KEY_ID",
         .help = "s3: access key"},
	{"image_store.secret_key", CONFIG_SECRET, AT(image_store.secret_key), .initial = "",
         .variable = "AWS_SECRET_ACCESS_KEY",
         .help = "s3: secret key"},
	{"image_store.session_token", CONFIG_SECRET, AT(image_store.session_token), .initial = "",
         .variable = "AWS_SESSION_TOKEN",
         .help = "s3: session token of temporary keys"},
	{"listen.http_port", CONFIG_INTEGER, AT(listen.http_port),
         .number = 44444, .min = 0, .max = PORT_MAX,
         .help = "port of plain HTTP, on loopback only; 0 is off"},
	{"listen.https_port", CONFIG_INTEGER, AT(listen.https_port),
         .number = 0, .min = 0, .max = PORT_MAX,
         .help = "port of HTTPS; 0 is off"},
	{"listen.address", CONFIG_HOSTS, AT(listen.address), .initial = "::",
         .help = "address for HTTPS, or a list of them; `::` is every address, IPv4 and IPv6"},
	{"listen.base_path", CONFIG_URL_PATH, AT(listen.base_path), .initial = "",
         .help = "prefix that a proxy puts before this server's paths, such as `/label`"},
	{"listen.trusted_proxy", CONFIG_NETWORKS, AT(listen.trusted_proxy),
         .help = "address or network of a proxy whose `X-Forwarded-…` headers are trusted, or `unix:` and the path of "
                 "a socket for one, or a list"},
	{"listen.proxy_ca", CONFIG_PATH, AT(listen.proxy_ca), .initial = "",
         .help = "PEM file of the authority of such a proxy's client certificate: with it, by HTTPS, it may say who "
                 "signed in"},
	{"listen.proxy_user_header", CONFIG_HEADER, AT(listen.proxy_user_header), .initial = "Remote-User",
         .help = "header in which a proxy says who signed in, by its socket or with its certificate"},
	{"listen.proxy_users", CONFIG_PATH, AT(listen.proxy_users), .initial = "",
         .help = "JSON file of an object, from names that the proxy says to users; when empty, they are the users'"},
	{"listen.proxy_sign_out", CONFIG_ADDRESS, AT(listen.proxy_sign_out), .initial = "",
         .help = "where the proxy signs people out: its URL, or a path such as `/oauth2/sign_out`"},
	{"listen.server_name", CONFIG_HOST, AT(listen.server_name), .initial = "",
         .help = "host name for the self-signed certificate; its pages count as this server's own"},
	{"listen.certificate", CONFIG_PATH, AT(listen.certificate), .initial = "",
         .help = "PEM file; when empty, a self-signed one is made"},
	{"listen.certificate_key", CONFIG_PATH, AT(listen.certificate_key), .initial = "",
         .help = "PEM file of the certificate's key"},
	{"limits.json_bytes", CONFIG_INTEGER, AT(limits.json_bytes),
         .number = JSON_BODY_MAX, .min = 1024, .max = JSON_BODY_MAX,
         .help = "bytes of a JSON body"},
	{"limits.lease_seconds", CONFIG_INTEGER, AT(limits.lease_seconds),
         .number = 300, .min = 1, .max = 7 * DAY,
         .help = "seconds for which an image stays with the user who got it"},
	{"limits.file_bytes", CONFIG_INTEGER, AT(limits.file_bytes),
         .number = 64 * MiB, .min = 1, .max = 4 * GiB,
         .help = "bytes of an uploaded image"},
	{"limits.image_pixels", CONFIG_INTEGER, AT(limits.image_pixels),
         .number = 100 * 1000 * 1000, .min = 1, .max = 1000 * 1000 * 1000,
         .help = "width × height of an image"},
	{"limits.files_per_request", CONFIG_INTEGER, AT(limits.files_per_request),
         .number = 1000, .min = 1, .max = 100 * 1000,
         .help = "files of one upload"},
	{"limits.dataset_bytes", CONFIG_INTEGER, AT(limits.dataset_bytes),
         .number = 0, .min = 0, .max = PiB,
         .help = "uploaded bytes a dataset; 0 is no limit"},
	{"limits.archive_bytes", CONFIG_INTEGER, AT(limits.archive_bytes),
         .number = 32 * GiB, .min = 1, .max = PiB,
         .help = "bytes of an uploaded archive"},
	{"limits.archive_entries", CONFIG_INTEGER, AT(limits.archive_entries),
         .number = 1000 * 1000, .min = 1, .max = 1000 * 1000 * 1000,
         .help = "entries of an archive"},
	{"limits.archive_entry_bytes", CONFIG_INTEGER, AT(limits.archive_entry_bytes),
         .number = 64 * MiB, .min = 1, .max = 4 * GiB,
         .help = "bytes of one entry"},
	{"limits.upload_expires_seconds", CONFIG_INTEGER, AT(limits.upload_expires_seconds),
         .number = DAY, .min = 1, .max = 365 * DAY,
         .help = "seconds an unfinished upload is kept"},
	{"limits.thumbs_bytes", CONFIG_INTEGER, AT(limits.thumbs_bytes),
         .number = GiB, .min = 64 * 1024, .max = PiB,
         .help = "bytes of the thumbnails that a machine keeps; those unused for longest go first"},
	{"limits.slow_seconds", CONFIG_INTEGER, AT(limits.slow_seconds),
         .number = 30, .min = 1, .max = 3600,
         .help = "seconds in which more of an upload's body must arrive, or it is given up (408)"},
	{"limits.slow_bytes_per_second", CONFIG_INTEGER, AT(limits.slow_bytes_per_second),
         .number = 1024, .min = 0, .max = 1000 * 1000,
         .help = "least average bytes a second of an upload's body; 0 is any rate"},
	{"limits.human_requests_per_second", CONFIG_INTEGER, AT(limits.human_requests_per_second),
         .number = 20, .min = 1, .max = 10 * 1000,
         .help = "requests a second of a user from one address, for passwords that a person chose"},
	{"limits.open_datasets", CONFIG_INTEGER, AT(limits.open_datasets),
         .number = 64, .min = 1, .max = 4096,
         .help = "datasets a program keeps open"},
	{"limits.log_bytes", CONFIG_INTEGER, AT(limits.log_bytes),
         .number = 64 * MiB, .min = 16 * 1024, .max = PiB,
         .help = "bytes at which a new log is begun; four older ones are kept"},
	{"limits.disk_free_bytes", CONFIG_INTEGER, AT(limits.disk_free_bytes),
         .number = 256 * MiB, .min = 0, .max = PiB,
         .help = "bytes that must be free where the server writes, or `/readyz` says that it is not ready"},
	{"log_level", CONFIG_CHOICE, AT(log_level), .initial = "info", .choices = log_levels,
         .help = "lowest level that is logged"},
};

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

const struct config_key *config_find(const char *name)
{
	for (size_t i = 0; i < config_key_count; i++)
		if (!strcmp(config_keys[i].name, name))
			return &config_keys[i];
	return NULL;
}

const char *const config_groups[] = {"dataset_store", "image_store", "listen", "limits", NULL};

bool config_is_group(const char *name)
{
	for (size_t i = 0; config_groups[i]; i++)
		if (!strcmp(config_groups[i], name))
			return true;
	return false;
}

bool config_is_list_or_one(const struct config_key *key)
{
	return key->kind == CONFIG_HOSTS || key->kind == CONFIG_NETWORKS;
}

bool config_is_list(const struct config_key *key)
{
	return key->kind == CONFIG_TEXTS || key->kind == CONFIG_PATHS || config_is_list_or_one(key);
}

char **config_text(struct config *config, const struct config_key *key)
{
	return (char **)(void *)((char *)config + key->offset);
}

int64_t *config_integer(struct config *config, const struct config_key *key)
{
	return (int64_t *)(void *)((char *)config + key->offset);
}

struct config_list *config_strings(struct config *config, const struct config_key *key)
{
	return (struct config_list *)(void *)((char *)config + key->offset);
}

static void list_choices(const struct config_key *key, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; key->choices[i] && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s\"%s\"",
					 !i ? "" : key->choices[i + 1] ? ", " : " or ", key->choices[i]);
}

const char *config_expects(const struct config_key *key, char *out, size_t size)
{
	static const char *const words[] = {
		[CONFIG_TEXT] = "a string",
		[CONFIG_HOST] = "a host name or address",
		[CONFIG_NAME] = "a dataset's name",
		[CONFIG_DATABASE] = "a database's name (1 to 63 bytes, no space, none of /\\.\"$*<>:|?)",
		[CONFIG_BUCKET] = "a bucket's name (letters, digits, . _ -)",
		[CONFIG_PATH] = "a path",
		[CONFIG_HTTP_URL] = "a URL (http:// or https://)",
		[CONFIG_MONGODB_URI] = "a connection string (mongodb:// or mongodb+srv://)",
		[CONFIG_SECRET] = "a string",
		[CONFIG_TEXTS] = "a list of strings",
		[CONFIG_PATHS] = "a list of paths",
		[CONFIG_URL_PATH] = "a path such as \"/label\", of letters, digits and ._~-",
		[CONFIG_HOSTS] = "a host name or address, or a list of them",
		[CONFIG_NETWORKS] = "an address, a network (192.0.2.0/24) or a socket (unix:/path), or a list of them",
		[CONFIG_ADDRESS] = "a URL, or a path such as \"/oauth2/sign_out\"",
		[CONFIG_HEADER] = "a header's name, of letters, digits and -",
	};

	if (key->kind == CONFIG_INTEGER)
		snprintf(out, size, "an integer from %" PRId64 " to %" PRId64, key->min, key->max);
	else if (key->kind == CONFIG_CHOICE)
		list_choices(key, out, size);
	else
		snprintf(out, size, "%s", words[key->kind]);
	return out;
}

bool config_datasets_are_files(const struct config *config)
{
	return strcmp(config->dataset_store.type, "sqlite") == 0;
}

bool config_images_are_files(const struct config *config)
{
	return strcmp(config->image_store.type, "fs") == 0;
}
