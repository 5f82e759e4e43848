/* MongoDB's connection string: completes it, finds its files, and says what is wrong with it so that people can
 * correct it. */
#include <limits.h>
#include <openssl/pem.h>

#include "dataset/mongodb/work.h"

/* A primary that is frozen, not gone, stalls writes for up to 14 s: the others elect another after 10 s without its
 * heartbeat (electionTimeoutMillis), in up to 2 s; what waits for its answer is retried, once, after SOCKET_MS. With
 * less the retry would come before there is another, and ask the frozen one again, since a timeout alone makes no
 * driver doubt a server (MongoDB's specification "Server Discovery And Monitoring"): the write would fail instead. A
 * replica set with a shorter electionTimeoutMillis, and then socketTimeoutMS in the URI, stalls for less. */
enum {
	SELECTION_MS = 13000, /* wait for a primary: an election takes up to 12 s with the default settings */
	SOCKET_MS = 10000,    /* wait for an answer */
	CONNECT_MS = 3000,
	PROBE_MS = 2000,
	POOL_MAX = 256, /* connections; each thread needs one */
	HOSTS_MAX = 16,
};

#define WRITE_SO \
	"in a user's name and a password write %% as %%25, @ as %%40, : as %%3A, / as %%2F, ? as %%3F and # as %%23"
#define PLACE "\"dataset_store.uri\" (MONGODB_CONN_STRING)"

/* --- its text ----------------------------------------------------------------------------------------------------- */

/* Two '@' before the host, as in "u:p@ss@host": libmongoc takes half the password for part of the host. */
static bool has_bare_sign(const char *uri)
{
	const char *rest = strstr(uri, "://");

	rest = rest ? rest + 3 : uri;
	size_t len = strcspn(rest, "/?"), user = strcspn(rest, "@/?");
	return user < len && memchr(rest + user + 1, '@', len - user - 1);
}

/* libmongoc quotes a password that it rejects. */
static bool tells_secret(const char *text, const char *message)
{
	const char *user = strstr(text, "://"), *end = strrchr(text, '@');
	const char *colon = user && end && end >= user + 3 ? memchr(user + 3, ':', (size_t)(end - user) - 3) : NULL;

	return colon && (strstr(message, "assword \"") || strstr(message, "sername \"") ||
	                 memmem(message, strlen(message), colon + 1, (size_t)(end - colon - 1)));
}

static void uri_refuse(const char *text, const char *why, const char *said, struct err *err)
{
	bool secret = tells_secret(text, why) || tells_secret(text, said);

	if (strchr(text, '@'))
		err_set(err, ERR_BAD_REQUEST, PLACE " is no MongoDB URI%s%s%s; " WRITE_SO, secret ? "" : ": ", secret ? "" : why,
		        secret ? "" : said);
	else
		err_set(err, ERR_BAD_REQUEST, PLACE " is no MongoDB URI: %s%s", why, said);
}

static mongoc_uri_t *uri_parse(const char *text, char said[MONGODB_SAID_MAX], struct err *err)
{
	bson_error_t error;

	if (has_bare_sign(text)) {
		err_set(err, ERR_BAD_REQUEST, PLACE " has two @ before its host: " WRITE_SO);
		return NULL;
	}
	said[0] = '\0';
	mongodb_hear(said);
	mongoc_uri_t *uri = mongoc_uri_new_with_error(text, &error);
	mongodb_hear(NULL);
	if (!uri)
		uri_refuse(text, error.message, said, err);
	return uri;
}

/* --- its files ---------------------------------------------------------------------------------------------------- */

static int give_password(char *out, int size, int writing, void *password)
{
	(void)writing;
	return password ? snprintf(out, (size_t)size, "%s", (const char *)password) : 0;
}

/* Checks what libmongoc would report only in its log, at each attempt to connect. */
static int check_pem(const char *option, const char *path, const char *password, bool with_key, struct err *err)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return err_errno(err, ERR_BAD_REQUEST, "the file %s, which %s in " PLACE " names, can't be read", path, option);
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
	rewind(file);
	EVP_PKEY *key = with_key ? PEM_read_PrivateKey(file, NULL, give_password, (void *)(uintptr_t)password) : NULL;
	bool whole = certificate && (key || !with_key);
	X509_free(certificate);
	EVP_PKEY_free(key);
	fclose(file);
	if (whole)
		return 0;
	return err_set(err, ERR_BAD_REQUEST, "the file %s, which %s in " PLACE " names, holds no %s in PEM%s", path, option,
	               with_key ? "certificate with its private key" : "certificate",
	               with_key && password ? ", or its password is another one" : "");
}

