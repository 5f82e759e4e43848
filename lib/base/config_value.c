/* Checks one value of the configuration and sets it. */
#include <arpa/inet.h>

#include "base/config_keys.h"
#include "base/text.h"

static const char digits[] = "0123456789";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Whether value has only letters, digits and `others`. */
static bool made_of(const char *value, const char *others)
{
	for (; *value; value++)
		if (!strchr(letters, *value) && !strchr(digits, *value) && !strchr(others, *value))
			return false;
	return true;
}

/* No user, password or query: it is printed, and paths are appended to it. */
static bool is_http_url(const char *value)
{
	const char *host = "";

	if (!strncmp(value, "https://", 8))
		host = value + 8;
	else if (!strncmp(value, "http://", 7))
		host = value + 7;
	return *host && *host != '/' && !strpbrk(value, " @?#\"\\<>");
}

/* Only segments that nobody on the way changes. */
static bool is_url_path(const char *value)
{
	if (value[0] != '/' || !made_of(value, "/._~-"))
		return false;
	while (*value) {
		size_t len = strcspn(++value, "/");
		bool dots = len <= 2 && strspn(value, ".") >= len;
		if (dots && (len > 0 || value[0])) /* "." or "..", or empty before the end */
			return false;
		value += len;
	}
	return true;
}

static bool is_network(const char *value)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	size_t len = strcspn(value, "/");
	int64_t prefix = 0;
	if (len >= sizeof(address))
		return false;
	memcpy(address, value, len);
	address[len] = '\0';
	bool four = inet_pton(AF_INET, address, bytes) == 1;
	return (four || inet_pton(AF_INET6, address, bytes) == 1) &&
	       (!value[len] || text_int64(value + len + 1, 0, four ? 32 : 128, &prefix) == 0);
}

/* A proxy on this machine, by the socket on which it asks; nginx's configuration cannot hold every path. */
static bool is_proxy_socket(const char *value)
{
	return !strncmp(value, "unix:/", 6) && value[6] && made_of(value, "/._~-:");
}

static bool is_mongodb_uri(const char *value)
{
	return (!strncmp(value, "mongodb://", 10) && value[10]) ||
	       (!strncmp(value, "mongodb+srv://", 14) && value[14]);
}

static bool is_choice(const struct config_key *key, const char *value)
{
	for (size_t i = 0; key->choices[i]; i++)
		if (!strcmp(key->choices[i], value))
			return true;
	return false;
}

/* Some keys may be set to an empty text, which removes their value. */
static bool may_be_empty(const struct config_key *key)
{
	return key->kind < CONFIG_INTEGER && key->initial && !key->initial[0];
}

static bool fits(const struct config_key *key, const char *value)
{
	if (!*value)
		return may_be_empty(key);
	switch (key->kind) {
	case CONFIG_HOST:
	case CONFIG_HOSTS:
		return made_of(value, "._:*-[]");
	case CONFIG_BUCKET:
		return made_of(value, "._-") && strcmp(value, ".") && strcmp(value, "..");
	case CONFIG_DATABASE:
		return strlen(value) <= 63 && !strpbrk(value, "/\\. \"$*<>:|?");
	case CONFIG_HTTP_URL:
		return is_http_url(value);
	case CONFIG_URL_PATH:
		return is_url_path(value);
	case CONFIG_NETWORKS:
		return is_network(value) || is_proxy_socket(value);
	case CONFIG_HEADER:
		return made_of(value, "-");
	case CONFIG_ADDRESS:
		return (!strncmp(value, "https://", 8) || !strncmp(value, "http://", 7) || (*value == '/' && value[1] != '/')) &&
		       made_of(value, "/._~-:?=&%");
	case CONFIG_MONGODB_URI:
		return is_mongodb_uri(value);
	case CONFIG_CHOICE:
		return is_choice(key, value);
	default:
		return true;
	}
}

static int make_absolute(const char *what, const char *value, const struct config_places *places,
                         struct buf *out, struct err *err)
{
	if (value[0] == '~' && (value[1] == '/' || !value[1])) {
		if (!places->home)
			return err_set(err, ERR_BAD_REQUEST,
			               "%s is in the home folder, but there is none: set HOME", what);
		buf_str(out, places->home);
		value++;
	} else if (value[0] != '/') {
		buf_printf(out, "%s/", strcmp(places->folder, "/") ? places->folder : "");
	}
	buf_str(out, value);
	while (out->len > 1 && out->data[out->len - 1] == '/')
		out->data[--out->len] = '\0';
	if (out->overflow)
		return err_set(err, ERR_BAD_REQUEST, "%s is too long a path", what);
	return 0;
}

/* The value in the form that is kept: a path made absolute, a URL without a slash at its end. */
static int normalize(const struct config_key *key, const char *what, const char *value,
                     const struct config_places *places, struct buf *out, struct err *err)
{
	if (*value && (key->kind == CONFIG_PATH || key->kind == CONFIG_PATHS))
		return make_absolute(what, value, places, out, err);
	size_t len = strlen(value);
	while ((key->kind == CONFIG_HTTP_URL || key->kind == CONFIG_URL_PATH) && len && value[len - 1] == '/')
		len--;
	if (buf_add(out, value, len))
		return err_set(err, ERR_BAD_REQUEST, "%s is too long", what);
	return 0;
}

/* Stores value, which it takes. */
static int config_value_keep(struct config *config, const struct config_key *key, const char *what, char *value,
                             struct err *err)
{
	if (!config_is_list(key)) {
		char **place = config_text(config, key);
		free(*place);
		*place = value;
		return 0;
	}
	struct config_list *list = config_strings(config, key);
	if (list->count == CONFIG_LIST_MAX) {
		free(value);
		return err_set(err, ERR_BAD_REQUEST, "%s has more than %d entries", what, CONFIG_LIST_MAX);
	}
	list->item[list->count++] = value;
	return 0;
}

int config_set(struct config *config, const struct config_key *key, const char *what, const char *value,
               const struct config_places *places, struct err *err)
{
	char expected[160];
	struct buf text;

	if (!fits(key, value))
		return err_set(err, ERR_BAD_REQUEST, "%s must be %s", what,
		               config_expects(key, expected, sizeof(expected)));
	if (text_has_control(value))
		return err_set(err, ERR_BAD_REQUEST, "%s holds a control character", what);
	if (!text_utf8_valid(value, strlen(value)))
		return err_set(err, ERR_BAD_REQUEST, "%s is not valid UTF-8", what);
	if (key->kind == CONFIG_NAME && *value && text_check_dataset_name(value, err))
		return err_prefix(err, "%s", what);
	buf_init(&text, TEXT_FILEPATH_MAX);
	if (normalize(key, what, value, places, &text, err)) {
		buf_release(&text);
		return -1;
	}
	return config_value_keep(config, key, what, buf_detach(&text), err);
}
