/* Prints the configuration without its secrets, and the help on its keys. */
#include <inttypes.h>

#include "base/config_keys.h"
#include "base/json.h"
#include "base/text.h"

static const char mask[] = "****";

/* Options of a MongoDB URI whose values are secret or hold secrets. */
static bool is_secret_option(const char *option, size_t len)
{
	static const char *const names[] = {
		"tlsCertificateKeyFilePassword",
		"sslClientCertificateKeyPassword",
		"authMechanismProperties",
		"proxyPassword",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && !strncasecmp(names[i], option, len))
			return true;
	return false;
}

static void print_options(const char *options, struct buf *out)
{
	while (*options) {
		size_t len = strcspn(options, "&;");
		size_t name_len = strcspn(options, "=&;");
		if (name_len < len && is_secret_option(options, name_len))
			buf_printf(out, "%.*s=%s", (int)name_len, options, mask);
		else
			buf_add(out, options, len);
		options += len;
		if (*options)
			buf_char(out, *options++);
	}
}

/* Prints the URI with its password and secret options masked. The password reaches to the last '@': even if one of
 * its characters was not escaped, it must not be printed. */
static void print_uri(const char *uri, struct buf *out)
{
	const char *rest = strstr(uri, "://");
	const char *at = strrchr(uri, '@');

	rest = rest ? rest + 3 : uri;
	buf_add(out, uri, (size_t)(rest - uri));
	if (at && at > rest) {
		const char *colon = memchr(rest, ':', (size_t)(at - rest));
		buf_add(out, rest, (size_t)((colon ? colon : at) - rest));
		if (colon)
			buf_printf(out, ":%s", mask);
		rest = at;
	}
	const char *query = strchr(rest, '?');
	if (!query) {
		buf_str(out, rest);
		return;
	}
	buf_add(out, rest, (size_t)(query + 1 - rest));
	print_options(query + 1, out);
}

static cJSON *new_list(const struct config_list *list)
{
	cJSON *array = json_new_array();

	for (size_t i = 0; i < list->count; i++)
		json_append_string(array, list->item[i]);
	return array;
}

static void config_print_value(cJSON *object, const char *name, struct config *config, const struct config_key *key)
{
	struct buf uri;

	switch (key->kind) {
	case CONFIG_SECRET:
		break;
	case CONFIG_INTEGER:
		json_add_int64(object, name, *config_integer(config, key));
		break;
	case CONFIG_TEXTS:
	case CONFIG_PATHS:
	case CONFIG_HOSTS:
	case CONFIG_NETWORKS:
		json_add(object, name, new_list(config_strings(config, key)));
		break;
	case CONFIG_MONGODB_URI:
		buf_init(&uri, 2 * TEXT_FILEPATH_MAX);
		print_uri(*config_text(config, key), &uri);
		json_add_string(object, name, buf_text(&uri));
		buf_release(&uri);
		break;
	default:
		json_add_string(object, name, *config_text(config, key));
	}
}

/* The object of the key's group, which the group's first key makes. */
static cJSON *group_object(cJSON *top, const char *name, const char *dot)
{
	char group[64];

	snprintf(group, sizeof(group), "%.*s", (int)(dot - name), name);
	cJSON *object = cJSON_GetObjectItemCaseSensitive(top, group);
	if (!object) {
		object = json_new_object();
		json_add(top, group, object);
	}
	return object;
}

int config_print(const struct config *config, struct buf *out)
{
	struct config copy = *config; /* since the table's accessors are for writing, too */
	cJSON *top = json_new_object();

	json_add_string(top, "path", config->path);
	for (size_t i = 0; i < config_key_count; i++) {
		const char *name = config_keys[i].name;
		const char *dot = strchr(name, '.');
		cJSON *object = dot ? group_object(top, name, dot) : top;
		config_print_value(object, dot ? dot + 1 : name, &copy, &config_keys[i]);
	}
	int failed = json_print(top, out);
	cJSON_Delete(top);
	return failed;
}

/* Describes what the key accepts, where its meaning does not say so, and the variable that wins. */
static void config_print_describe(const struct config_key *key, bool bounds, struct buf *out)
{
	char expected[160];

	buf_str(out, key->help);
	if (key->kind == CONFIG_CHOICE || (key->kind == CONFIG_INTEGER && bounds))
		buf_printf(out, "; %s", config_expects(key, expected, sizeof(expected)));
	if (key->variable)
		buf_printf(out, key->kind == CONFIG_SECRET ? "; only by $%s" : "; `$%s` wins", key->variable);
}

static const char *default_text(const struct config_key *key)
{
	return key->derived ? key->derived : key->initial ? key->initial : "";
}

int config_help(struct buf *out)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		buf_printf(out, "  %-33s ", key->name);
		config_print_describe(key, true, out);
		if (key->kind == CONFIG_INTEGER)
			buf_printf(out, "; default %" PRId64, key->number);
		else if (*default_text(key))
			buf_printf(out, "; default %s", default_text(key));
		buf_char(out, '\n');
	}
	return out->overflow;
}

int config_table(struct buf *out)
{
	buf_str(out, "| key | default | meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->kind == CONFIG_SECRET)
			continue;
		buf_printf(out, "| `%s` | ", key->name);
		if (key->kind == CONFIG_INTEGER)
			buf_printf(out, "%" PRId64, key->number);
		else if (config_is_list(key))
			buf_printf(out, *default_text(key) ? "`[\"%s\"]`" : "`[%s]`", default_text(key));
		else if (*default_text(key))
			buf_printf(out, "`%s`", default_text(key));
		else
			buf_str(out, "none");
		buf_str(out, " | ");
		config_print_describe(key, false, out);
		buf_str(out, " |\n");
	}
	return out->overflow;
}