/* The path is relative to the configuration's folder, as are the paths in it: the programs run in another folder. */
static int find_file(mongoc_uri_t *uri, const struct config *config, const char *option, const char *key, bool with_key,
                     struct err *err)
{
	const char *given = mongoc_uri_get_option_as_utf8(uri, key, NULL), *slash = strrchr(config->path, '/');
	const char *password = mongoc_uri_get_option_as_utf8(uri, MONGOC_URI_TLSCERTIFICATEKEYFILEPASSWORD, NULL);
	struct buf path;

	if (!given)
		return 0;
	if (given[0] != '/' && !slash)
		return err_set(err, ERR_BAD_REQUEST, "%s in " PLACE " needs an absolute path, since there is no configuration file "
		               "that %s could be beside", option, given);
	buf_init(&path, PATH_MAX);
	if (given[0] != '/')
		buf_add(&path, config->path, (size_t)(slash + 1 - config->path));
	buf_str(&path, given);
	int failed = check_pem(option, buf_text(&path), password, with_key, err);
	if (!failed && given[0] != '/')
		mongoc_uri_set_option_as_utf8(uri, key, buf_text(&path));
	buf_release(&path);
	return failed;
}

static int find_files(mongoc_uri_t *uri, const struct config *config, struct err *err)
{
	return find_file(uri, config, "tlsCAFile", MONGOC_URI_TLSCAFILE, false, err) ||
	       find_file(uri, config, "tlsCertificateKeyFile", MONGOC_URI_TLSCERTIFICATEKEYFILE, true, err);
}

/* --- completing --------------------------------------------------------------------------------------------------- */

static void default_ms(mongoc_uri_t *uri, const char *option, int32_t value)
{
	if (!mongoc_uri_has_option(uri, option))
		mongoc_uri_set_option_as_int32(uri, option, value);
}

static mongoc_uri_t *complete(const struct config *config, char said[MONGODB_SAID_MAX], struct err *err)
{
	mongoc_uri_t *uri = uri_parse(config->dataset_store.uri, said, err);

	if (!uri)
		return NULL;
	if (find_files(uri, config, err)) {
		mongoc_uri_destroy(uri);
		return NULL;
	}
	default_ms(uri, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, SELECTION_MS);
	default_ms(uri, MONGOC_URI_SOCKETTIMEOUTMS, SOCKET_MS);
	default_ms(uri, MONGOC_URI_CONNECTTIMEOUTMS, CONNECT_MS);
	default_ms(uri, MONGOC_URI_MAXPOOLSIZE, POOL_MAX);
	mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, true);
	mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYREADS, true);
	mongoc_write_concern_t *write = mongoc_write_concern_new();
	mongoc_write_concern_set_wmajority(write, 0);
	mongoc_write_concern_set_journal(write, true);
	mongoc_uri_set_write_concern(uri, write);
	mongoc_write_concern_destroy(write);
	/* Reading from the primary, which has everything that was ever acknowledged, finds one's own writes. */
	mongoc_read_prefs_t *read = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	mongoc_uri_set_read_prefs_t(uri, read);
	mongoc_read_prefs_destroy(read);
	return uri;
}

mongoc_uri_t *mongodb_uri(const struct config *config, struct err *err)
{
	char said[MONGODB_SAID_MAX];

	return complete(config, said, err);
}

mongoc_client_pool_t *mongodb_pool(const struct config *config, struct err *err)
{
	char said[MONGODB_SAID_MAX];
	bson_error_t error = {0};
	mongoc_uri_t *uri = complete(config, said, err);

	if (!uri)
		return NULL;
	if (said[0])
		mongodb_log(LOG_WARN, "an option of the MongoDB URI is ignored", "detail", said + 2, NULL);
	said[0] = '\0';
	mongodb_hear(said);
	mongoc_client_pool_t *pool = mongoc_client_pool_new_with_error(uri, &error);
	mongodb_hear(NULL);
	mongoc_uri_destroy(uri);
	if (!pool)
		err_set(err, ERR_BAD_REQUEST, PLACE " cannot be used: %s%s", error.message, said);
	return pool;
}

/* --- its hosts ---------------------------------------------------------------------------------------------------- */

static int uri_by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorts the nodes, so that the same set is the same place in whatever order its URI lists them. */
void mongodb_hosts(const struct config *config, struct buf *out)
{
	char said[MONGODB_SAID_MAX];
	mongoc_uri_t *uri = uri_parse(config->dataset_store.uri, said, NULL);
	const char *hosts[HOSTS_MAX + 1];
	size_t count = 0;

	if (!uri)
		return;
	for (const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri); host && count < HOSTS_MAX; host = host->next)
		hosts[count++] = host->host_and_port;
	if (mongoc_uri_get_srv_hostname(uri))
		hosts[count++] = mongoc_uri_get_srv_hostname(uri);
	if (count > 1)
		qsort(hosts, count, sizeof(*hosts), uri_by_text);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s%s", i ? "," : "", hosts[i]);
	mongoc_uri_destroy(uri);
}

/* --- what a host says of itself ----------------------------------------------------------------------------------- */

/* A URI of the first host alone, whatever set it is in, with the options that lead to it, and without logging in. */
static mongoc_uri_t *uri_of_first(const mongoc_uri_t *uri)
{
	const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri);
	mongoc_uri_t *lone = host ? mongoc_uri_new_for_host_port(host->host, host->port) : NULL;
	bson_iter_t iter;

	if (!lone || !bson_iter_init(&iter, mongoc_uri_get_options(uri)))
		return lone;
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);

		if (strncmp(key, "tls", 3) != 0 && strncmp(key, "ssl", 3) != 0)
			continue;
		if (BSON_ITER_HOLDS_UTF8(&iter))
			mongoc_uri_set_option_as_utf8(lone, key, bson_iter_utf8(&iter, NULL));
		else if (BSON_ITER_HOLDS_BOOL(&iter))
			mongoc_uri_set_option_as_bool(lone, key, bson_iter_bool(&iter));
	}
	mongoc_uri_set_option_as_bool(lone, MONGOC_URI_DIRECTCONNECTION, true);
	mongoc_uri_set_option_as_int32(lone, MONGOC_URI_SERVERSELECTIONTIMEOUTMS, PROBE_MS);
	mongoc_uri_set_option_as_int32(lone, MONGOC_URI_SOCKETTIMEOUTMS, PROBE_MS);
	mongoc_uri_set_option_as_int32(lone, MONGOC_URI_CONNECTTIMEOUTMS, PROBE_MS);
	return lone;
}

int mongodb_standalone(const char *hosts, struct err *err)
{
	return err_set(err, ERR_BAD_REQUEST,
	               "MongoDB at %s is a standalone server: it must be a replica set, of one node at least, or a sharded "
	               "cluster; start mongod with --replSet rs0, run rs.initiate() in it once, and write "
	               "mongodb://%s/?replicaSet=rs0",
	               hosts, hosts);
}

static void uri_judge(const char *host, const char *wanted, const bson_t *hello, struct err *err)
{
	const char *name = text_in(hello, "setName");
	bool is_router = text_in(hello, "msg")[0] != '\0', is_set = bson_has_field(hello, "isreplicaset") || name[0];

	if (is_router && wanted)
		err_set(err, ERR_BAD_REQUEST, "MongoDB at %s is a sharded cluster: leave replicaSet=%s away in " PLACE, host, wanted);
	else if (name[0] && wanted && strcmp(name, wanted) != 0)
		err_set(err, ERR_BAD_REQUEST, "MongoDB at %s is in the replica set %s, and not in %s: write replicaSet=%s in " PLACE,
		        host, name, wanted, name);
	else if (is_set && !name[0])
		err_set(err, ERR_UNAVAILABLE, "MongoDB at %s is not yet initiated as a replica set: run rs.initiate() in it once",
		        host);
	else if (!is_set && !is_router)
		mongodb_standalone(host, err);
}

int mongodb_look_closer(const struct config *config, struct err *err)
{
	struct err ignored;
	bson_t *command = BCON_NEW("isMaster", BCON_INT32(1)), hello = BSON_INITIALIZER;
	mongoc_uri_t *uri = mongodb_uri(config, &ignored), *lone = uri ? uri_of_first(uri) : NULL;
	mongoc_client_t *client = lone ? mongoc_client_new_from_uri(lone) : NULL;

	if (client) {
		bson_destroy(&hello);
		if (mongoc_client_command_simple(client, "admin", command, NULL, &hello, NULL))
			uri_judge(mongoc_uri_get_hosts(lone)->host_and_port, mongoc_uri_get_replica_set(uri), &hello, err);
		mongoc_client_destroy(client);
	}
	mongoc_uri_destroy(lone);
	mongoc_uri_destroy(uri);
	bson_destroy(&hello);
	bson_destroy(command);
	return -1;
}
